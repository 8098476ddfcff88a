"""Checks of the lesson on reproducing the paper: the size of a trend, and how many seeds settle a question."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match
from hpvae_nb.studies.intervals import reach

_CHANGES = ([1.0, -2.0, 6.0], [4.0, 6.0, 5.0], [-1.0, -4.0, -2.5], [0.9, 1.1], [9.0, 9.5, 9.1], [3.0, -1.0, 0.5, 1.0])
MOST = 1000  # seeds; whoever needs more has found nothing


@exercise
def trend(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """The slope of each seed's straight line over M, 'seed', in percent of its mean, from 'level' and 'level seed'."""
    generator = torch.Generator().manual_seed(0)
    for levels in (torch.tensor([1.0, 2, 3, 5, 7]), torch.tensor([1.0, 4, 9])):
        values = 1 + torch.rand(len(levels), 4, generator=generator)
        given = torch.as_tensor(ask(answer, levels, values))
        apart, mean = levels - levels.mean(), values.mean(0)
        slope = apart @ values / apart.square().sum()
        ends = (values[-1] - values[0]) / (levels[-1] - levels[0])
        through_0 = levels @ values / levels.square().sum()
        wrong = {
            "that is the slope itself: divide by the seed's mean and take it times 100": slope,
            "the slope is right, but in what? Take it times 100, for percent": slope / values.mean(0),
            "that is the line through the first and the last point: all of them count": 100 * ends / mean,
            "in percent of the seed's mean, not of its first value": 100 * slope / values[0],
            "divide by each seed's own mean, not by the mean of all": 100 * slope / values.mean(),
            "the levels have to be taken from their mean first: a line need not go through 0": (100 * through_0 / mean),
            "divide by the sum of squares of the levels, once they are taken from their mean": (
                100 * (apart @ values) / mean
            ),
        }
        compare(given, 100 * slope / mean, wrong)
    return "a positive number is a rise by that many percent with every level more"


@exercise
def seeds_needed(answer: Callable[[Sequence[float]], int]) -> str:
    """How many seeds like these it takes until 0 lies outside the interval."""
    for changes in _CHANGES:
        given = ask(answer, list(changes))
        mean, count = float(np.mean(changes)), len(changes)
        close, far = float(np.std(changes)), float(np.std(changes, ddof=1))
        one, wanted = reach(far, count) * math.sqrt(count), seeds_for(changes)
        if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
            raise Mistake(f"your result is {given!r}, but a whole number was wanted")
        rising, biased = least(partial(reach, far), mean), least(partial(reach, close), abs(mean))
        by_root = least(partial(_by_its_root, one), abs(mean))
        wrong = {
            "begin with n = 2: fewer seeds than there are may do": [count] if wanted < count else [],
            "a claim can be a fall: compare with the size of the mean, not with the mean": [rising],
            "the interval gets narrower with n in two ways: by its root, and by Student's t": [by_root],
            "take the deviation with n - 1: few seeds look closer together than they are": [biased],
            "one seed fewer would do: stop at the first n whose interval leaves out 0": [wanted + 1],
            "with that many, 0 still lies inside: go one further": [wanted - 1],
        }
        match(given, wanted, wrong, f"for the changes {list(changes)} you say {given}, but it takes {wanted}")
    return "the wider the seeds scatter against what they show, the more of them it takes"


def seeds_for(changes: Sequence[float]) -> int:
    """The right answer, or `MOST` where even that many would not do."""
    return least(partial(reach, float(np.std(changes, ddof=1))), abs(float(np.mean(changes))))


def least(half: Callable[[int], float], size: float) -> int:
    """The least number of seeds, from 2 on, whose interval reaches less far than `size`."""
    return next((count for count in range(2, MOST) if half(count) < size), MOST)


def _by_its_root(half_of_one: float, count: int) -> float:
    return half_of_one / math.sqrt(count)
