"""Figures of the lesson on diversity and realism: how both change with M, the number of VAE levels."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import subplots
from hpvae_nb.lab.show import RANDOM, RECONSTRUCTED
from hpvae_nb.lessons.l09_diversity_and_realism.experiment import Point
from hpvae_nb.metrics import METRICS

DIVERSITY, DISTANCE = (f"{METRICS[name].title}: {METRICS[name].reading}" for name in ("diversity", "svfid"))


def curves(clips: Mapping[str, Sequence[Point]], *, chosen: int | None = None) -> Figure:
    """The paper's Fig. 5: diversity and distance over M, a line for each clip, and a mark at the chosen M.

    Raises:
        InputError: when there is no point.
    """
    if not any(clips.values()):
        raise InputError("there is nothing to draw: measure at least one model")
    figure, axes = subplots(1, 2, figsize=(7, 2.5))
    for (clip, points), color, marker in zip(clips.items(), (RANDOM, RECONSTRUCTED), "os", strict=False):
        ordered = sorted(points, key=lambda point: point.levels)
        both = zip(*((point.diversity, point.distance.value) for point in ordered), strict=True)
        for axis, values in zip(axes, both, strict=False):
            axis.plot([point.levels for point in ordered], values, color=color, marker=marker, label=clip)
    for axis, title in zip(axes, (DIVERSITY, DISTANCE), strict=True):
        if chosen is not None:
            axis.axvline(chosen, color="black", linewidth=1, linestyle="--")
        levels = {point.levels for points in clips.values() for point in points}
        axis.set(xlabel="M, number of VAE levels", xticks=sorted(levels))
        axis.set_title(title, fontsize=10)
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    return figure


def plane(points: Sequence[Point], unbeaten: Sequence[int]) -> Figure:
    """Both numbers of each model at once; those that no other beats are filled."""
    figure, axis = subplots(figsize=(4.4, 3.2))
    for point in points:
        face = RANDOM if point.levels in unbeaten else "white"
        place = (point.distance.value, point.diversity)
        axis.scatter(*place, s=70, color=face, edgecolor=RANDOM, zorder=3)
        axis.annotate(f"M = {point.levels}", place, xytext=(7, 3), textcoords="offset points", fontsize=9)
    axis.set(xlabel=DISTANCE, ylabel=DIVERSITY)
    axis.margins(x=0.25, y=0.15)
    return figure
