"""What VGPNN makes with more and more noise, and which method is best by which number."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpvae_nb.errors import InputError
from hpvae_nb.metrics import COSTS, METRICS, diversity, novelty, survival
from hpvae_nb.model import Model
from hpvae_nb.studies import evidence

METHODS = {evidence.WHOLE: "HP-VAE-GAN", **{name: name for name in evidence.METHODS}}
"""Points of the evidence that stand for a method, and its name."""

_NAMES = (*evidence.REALISM, "diversity", "novelty", "survival")
MEASURES = {name: METRICS[name] for name in _NAMES} | COSTS


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
    """Draw at least 2 samples of a model, and measure them against its own clip."""
    made, real = model.sample(samples, seed=seed), model.reconstruct()[0]
    values = (metric(made, real) for metric in (diversity, novelty, survival))
    return NoisePoint(model.method.settings["sigma"], *values)


def of_methods(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the evidence that are of whole methods, with the `method`'s name; all measures are columns.

    Raises:
        InputError: a method has no row on one of the clips.
    """
    chosen = rows[rows["point"].isin(METHODS)]
    there = set(zip(chosen["clip"], chosen["point"], strict=True))
    for clip in evidence.clips(rows):
        for point in METHODS:
            if (clip, point) not in there:
                raise InputError(f"there is no row of {METHODS[point]} on {clip!r}: measure it there as well")
    names = pd.Categorical(chosen["point"].map(METHODS), list(METHODS.values()))
    return chosen.assign(method=names)


def statistics(rows: pd.DataFrame, clip: str, measure: str) -> pd.DataFrame:
    """For each method, in their order, the `mean`, `min` and `max` of a measure over the seeds."""
    of_clip = rows[rows["clip"] == clip]
    return of_clip.groupby("method", observed=True)[measure].agg(["mean", "min", "max"])


def ranking(rows: pd.DataFrame, clip: str, measure: str) -> list[str]:
    """Methods from best to worst mean; where neither more nor less is better, from least to most."""
    rising = MEASURES[measure].direction != 1
    return statistics(rows, clip, measure).sort_values("mean", ascending=rising, kind="stable").index.tolist()


def clear(rows: pd.DataFrame, clip: str, measure: str) -> bool:
    """Whether no seed of any other method reaches the worst seed of the best method."""
    first, *others = ranking(rows, clip, measure)
    found = statistics(rows, clip, measure)
    if MEASURES[measure].direction == 1:
        return bool(found.loc[first, "min"] > found.loc[others, "max"].max())
    return bool(found.loc[first, "max"] < found.loc[others, "min"].min())


def table(rows: pd.DataFrame, clip: str) -> pd.DataFrame:
    """A row for each measure on one clip: mean (least to most) over the seeds; the best mean of a row has a star."""
    lines = {}
    for name, measure in MEASURES.items():
        best = ranking(rows, clip, name)[0] if measure.direction else None
        found = statistics(rows, clip, name)
        lines[measure.title] = {row.Index: _cell(row) + "*" * (row.Index == best) for row in found.itertuples()}
    return pd.DataFrame.from_dict(lines, orient="index")


def _cell(row: Any) -> str:
    middle, low, high = (f"{value:.0f}" if value >= 10 else f"{value:.2f}" for value in (row.mean, row.min, row.max))
    return f"{middle} ({low}-{high})" if low != high else middle
