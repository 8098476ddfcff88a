"""Figures of the lesson on ablations: what learns where, and what a change does to numbers over several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.config import Config
from hpvae_nb.studies import evidence
from hpvae_nb.studies.sweeps.results import Row

METRICS = ("diversity", *evidence.REALISM, "novelty", "survival")
POINTS = (*evidence.ABLATIONS, "PatchVAE")  # section 4.2 and figure 9
FRAME = 6  # of a sample, to be shown where nothing moves

Pair = tuple[Sequence[float], Sequence[float]]
"""A number of the whole method and of the ablated one, for the same seeds."""


def part(name: str) -> str:
    """`E`, `G0`, `G1`, ...: the network that a weight of a `Hierarchy` belongs to."""
    kind, number, *_ = name.split(".")
    return "E" if kind == "encoder" else f"G{number}"


def learners(config: Config) -> list[dict[str, int]]:
    """Which networks learn at each scale, each with the power of `lr_decay` on its learning rate (section 3.2)."""
    network = make_hierarchy(config.replace(channels=1, latent=1))  # who learns does not depend on widths
    found = []
    for scale in range(config.scales):
        if scale > 0:
            network.grow()
        names = {id(weight): part(name) for name, weight in network.named_parameters()}
        found.append({names[id(next(net.parameters()))]: power for net, power in network.trained_at(scale)})
    return found


def schedule(configs: Mapping[str, Config]) -> Any:
    """For each recipe, scales from left to right and networks from above to below: who learns when, and how slowly.

    Args:
        configs: by the titles they get, all of as many scales.

    Returns:
        A matplotlib figure. Filled: it learns, with the power of `lr_decay` as a number. Hatched: it is frozen.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    patches = require("matplotlib.patches", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(
        1, len(configs), figsize=(3.1 * len(configs), 3.6), sharey=True, layout="constrained", squeeze=False
    )
    for axis, (title, config) in zip(axes[0], configs.items(), strict=True):
        rows = {"E": 0} | {f"G{n}": n + 1 for n in range(config.scales)} | {"D": config.scales + 1}
        for scale, powers in enumerate(learners(config)):
            color = VAE_COLOR if config.is_vae(scale) else GAN_COLOR
            there = {"E": 0, **{f"G{n}": n for n in range(scale + 1)}}
            if not config.is_vae(scale):
                there["D"], powers = scale, {**powers, "D": 0}
            for name in there:
                look = {"facecolor": color} if name in powers else {"facecolor": "0.93", "hatch": "////"}
                axis.add_patch(patches.Rectangle((scale, rows[name]), 1, 1, edgecolor="white", linewidth=2, **look))
                if name in powers:
                    centre = (scale + 0.5, rows[name] + 0.5)
                    axis.text(*centre, str(powers[name]), ha="center", va="center", fontsize=9)
        axis.set(xlim=(0, config.scales), ylim=(len(rows), 0), xlabel="scale that is trained")
        axis.set_xticks([n + 0.5 for n in range(config.scales)], [str(n) for n in range(config.scales)])
        axis.set_yticks([row + 0.5 for row in rows.values()], list(rows))
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_title(title, fontsize=10)
    kinds = {"learns at a VAE scale": VAE_COLOR, "learns at a GAN scale": GAN_COLOR}
    legend = [patches.Patch(facecolor=color, label=label) for label, color in kinds.items()]
    legend.append(patches.Patch(facecolor="0.93", hatch="////", edgecolor="white", label="frozen"))
    decay = next(iter(configs.values())).lr_decay
    legend.append(patches.Patch(facecolor="none", label=f"number k: learning rate times {decay:g}ᵏ"))
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), fontsize=8)
    return figure


