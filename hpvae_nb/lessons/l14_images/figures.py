"""Figures of the lesson on images: how much of a picture the networks see at each scale."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import ON_TOP, bare, outline, subplots
from hpvae_nb.lab.show import RANDOM, to_uint8

WIDTH = 1.45  # inches of a picture


def boxes(rows: Mapping[str, tuple[Tensor, Sequence[Shape]]], r: int) -> Figure:
    """A row of pictures for each training: the picture at each of its scales, and a box of r by r pixels in its middle.

    All scales of a row are drawn equally large, so the box shows the share of the picture that r covers.

    Args:
        rows: by their labels, a picture `c h w` and (H, W) of its scales, coarsest first.

    Raises:
        InputError: when there is no row.
    """
    if not rows:
        raise InputError("there is nothing to draw: give a picture and its scales")
    columns = max(len(shapes) for _, shapes in rows.values())
    heights = [WIDTH * shapes[-1][0] / shapes[-1][1] + 0.4 for _, shapes in rows.values()]
    size = (WIDTH * columns, sum(heights))
    spaces: dict[str, Any] = {"height_ratios": heights}
    figure, axes = subplots(len(rows), columns, figsize=size, squeeze=False, gridspec_kw=spaces)
    for axis in axes.flat:
        bare(axis)
    for line, (label, (picture, shapes)) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(label, fontsize=9, fontweight="bold")
        for axis, (height, width) in zip(line, shapes, strict=False):
            axis.imshow(to_uint8(resize(picture, (height, width), antialias=True)), interpolation="nearest")
            seen = min(r, height), min(r, width)
            corner = (height - seen[0]) // 2, (width - seen[1]) // 2
            outline(axis, corner, seen, RANDOM)
            share = 100 * seen[0] * seen[1] / (height * width)
            axis.set_title(f"{height} x {width}: {share:.{int(share < 1)}f} %", fontsize=8, **ON_TOP)
    return figure
