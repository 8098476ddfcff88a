"""Figures of the applications' lesson: what each start scale leaves of a pasted object."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from hpvae_nb.lab.render import subplots
from hpvae_nb.lab.show import RANDOM


def start_curves(left: Sequence[float], detail: Sequence[float], *, least: float) -> Figure:
    """What is left of an object and how much happens in it, over the start scale; dashed: how much should be left."""
    figure, axes = subplots(1, 2, figsize=(7, 2.3))
    starts = range(len(left))
    axes[0].plot(starts, left, color="black", marker="o")
    axes[0].axhline(least, color="0.5", linestyle="--", linewidth=1)
    axes[0].set(ylim=(0, 1.1), ylabel="share of its colour left")
    axes[1].plot(starts, detail, color=RANDOM, marker="s")
    axes[1].set(ylabel="change between pixels")
    axes[1].set_ylim(bottom=0)
    for axis in axes:
        axis.set(xlabel="start scale", xticks=starts)
    return figure
