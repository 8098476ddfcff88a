"""Checks of the steering lesson: a way along the sphere, a soft border, a box of new dice."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hpvae_nb.core.latents import slerp as reference
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise


@exercise
def slerp(answer: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Spherical interpolation between two vectors of any shape."""
    for a, b in _maps():
        for t in (0.3, 0.5, 0.8, 0.0, 1.0):
            actual, expected = ask(answer, a, b, t), reference(a, b, t)
            cosine = (a * b).sum() / (a.norm() * b.norm())
            angle, undivided = torch.arccos(cosine), torch.arccos((a * b).sum().clamp(-1, 1))
            weights = torch.sin((1 - t) * angle), torch.sin(t * angle)
            line, short = (1 - t) * a + t * b, expected / expected.norm()
            right_angled = _with_angle(a, b, t, torch.tensor(math.pi / 2))
            by_site, by_row = (_with_angle(a, b, t, _angles(a, b, dim)) for dim in (1, -1))
            length = actual.norm() if isinstance(actual, Tensor) else 1.0  # pushed out to whatever sphere
            wrong = {
                "that is the straight line: it cuts through the sphere, and is too short in the middle": line,
                "a and b have changed places: t = 0 must give a": reference(b, a, t),
                "the division by sin(angle) is missing: at t = 0 that is not a": weights[0] * a + weights[1] * b,
                "the result was scaled to length 1; vectors of n normal entries are about √n long": short,
                "the cosine stands where the angle should: take arccos": _with_angle(a, b, t, cosine),
                "a·b is no cosine yet: divide it by both lengths": _with_angle(a, b, t, undivided),
                "each site is turned by an angle of its own: taken as one long vector, a map has one angle": by_site,
                "each row is turned by an angle of its own: taken as one long vector, a map has one angle": by_row,
                "that is the straight line, made as long as the sphere's way: it hurries in the middle, so that t "
                "is no longer the share of the angle": line * length / line.norm(),
                "the right angle is right only for vectors without anything in common: measure it": right_angled,
            }
            compare(actual, expected, wrong)
    return "from a to b along the sphere, at any angle, for maps of any size"


@exercise
def blend(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """Two independent normal maps with a weight for each column."""
    for a, b in _maps():
        weight = torch.rand(a.shape[-1], generator=torch.Generator().manual_seed(0))
        actual, expected = ask(answer, a, b, weight), (1 - weight).sqrt() * a + weight.sqrt() * b
        half = weight * math.pi / 2
        line, squared = (1 - weight) * a + weight * b, (1 - weight).square() * a + weight.square() * b
        swapped, turned = weight.sqrt() * a + (1 - weight).sqrt() * b, half.cos() * a + half.sin() * b
        wrong = {
            "weights that add up to 1: the variances w² and (1 - w)² do not, and z is too small at the border": line,
            "a and b have changed places: where the weight is 0, a is wanted": swapped,
            "cos and sin keep the variance at 1, but b's share is sin²(πw/2), and it should be w": turned,
            "the variance is 1, but b's share of it is w² / (w² + (1 - w)²), and it should be w": (
                line / (weight.square() + (1 - weight).square()).sqrt()
            ),
            "the weights are squared; take their roots, so that their squares add up to 1": squared,
            "a hard border: between 0 and 1 both have a share": torch.where(weight < 0.5, a, b),
        }
        compare(actual, expected, wrong)
    return "b's share of the variance is the weight, and the variance is 1 everywhere"


@exercise
def resample(answer: Callable[..., Tensor]) -> str:
    """New values in a box, in space and time."""
    for a, b in _maps():
        times, rows, columns = ((1, length) if length < 4 else (1, length - 1) for length in a.shape[2:])
        inside = torch.zeros(a.shape[2:], dtype=torch.bool)
        inside[slice(*times), slice(*rows), slice(*columns)] = True
        z = a.clone()
        actual = ask(answer, z, b, times, rows, columns)
        longer = torch.zeros_like(inside)
        longer[slice(times[0], times[1] + 1), slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1)] = True
        wrong = {
            "inside and outside have changed places: the box alone is new": torch.where(inside, a, b),
            "the box is new at all times; it has a first and a last time as well": torch.where(inside.any(0), b, a),
            "the box is one site too long: its ends count as in a slice": torch.where(longer, b, a),
            "nothing has changed; z[times, rows, columns] would cut batch, channels and times: begin with ...": a,
            "everything is new": b,
        }
        compare(actual, torch.where(inside, b, a), wrong)
        if not torch.equal(z, a):
            raise Mistake("the result is right, but z itself was written over: work on z.clone()")
    return "new inside the box, untouched outside, and the map that came in is still whole"


def _with_angle(a: Tensor, b: Tensor, t: float, angle: Tensor) -> Tensor:
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _angles(a: Tensor, b: Tensor, dim: int) -> Tensor:
    return torch.arccos(torch.cosine_similarity(a, b, dim).clamp(-1 + 1e-6, 1 - 1e-6)).unsqueeze(dim)


def _maps() -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of normal maps `1 c t h w` of random sizes, which have something in common."""
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        sizes = torch.randint(3, 7, (4,), generator=generator).tolist()
        a, b = (torch.randn(1, *sizes, generator=generator) for _ in range(2))
        yield a, 0.8 * b + 0.6 * a
