"""Checks of the lesson on ablations: who learns without freezing, how far two networks see, and a paired interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match
from hpvae_nb.lessons.l11_ablations import experiment
from hpvae_nb.recipe.presets import preset


@exercise
def learners(answer: Callable[[int, int, bool], Mapping[str, int]]) -> str:
    """Which networks learn at a scale, and how slowly; the truth is the hierarchy's own."""
    for freeze in (True, False):
        for levels in (3, 1):
            config = preset("smoke", scales=5, vae_levels=levels, freeze=freeze)
            for scale, right in enumerate(experiment.learners(config)):
                given = ask(answer, scale, levels, freeze)
                if not isinstance(given, Mapping):
                    raise Mistake(f"your result is a {type(given).__name__}, but a dictionary was wanted")
                if dict(given) != right:
                    switch = "with" if freeze else "without"
                    where = f"at scale {scale} with M = {levels}, {switch} freezing"
                    raise Mistake(f"{where}: {_about_learners(scale, config.is_vae(scale), given, right)}")
    return "freezing leaves a few networks to learn; without it, the older a network, the slower it learns"


def _about_learners(scale: int, vae: bool, given: Mapping[str, Any], right: Mapping[str, int]) -> str:
    extra, missing = sorted(given.keys() - right.keys()), sorted(right.keys() - given.keys())
    possible = {"E", *(f"G{n}" for n in range(scale + 1))}
    if set(extra) - possible:
        return f"there is no {', '.join(sorted(set(extra) - possible))} among {', '.join(sorted(possible))}"
    if not vae and {"E", "G0"} & set(extra):
        return "E and G0 decide the layout; at a GAN scale they are frozen"
    if extra:
        return f"{', '.join(extra)} learned at an earlier scale and is frozen now"
    if missing:
        return f"{', '.join(missing)} must learn too"
    name = next(name for name in right if given[name] != right[name])
    if right[name] == 0:
        return f"{name} is new, so it learns at the full rate, and its power is 0"
    began = scale - right[name]
    return (
        f"{name} began at scale {began}, so its power is {right[name]}, the scales that came after; not {given[name]}"
    )


_KERNELS = (
    ([5, 3, 3, 1], [3, 3, 1]),
    ([3, 3, 3, 3], [3, 3, 3, 3, 3]),
    ([1, 1, 1, 1], [3, 5, 1, 3, 3]),
    ([3, 3, 3, 3], [1, 1, 1, 1, 1]),
    ([1, 1], [1]),
)


@exercise
def field_of_both(answer: Callable[[Sequence[int], Sequence[int]], int]) -> str:
    """How many pixels along an axis sway one pixel that an encoder and a decoder made, from their kernels."""
    for encoder, decoder in _KERNELS:
        given = ask(answer, list(encoder), list(decoder))
        first, second = (1 + sum(kernel - 1 for kernel in kernels) for kernels in (encoder, decoder))
        right, taps = first + second - 1, sum(encoder) + sum(decoder)
        said = f"for kernels {encoder} and then {decoder} you say {given}"
        wrong = {
            "the two fields share a site: the latent that one ends in and the other begins with": [first + second],
            "fields add up, they are not multiplied": [first * second],
            "that is the field of one of them, but a signal passes both": [first, second],
            "a kernel of k adds k - 1, not k": [taps, taps + 1],
            "even with kernels of 1 alone, one pixel is seen": [right - 1],
        }
        wrong = {f"{said}: {words}": values for words, values in wrong.items()}
        match(given, right, wrong, f"{said}, but {right} is right")
    return "each layer adds k - 1, whichever of the two networks it is in"


@exercise
def paired_interval(answer: Callable[[Tensor, Tensor, float], Any]) -> str:
    """The mean change over seeds in percent, and where it lies with 95 % confidence (Student 1908)."""
    for count, t, seed in ((3, 4.303, 0), (5, 2.776, 1), (3, 4.303, 2)):
        generator = torch.Generator().manual_seed(seed)
        whole = 0.5 + torch.rand(count, generator=generator)
        ablated = whole * (0.6 + 0.3 * torch.rand(count, generator=generator))
        given = ask(answer, ablated, whole, t)
        ends = given.tolist() if isinstance(given, Tensor) else given
        if not isinstance(ends, (tuple, list)) or len(ends) != 2:
            raise Mistake("two numbers were wanted: the low and the high end of the interval")
        change, root = 100 * (ablated / whole - 1), math.sqrt(count)
        mean, error = change.mean(), change.std() / root
        right, scatter, twice = _ends(mean, t * error), _ends(mean, t * change.std()), _ends(mean, 2 * error)
        biased = _ends(mean, t * change.std(correction=0) / root)
        others = 100 * (1 - whole / ablated), 100 * (whole / ablated - 1)
        of_ablated, turned = (_ends(other.mean(), t * other.std() / root) for other in others)
        of_means = _ends(100 * (ablated.mean() / whole.mean() - 1), t * error)
        unpaired = _ends(mean, t * 100 * ((ablated.var() + whole.var()) / count).sqrt() / whole.mean())
        wrong = {
            "the low end comes first": right.flip(0),
            "that is a share; times 100 it is in percent": right / 100,
            "that is how single runs scatter; a mean of several scatters less, by the root of their number": scatter,
            "divide by the root of their number, not by their number": _ends(mean, t * change.std() / count),
            "few values underestimate their spread: divide by one less than their number (correction=1)": biased,
            "about two standard errors are right for many values; for a few it is t of them": twice,
            "the change is relative to the whole method: divide by it, not by the ablated one": of_ablated,
            "that is the change from the ablated to the whole method; it was wanted the other way round": turned,
            "first the change of each seed, then their mean; not the change of the means": of_means,
            "that takes the two spreads as if the seeds were no pairs": unpaired,
        }
        compare(torch.tensor([float(end) for end in ends]), right, wrong)
    return "the mean of the changes, and t standard errors to both sides"


def _ends(mean: Tensor, reach: Tensor) -> Tensor:
    return torch.stack([mean - reach, mean + reach])