def slopes(lines: Sequence[Mapping[str, Pair]]) -> Any:
    """Rows of small charts, one for each pair: on the left the whole method, on the right the ablated, seed by seed.

    Args:
        lines: rows of charts, by title. Where values differ more than 20 times, the axis is logarithmic.

    Returns:
        A matplotlib figure.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    columns = max(len(line) for line in lines)
    width, height = 2.1 * columns, 2.2 * len(lines)
    # Inches, worked out here: matplotlib's own layout takes longer than the drawing.
    space = {"left": 0.45 / width, "right": 1 - 0.05 / width, "bottom": 0.25 / height, "top": 1 - 0.4 / height}
    space |= {"wspace": 0.45 / 1.65, "hspace": 0.65 / 1.55}
    figure, axes = plt.subplots(len(lines), columns, figsize=(width, height), squeeze=False, gridspec_kw=space)
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


def pair(rows: Iterable[Row], clip: str, point: str, metric: str) -> Pair:
    """A metric of the whole method and of a point, for the seeds that both have, in order."""
    of_clip = [row for row in rows if row["clip"] == clip]
    whole, ablated = (
        {row["seed"]: row[metric] for row in of_clip if row["point"] == name} for name in (evidence.WHOLE, point)
    )
    seeds = sorted(whole.keys() & ablated.keys())
    return [whole[seed] for seed in seeds], [ablated[seed] for seed in seeds]


def change(values: Pair) -> list[float]:
    """The change from the whole method to the ablated one in percent, seed by seed."""
    return [100 * (after / before - 1) for before, after in zip(*values, strict=True)]


def changes(
    rows: Sequence[Row], points: Sequence[str] = POINTS, metrics: Sequence[str] = METRICS, *, widest: float = 1000
) -> Any:
    """The change of each metric with each point: seeds, their mean, and its 95 % interval; beside the paper's number.

    Args:
        rows: of `hpvae_nb.studies.evidence.rows`.
        points: what is compared with the whole method.
        metrics: columns of the rows.
        widest: percent at which the axis ends; intervals may go on beyond.

    Returns:
        A matplotlib figure, one chart a metric, one marker a clip.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    size = (2.1 * len(metrics) + 1.2, 0.55 * len(points) + 1.5)
    figure, axes = plt.subplots(1, len(metrics), figsize=size, sharey=True, layout="constrained", squeeze=False)
    names = evidence.clips(rows)
    for axis, metric in zip(axes[0], metrics, strict=True):
        for row, point in enumerate(points):
            for clip, color, marker, above in zip(names, (RANDOM, RECONSTRUCTED), "os", (-0.17, 0.17), strict=False):
                measured = change(pair(rows, clip, point, metric))
                if not measured:
                    continue
                found, y = evidence.interval(measured), row + above
                low, high = (min(max(end, -10 * widest), 10 * widest) for end in (found.low, found.high))
                axis.plot([low, high], [y, y], color=color, linewidth=2, alpha=0.5)
                axis.plot(measured, [y] * len(measured), "|", color="black", markersize=7)
                axis.plot(found.mean, y, marker, color=color, markersize=7, label=clip if row == 0 else None)
            said = paper(point, metric)
            if said is not None:
                axis.plot(said, row, "*", color="black", markersize=11, label="the paper")
        axis.axvline(0, color="black", linewidth=1)
        axis.set_xscale("symlog", linthresh=100)
        ticks = [-100, 0, 100, widest]
        axis.set_xticks(ticks, [f"{tick:+.0f}" if tick else "0" for tick in ticks], fontsize=8)
        axis.set(xlim=(-130, widest), ylim=(len(points) - 0.5, -0.5), xlabel="change, percent")
        axis.set_title(evidence.label(metric), fontsize=9)
    axes[0, 0].set_yticks(range(len(points)), list(points))
    labels: dict[str, Any] = {}
    for axis in axes[0]:
        labels |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=len(labels), fontsize=8)
    return figure


def paper(point: str, metric: str) -> float | None:
    """The change in percent that the paper reports of a point, where it gives a number."""
    for claim in evidence.CLAIMS:
        if claim.paper and claim.points[0] == point and claim.metric == metric:
            return float(claim.paper.removesuffix("%"))
    return None


