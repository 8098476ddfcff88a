"""Both numbers of models with different M: how varied their samples are, and how real."""

from dataclasses import dataclass

from torch import Tensor

from hpvae_nb.metrics import Score, diversity, svfid
from hpvae_nb.model import Model


@dataclass(frozen=True)
class Point:
    """What one model makes, and how it scores.

    Attributes:
        levels: M, how many of its scales were trained as VAEs.
        samples: `b c t h w` in [-1, 1].
        diversity: of the samples, relative to the clip's own contrast; larger is more varied.
        distance: SVFID of the samples to the clip; smaller is more real.
    """

    levels: int
    samples: Tensor
    diversity: float
    distance: Score


def measure(model: Model, real: Tensor, *, samples: int = 20, seed: int = 0) -> Point:
    """Draw at least 2 samples of a model, and score them against its clip as the last scale has it, `c t h w`."""
    made = model.sample(samples, seed=seed)
    return Point(model.config.vae_levels, made, diversity(made, real), svfid(made, real))
