"""Figures of the lesson on other methods: what each trains when, VGPNN's noise, and all of them in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED
from hpvae_nb.metrics import diversity, novelty, survival
from hpvae_nb.model import Model
from hpvae_nb.studies import evidence
from hpvae_nb.studies.sweeps.results import Row

Numbers = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""Clip, method, measure: a number for each seed."""

METHODS = {"HP-VAE-GAN": evidence.WHOLE, **{name: name for name in evidence.METHODS.values()}}
"""Methods, and the points of the evidence that stand for them."""


@dataclass(frozen=True)
class Measure:
    """A column of the table.

    Attributes:
        title: short, with its unit.
        sign: 1 where more is better, -1 where less is, 0 where neither is by itself.
        logarithmic: whether values differ by powers of ten.
    """

    title: str
    sign: int
    logarithmic: bool = False


MEASURES = {
    **{name: Measure(evidence.label(name), -1) for name in evidence.REALISM},
    "diversity": Measure("diversity", 1),
    "novelty": Measure("novelty", 0),
    "survival": Measure("survival", 1),
    "training_seconds": Measure("training (s)", -1),
    "sampling_seconds": Measure("20 samples (s)", -1, logarithmic=True),
}
_BETTER = {1: "more is better", -1: "less is better", 0: "neither is better"}
_CLIPS = ((RANDOM, "o"), (RECONSTRUCTED, "s"), (REAL, "D"))

# What trains when

_ORDER = ("encoder", "head", "generators", "stages", "tail", "critic")
_LABELS = {"encoder": "E", "generators": "G", "stages": "stage ", "critic": "D"}


def part(name: str) -> str:
    """The part of a network that a weight belongs to: `stages.2.0.0.weight` to `stages.2`."""
    first, second = name.split(".")[:2]
    return f"{first}.{second}" if second.isdigit() and first in ("generators", "stages") else first


def schedule(methods: Mapping[str, Sequence[set[str]]]) -> Any:
    """Which parts of each network are trained at each scale, frozen, or not there yet.

    Args:
        methods: for each title the parts trained at scale 0, 1 and so on, as `part` names them, and `"critic"`.

    Raises:
        InputError: when there is no method.
    """
    if not methods:
        raise InputError("there is nothing to draw: give at least one method and its scales")
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, len(methods), figsize=(3 * len(methods), 2.9), layout="constrained", squeeze=False)
    for axis, (title, scales) in zip(axes[0], methods.items(), strict=True):
        parts = sorted(set().union(*scales), key=_place)
        for row, name in enumerate(parts):
            start = next(n for n, trained in enumerate(scales) if name in trained)
            for n in range(start, len(scales)):
                trained = name in scales[n]
                color = (GAN_COLOR if name == "critic" else RANDOM) if trained else "0.85"
                axis.add_patch(plt.Rectangle((n + 0.05, row + 0.08), 0.9, 0.84, color=color))
                if not trained:
                    axis.text(n + 0.5, row + 0.5, "frozen", ha="center", va="center", fontsize=7, color="0.35")
        axis.set(xlim=(0, len(scales)), ylim=(len(parts), 0), xlabel="scale being trained")
        axis.set_xticks([n + 0.5 for n in range(len(scales))], [str(n) for n in range(len(scales))])
        axis.set_yticks([row + 0.5 for row in range(len(parts))], [_label(name) for name in parts])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_title(title, fontsize=10)
    return figure


def _place(name: str) -> tuple[int, int]:
    first, _, number = name.partition(".")
    return _ORDER.index(first), int(number or 0)


def _label(name: str) -> str:
    first, _, number = name.partition(".")
    label = _LABELS.get(first, first)
    return f"$G^{number}$" if first == "generators" else label + number


# VGPNN's noise


@dataclass(frozen=True)
class NoisePoint:
    """What VGPNN makes with so much noise.

    Attributes:
        sigma: of the noise on the coarsest clip.
        diversity, novelty, survival: of its samples, as `hpvae_nb.metrics` measures them.
    """

    sigma: float
    diversity: float
    novelty: float
    survival: float


def measure_noise(model: Model, *, samples: int = 4, seed: int = 0) -> NoisePoint:
    """Draw samples of a model, and measure them against its own clip.

    Args:
        samples: how many, at least 2.
        seed: of the samples.
    """
    made, real = model.sample(samples, seed=seed), model.reconstruct()[0]
    values = (metric(made, real) for metric in (diversity, novelty, survival))
    return NoisePoint(model.method.settings["sigma"], *values)


