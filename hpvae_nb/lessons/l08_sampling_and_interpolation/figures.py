"""Figures of the steering lesson: ways between latent maps, borders, and what a new box changes in the clip."""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import torch
from einops import rearrange
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.core.latents import slerp
from hpvae_nb.core.steering import Box
from hpvae_nb.lab.render import outline, subplots
from hpvae_nb.lab.show import RANDOM, colour, enlarge


def outlined(clip: Tensor, box: Box, *, width: int, color: str = RANDOM) -> Tensor:
    """A clip `c t h w`, enlarged to about `width` pixels, with the box drawn around its pixels while its frames last.

    Args:
        box: in frames and pixels of the clip; see `Box.scaled`.
    """
    large = enlarge(clip, width)
    factor = large.shape[-1] // clip.shape[-1]
    rows, columns = (slice(factor * first, factor * end) for first, end in (box.rows, box.columns))
    area, thick = large[:, slice(*box.times), rows, columns], max(1, factor // 2)
    inner = area[:, :, thick:-thick, thick:-thick].clone()
    area[:] = colour(color)
    area[:, :, thick:-thick, thick:-thick] = inner
    return large


def path_lengths(a: Tensor, b: Tensor) -> Figure:
    """How long the vectors are on the straight line from a to b, and on the sphere."""
    steps = torch.linspace(0, 1, 41)
    root = math.sqrt(a.numel())
    line = [((1 - t) * a + t * b).norm().item() / root for t in steps]
    sphere = [slerp(a, b, float(t)).norm().item() / root for t in steps]
    figure, axis = subplots(figsize=(6.5, 3.2))
    axis.plot(steps, sphere, color="black", label="along the sphere (slerp)")
    axis.plot(steps, line, color=RANDOM, linestyle="--", label="along the straight line")
    axis.axhline(math.sqrt(0.5), color="0.7", linewidth=0.8, zorder=0)
    axis.annotate("√½", (0.02, math.sqrt(0.5)), textcoords="offset points", xytext=(0, 4), color="0.4")
    axis.set(ylim=(0, 1.15), xlabel="way from a to b, t", ylabel="length / √(number of entries)")
    axis.legend(loc="lower right", frameon=False)
    return figure


def border_spread(blends: Mapping[str, Tensor]) -> Figure:
    """Standard deviation of latent maps `b c t h w`, column by column, a line for each."""
    figure, axis = subplots(figsize=(6.5, 3.0))
    styles = zip(blends.items(), (RANDOM, "black", "0.5"), ("--", "-", ":"), strict=False)
    for (label, z), color, style in styles:
        spread = rearrange(z, "b c t h w -> w (b c t h)").std(dim=1)
        axis.plot(spread, color=color, linestyle=style, label=label, marker="o", markersize=3)
    axis.set(ylim=(0, 1.15), xlabel="column of the latent map (sites)", ylabel="standard deviation of z")
    axis.legend(loc="lower right", frameon=False)
    return figure


def change_maps(changes: Mapping[str, Tensor], box: Box, field: Box) -> Figure:
    """Where two clips differ most over time, by `change`, one titled row for each pair.

    Boxes are in pixels: solid the box itself, dashed the field, what it can shape.
    """
    figure, axes = subplots(len(changes), 1, figsize=(8, 1.6 * len(changes) + 0.4), squeeze=False)
    palette = matplotlib.colormaps["magma"].with_extremes(bad="#BFD9E8")  # exactly zero, which a logarithm cannot show
    heat: Any = None
    for axis, (title, values) in zip(axes[:, 0], changes.items(), strict=True):
        most = values.amax(dim=0)
        shown = most.masked_fill(most == 0, math.nan).numpy()
        heat = axis.imshow(shown, cmap=palette, norm=LogNorm(1e-3, 2))
        for part, style in ((field, "--"), (box, "-")):
            (top, bottom), (left, right) = part.rows, part.columns
            outline(axis, (top, left), (bottom - top, right - left), "white", rim="black", linestyle=style)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set(ylabel="row (px)")
    axes[-1, 0].set(xlabel="column (px); pale blue: no change at all")
    figure.colorbar(heat, ax=axes[:, 0], label="largest change over time", shrink=0.8)
    return figure
