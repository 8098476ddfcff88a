"""A measured number that never loses the name of what it was measured with."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from hpvae_nb.errors import InputError


@functools.total_ordering
@dataclass(frozen=True)
class Score:
    """A number, the metric it is a value of, and the feature extractor behind it.

    Two scores can be ordered, subtracted, divided (to a number without a unit) and averaged when metric and extractor
    agree, or else InputError is raised. `value` is the bare number, for those who know what they do.
    """

    value: float
    metric: str
    extractor: str

    def __str__(self) -> str:
        return f"{self:.4g}"

    def __format__(self, spec: str) -> str:
        return f"{self.metric} {self.value:{spec or '.4g'}} ({self.extractor})"

    def __lt__(self, other: Score) -> bool:
        _check_alike([self, other])
        return self.value < other.value

    def __sub__(self, other: Score) -> Score:
        _check_alike([self, other])
        return Score(self.value - other.value, self.metric, self.extractor)

    def __truediv__(self, other: Score) -> float:
        _check_alike([self, other])
        return self.value / other.value


def mean_score(scores: Iterable[Score]) -> Score:
    """The average of scores of one metric and extractor.

    Raises:
        InputError: there are none, or they differ in metric or extractor.
    """
    scores = list(scores)
    if not scores:
        raise InputError("there are no scores to average: give at least one")
    _check_alike(scores)
    return Score(sum(score.value for score in scores) / len(scores), scores[0].metric, scores[0].extractor)


def _check_alike(scores: list[Score]) -> None:
    first = scores[0]
    for score in scores:
        if not isinstance(score, Score):
            raise InputError(f"{score!r} is no Score: compare the bare number, {first.metric}'s value, with it instead")
        if (score.metric, score.extractor) != (first.metric, first.extractor):
            raise InputError(f"{first} and {score} cannot be compared: measure both with one metric and one extractor")
