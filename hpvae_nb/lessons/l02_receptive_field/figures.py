"""How far a network sees, drawn: receptive fields over a clip, in theory and by gradients (figure 3; lesson 2).

Clips are `c t h w` in [-1, 1]; sites, shapes and fields count frames, rows and columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from hpvae_nb.core.receptive_field import gradient_map, receptive_field
from hpvae_nb.core.resampling import Shape
from hpvae_nb.lab.render import ON_TOP, emptied, outline, paint, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
from hpvae_nb.lessons.l02_receptive_field.experiment import measured_nearby, share_within, side_holding

SITE_COLOR, PATCH_COLOR = RANDOM, REAL  # the paper's figure 3 has red and green
Place = tuple[int, int]
Box = tuple[Shape, Shape]
"""Centre and size of a box."""


def maps_figure(maps: Sequence[Tensor], titles: Sequence[str], window: int) -> Figure:
    """The centres of 2D gradient maps; pixels that are not seen at all stay white, the darkest is the strongest."""
    figure, axes = subplots(1, len(maps), figsize=(2.4 * len(maps), 2.7), squeeze=False)
    for axis, gradient, title in zip(axes[0], maps, titles, strict=True):
        start = gradient.shape[0] // 2 - window // 2
        part = gradient[start : start + window, start : start + window]
        half = window / 2
        shown = torch.where(part > 0, 0.15 + 0.85 * part / part.max(), 0)
        extent = (-half, half, half, -half)
        axis.imshow(shown.detach().numpy(), cmap="gray_r", vmin=0, vmax=1, extent=extent)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("pixels from the centre")
    return figure


def effective_figure(gradient: Tensor, r: int) -> Figure:
    """A 2D gradient map under its theoretical field, and how much of it lies within ever larger windows."""
    figure, (left, right) = subplots(1, 2, figsize=(9, 3.4), width_ratios=[1, 1.5])
    half, centre = r // 2 + 4, gradient.shape[0] // 2
    part = gradient[centre - half : centre + half + 1, centre - half : centre + half + 1].detach()
    left.imshow(part.numpy(), cmap="gray_r", extent=(-half - 0.5, half + 0.5, half + 0.5, -half - 0.5))
    _centred(left, (0, 0), (r, r), SITE_COLOR, f"theory: {r} x {r}")
    effective = side_holding(gradient)
    _centred(left, (0, 0), (effective, effective), RECONSTRUCTED, f"90 %: {effective} x {effective}", "dashed")
    left.set(title="|gradient| of one output", xlabel="pixels from the centre")
    left.legend(fontsize=8, loc="upper center", ncols=2)
    sides = list(range(1, r + 5, 2))
    right.plot(sides, [100 * share_within(gradient, side) for side in sides], "o-", color=RECONSTRUCTED)
    right.axvline(r, color=SITE_COLOR)
    right.annotate("theory", (r, 5), rotation=90, color=SITE_COLOR, ha="right", va="bottom")
    right.axhline(90, color="0.6", linestyle="dotted")
    right.set(xlabel="side of a central window (px)", ylabel="gradient inside (%)", ylim=(0, 103))
    return figure


def depth_figure(depths: Sequence[int], effective: Sequence[int], kernel: int = 3) -> Figure:
    """Theoretical and effective field against depth."""
    figure, axis = subplots(figsize=(6, 3.4))
    theory = [1 + depth * (kernel - 1) for depth in depths]
    axis.plot(depths, theory, "s-", color=SITE_COLOR, label="theory: 1 + depth * (kernel - 1)")
    axis.plot(depths, effective, "o--", color=RECONSTRUCTED, label="holds 90 % of the gradient")
    axis.set(xlabel=f"depth (layers of kernel {kernel})", ylabel="side of the field (px)")
    axis.legend(fontsize=9)
    return figure


def field_figure(video: Tensor, field: Shape, site: Shape, *, figure: Any = None) -> Figure:
    """One site's field over a frame, and over a slice through time: one row of pixels, frame below frame.

    `figure` is an earlier one of these, to draw into; that is quicker.
    """
    figure = _field_axes() if figure is None else emptied(figure)
    axes = figure.axes
    _space_and_time(axes, video, site, [((site, field), SITE_COLOR, f"r = {' x '.join(map(str, field))}", "solid")])
    axes[0].set_title(f"in space: frame {site[0]}", **ON_TOP)
    axes[1].set_title(f"in time: row {site[1]}, frame below frame", **ON_TOP)
    return figure


def _field_axes() -> Figure:
    figure, axes = subplots(1, 2, figsize=(11, 3.3), layout=None)
    figure.subplots_adjust(left=0.05, right=0.99, top=0.9, bottom=0.15, wspace=0.12)
    axes[0].set(ylabel="row (px)")
    axes[1].set(xlabel="column (px)", ylabel="frame")
    return figure


def latent_figure(
    video: Tensor, encoder: nn.Module, generator: nn.Module, site: Shape, *, figure: Any = None
) -> Figure:
    """The paper's figure 3, measured: what one latent sees and sways, and which latents shape its patch.

    Args:
        encoder: E, whose first output is the map of means.
        generator: G^0.
        site: of the latent z_i.
        figure: an earlier one of these, for the same clip, to draw into; that is quicker.
    """
    shape = tuple(video.shape[1:])
    channels, latent = len(video), next(generator.parameters()).shape[1]
    r_e, r_g = receptive_field(encoder), receptive_field(generator)
    around = tuple(a + b - 1 for a, b in zip(r_e, r_g, strict=True))

    def seen_at(window: Shape, at: Shape) -> Tensor:
        return gradient_map(encoder, (channels, *window), at)

    def shaping_at(window: Shape, at: Shape) -> Tensor:
        return gradient_map(generator, (latent, *window), at, patch=r_e)

    seen = measured_nearby(seen_at, shape, site, [r // 2 for r in r_e])
    shaping = measured_nearby(shaping_at, shape, site, [r // 2 for r in around])
    figure = _latent_axes() if figure is None else emptied(figure)
    axes = np.array(figure.axes).reshape(2, 3)
    _space_and_time(axes[:, 0], video, site, [((site, r_e), SITE_COLOR, f"seen by z_i: {r_e[0]}", "solid")], seen)
    boxes = [
        ((site, (1, 1, 1)), SITE_COLOR, "z_i", "solid"),
        ((site, around), PATCH_COLOR, f"shape the patch: {around[0]}", "dashed"),
    ]
    _space_and_time(axes[:, 1], torch.ones_like(video), site, boxes, shaping)
    boxes = [
        ((site, r_e), PATCH_COLOR, f"the patch: {r_e[0]}", "dashed"),
        ((site, r_g), SITE_COLOR, f"swayed by z_i: {r_g[0]}", "solid"),
    ]
    _space_and_time(axes[:, 2], video, site, boxes)
    return figure


def _latent_axes() -> Figure:
    figure, axes = subplots(2, 3, figsize=(12, 4.6), layout=None, height_ratios=[2, 1])
    figure.subplots_adjust(left=0.05, right=0.99, top=0.92, bottom=0.1, wspace=0.12, hspace=0.3)
    for axis in axes[:, 1:].flat:  # all have the left one's scale, and ticks take most of the time
        axis.set_axis_off()
    for axis, title in zip(axes[0], ("the clip x", "the latent map z = E(x)", "the output G(z)"), strict=True):
        axis.set_title(title, **ON_TOP)
    axes[0, 0].set(ylabel="row (px)", xticks=[])
    axes[1, 0].set(xlabel="column (px)", ylabel="frame")
    return figure


def choice_figure(shapes: Sequence[Shape], sizes: dict[str, float], r: int) -> Figure:
    """How large things are at each scale, beside a field of r: in pixels, and in frames of the clip.

    Args:
        sizes: for each thing its extent, as a part of the clip's width.
        r: of the network, in pixels and in frames.
    """
    figure, (left, right) = subplots(1, 2, figsize=(10, 3.4))
    scales = range(len(shapes))
    for (name, part), marker, shade in zip(sizes.items(), "os^vD", ("0", "0.3", "0.5", "0.65", "0.75"), strict=False):
        left.plot(scales, [part * shape[-1] for shape in shapes], marker=marker, color=shade, label=name)
    left.plot(scales, [shape[-2] for shape in shapes], "--", color="0.5", label="the whole height")
    left.set(xlabel="scale n", ylabel="pixels", title="in space")
    right.plot(scales, [shape[0] for shape in shapes], "s-", color="0.3", label="the whole clip")
    right.set(xlabel="scale n", ylabel="frames", title="in time", ylim=(0, None))
    for axis in (left, right):
        axis.axhline(r, color=SITE_COLOR, label=f"r = {r}")
        axis.legend(fontsize=8)
    return figure


def _space_and_time(
    axes: Any, video: Tensor, site: Shape, boxes: Sequence[tuple[Box, str, str, str]], strength: Tensor | None = None
) -> None:
    """Boxes over the site's frame (first axis) and over its row through time (second), above a map of strengths."""
    frame, row, _ = site
    length, height, width = video.shape[1:]
    views = [(to_uint8(video[:, frame]), (1, 2), height), (to_uint8(video[:, :, row]), (0, 2), length)]
    for axis, (picture, (down, across), rows) in zip(axes, views, strict=True):
        pale = 0.75 * picture + 0.25 * 0.85 * 255  # leaves the stage to the boxes
        if strength is not None:
            part = (strength[frame] if down == 1 else strength[:, row]).detach()
            pale = pale * (1 - 0.8 * (part / part.max()).sqrt().numpy())[..., None]  # the root makes weak ones visible
        edge = 2 if down == 1 else 1
        stage = np.pad(pale, ((edge, edge), (edge, edge), (0, 0)), constant_values=0.85 * 255)
        area = (-0.5 - edge, width - 0.5 + edge, rows - 0.5 + edge, -0.5 - edge)
        paint(axis, stage.astype(np.uint8), extent=area, aspect="equal" if down == 1 else "auto")
        for (centre, size), color, label, style in boxes:
            _centred(axis, (centre[down], centre[across]), (size[down], size[across]), color, label, style)
        axis.set(xlim=area[:2], ylim=area[2:])
    legend = axes[0].get_legend()
    if legend is None or [text.get_text() for text in legend.get_texts()] != [label for _, _, label, _ in boxes]:
        axes[0].legend(fontsize=10, loc="upper right")


def _centred(axis: Any, centre: Place, size: Place, color: str, label: str, style: str = "solid") -> None:
    corner = (centre[0] - (size[0] - 1) / 2, centre[1] - (size[1] - 1) / 2)
    outline(axis, corner, size, color, label=label, linestyle=style)