def noise_curves(points: Sequence[NoisePoint], *, chosen: float | None = None) -> Any:
    """Diversity, novelty and survival over sigma, at equal steps.

    Args:
        points: at least one.
        chosen: a sigma to be marked.

    Raises:
        InputError: when there is no point.
    """
    if not points:
        raise InputError("there is nothing to draw: measure at least one sigma")
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.1), layout="constrained")
    ordered = sorted(points, key=lambda point: point.sigma)
    sigmas = [point.sigma for point in ordered]
    colors = {"diversity": RANDOM, "novelty": GAN_COLOR, "survival": VAE_COLOR}
    for axis, (name, color) in zip(axes, colors.items(), strict=True):
        axis.plot(range(len(sigmas)), [getattr(point, name) for point in ordered], color=color, marker="o")
        if chosen is not None:
            axis.axvline(sigmas.index(chosen), color="black", linewidth=1, linestyle="--")
        axis.set_xticks(range(len(sigmas)), [f"{sigma:g}" for sigma in sigmas])
        axis.set_title(name, fontsize=10)
        axis.set_ylim(bottom=0)
    axes[1].set_xlabel("σ, noise on the coarsest clip")
    return figure


# All methods in one table


def numbers_of(rows: Sequence[Row]) -> Numbers:
    """All measures of all methods on all clips, from rows of the evidence.

    Raises:
        InputError: a method has no row on one of the clips.
    """
    return {
        clip: {
            method: {name: evidence.values(rows, clip, point, name) for name in MEASURES}
            for method, point in METHODS.items()
        }
        for clip in evidence.clips(rows)
    }


def ranking(numbers: Numbers, clip: str, measure: str) -> list[str]:
    """Methods from best to worst mean; where neither more nor less is better, from least to most."""
    sign = MEASURES[measure].sign or -1
    methods = numbers[clip]
    return sorted(methods, key=lambda method: -sign * mean(methods[method][measure]))


def clear(numbers: Numbers, clip: str, measure: str) -> bool:
    """Whether no seed of any other method reaches the worst seed of the best method."""
    first, *others = ranking(numbers, clip, measure)
    sign = MEASURES[measure].sign or -1
    worst = min(sign * value for value in numbers[clip][first][measure])
    return all(sign * value < worst for other in others for value in numbers[clip][other][measure])


def table(numbers: Numbers, clip: str) -> str:
    """A text table of one clip: mean (least to most) over the seeds; the best mean of a row has a star."""
    lines = [["", *numbers[clip]]]
    for name, measure in MEASURES.items():
        best = ranking(numbers, clip, name)[0] if measure.sign else None
        cells = [f"{_cell(values[name])}{'*' * (method == best)}" for method, values in numbers[clip].items()]
        lines.append([measure.title, *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _cell(values: Sequence[float]) -> str:
    found = (mean(values), min(values), max(values))
    middle, low, high = (f"{value:.0f}" if value >= 10 else f"{value:.2f}" for value in found)
    return f"{middle} ({low}-{high})" if low != high else middle


def comparison(numbers: Numbers) -> Any:
    """The table as a picture: a panel for each measure, a line for each method, a mark for each clip.

    Marks are means, bars reach from the least to the most of all seeds.

    Raises:
        InputError: when there is no clip.
    """
    if not numbers:
        raise InputError("there is nothing to draw: give the numbers of at least one clip")
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    methods = list(next(iter(numbers.values())))
    figure, axes = plt.subplots(2, 4, figsize=(11, 4.4), layout="constrained", sharey=True)
    for axis, (name, measure) in zip(axes.flat, MEASURES.items(), strict=False):
        for offset, (clip, (color, marker)) in enumerate(zip(numbers, _CLIPS, strict=False)):
            for line, method in enumerate(methods):
                values = numbers[clip][method][name]
                height = line + 0.24 * offset - 0.12
                axis.plot([min(values), max(values)], [height] * 2, color=color, linewidth=2)
                axis.plot(mean(values), height, color=color, marker=marker, linestyle="none", label=clip)
        if measure.logarithmic:
            axis.set_xscale("log")
        else:
            axis.set_xlim(left=0)
        axis.set_title(measure.title, fontsize=10)
        axis.set_xlabel(_BETTER[measure.sign], fontsize=8)
        axis.grid(axis="y", color="0.9")
        axis.set_axisbelow(True)
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].set_ylim(len(methods) - 0.4, -0.6)
    *_, last = axes.flat
    last.set_axis_off()
    marks, labels = axes[0, 0].get_legend_handles_labels()
    found = dict(zip(labels, marks, strict=True))
    last.legend(found.values(), found.keys(), loc="center", title="mean, and range of seeds")
    return figure
