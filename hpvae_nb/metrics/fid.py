"""Fréchet distance between two sets of clips, where there are fewer clips than features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.features import Extractor
from hpvae_nb.metrics.frechet import frechet_distance
from hpvae_nb.metrics.score import Score


def random_features_distance(
    features_a: Tensor, features_b: Tensor, *, count: int = 50, trials: int = 50, seed: int = 0
) -> float:
    """Fréchet distance on `count` features drawn at random, averaged over `trials` draws.

    Source: appendix A.3. A covariance of 512 features can't be estimated from 50 clips, one of 50 features nearly so.
    What comes out depends on the number of clips and features, so only numbers made alike compare.

    Args:
        features_a: `n d`, one row for each clip.
        features_b: `m d`.
        count: features in a draw, from 1 to d.
        trials: draws, at least 1.
        seed: of the draws.

    Raises:
        InputError: count or trials out of range, or what `frechet_distance` refuses.
    """
    width = features_a.shape[-1]
    if not 1 <= count <= width or trials < 1:
        raise InputError(
            f"{trials} draws of {count} from {width} features were asked for: choose 1..{width}, trials >= 1"
        )
    generator = torch.Generator().manual_seed(seed)
    draws = [torch.randperm(width, generator=generator)[:count] for _ in range(trials)]
    return sum(frechet_distance(features_a[:, draw], features_b[:, draw]) for draw in draws) / trials


def fid(
    samples: Sequence[Tensor | Clip],
    real: Sequence[Tensor | Clip],
    extractor: Extractor,
    *,
    count: int = 50,
    trials: int = 50,
    seed: int = 0,
) -> Score:
    """Fréchet distance between generated clips and a set of real ones, on random features, averaged over trials.

    Source: section 4.1 (table 2) and appendix A.3: 50 of 512 features, 50 trials. A clip's features are the mean over
    the places of the extractor's map (the paper has one vector of 512 for a clip, and does not say how).

    Args:
        samples: generated clips, each `3 t h w` in [-1, 1], of any size; 50 in the paper.
        real: real clips, the same; the test set of UCF-101 in the paper.
        extractor: one that does not depend on a training clip, such as `c3d(weights)`.
        count: features in a draw.
        trials: draws.
        seed: of the draws.

    Raises:
        InputError: fewer than two clips in a set, or count or trials out of range.
    """
    a, b = (
        torch.stack([embedding(clip, extractor) for clip in clips]) if clips else torch.empty(0, 1)
        for clips in (samples, real)
    )
    if min(len(a), len(b)) < 2:
        raise InputError(f"there are {len(a)} samples and {len(b)} real clips, but 2 of each are needed: give more")
    distance = random_features_distance(a, b, count=count, trials=trials, seed=seed)
    return Score(distance, f"FID on {count} of {a.shape[1]} features", extractor.name)


def embedding(clip: Tensor | Clip, extractor: Extractor) -> Tensor:
    """One vector `d` for a clip: the mean over places, scales one after the other."""
    video = clip.video if isinstance(clip, Clip) else clip
    return torch.cat([features.mean(0) for features in extractor(video.float())])
