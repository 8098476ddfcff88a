"""What a critic learns, drawn: a toy critic of points `b 2`, and the patch critic's map (equations 10 and 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.lab.render import COLOR_BAR, ON_TOP, emptied, paint, subplots
from hpvae_nb.lab.show import RANDOM, REAL, to_uint8
from hpvae_nb.lessons.l06_wgan_gp.experiment import EDGE, GRID, PARTS, Snapshot, cheapest_pairing, expected


def points_figure(real: Tensor, fake: Tensor, pairs: int = 0) -> Figure:
    """Both sets of points; with `pairs`, that many lines of the cheapest pairing."""
    figure, axis = subplots(figsize=(4.6, 4.2))
    if pairs:
        for i, j in cheapest_pairing(real, fake)[:pairs]:
            axis.plot(*zip(real[i].tolist(), fake[j].tolist(), strict=True), color="grey", lw=0.6, zorder=0)
    _scatter(axis, real, fake)
    axis.legend(loc="upper right", fontsize=9)
    return figure


def _scatter(axis: Any, real: Tensor, fake: Tensor) -> None:
    axis.scatter(*real.T.numpy(), s=10, color=REAL, edgecolors="white", linewidths=0.3, label="real")
    axis.scatter(*fake.T.numpy(), s=12, color=RANDOM, marker="^", edgecolors="white", linewidths=0.3, label="fake")
    axis.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


def surface_figure(snapshots: Mapping[str, Snapshot], real: Tensor, fake: Tensor, *, figure: Any = None) -> Figure:
    """For each named snapshot the critic's score and its steepness over the plane.

    Each score has its own range of colours, that of the ground near the points, and lines of equal height; steepness is
    white where it is 1.

    Args:
        snapshots: one row each, by name.
        figure: an earlier one of these, with as many rows, to draw into; that is quicker.
    """
    figure = _surface_axes(len(snapshots)) if figure is None else emptied(figure)
    axes = [axis for axis in figure.axes if axis.get_label() != COLOR_BAR]
    for left, right, (name, shot) in zip(axes[::2], axes[1::2], snapshots.items(), strict=True):
        area = {"extent": (-EDGE, EDGE, -EDGE, EDGE), "origin": "lower", "interpolation": "bilinear"}
        low, high = torch.quantile(shot.surface[_near()], torch.tensor([0.01, 0.99])).tolist()
        score = paint(left, shot.surface.numpy(), cmap="cividis", vmin=low, vmax=high, **area)
        lines = {"levels": torch.linspace(low, high, 14).tolist(), "colors": "white", "linewidths": 0.5}
        left.contour(shot.surface, extent=area["extent"], **lines)
        steep = paint(right, shot.steepness.numpy(), cmap="PuOr_r", vmin=0, vmax=2, **area)
        for axis, picture, title in ((left, score, "score D"), (right, steep, "steepness ‖∇D‖")):
            _scatter(axis, real, fake)
            axis.set_title(f"{name}: {title}", fontsize=10, **ON_TOP)
            if picture.colorbar is None:
                figure.colorbar(picture, ax=axis, shrink=0.9, extend="max" if axis is right else "both")
    return figure


def _surface_axes(rows: int) -> Figure:
    figure, _ = subplots(rows, 2, figsize=(9.4, 3.9 * rows), layout=None, squeeze=False)
    edge = {"top": 1 - 0.3 / (3.9 * rows), "bottom": 0.3 / (3.9 * rows)}
    figure.subplots_adjust(wspace=0.12, hspace=0.2, left=0.04, right=0.98, **edge)
    return figure


def _near() -> Tensor:
    """The grid points within reach of the toy's points, as a `y x` mask."""
    line = torch.linspace(-EDGE, EDGE, GRID)
    return line[:, None].square() + line[None].square() < 2.6**2


