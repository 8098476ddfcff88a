"""Fréchet distance between sets of features, and what is built on it: SVFID, SIFID and FID."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hpvae_nb.core.latents import dice
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.features import Extractor
from hpvae_nb.metrics.inputs import checked_pair
from hpvae_nb.metrics.networks import make_extractor
from hpvae_nb.metrics.score import Score, mean_score

Clips = Sequence[Tensor | Clip]


class Gaussian(NamedTuple):
    """A normal distribution by its mean, `d`, and a root R of its covariance, `k d` with R'R = covariance."""

    mean: Tensor
    root: Tensor


def fit_gaussian(features: Tensor) -> Gaussian:
    """The normal distribution with the features' mean and covariance (with n - 1).

    Args:
        features: `n d`, one row for each location or clip; n of at least 2, fewer than d included.

    Raises:
        InputError: another shape, fewer than two rows, or values that are not finite.
    """
    if features.ndim != 2 or len(features) < 2 or features.shape[1] == 0:
        raise InputError(f"features are {tuple(features.shape)}, but 'n d' with n >= 2 is wanted for a covariance")
    if not bool(torch.isfinite(features).all()):
        raise InputError("features hold values that are NaN or infinite: look at the clip and the extractor's weights")
    values = features.detach().cpu().double()
    mean = values.mean(0)
    centred = (values - mean) / (len(values) - 1) ** 0.5
    if len(values) <= values.shape[1]:
        return Gaussian(mean, centred)  # already the thinnest root there is
    eigenvalues, eigenvectors = torch.linalg.eigh(centred.T @ centred)
    return Gaussian(mean, eigenvalues.clamp(min=0).sqrt()[:, None] * eigenvectors.T)


def distance(a: Gaussian, b: Gaussian) -> float:
    """Squared Fréchet distance of two normal distributions: |m - n|² + tr(A) + tr(B) - 2 tr((AB)^(1/2)).

    Source: Dowson and Landau 1982; Heusel et al. 2017, equation (6). AB is not
    symmetric, and its root may come out complex. But with A = R'R and B = S'S the eigenvalues of AB are those of the
    symmetric (RS')(RS')', so that the last trace is the sum of the singular values of RS': real, never negative, and
    just as sound where A and B are singular because there were fewer features than dimensions.
    """
    means = (a.mean - b.mean).square().sum()
    spreads = a.root.square().sum() + b.root.square().sum() - 2 * torch.linalg.svdvals(a.root @ b.root.T).sum()
    return max(0.0, float(means + spreads))


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """Squared Fréchet distance between the normal distributions fitted to two sets of features.

    Source: Heusel et al. 2017, equation (6). 0: same mean and covariance, whatever else differs.

    Args:
        features_a: `n d`; n may be smaller than d, but then the covariance is poorly known and the distance too small
            or too large: see `fid`.
        features_b: `m d`.

    Raises:
        InputError: other shapes, fewer than two rows, or values that are not finite.
    """
    if features_a.shape[1:] != features_b.shape[1:]:
        shapes = f"{tuple(features_a.shape)} and {tuple(features_b.shape)}"
        raise InputError(f"features are {shapes}, but both need one width: take both from one extractor")
    return distance(fit_gaussian(features_a), fit_gaussian(features_b))


def svfid(samples: Tensor, real: Tensor | Clip, extractor: str | Extractor = "patches") -> Score:
    """Single-video Fréchet distance: how far the features of a sample, pooled over its locations, are from the clip's.

    Source: section 4 and appendix A.2, with C3D features there; 0 for the clip itself, lower is more like it. It asks
    which features occur and how they vary together, not where: a shifted clip is as good as the clip.

    Args:
        samples: `b 3 t h w` in [-1, 1]; 50 in the paper.
        real: the training clip, a `Clip` or a tensor `3 t h w` at the samples' scale.
        extractor: a name that `hpvae_nb.metrics.make_extractor` knows, or an extractor, such as `c3d(weights)`.

    Returns:
        The mean over samples of the distance, with the extractor's name. An extractor that looks at several scales has
        a distance at each, and their mean counts.

    Raises:
        InputError: other shapes, values that are not finite, or a clip that the extractor cannot take.
    """
    return mean_score(svfid_each(samples, real, extractor))


def svfid_each(samples: Tensor, real: Tensor | Clip, extractor: str | Extractor = "patches") -> list[Score]:
    """`svfid` of each sample by itself, for error bars. Arguments and errors are those of `svfid`."""
    metric = "SVFID" if samples.ndim == 5 else "SIFID"
    samples, clip = checked_pair(samples, real)
    chosen = make_extractor(extractor, clip, frames=samples.shape[2])
    reference = [fit_gaussian(features) for features in chosen(clip)]
    scores = []
    for sample in samples:
        pairs = zip(chosen(sample), reference, strict=True)
        distances = [distance(fit_gaussian(features), real) for features, real in pairs]
        scores.append(Score(sum(distances) / len(distances), metric, chosen.name))
    return scores


def sifid(samples: Tensor, real: Tensor | Clip, extractor: str | Extractor = "patches") -> Score:
    """Single-image Fréchet distance: as `svfid`, of images.

    Source: Shaham et al. 2019 (SinGAN), section 3, with Inception features there.

    Args:
        samples: `b 3 h w` in [-1, 1].
        real: the training image, `3 h w`, or several, `3 n h w`.
        extractor: as for `svfid`; `inception(weights)` for SinGAN's own.

    Raises:
        InputError: as `svfid`, and for videos.
    """
    if samples.ndim != 4:
        raise InputError(f"samples are {tuple(samples.shape)}, but images 'b 3 h w' are wanted: use svfid for videos")
    return svfid(samples, real, extractor)


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
        raise InputError(f"{trials} draws of {count} from {width} features: choose 1..{width}, trials >= 1")
    generator = dice(seed)
    draws = [torch.randperm(width, generator=generator)[:count] for _ in range(trials)]
    return sum(frechet_distance(features_a[:, draw], features_b[:, draw]) for draw in draws) / trials


def fid(
    samples: Clips, real: Clips, extractor: Extractor, *, count: int = 50, trials: int = 50, seed: int = 0
) -> Score:
    """Fréchet distance between generated clips and a set of real ones, on random features, averaged over trials.

    Source: section 4.1 (table 2) and appendix A.3: 50 of 512 features, 50 trials. A clip's features are the mean over
    the places of the extractor's map (the paper has one vector of 512 for a clip, and does not say how).

    Args:
        samples: generated clips, each `3 t h w` in [-1, 1], of any size; 50 in the paper.
        real: real clips, the same; the test set of UCF-101 in the paper.
        extractor: one that does not depend on a training clip, such as `c3d(weights)`.
        count, trials, seed: as in `random_features_distance`.

    Raises:
        InputError: fewer than two clips in a set, or count or trials out of range.
    """
    if min(len(samples), len(real)) < 2:
        raise InputError(f"there are {len(samples)} samples and {len(real)} real clips, but 2 of each are needed")
    a, b = (torch.stack([embedding(clip, extractor) for clip in clips]) for clips in (samples, real))
    distance = random_features_distance(a, b, count=count, trials=trials, seed=seed)
    return Score(distance, f"FID on {count} of {a.shape[1]} features", extractor.name)


def embedding(clip: Tensor | Clip, extractor: Extractor) -> Tensor:
    """One vector `d` for a clip: the mean over places, scales one after the other."""
    video = clip.video if isinstance(clip, Clip) else clip
    return torch.cat([features.mean(0) for features in extractor(video.float())])
