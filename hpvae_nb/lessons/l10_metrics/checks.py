"""Checks of the lesson on metrics: which rare patches live on, and the distance of two piles of numbers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.core.patches import nearest
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise
from hpvae_nb.metrics.sliced import wasserstein


@exercise
def living(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """`living(salient, common, sample)`: which of the salient patches `k d` live on in the sample's, `k` of bool."""
    for seed in range(5):
        sets = _patch_sets(seed)
        given, wanted = ask(answer, *(rows.clone() for rows in sets)), survivors(*sets)
        if not isinstance(given, Tensor):
            raise Mistake(f"your result is a {type(given).__name__}, but a tensor was wanted")
        if given.ndim == 0:
            raise Mistake("that is the share; the answer for each salient patch is wanted, and the share is its mean")
        if given.shape == sets[2].shape[:1]:
            raise Mistake(
                f"{len(given)} answers, one for each patch of the sample; but it is the {len(wanted)} salient patches "
                "that look for a neighbour: take the least distance of each of them"
            )
        if given.shape == wanted.shape and given.dtype != torch.bool:
            raise Mistake("those are numbers; live or not is a yes or no for each patch: compare the two distances")
        wrong = {words: values.float() for words, values in _wrong_survivors(*sets).items()}
        compare(given.float(), wanted.float(), wrong)
    return "found in the sample at most half as far away as in what is common in the clip"


def survivors(salient: Tensor, common: Tensor, sample: Tensor) -> Tensor:
    """The right answer to `living`: patches `k d`, `m d` and `n d` to `k` of bool."""
    return _least(salient, sample) <= 0.5 * _least(salient, common)


def _least(queries: Tensor, keys: Tensor) -> Tensor:
    return nearest(queries, keys)[1].sqrt()


def _wrong_survivors(salient: Tensor, common: Tensor, sample: Tensor) -> dict[str, Tensor]:
    found, without = _least(salient, sample), _least(salient, common)
    return {
        "nearer than the background is not enough, or a slightly darker piece of ground would do: at most half": (
            found <= without
        ),
        "half the distance, not half of its square: a quarter of the square is meant": (
            found.square() <= 0.5 * without.square()
        ),
        "the other way round: a patch lives when the sample is nearer than the background": without <= 0.5 * found,
        "those are the dead ones": found > 0.5 * without,
        "a patch lives if any place in the sample will do, so the least distance counts, not the mean one": (
            torch.cdist(salient, sample).mean(1) <= 0.5 * torch.cdist(salient, common).mean(1)
        ),
    }


def _patch_sets(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Background about 0; salient patches farther out; a sample that holds some of them, more or less changed."""
    generator = torch.Generator().manual_seed(seed)
    salient = 2 * torch.randn(24, 6, generator=generator)
    common = torch.randn(40, 6, generator=generator)
    blend = torch.linspace(0, 1, 18)[:, None] * torch.randn(18, 6, generator=generator)
    return salient, common, torch.cat([salient[:18] + 1.2 * blend, torch.randn(15, 6, generator=generator)])


@exercise
def distance(answer: Callable[[Tensor, Tensor], Any]) -> str:
    """`distance(a, b)`: the least mean way from a pile of numbers `n` to another of as many."""
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        a = torch.randn(9 + seed, generator=generator)
        b = 1.5 * torch.randn(9 + seed, generator=generator) + 0.4
        given = torch.as_tensor(ask(answer, a.clone(), b.clone()))
        up, other, gap = a.sort().values, b.sort().values, a.mean() - b.mean()
        wrong = {
            "number i of one pile goes to number i of the other, in the order in which they happen to lie; the "
            "cheapest way is by rank": (a - b).abs().mean(),
            "only one of the piles is sorted": (up - b).abs().mean(),
            "only the second of the piles is sorted": (a - other).abs().mean(),
            "one pile rises and the other falls: sort both the same way": (up - other.flip(0)).abs().mean(),
            "ways to the left and to the right cancel, and only the difference of the means is left: take absolute "
            "values first": gap.abs(),
            "with its sign, a way to the left pays for one to the right: take absolute values first": gap,
            "so far it would be with sorted piles, but ways are squared; here a way costs its length": (
                (up - other).square().mean()
            ),
            "that is the sum; the mean is wanted, or a larger pile would lie farther away": (up - other).abs().sum(),
            "each number goes to the nearest of the other pile, and several may choose the same one; each may be used "
            "only once": (a[:, None] - b).abs().min(1).values.mean(),
        }
        compare(given, wasserstein(up, other), wrong)
    return "smallest to smallest, largest to largest: no crossing of ways is ever shorter"
