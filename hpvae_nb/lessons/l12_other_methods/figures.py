"""Figures of the lesson on other methods: VGPNN's noise, and all methods in one table."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR, dots_and_bars, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED
from hpvae_nb.lessons.l12_other_methods.experiment import MEASURES, NoisePoint, statistics
from hpvae_nb.studies import evidence

_CLIPS = ((RANDOM, "o"), (RECONSTRUCTED, "s"), (REAL, "D"))


def noise_curves(points: Sequence[NoisePoint], *, chosen: float | None = None) -> Figure:
    """Diversity, novelty and survival over sigma, at equal steps, with a mark at the chosen sigma.

    Raises:
        InputError: when there is no point.
    """
    if not points:
        raise InputError("there is nothing to draw: measure at least one sigma")
    table = pd.DataFrame(points).sort_values("sigma", ignore_index=True)
    colors = {"diversity": RANDOM, "novelty": GAN_COLOR, "survival": VAE_COLOR}
    figure, axes = subplots(1, 3, figsize=(8, 2.1))
    for axis, (name, color) in zip(axes, colors.items(), strict=True):
        axis.plot(table.index, table[name], color=color, marker="o")
        if chosen is not None:
            axis.axvline(table.index[table["sigma"] == chosen][0], color="black", linewidth=1, linestyle="--")
        axis.set_xticks(table.index, table["sigma"].map("{:g}".format))
        axis.set_title(name, fontsize=10)
        axis.set_ylim(bottom=0)
    axes[1].set_xlabel("σ, noise on the coarsest clip")
    return figure


def comparison(rows: pd.DataFrame) -> Figure:
    """The rows of `of_methods` as a picture: a panel for each measure, a line for each method, a mark for each clip.

    Marks are means, bars reach from the least to the most of all seeds.

    Raises:
        InputError: when there is no row.
    """
    if rows.empty:
        raise InputError("there is nothing to draw: give the rows of at least one clip")
    figure, axes = subplots(2, 4, figsize=(9, 4.4), sharey=True)
    for axis, (name, measure) in zip(axes.flat, MEASURES.items(), strict=False):
        for number, (clip, (color, marker)) in enumerate(zip(evidence.clips(rows), _CLIPS, strict=False)):
            found = statistics(rows, clip, name)
            heights = [line + 0.24 * number - 0.12 for line in range(len(found))]
            style = {"fmt": marker, "color": color, "label": clip}
            dots_and_bars(axis, found["mean"], found["min"], found["max"], heights, **style)
        if measure.unit == "s" and rows[name].min() > 0:  # times may differ by powers of ten
            axis.set_xscale("log")
        else:
            axis.set_xlim(left=0)
        axis.set_title(measure.title, fontsize=10)
        axis.set_xlabel(measure.reading, fontsize=9)
        axis.grid(axis="y", color="0.9")
        axis.set_axisbelow(True)
    axes[0, 0].set_yticks(range(len(found)), found.index)
    axes[0, 0].set_ylim(len(found) - 0.4, -0.6)
    *_, last = axes.flat
    last.set_axis_off()
    last.legend(*axes[0, 0].get_legend_handles_labels(), loc="center", title="mean, and range of seeds")
    return figure
