"""Sets of clips, crossed contents and motions, bounded critics, voxels of a step, and what seconds buy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.lab import show
from hpvae_nb.lab.render import GAN_COLOR, ON_TOP, VAE_COLOR, dots_and_bars, percent_axis, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED
from hpvae_nb.lessons.l06_wgan_gp.experiment import EDGE, GRID, slopes
from hpvae_nb.lessons.l16_many_videos_or_one.experiment import Level, budget_mean, strobe, voxels
from hpvae_nb.studies import evidence
from hpvae_nb.studies.claims import Claim

OURS = RECONSTRUCTED


def sets_figure(sets: Sequence[ClipSet], each: int = 3, frames: int = 6) -> Figure:
    """The first clips of each set, a row each, with their class."""
    rows, titles = [], [f"frame {at}" for at in _moments(sets[0].shape[0], frames)]
    for clips in sets:
        for index in range(each):
            clip, label = clips[index]
            name = f"{clips.name}: {clips.classes[label]}"
            rows.append((name, [clip[:, at] for at in _moments(clip.shape[1], frames)]))
    return show.grid(rows, titles, width=0.75, colors=[REAL] * len(rows))


def _moments(length: int, count: int) -> list[int]:
    return torch.linspace(0, length - 1, count).round().long().tolist()


def strobes_figure(clips: Tensor, rows: Sequence[str], columns: Sequence[str] = (), *, width: float = 0.8) -> Figure:
    """Clips `n m 3 t h w` of something bright, each as one picture of its way."""
    shown = [(name, [strobe(clip) for clip in line]) for name, line in zip(rows, clips, strict=True)]
    return show.grid(shown, columns, width=width, colors=[RANDOM] * len(shown))


def critics_figure(critics: Mapping[str, nn.Module], real: Tensor, fake: Tensor) -> Figure:
    """For each critic of points, how steep it is over the plane, and on blends of real and fake."""
    figure, axes = subplots(2, len(critics), figsize=(2.2 * len(critics), 4), squeeze=False, height_ratios=[3, 2])
    line = torch.linspace(-EDGE, EDGE, GRID)
    y, x = torch.meshgrid(line, line, indexing="ij")
    plane = torch.stack([x.flatten(), y.flatten()], dim=1)
    epsilon = torch.rand(len(real), 1, generator=torch.Generator().manual_seed(0))
    edges = torch.logspace(-4, 1, 41).tolist()
    for (name, critic), above, below in zip(critics.items(), *axes, strict=True):
        steep = slopes(critic, plane).norm(dim=1).reshape(GRID, GRID)
        area = {"extent": (-EDGE, EDGE, -EDGE, EDGE), "origin": "lower"}
        shown = above.imshow(steep.numpy(), cmap="PuOr_r", vmin=0, vmax=2, **area)
        above.scatter(*real.T.numpy(), s=3, color=REAL)
        above.scatter(*fake.T.numpy(), s=3, color=RANDOM, marker="^")
        above.set_title(name, fontsize=9, **ON_TOP)
        above.set(xticks=[], yticks=[])
        below.hist(slopes(critic, epsilon * real + (1 - epsilon) * fake).norm(dim=1).tolist(), edges, color="0.4")
        below.axvline(1, color="black", linewidth=1)
        below.set(xscale="log", xlabel="slope on blends", yticks=[])
    figure.colorbar(shown, ax=axes[0], label="slope ‖∇D‖", extend="max")
    return figure


def levels_figure(systems: Mapping[str, Sequence[Level]]) -> Figure:
    """What is drawn at each level, coarsest below: a bar for each frame, as tall as it has pixels; and voxels."""
    figure, (axes,) = subplots(1, len(systems), figsize=(4.7 * len(systems), 3.8), squeeze=False)
    for (name, levels), axis, color in zip(systems.items(), axes, (GAN_COLOR, VAE_COLOR), strict=True):
        length, finest = max(frames.stop for frames, _ in levels), max(side for _, side in levels)
        for level, ((frames, side), count) in enumerate(zip(levels, voxels(levels), strict=True)):
            tall = 0.9 * side / finest
            axis.bar(list(frames), tall, 0.6, level - tall / 2, color=color)
            axis.text(length + 0.3, level, f"{len(frames)} x {side}² = {count:,}", va="center", fontsize=8)
        axis.set(xlim=(-1, length), ylim=(-0.6, len(levels) - 0.4), xlabel="frame of the clip", ylabel="level")
        axis.set_yticks(range(len(levels)))
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_title(name, fontsize=10, **ON_TOP)
    return figure


def samples_figure(rows: Mapping[str, Sequence[Tensor]], frames: int = 4) -> Figure:
    """Clips `3 t h w` of each learner in a row, some frames of one beside those of the next; real ones first."""
    shown = []
    for name, clips in rows.items():
        shown.append((name, [clip[:, at] for clip in clips for at in _moments(clip.shape[1], frames)]))
    return show.grid(shown, width=0.62, colors=[REAL] + [RANDOM] * (len(shown) - 2) + [OURS])


def changes_figure(points: pd.DataFrame, asked: Sequence[Claim], paper: Mapping[Claim, float]) -> Figure:
    """How ours differs from each system in percent, with intervals, on each set; hollow: the paper's difference.

    Args:
        points: of `many_page.as_points`.
        asked: claims of tables 1 and 2, drawn from above to below.
        paper: change in percent of each.
    """
    sets = evidence.clips(points)
    figure, axis = subplots(figsize=(7.5, 0.3 * len(asked) + 1.2))
    at = np.arange(len(asked))
    for number, (data, color) in enumerate(zip(sets, (RECONSTRUCTED, RANDOM), strict=False)):
        found = [claim.found(points, data) for claim in asked]
        columns = ([one.mean for one in found], [one.low for one in found], [one.high for one in found])
        style: dict[str, Any] = {"color": color, "fmt": "os"[number], "markersize": 4, "label": data}
        dots_and_bars(axis, *columns, at + 0.3 * number - 0.15, **style)
    axis.plot(
        [paper[claim] for claim in asked], at, "D", markerfacecolor="none", color="black", label="the paper, UCF-101"
    )
    percent_axis(axis, (-90, -50, 0, 100, 1000), straight=100)
    axis.set(ylim=(len(asked) - 0.5, -0.5), xlabel="ours in place of theirs: change in percent; left is better")
    axis.set_yticks(at, [f"{claim.points[1]}: {claim.metric}" for claim in asked], fontsize=8)
    axis.grid(axis="x", alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), fontsize=8, ncols=3, loc="outside upper center")
    return figure


def budget_figure(rows: Any, panels: Mapping[str, str]) -> Figure:
    """Measures over the number of clips that were learned from.

    Dashed: what real clips of the test split have; a square, where that depends on the number of clips.

    Args:
        rows: of `evidence.clip_budget`.
        panels: the measures to draw, and what to call each.
    """
    columns = min(2, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure, axes = subplots(lines, columns, figsize=(3.7 * columns, 2.6 * lines), squeeze=False)
    for (measure, title), axis in zip(panels.items(), axes.flat, strict=True):
        axis.plot(*zip(*budget_mean(rows, "mocogan", measure), strict=True), "o-", color=RANDOM, label="MoCoGAN")
        axis.plot(*zip(*budget_mean(rows, "ours", measure), strict=True), "D", color=OURS, label="ours, one clip")
        for clips, value in budget_mean(rows, "real", measure):
            if measure == "nearest":  # which depends on how many clips there are to be near to
                axis.plot(clips, value, "s", color=REAL)
            else:
                axis.axhline(value, color=REAL, linestyle="--", label="real, unseen")
        axis.set(xscale="log", xlabel="clips learned from", ylim=(0, None))
        axis.set_xticks([1, 8, 64, 400], [1, 8, 64, 400])
        axis.minorticks_off()
        axis.set_title(title, fontsize=10, **ON_TOP)
    axes[0, 0].legend(fontsize=8)
    return figure
