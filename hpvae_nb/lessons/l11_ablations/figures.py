"""Figures of the lesson on ablations: what learns where, and what a change does to numbers over several seeds.

Tables are the rows of `hpvae_nb.studies.evidence.rows`, points are its `POINTS`.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from einops import rearrange
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import dots_and_bars, percent_axis, subplots
from hpvae_nb.lab.schedule import training_schedule
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, contact_sheet
from hpvae_nb.lessons.l11_ablations.experiment import COLUMNS, POINTS, learners, reported
from hpvae_nb.metrics import METRICS
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.studies import evidence, intervals

FRAME = 6  # of a sample, to be shown where nothing moves
MARKS = ((RANDOM, "o", -0.17), (RECONSTRUCTED, "s", 0.17))  # of a clip: colour, shape, and how far from a point's line

Pair = tuple[Sequence[float], Sequence[float]]
"""A number of the whole method and of the ablated one, for the same seeds."""


def schedule(configs: Mapping[str, Config]) -> Figure:
    """For each titled recipe, scales from left to right and networks from above to below: who learns when, how slowly.

    Filled: it learns, with the power of `lr_decay` as a number. Hatched: it is frozen.
    """
    methods = {
        title: [powers if config.is_vae(scale) else powers | {"D": 0} for scale, powers in enumerate(learners(config))]
        for title, config in configs.items()
    }
    decay = next(iter(configs.values())).lr_decay
    return training_schedule(methods, f"number k: learning rate times {decay:g}ᵏ")


def slopes(lines: Sequence[Mapping[str, Pair]]) -> Figure:
    """Rows of small charts, by their titles: on the left the whole method, on the right the ablated, seed by seed.

    Where values differ more than 20 times, the axis is logarithmic.
    """
    columns = max(len(line) for line in lines)
    width, height = 1.8 * columns, 2.2 * len(lines)
    # Inches, worked out here: matplotlib's own layout takes longer than the drawing.
    space = {"left": 0.45 / width, "right": 1 - 0.05 / width, "bottom": 0.25 / height, "top": 1 - 0.4 / height}
    space |= {"wspace": 0.45 / 1.35, "hspace": 0.65 / 1.55}
    figure, axes = subplots(len(lines), columns, figsize=(width, height), layout=None, squeeze=False, gridspec_kw=space)
    for row, line in zip(axes, lines, strict=True):
        for axis, (title, (whole, ablated)) in zip(row, line.items(), strict=False):
            for seed, (before, after, marker) in enumerate(zip(whole, ablated, "os^Dv", strict=False)):
                axis.plot([0, 1], [before, after], color=RANDOM, marker=marker, markersize=5, label=f"seed {seed}")
            values = [*whole, *ablated]
            if values and max(values) > 20 * min(values) > 0:
                axis.set_yscale("log")
            else:
                axis.set_ylim(0, 1.15 * max(values, default=1) or 1)
                axis.locator_params(axis="y", nbins=4)
            axis.set(xlim=(-0.3, 1.3), xticks=[0, 1], xticklabels=["whole", "without"])
            axis.tick_params(labelsize=8)
            axis.set_title(title, fontsize=9)
    axes[0, 0].legend(fontsize=7)
    return figure


def pair(rows: pd.DataFrame, clip: str, point: str, metric: str) -> Pair:
    """A metric of the whole method and of a point, for the seeds that both have, in order."""
    names = (evidence.WHOLE, point)
    both = pd.concat([evidence.values(rows, clip, name, metric) for name in names], axis=1, join="inner")
    return both.iloc[:, 0].tolist(), both.iloc[:, 1].tolist()


def changes(
    rows: pd.DataFrame, points: Sequence[str] = POINTS, metrics: Sequence[str] = COLUMNS, *, widest: int = 1000
) -> Figure:
    """The change of each metric with each point: seeds, their mean, and its 95 % interval; beside the paper's number.

    One chart a metric, one marker a clip; a point that has no rows is left empty. The axis ends at `widest` percent;
    intervals may go on beyond.
    """
    columns, lines = min(3, len(metrics)), math.ceil(len(metrics) / 3)
    size = (2.4 * columns + 1.2, lines * (0.45 * len(points) + 0.9) + 0.5)
    figure, axes = subplots(lines, columns, figsize=size, sharey=True, squeeze=False)
    for axis in axes.flat[len(metrics) :]:
        axis.remove()
    for axis, metric in zip(axes.flat, metrics, strict=False):
        for clip, (color, marker, above) in zip(evidence.clips(rows), MARKS, strict=False):
            there = set(rows["point"][rows["clip"] == clip])
            places = {row + above: point for row, point in enumerate(points) if point in there}
            seeds = [evidence.changes(rows, clip, point, metric) for point in places.values()]
            found = pd.DataFrame([intervals.interval(values) for values in seeds])
            style = {"fmt": marker, "color": color, "markersize": 7, "ecolor": (color, 0.5), "label": clip}
            dots_and_bars(axis, found["mean"], found["low"], found["high"], list(places), **style)
            for height, values in zip(places, seeds, strict=True):
                axis.plot(values, [height] * len(values), "|", color="black", markersize=7)
        said = {row: reported(point, metric) for row, point in enumerate(points)}
        stars = {row: value for row, value in said.items() if value is not None}
        if stars:
            axis.plot(list(stars.values()), list(stars), "*", color="black", markersize=11, label="the paper")
        percent_axis(axis, (-100, 0, 100, widest), straight=100)
        axis.set(xlim=(-130, widest), ylim=(len(points) - 0.5, -0.5), xlabel="change, percent")
        axis.set_title(METRICS[metric].title, fontsize=9)
    axes[0, 0].set_yticks(range(len(points)), list(points))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def sheet(rows: Mapping[str, Sequence[Tensor]], titles: Sequence[str], colors: Sequence[str]) -> Figure:
    """Pictures `c h w` in [-1, 1] in rows and columns."""
    clips = [(label, torch.stack(list(pictures), dim=1)) for label, pictures in rows.items()]
    figure = contact_sheet(clips, frames=len(titles), colors=colors)
    for axis, title in zip(figure.axes, titles, strict=False):
        axis.set_title(title, fontsize=10)
    return figure


def coarse_sheet(models: Mapping[str, Model], *, frame: int = 1, seed: int = 0) -> Figure:
    """One frame of scale 0: the clip, and for each model a reconstruction and two random samples.

    Raises:
        InputError: there is no model, or the first came without its clip.
    """
    coarse = next((model.coarse for model in models.values()), None)
    if coarse is None:
        raise InputError("there is nothing to show: give at least one model, trained here on its clip")
    real, nothing = coarse[0, :, frame], torch.ones_like(coarse[0, :, frame])
    made = [[model.reconstruct(scales=1)[0], *model.sample(2, seed=seed, scales=1)] for model in models.values()]
    columns = [[real, nothing, nothing], *([clip[:, frame] for clip in clips] for clips in made)]
    labels = ["reconstructed", "random", "another"]
    rows = dict(zip(labels, zip(*columns, strict=True), strict=True))
    return sheet(rows, ["real", *models], [RECONSTRUCTED, RANDOM, RANDOM])


def samples_sheet(real: Mapping[str, Tensor], points: Sequence[str] = (evidence.WHOLE, *POINTS)) -> Figure:
    """Four frames of each named clip, as large as samples are, and below, for each point, one frame of four samples.

    Raises:
        InputError: there are no samples of a point.
    """
    rows = {"the clip": [_joined(clip[:, torch.linspace(0, clip.shape[1] - 1, 4).long()]) for clip in real.values()]}
    for point in points:
        label = "the whole" if point == evidence.WHOLE else point
        rows[label] = [_joined(evidence.samples(clip, point)[:, :, FRAME].transpose(0, 1)) for clip in real]
    return sheet(rows, list(real), [REAL] + [RANDOM] * len(points))


def _joined(pictures: Tensor) -> Tensor:
    """`c b h w` side by side, `c h w`, with a white line between two."""
    return rearrange(F.pad(pictures, (0, 1), value=1), "c b h w -> c h (b w)")[..., :-1]
