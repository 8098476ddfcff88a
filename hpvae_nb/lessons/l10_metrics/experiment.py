"""A clip made worse step by step, and what cheap metrics say of every step."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from hpvae_nb import metrics
from hpvae_nb.metrics import METRICS, Matches, PatchFeatures
from hpvae_nb.metrics.novelty import LARGE_PATCH, coarse
from hpvae_nb.metrics.sanity import CORRUPTIONS, corrupted


def large_matches(sample: Tensor, real: Tensor) -> Matches:
    """For every large part of a sample the nearest one of the clip, as novelty has it; both `3 t h w`."""
    return metrics.nearest_patches(coarse(sample), coarse(real), LARGE_PATCH)


@dataclass(frozen=True)
class Step:
    """A clip, how far its parts are from the training clip, and what cheap metrics say of it.

    Attributes:
        video: `3 t h w` in [-1, 1].
        distance: of its parts from the nearest of the clip, `t h w`.
        values: metric -> value.
    """

    video: Tensor
    distance: Tensor
    values: dict[str, float]


Steps = dict[str, dict[float, Step]]
"""kind of corruption -> strength -> step."""


def steps(real: Tensor, honest: Tensor, strengths: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)) -> tuple[Steps, Step]:
    """Every kind of corruption at every strength; about a quarter of a second each at 13x28x50.

    Args:
        honest: a sample of a trained model, `3 t h w`, to compare with; its own step comes second.
        strengths: from 0, the clip itself, to 1.
    """
    extractor = PatchFeatures(real)  # once: it takes as long as all the rest

    def step(video: Tensor) -> Step:
        values = {
            "novelty": metrics.novelty(video[None], real),
            "survival": metrics.survival(video[None], real),
            "svfid": metrics.svfid(video[None], real, extractor).value,
            "temporal_consistency": metrics.temporal_consistency(video[None], real),
        }
        return Step(video, large_matches(video, real).distance, values)

    same = step(real)
    found = {kind: {s: step(corrupted(real, kind, s)) if s else same for s in strengths} for kind in CORRUPTIONS}
    return found, step(honest)


def said(step: Step) -> str:
    """Its numbers in words."""
    return ", ".join(f"{METRICS[name].title} {digits(value)}" for name, value in step.values.items())


def digits(value: float) -> str:
    """Two digits, without the powers of ten that rounding errors have."""
    return "0" if value < 5e-5 else f"{value:.2g}" if value < 100 else f"{value:.0f}"
