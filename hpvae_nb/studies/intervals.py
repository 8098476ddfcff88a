"""Where a mean over a few seeds lies, and where a further seed's value would, if seeds scatter normally."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from hpvae_nb.errors import InputError


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and where the true mean lies with 95 % confidence, if seeds scatter normally."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def interval(measured: Sequence[float] | np.ndarray | pd.Series) -> Interval:
    """Student's t interval of a mean, from values of independent seeds.

    Source: Student 1908, "The probable error of a mean".

    Args:
        measured: at least one value; with a single one nothing is known of the scatter, and the interval is infinite.

    Raises:
        InputError: without any value.
    """
    if len(measured) == 0:
        raise InputError("there is no value to take a mean of: measure at least one seed, better three")
    count, mean = len(measured), float(np.mean(measured))
    if count == 1:
        return Interval(mean, -math.inf, math.inf)
    half = reach(float(np.std(measured, ddof=1)), count)
    return Interval(mean, mean - half, mean + half)


def mean_change(changes: Sequence[float] | np.ndarray) -> Interval:
    """The mean of changes in percent, each above -100, and its interval.

    Both are those of logarithms of ratios, for which to double and to halve are equally far. Errors as in `interval`.
    """
    logs = astuple(interval(np.log1p(np.array(changes) / 100)))
    return Interval(*(100 * float(np.expm1(end)) for end in logs))


def reach(deviation: float, count: int) -> float:
    """Half the width of a 95 % interval, from the standard deviation of seeds (n - 1) and how many there are.

    Raises:
        InputError: with fewer than two, of whose scatter nothing is known.
    """
    if count < 2:
        raise InputError(f"count is {count}, but a scatter takes at least 2 seeds: measure another")
    return float(stats.t.interval(0.95, count - 1)[1]) * deviation / math.sqrt(count)


def prediction(measured: Sequence[float] | pd.Series) -> Interval:
    """Where the value of a further seed lies with 95 % confidence, from two seeds or more.

    It strays from the mean by its own scatter and by that of the mean: the root of n + 1 times as far as the latter.
    """
    mean, count = float(np.mean(measured)), len(measured)
    half = reach(float(np.std(measured, ddof=1)), count) * math.sqrt(count + 1)
    return Interval(mean, mean - half, mean + half)