def sheet(
    rows: Mapping[str, Sequence[Tensor | None]], titles: Sequence[str], *, width: float, colors: Sequence[str] = ()
) -> Any:
    """Pictures in rows and columns; a matplotlib figure.

    Args:
        rows: by label, a picture `c h w` in [-1, 1] for each column, or None for an empty place.
        titles: of the columns.
        width: of a picture, in inches.
        colors: of the rows' labels; black if not given.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    first = next(picture for row in rows.values() for picture in row if picture is not None)
    height = width * first.shape[-2] / first.shape[-1]
    figure, axes = plt.subplots(
        len(rows),
        len(titles),
        figsize=((width + 0.08) * len(titles), (height + 0.08) * len(rows)),
        squeeze=False,
        gridspec_kw={"wspace": 0.08 / width, "hspace": 0.08 / height, "left": 0, "right": 1, "bottom": 0, "top": 1},
    )
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    for line, (label, row), color in zip(axes, rows.items(), colors or ["black"] * len(rows), strict=True):
        for axis, picture in zip(line, row, strict=True):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if picture is not None:
                axis.imshow(to_uint8(picture), aspect="auto")
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", color=color, fontsize=9, fontweight="bold")
    return figure


def coarse_sheet(models: Mapping[str, Model], *, frame: int = 1, seed: int = 0) -> Any:
    """One frame of scale 0: the clip, and for each model a reconstruction and two random samples.

    Args:
        models: of the same clip, by name, trained at scale 0 at least.
        frame: of scale 0.
        seed: of the samples.

    Raises:
        InputError: there is no model, or the first came without its clip.
    """
    coarse = next((model.coarse for model in models.values()), None)
    if coarse is None:
        raise InputError("there is nothing to show: give at least one model, trained here on its clip")
    made = [[model.reconstruct(scales=1)[0], *model.sample(2, seed=seed, scales=1)] for model in models.values()]
    columns = [[coarse[0, :, frame], None, None], *([clip[:, frame] for clip in clips] for clips in made)]
    labels = ["reconstructed", "random", "another"]
    rows = dict(zip(labels, zip(*columns, strict=True), strict=True))
    return sheet(rows, ["real", *models], width=2.7, colors=[RECONSTRUCTED, RANDOM, RANDOM])


def samples_sheet(real: Mapping[str, Tensor], points: Sequence[str] = (evidence.WHOLE, *POINTS)) -> Any:
    """Four frames of each clip, and below, for each point, one frame of four samples; a matplotlib figure.

    Args:
        real: for each clip by name, itself at the samples' size, `3 t h w` in [-1, 1].
        points: of `hpvae_nb.studies.evidence.POINTS`.

    Raises:
        InputError: there are no samples of a point.
    """
    rows = {"the clip": [_joined(clip[:, torch.linspace(0, clip.shape[1] - 1, 4).long()]) for clip in real.values()]}
    for point in points:
        label = "the whole" if point == evidence.WHOLE else point
        rows[label] = [
            _joined(rearrange(evidence.samples(clip, point)[:, :, FRAME], "b c h w -> c b h w")) for clip in real
        ]
    return sheet(rows, list(real), width=5.4, colors=[REAL] + [RANDOM] * len(points))


def _joined(pictures: Tensor) -> Tensor:
    """`c b h w` side by side, `c h w`, with a white line between two."""
    return rearrange(F.pad(pictures, (0, 1), value=1), "c b h w -> c h (b w)")[..., :-1]


def wrong_single_runs(values: Pair) -> float:
    """Share of comparisons of one run with one run, whatever their seeds, that contradict the means of all runs.

    Args:
        values: of the whole method and of the ablated one.

    Returns:
        From 0 (a single pair of runs would do) to about one half (it is a coin).

    Raises:
        InputError: one of the two has no value.
    """
    whole, ablated = values
    if not whole or not ablated:
        raise InputError(f"there are {len(whole)} and {len(ablated)} runs to compare: at least one of each is needed")
    direction = math.copysign(1, sum(ablated) / len(ablated) - sum(whole) / len(whole))
    against = [direction * (after - before) <= 0 for before in whole for after in ablated]
    return sum(against) / len(against)
