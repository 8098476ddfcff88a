"""Checks of the lesson on images: a normalisation for any number of axes, what r covers, and a recipe for a picture."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.core.resampling import Shape
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match

EPSILON = 1e-5  # what PyTorch adds to a variance before it divides by its root


@exercise
def normalise(answer: Callable[[Tensor], Tensor]) -> str:
    """Every channel of every sample to mean 0 and variance 1 over its sites, for clips and images alike."""
    for seed, shape in enumerate([(2, 3, 5, 4), (1, 4, 6, 3), (2, 3, 3, 4, 5)]):
        x = 1 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        sites = tuple(range(2, x.ndim))
        mean, variance = x.mean(sites, keepdim=True), x.var(sites, correction=0, keepdim=True)
        wrong = {
            "these are statistics of the whole batch; each sample has its own": _over(x, (0, *sites)),
            "the channels share their statistics; each channel has its own": _over(x, (1, *sites)),
            "every frame has statistics of its own; time is an axis of sites like the others": _over(x, sites[-2:]),
            "every row has statistics of its own; take all axes of sites together": _over(x, sites[-1:]),
            "the mean is still in it": x / (variance + EPSILON).sqrt(),
            "the spread is still in it: divide by the standard deviation": x - mean,
            "you divide by the variance, not by its root": (x - mean) / (variance + EPSILON),
            "your variance divides by n - 1; PyTorch's normalisations divide by n: correction=0": (
                (x - mean) / x.std(sites, keepdim=True)
            ),
        }
        compare(ask(answer, x.clone()), _over(x, sites), wrong)
    return "mean 0 and variance 1 over two axes of sites or three, with the same lines"


def _over(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    return (x - mean) / (variance + EPSILON).sqrt()


@exercise
def covered(answer: Callable[[list[Shape], int], list[float]]) -> str:
    """For each (H, W), the share of the picture that a field of r by r pixels covers at its middle."""
    for shapes, r in [([(20, 30), (40, 60)], 11), ([(16, 11), (24, 16)], 11), ([(6, 9), (7, 20), (50, 50)], 9)]:
        given = ask(answer, list(shapes), r)
        if not isinstance(given, list | tuple) or len(given) != len(shapes):
            raise Mistake(f"{len(shapes)} scales need a list of {len(shapes)} numbers, you give {given!r}")
        sides = torch.tensor(shapes, dtype=torch.float64)
        seen, area = sides.clamp_max(r), sides.prod(1)
        wrong = {
            "a field larger than the picture covers the picture and no more: take the smaller of r and each side": (
                r * r / area
            ),
            "these are pixels: divide by how many the picture has": seen.prod(1),
            "this is the share of one side; the share of the area is wanted": seen[:, 1] / sides[:, 1],
            "this is the share of one side, the height; the share of the area is wanted": seen[:, 0] / sides[:, 0],
            "pictures are not square: take height and width apart": (r / sides.amax(1)).clamp_max(1).square(),
            "this is what the field does not see": 1 - seen.prod(1) / area,
        }
        try:
            numbers = torch.tensor([float(share) for share in given], dtype=torch.float64)
        except (TypeError, ValueError):
            raise Mistake(f"one number for each scale is wanted, you give {given!r}") from None
        compare(numbers, seen.prod(1) / area, wrong)
    return "from nearly all of the picture at the coarsest scale to a speck at the finest"


Things = Mapping[str, tuple[int, float]]
Recipes = dict[str, tuple[int, int]]
FEW = 10  # things; from so many on, a picture has many
MOST = 48  # pixels of the coarsest scale
R = 11
_THINGS: tuple[Things, ...] = (
    {"a cup": (1, 0.6), "a face": (1, 1.0), "a flock": (200, 0.03)},
    {"two boats": (2, 0.35), "ten stones": (10, 0.3), "a shelf": (9, 0.5)},
)


@exercise
def choose(answer: Callable[[Things, int], Recipes]) -> str:
    """By the rule of the lesson, (M, coarse_size) of pictures from how many things they show, and of what share."""
    for things in _THINGS:
        given = ask(answer, dict(things), R)
        if not isinstance(given, Mapping) or set(given) != set(things):
            raise Mistake(f"an entry for each of {', '.join(things)} is wanted, you give {given!r}")
        for name, thing in things.items():
            _judge(name, thing, given[name])
    return "things are seen whole where layouts are made, and the many may stand anywhere"


def _judge(name: str, thing: tuple[int, float], given: Any) -> None:
    count, share = thing
    levels, size = expected = recipe(count, share)
    about, other = f"{name} ({count} of {share:g} of the longer side)", 3 - levels
    wrong = {
        f"{about}: {FEW} are many already": [(1, size)] if count == FEW else [],
        f"{about}: M is the other way round; few things want one VAE level, many want two": [(other, size)],
        f"{about}: rounded up, the field no longer reaches from end to end": [(levels, size + 1)],
        f"{about}: the thing spans share x coarse_size pixels, which r has to cover": [(levels, int(R * share))],
        f"{about}: not above {MOST}, or the scales above have nothing to grow": [(levels, int(R / share))],
        f"{about}: M comes first, then coarse_size": [(size, levels)],
    }
    match(given, expected, wrong, f"{about}: {expected} is right, you give {given!r}")


def recipe(count: int, share: float, r: int = R) -> tuple[int, int]:
    """The right answer for one picture."""
    return 1 if count < FEW else 2, min(MOST, int(r / share))
