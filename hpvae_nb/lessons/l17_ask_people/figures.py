"""Orders of pages, scores with their intervals, how these shrink, and what raters agree on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hpvae_nb.lab.render import bare, dots_and_bars, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED
from hpvae_nb.studies import opinions

NAMES = {"realness": "C1: how real?", "diversity": "C2: how different?"}


def orders_figure(designs: Mapping[str, Sequence[Sequence[str]]]) -> Figure:
    """For each design, a line for each rater with the letters of the methods, in the order they are seen."""
    figure, (axes,) = subplots(1, len(designs), figsize=(2.7 * len(designs), 2.3), squeeze=False)
    for axis, (title, orders) in zip(axes, designs.items(), strict=True):
        letters = sorted({name for order in orders for name in order})
        shades = [[letters.index(name) for name in order] for order in orders]
        axis.imshow(shades, cmap="cividis", vmin=-1, vmax=len(letters), aspect="auto")
        for row, order in enumerate(orders):
            for column, name in enumerate(order):
                dark = letters.index(name) < len(letters) / 2
                axis.text(column, row, name, ha="center", va="center", color="white" if dark else "black")
        axis.set(xticks=range(len(orders[0])), xticklabels=range(1, len(orders[0]) + 1), yticks=[], xlabel="place")
        axis.set_title(title, fontsize=9)
    axes[0].set_ylabel("raters")
    return figure


def designs_figure(truth: Mapping[str, float], found: Mapping[str, Mapping[str, float]]) -> Figure:
    """What each design finds of each method (dots), and what is true (lines)."""
    figure, (axes,) = subplots(1, len(found), figsize=(2.7 * len(found), 2.3), sharey=True, squeeze=False)
    for axis, (title, scores) in zip(axes, found.items(), strict=True):
        axis.plot(list(truth), list(truth.values()), "_", color="black", markersize=24, label="true")
        axis.plot(list(scores), list(scores.values()), "o", color=RANDOM, label="found")
        axis.set_title(title, fontsize=9)
        axis.set_xlim(-0.6, len(truth) - 0.4)
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel("mean opinion score")
    axes[0].legend(fontsize=8)
    return figure


def scores_figure(scores: pd.DataFrame, kind: str = "video") -> Figure:
    """Mean opinion scores of `opinions.scores` with their intervals, and the paper's as hollow marks."""
    figure, axes = subplots(1, len(NAMES), figsize=(8, 0.42 * scores["method"].nunique() + 1.2), sharey=True)
    for axis, (question, title) in zip(axes, NAMES.items(), strict=True):
        part = scores[(scores["kind"] == kind) & (scores["question"] == question)]
        at = np.arange(len(part))
        dots_and_bars(axis, part["mean"], part["low"], part["high"], at, color=RANDOM, label="mean, 95 % interval")
        axis.plot(part["paper"], at + 0.25, "D", markerfacecolor="none", color="black", label="the paper's table 3")
        axis.set(xlim=(0.8, 5.2), xticks=range(1, 6), xlabel="opinion score", ylim=(len(part) - 0.5, -0.5))
        axis.set_title(title, fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(at, part["method"])
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=8, ncols=2, loc="outside upper center")
    return figure


def widths_figure(counts: Sequence[int], found: Mapping[int, Sequence[float]]) -> Figure:
    """The interval's width over the number of raters, a line for each number of clips."""
    figure, axis = subplots(figsize=(5.5, 3))
    lines = zip(found.items(), (RANDOM, RECONSTRUCTED, REAL), ("o-", "s--", "^:"), strict=False)
    for (clips, widths), color, style in lines:
        axis.plot(counts, widths, style, color=color, markersize=4, label=f"{clips} clips")
    axis.set(xlabel="raters", ylabel="width of the 95 % interval", xscale="log", ylim=(0, None))
    axis.set_xticks(counts, counts)
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


def answers_figure(answers: Mapping[str, np.ndarray]) -> Figure:
    """Answers `rater page` as maps, a row for each rater, with their agreement; the pages in order of their means."""
    figure, (axes,) = subplots(1, len(answers), figsize=(2.8 * len(answers), 2.2), squeeze=False)
    for axis, (title, given) in zip(axes, answers.items(), strict=True):
        sorted_ = given[:, np.argsort(given.mean(0), kind="stable")]
        shown = axis.imshow(sorted_, cmap="cividis", vmin=1, vmax=opinions.BEST, aspect="auto")
        bare(axis)
        axis.set_title(f"{title}: α = {opinions.alpha(given):.2f}", fontsize=9)
        axis.set_xlabel("pages, by their mean")
    axes[0].set_ylabel("raters")
    figure.colorbar(shown, ax=axes, label="answer", ticks=range(1, opinions.BEST + 1))
    return figure
