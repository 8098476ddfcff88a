"""Checks for the exercises of lesson 4: slice length, sampling rate of a scale, upsampling in time."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, exercise, match
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import sampling_rate

RATE_SETS = [(4, 3, 2, 1), (2, 1), (4, 2, 1), (5, 2, 1), (6, 4, 1), (3, 1)]


@exercise
def slice_length(answer: Callable[[tuple[int, ...]], int]) -> str:
    """The fewest frames, more than one, whose last frame every rate keeps: LCM(Omega) + 1."""
    for rates in RATE_SETS:
        actual, expected, product = ask(answer, rates), math.lcm(*rates) + 1, math.prod(rates) + 1
        lost, slowest = next((rate for rate in rates if (expected - 2) % rate), None), max(rates)
        short, alone = [expected - 1], [slowest + 1]
        wrong = {
            f"with {actual} frames the last is number {expected - 2}, which rate {lost} misses: one more": short,
            f"{actual} frames work for {rates}, but so do {expected}: the product is no least multiple": [product],
            f"{actual} frames suit rate {slowest} alone; for {rates} every rate must divide frames - 1": alone,
        }
        otherwise = f"for rates {rates} it gave {actual}, but the shortest slice has {expected} frames"
        match(actual, expected, wrong, otherwise)
    return f"every rate of {len(RATE_SETS)} sets keeps both ends, and no shorter slice would do"


@exercise
def rate_of(answer: Callable[[int, int, tuple[int, ...]], int]) -> str:
    """Linear indexing into Omega, rounded down; scale 0 gets the first rate and scale N the last."""
    for scales in (10, 7, 4, 9, 12):
        for rates in RATE_SETS:
            if len(rates) > scales:
                continue
            config = preset("paper", scales=scales, vae_levels=1, sampling_rates=rates)
            expected = [sampling_rate(config, n) for n in range(scales)]
            actual = [ask(answer, n, scales, rates) for n in range(scales)]
            if actual != expected:
                raise Mistake(_about_rates(actual, expected, scales, rates))
    return "scale 0 gets the slowest rate, scale N the fastest, and the index never overshoots"


def _about_rates(actual: list[int], expected: list[int], scales: int, rates: tuple[int, ...]) -> str:
    last = scales - 1
    if actual == expected[::-1] or actual[0] == rates[-1] != rates[0]:
        return f"scale 0 got rate {actual[0]}: the coarsest scale keeps the fewest frames, so it has the largest rate"
    if actual == [rates[n * len(rates) // scales] for n in range(scales)]:
        return (
            f"you cut {scales} scales into {len(rates)} equal parts; the paper indexes linearly, so that rate "
            f"{rates[-1]} is reached at scale {last} and not before: {expected}, yours {actual}"
        )
    if actual == [rates[round(n * (len(rates) - 1) / last)] for n in range(scales)]:
        return f"you round the index to the nearest; it is rounded down: {expected}, yours {actual}"
    return f"for {scales} scales and rates {rates} it gave {actual}, but should give {expected}"


@exercise
def stretch(answer: Callable[[Tensor, int], Tensor]) -> str:
    """Linear interpolation in time with first and last frame in place."""
    dice = random.Random(0)
    for trial in range(6):
        before, after = dice.randint(2, 6), dice.randint(7, 13)
        shape = (dice.randint(1, 3), before, dice.randint(2, 5), dice.randint(2, 5))
        video = torch.randn(shape, generator=torch.Generator().manual_seed(trial))
        actual = ask(answer, video.clone(), after)
        expected = _interpolated(video, after, align_corners=True)
        if not isinstance(actual, Tensor) or actual.shape != expected.shape:
            got: Any = tuple(actual.shape) if isinstance(actual, Tensor) else type(actual).__name__
            raise Mistake(f"expected 'c t h w' of shape {tuple(expected.shape)}, got {got}: only t may change")
        if not _same(actual, expected):
            raise Mistake(_about_stretch(actual, video, after))
    return "both ends stay in place, and time passes evenly between them"


def _about_stretch(actual: Tensor, video: Tensor, after: int) -> str:
    before = video.shape[1]
    moments = torch.linspace(0, before - 1, after)
    left, near = moments.floor().long(), moments.frac()[:, None, None]
    if _same(actual, _interpolated(video, after, align_corners=False)):
        return (
            "corners are not aligned: frame i of the new clip must show moment i * (t - 1) / (frames - 1) of the old "
            "one, but yours stands still at the ends and hurries in between"
        )
    if _same(actual, video[:, moments.round().long()]) or _same(actual, _interpolated(video, after, mode="nearest")):
        return "you repeat frames: mix the frame before and the frame after, the nearer one weighing more"
    if _same(actual[:, :-1], _interpolated(video, after, align_corners=True)[:, :-1]):
        return "all frames are right but the last, which has no right neighbour: let it be the old clip's last frame"
    swapped = near * video[:, left] + (1 - near) * video[:, (left + 1).clamp(max=before - 1)]
    if _same(actual[:, 1:-1], swapped[:, 1:-1]):
        return "the two weights are swapped: close to the left frame, the left frame must weigh more"
    return "the frames differ from linear interpolation with both ends in place"


def _interpolated(video: Tensor, frames: int, *, mode: str = "trilinear", align_corners: bool | None = None) -> Tensor:
    return F.interpolate(video[None], (frames, *video.shape[2:]), mode=mode, align_corners=align_corners)[0]


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.float(), b, atol=1e-5)