def training_figure(histories: Mapping[float, Sequence[Snapshot]], cost: float) -> Figure:
    """Distance and slope over training for several lambda, with the values that `expected` gives as dashed lines."""
    figure, axes = subplots(1, 2, figsize=(10.5, 3.4))
    shades = matplotlib.colormaps["viridis"](torch.linspace(0, 0.85, len(histories)).numpy())
    for (weight, shots), shade, mark in zip(histories.items(), shades, "osD^v", strict=False):
        style = {"color": shade, "marker": mark, "ms": 4, "markevery": 4, "label": f"λ = {weight:g}"}
        steps = [shot.step for shot in shots]
        for axis, values in zip(axes, ([s.slope for s in shots], [s.distance for s in shots]), strict=True):
            axis.plot(steps, values, **style)
        if weight:
            for axis, value in zip(axes, expected(weight, cost), strict=True):
                axis.axhline(value, color=shade, ls="--", lw=0.9)
    for axis, title in zip(axes, ("mean slope on blends", "E[D(real)] - E[D(fake)]"), strict=True):
        axis.set(title=title, xlabel="step", yscale="log", ylim=(0.03, 1e4))
    axes[1].axhline(cost, color="black", lw=0.9, ls=":")
    axes[1].text(0, cost * 0.5, "W", fontsize=9)
    axes[0].legend(fontsize=8)
    return figure


def parts_figure(seconds: Mapping[str, list[float]]) -> Figure:
    """Results of `penalty_seconds` as bars, a shade for each name."""
    figure, axis = subplots(figsize=(7.5, 3))
    thick = 0.8 / len(seconds)
    for row, (name, values) in enumerate(seconds.items()):
        places = [part + thick * (row + 0.5) - 0.4 for part in range(len(PARTS))]
        shade = str(0.2 + 0.6 * row / max(1, len(seconds) - 1))
        axis.barh(places, [1e3 * value for value in values], height=0.9 * thick, color=shade, label=name)
    axis.set(yticks=range(len(PARTS)), yticklabels=PARTS, xlabel="time (ms)")
    axis.invert_yaxis()
    axis.legend(frameon=False, loc="upper right")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def maps_figure(clips: Mapping[str, Tensor], maps: Mapping[str, Tensor], frame: int, *, figure: Any = None) -> Figure:
    """One frame of each named clip, above the critic's scores; one colour scale for all maps.

    Args:
        clips: `c t h w` each, all of the same shape.
        maps: `t h w` each, by the same names.
        figure: an earlier one of these, for the same clips, to draw into; that is quicker.
    """
    figure = _maps_axes(clips) if figure is None else emptied(figure)
    axes = [axis for axis in figure.axes if axis.get_label() != COLOR_BAR]
    everything = torch.cat([scores.flatten() for scores in maps.values()])
    low, high = torch.quantile(everything, torch.tensor([0.02, 0.98])).tolist()
    for top, bottom, (name, clip) in zip(axes[: len(clips)], axes[len(clips) :], clips.items(), strict=True):
        paint(top, to_uint8(clip[:, frame]))
        picture = paint(bottom, maps[name][frame].numpy(), cmap="viridis", vmin=low, vmax=high)
        bottom.set_title(f"mean score {maps[name].mean():+.2f}", fontsize=11, **ON_TOP)
    if picture.colorbar is None:
        bar = next(axis for axis in figure.axes if axis.get_label() == COLOR_BAR)
        figure.colorbar(picture, cax=bar, label="score (more real ↑)")
    return figure


def _maps_axes(clips: Mapping[str, Tensor]) -> Figure:
    tall = max(clip.shape[-2] / clip.shape[-1] for clip in clips.values())
    width, height = 2.9 * len(clips) + 0.9, 5.8 * tall + 0.6  # inches; of these 0.9 for the bar, 0.6 for titles
    space = {"wspace": 0.03, "hspace": 0.1 / tall, "left": 0.005, "right": 1 - 0.9 / width, "bottom": 0.02}
    space["top"] = 1 - 0.3 / height
    figure, axes = subplots(2, len(clips), figsize=(width, height), layout=None, squeeze=False, gridspec_kw=space)
    named = {"real": REAL, "random sample": RANDOM}
    for axis, name in zip(axes[0], clips, strict=True):
        axis.set_title(name, fontsize=12, color=named.get(name, "black"), weight="bold", **ON_TOP)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.add_axes((1 - 0.8 / width, 0.05, 0.14 / width, 0.36), label=COLOR_BAR)
    return figure
