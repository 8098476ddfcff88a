"""Checks of the lesson on diversity and realism: the Fréchet distance, and which models none other beats."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match


@exercise
def frechet(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str:
    """The distance of two normal distributions from their means 'd' and covariances 'd d'."""
    for dimensions in (1, 3, 6):
        (mean_a, spread_a), (mean_b, spread_b) = (_normal(dimensions, seed) for seed in (0, 1))
        given = torch.as_tensor(ask(answer, mean_a, spread_a, mean_b, spread_b))
        means = (mean_a - mean_b).square().sum()
        if given.isnan().any():
            raise Mistake(
                "your result is no number: a root of something below 0. The product of the covariances is not "
                "symmetric, so take eigvals, not eigvalsh; and clamp_min(0) for what rounding leaves"
            )
        traces = spread_a.trace() + spread_b.trace()
        product, both = spread_a @ spread_b, means + traces
        # tr (AB)^(1/2): AB is no symmetric matrix, but its eigenvalues are real and not negative
        cross = torch.linalg.eigvals(product).real.clamp_min(0).sqrt().sum()
        symmetric = torch.linalg.eigvalsh(product).clamp_min(0).sqrt().sum()
        wrong = {
            "the means are missing: two clips of different colour would count as equal": traces - 2 * cross,
            "the means differ by a sum over all features, not by their mean": means / dimensions + traces - 2 * cross,
            "the product of two covariances is not symmetric: take eigvals, not eigvalsh": both - 2 * symmetric,
            "the covariances are missing: noise and a flat picture would count as equal": means,
            "the distance of the means is not squared": means.sqrt() + traces - 2 * cross,
            "the last term counts twice": means + traces - cross,
            "the last term has to be taken off: with it added, no clip has distance 0 to itself": both + 2 * cross,
            "the product of the covariances still needs its root": both - 2 * product.trace(),
            "a matrix root is not the root of every entry": both - 2 * product.clamp_min(0).sqrt().sum(),
        }
        compare(given, means + traces - 2 * cross, wrong)
    return "0 for equal distributions, and larger with every difference in mean, spread or shape"


def _normal(dimensions: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(dimensions, generator=generator)
    root = torch.randn(dimensions, dimensions + 2, generator=generator)
    return mean, root @ root.T / dimensions


Points = Mapping[int, tuple[float, float]]
_CASES: tuple[Points, ...] = (
    {1: (0.2, 1.0), 2: (0.5, 2.0), 3: (0.4, 3.0), 4: (0.7, 4.0)},
    {1: (0.5, 3.0), 2: (0.6, 2.0), 3: (0.7, 1.0)},
    {1: (0.3, 1.0), 2: (0.3, 2.0), 3: (0.2, 1.0), 4: (0.4, 5.0)},
    {1: (0.6, 1.0), 2: (0.6, 1.0)},
)


@exercise
def unbeaten(answer: Callable[[Points], Iterable[int]]) -> str:
    """Models (M: diversity, distance) that no other is at least as good as in both, and better than in one."""
    for points in _CASES:
        kept, wanted = ask(answer, dict(points)), reference(points)
        if not isinstance(kept, Iterable):
            raise Mistake(f"you give {kept!r}, but a set is wanted: several models may be left")
        given = set(kept)
        said = f"for {points} you keep {_listed(given)}"
        wrong = {f"{said}: {words}": [values] for words, values in _wrong(points).items()}
        match(given, wanted, wrong, f"{said}, but {_listed(wanted)} is right")
    return "whichever you choose among these, another one would be better in one way and worse in the other"


def reference(points: Points, *, sign: float = 1) -> set[int]:
    """The right answer to `unbeaten`; `sign` -1 takes a larger distance for better."""

    def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
        better = (a[0] - b[0], sign * (b[1] - a[1]))
        return min(better) >= 0 and max(better) > 0

    return {m for m, point in points.items() if not any(beats(other, point) for other in points.values())}


def _wrong(points: Points) -> dict[str, set[int]]:
    most = max(diversity for diversity, _ in points.values())
    least = min(distance for _, distance in points.values())
    return {
        "a smaller distance is better, a larger diversity is better": reference(points, sign=-1),
        "only the extremes; what lies between them is a choice as well": {
            m for m, (diversity, distance) in points.items() if diversity == most or distance == least
        },
        "a model that is equal in one number and worse in the other is beaten": {
            m for m, a in points.items() if not any(b[0] > a[0] and b[1] < a[1] for b in points.values())
        },
        "a model is not beaten by one that is merely its equal in both": {
            m
            for m, a in points.items()
            if not any(b[0] >= a[0] and b[1] <= a[1] for other, b in points.items() if other != m)
        },
        "those are the beaten ones": set(points) - reference(points),
    }


def _listed(models: Iterable[int]) -> str:
    return "M = " + (", ".join(map(str, sorted(models))) or "none")
