"""Figures of what was measured: the paper's Figs. 5, 6 and 9 with intervals, and every claim against its interval.

Tables are the rows of `hpvae_nb.studies.evidence.rows`, points are its `POINTS`.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.lab import show
from hpvae_nb.lab.render import FAR, dots_and_bars, percent_axis, subplots
from hpvae_nb.metrics import METRICS
from hpvae_nb.studies import claims, evidence

COLORS = {"no": show.RANDOM, "unclear": "#999999", "yes": show.REAL}
MARKERS = "os^"
LINES = {"SinGAN": "--", "ConSinGAN": ":", "VGPNN": "-.", "GPNN": "-."}
FRAMES = 4
TICKS = (-1000, -10, 0, 10, 1000)  # percent
UP = (-1000, -100, -10, 0, 10, 100, 1000)
OF_CLIPS = ("-", "--", ":")
ACROSS = 3  # charts


def tradeoff(rows: pd.DataFrame, metrics: Sequence[str] = ("diversity", *evidence.REALISM)) -> Figure:
    """Fig. 5: each metric over M, a row of charts for each clip or image; every seed a dot, other methods as lines."""
    names = evidence.clips(rows)
    size = (2.9 * len(metrics), 2.3 * len(names))
    figure, grid = subplots(len(names), len(metrics), figsize=size, squeeze=False)
    levels = [int(name.removeprefix("M = ")) for name in evidence.LEVELS]
    lines = {method: line for method, line in LINES.items() if method in set(rows["point"])}
    for clip, axes in zip(names, grid, strict=True):
        for metric, axis in zip(metrics, axes, strict=True):
            found = [evidence.values(rows, clip, name, metric) for name in evidence.LEVELS]
            axis.plot(levels, [seeds.mean() for seeds in found], color=show.RANDOM, label="HP-VAE-GAN")
            for level, seeds in zip(levels, found, strict=True):
                axis.plot([level] * len(seeds), seeds, "o", color=show.RANDOM, markersize=4)
            for method, line in lines.items():
                mean = evidence.values(rows, clip, method, metric).mean()
                axis.axhline(mean, color="black", linestyle=line, linewidth=1.2, label=method)
            axis.set(xlabel="M, number of VAE levels", xticks=levels)
            axis.set_title(f"{clip}: {METRICS[metric].title}", fontsize=9)
            axis.set_ylim(bottom=0)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, ncols=4, loc="outside upper center")
    return figure


def sheet(clip: str, points: Sequence[str], real: Tensor) -> Figure:
    """Figs. 6 and 9: the training clip, as large as samples are, `3 t h w`, and below it a sample of each point."""
    drawn = [(point, evidence.samples(clip, point)[0]) for point in points]
    return show.contact_sheet([("real", real), *drawn], frames=FRAMES)


def forest_plot(rows: pd.DataFrame) -> Figure:
    """Every claim as a line: the change of its metric, mean and 95 % interval over seeds, on each clip and on all.

    What fares worst comes first. Changes are turned so that the claimed direction is always to the right; one whose
    whole interval lies there agrees.
    """
    shown, columns = claims.ordered(rows), [*evidence.clips(rows), None]
    size = (2.2 * len(columns) + 2.6, 0.27 * len(shown) + 0.9)
    figure, axes = subplots(1, len(columns), figsize=size, sharex=True, sharey=True)
    for clip, axis in zip(columns, axes, strict=True):
        table = pd.DataFrame([claim.found(rows, clip) for claim in shown])
        table = table.mul([claim.direction for claim in shown], axis=0)
        verdicts = pd.Series([claim.verdict(claim.found(rows, clip)) for claim in shown])
        for (verdict, color), marker in zip(COLORS.items(), MARKERS, strict=True):
            found = table[verdicts == verdict]
            style = {"fmt": marker, "color": color, "label": f"same direction: {verdict}"}
            dots_and_bars(axis, found["mean"], found["low"], found["high"], found.index, **style)
        percent_axis(axis, TICKS, straight=10)
        axis.set_title(clip or "all", fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[len(columns) // 2].set_xlabel("change in the claimed direction, percent")
    axes[0].set_yticks(range(len(shown)), [f"{claim.says} ({claim.title})" for claim in shown], fontsize=8)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=8, ncols=3, loc="outside upper center")
    return figure


def over_budgets(rows: pd.DataFrame, asked: Sequence[claims.Claim] = claims.CLAIMS) -> Figure:
    """A chart for each claim: its change over steps a scale, mean and 95 % interval of all clips, and a line each.

    Changes are turned so that the claimed direction is up, as in `forest_plot`. The dotted line is the paper's budget.
    """
    shown = claims.latest_first(rows, asked)
    down = math.ceil(len(shown) / ACROSS)
    figure, grid = subplots(down, ACROSS, figsize=(8, 1.9 * down + 0.6), sharex=True, squeeze=False)
    for axis in grid.flat[len(shown) :]:
        axis.set_axis_off()
    for claim, axis in zip(shown, grid.flat, strict=False):
        found = claim.over_budgets(rows)
        last = claim.verdict(list(found.values())[-1])
        mean, *ends = claim.direction * np.array([astuple(change) for change in found.values()]).T
        reach = np.abs(np.clip(np.sort(ends, axis=0), -FAR, FAR) - mean)
        for clip, line in zip(evidence.clips(rows), OF_CLIPS, strict=False):
            alone = {budget: claim.direction * change.mean for budget, change in claim.over_budgets(rows, clip).items()}
            axis.plot(alone.keys(), alone.values(), line, color="#777777", linewidth=1, label=clip)
        axis.errorbar(found.keys(), mean, yerr=reach, fmt="o-", color=COLORS[last], label="all clips")
        axis.axvline(evidence.PAPER_BUDGET, color="black", linestyle=":", linewidth=1)
        axis.axhline(0, color="black", linewidth=1)
        axis.set_xscale("log")
        axis.set_yscale("symlog", linthresh=10)
        axis.set_yticks(UP, [f"{tick:+d}" if tick else "0" for tick in UP], fontsize=8)
        axis.set_title(f"{claim.says}\n{claim.title}: {last}", fontsize=8)
    for axis in grid[-1]:
        axis.set_xlabel("steps a scale", fontsize=9)
    figure.supylabel("change in the claimed direction, percent", fontsize=9)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), fontsize=8, ncols=4, loc="outside upper center")
    return figure
