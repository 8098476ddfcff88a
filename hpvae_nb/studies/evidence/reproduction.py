"""Rows that were measured again, held against the bundled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpvae_nb.errors import InputError, require
from hpvae_nb.studies.evidence.points import values
from hpvae_nb.studies.sweeps.results import Row

SAME = 0.01  # relative, on the same kind of processor with the same PyTorch: there the very numbers come back
MAY_MISS = 0.1  # of the numbers from another machine: of the 95 % that should lie within, some may not


@dataclass(frozen=True)
class Comparison:
    """One number, measured again.

    Attributes:
        point, metric: what was measured.
        bundled: the number of the same clip, point and seed.
        again: what came now.
        low, high: where it may lie.
    """

    point: str
    metric: str
    bundled: float
    again: float
    low: float
    high: float

    @property
    def within(self) -> bool:
        return self.low <= self.again <= self.high


def compare(again: Sequence[Row], bundled: Sequence[Row]) -> list[Comparison]:
    """Every metric of every row in `again`, which has a row of the same trial in `bundled`.

    The same processor and PyTorch give the same numbers, to one percent. Others round differently, and a training that
    rounds differently ends elsewhere, as with another seed: there a number may lie where a further seed's would, with
    95 % confidence (Student's prediction interval from the bundled seeds).

    Raises:
        InputError: a row that failed, or that has no bundled counterpart.
    """
    known = {row["trial"]: row for row in bundled}
    found = []
    for row in again:
        if row["error"] is not None:
            raise InputError(f"{row['trial']} failed: {row['error']}")
        if row["trial"] not in known:
            raise InputError(f"{row['trial']} is not among the bundled rows: run trials of data/evidence/spec.yaml")
        old = known[row["trial"]]
        alike = all(row[name] == old[name] for name in ("device", "torch", "precision"))
        for metric in old["metrics"]:
            if old[metric] is None:
                continue
            if alike:
                reach = SAME * abs(old[metric])
                low, high = old[metric] - reach, old[metric] + reach
            else:
                low, high = prediction(values(bundled, old["clip"], old["point"], metric))
            again_value = float("nan") if row[metric] is None else row[metric]
            found.append(Comparison(old["point"], metric, old[metric], again_value, low, high))
    return found


def prediction(measured: Sequence[float]) -> tuple[float, float]:
    """Where the value of a further seed lies with 95 % confidence, from two seeds or more."""
    stats = require("scipy.stats", "intervals", "scipy")
    count = len(measured)
    reach = stats.t.ppf(0.975, count - 1) * np.std(measured, ddof=1) * np.sqrt(1 + 1 / count)
    return float(np.mean(measured) - reach), float(np.mean(measured) + reach)


def reproduced(comparisons: Sequence[Comparison]) -> bool:
    """Whether enough of the numbers came back."""
    missed = sum(not comparison.within for comparison in comparisons)
    return bool(comparisons) and missed <= MAY_MISS * len(comparisons)
