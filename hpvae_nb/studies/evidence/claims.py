"""The paper's findings against the rows: intervals over seeds, and claims that they bear out or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from hpvae_nb.errors import InputError
from hpvae_nb.metrics import METRICS
from hpvae_nb.studies.evidence.points import LEVELS, WHOLE, changes, clips, values
from hpvae_nb.studies.tables import markdown


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

    Both are those of logarithms of ratios, for which to double and to halve are equally far.

    Raises:
        InputError: without any change.
    """
    logs = interval(np.log1p(np.array(changes) / 100))
    return Interval(*(100 * float(np.expm1(end)) for end in (logs.mean, logs.low, logs.high)))


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


@dataclass(frozen=True)
class Claim:
    """A finding, as a comparison that a seed can pass or fail.

    Attributes:
        says: the finding, in words.
        source: where it stands.
        metric: a column of the rows.
        points: the point that differs, and the one it is compared with; or the points of a trend over M.
        direction: 1 where the metric rises by it, -1 where it falls.
        paper: the size it has there, in words, where a number is given.
    """

    says: str
    source: str
    metric: str
    points: tuple[str, ...]
    direction: Literal[1, -1]
    paper: str = ""

    @property
    def title(self) -> str:
        """The metric's, for people."""
        return METRICS[self.metric].title

    def measured(self, rows: pd.DataFrame, clip: str | None = None) -> np.ndarray:
        """The change in percent, for each seed: of the first point from the second, or by one more level of a trend.

        Without a clip those of all clips. A trend is the slope of the straight line through the points (least squares),
        in percent of their mean.
        """
        if clip is None:
            return np.concatenate([self.measured(rows, name) for name in clips(rows)])
        if self.points == LEVELS:
            found = np.array([values(rows, clip, name, self.metric) for name in LEVELS])
            levels = [int(name.removeprefix("M = ")) for name in LEVELS]
            return 100 * np.polyfit(levels, found, 1)[0] / found.mean(axis=0)
        return changes(rows, clip, self.points[0], self.metric, self.points[1]).to_numpy()

    def found(self, rows: pd.DataFrame, clip: str | None = None) -> Interval:
        """The mean change in percent over seeds, and its interval; without a clip of all clips together."""
        return mean_change(self.measured(rows, clip))

    def verdict(self, found: Interval) -> str:
        """Whether the measured change has the direction of the claim: `yes`, `no`, or `unclear` between them."""
        if self.direction * found.low > 0 and self.direction * found.high > 0:
            return "yes"
        if self.direction * found.low < 0 and self.direction * found.high < 0:
            return "no"
        return "unclear"


VERDICTS = ("no", "unclear", "yes")

REALISM = ("svfid", "svfid_efficientnet")
"""Columns with a distance to the training clip."""


def _claims() -> tuple[Claim, ...]:
    made = [Claim("more VAE levels, more diverse", "Fig. 5", "diversity", LEVELS, 1)]
    made += [Claim("more VAE levels, less real", "Fig. 5", metric, LEVELS, 1) for metric in REALISM]
    for other in ("SinGAN", "ConSinGAN"):
        made.append(Claim(f"more diverse than {other}", "Fig. 5", "diversity", (WHOLE, other), 1))
        made += [Claim(f"more real than {other}", "Fig. 5", metric, (WHOLE, other), -1) for metric in REALISM]
    made.append(Claim("one VAE level memorises", "Fig. 6", "novelty", ("M = 1", WHOLE), -1))
    made += [Claim("without GAN levels, not real", "Fig. 6", metric, ("M = 7", WHOLE), 1) for metric in REALISM]
    made.append(
        Claim("without freezing, less diverse", "Section 4.2", "diversity", ("no freezing", WHOLE), -1, "-51 %")
    )
    made += [
        Claim("without freezing, less real", "Section 4.2", metric, ("no freezing", WHOLE), 1, "+680 %")
        for metric in REALISM
    ]
    made += [Claim("decoder with r = 1: not real", "Fig. 9 b", m, ("decoder r = 1", WHOLE), 1) for m in REALISM]
    made += [
        Claim("encoder with r = 1: modes collapse", "Fig. 9 c", "diversity", ("encoder r = 1", WHOLE), -1),
        Claim("PatchVAE: few and small objects", "Fig. 9 d", "survival", ("PatchVAE", WHOLE), -1),
    ]
    made += [Claim("VGPNN: closer to the clip", "Haim et al. 2022", m, ("VGPNN", WHOLE), -1) for m in REALISM]
    made.append(Claim("VGPNN: copies, so less novel", "its algorithm", "novelty", ("VGPNN", WHOLE), -1))
    return tuple(made)


CLAIMS = _claims()
"""Findings of the paper that the rows can speak about, and what is said of the method that came after."""


def claims_table(rows: pd.DataFrame) -> str:
    """Every claim as a row in Markdown: what the paper says, mean and interval on each clip and on all, the verdict.

    The verdict is that of all clips and seeds together. What goes the other way comes first, then what is unclear, and
    last what agrees.

    Raises:
        InputError: a point of a claim has no row.
    """
    lines = []
    for claim in ordered(rows):
        found = {clip or "all": claim.found(rows, clip) for clip in (*clips(rows), None)}
        cells = {"finding": claim.says, "source": claim.source, "measured by": claim.title, "paper": claim.paper}
        cells |= {clip: f"{change:+.0f} %" for clip, change in found.items()}
        lines.append(cells | {"same direction": claim.verdict(found["all"])})
    return markdown(pd.DataFrame(lines))


def ordered(rows: pd.DataFrame) -> list[Claim]:
    """The claims, those first that fare worst on all clips together."""
    return sorted(CLAIMS, key=lambda claim: VERDICTS.index(claim.verdict(claim.found(rows))))
