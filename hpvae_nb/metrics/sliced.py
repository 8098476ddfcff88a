"""Sliced Wasserstein distance between the patches of samples and of the training clip: no weights, no Gaussians."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.latents import dice
from hpvae_nb.core.patches import patch_rows
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.inputs import checked_pair
from hpvae_nb.metrics.score import Score, mean_score

PATCH = (3, 7, 7)  # Karras et al. 2018: 7x7; three frames, so that motion counts
LEVELS = 3
DIRECTIONS = 64


def sliced_wasserstein(samples: Tensor, real: Tensor | Clip, seed: int = 0) -> Score:
    """How far apart the patches of samples and clip lie along random directions, averaged over three bands of detail.

    Source: Rabin et al. 2011, "Wasserstein barycenter and its application to texture mixing"; Karras et
    al. 2018 (progressive GANs), section 5, for patches on the levels of a Laplacian pyramid. Here the patches are of
    3x7x7 voxels (1x7x7 of an image) and all of them count; both sets are divided by the clip's standard deviation of
    each channel and band, so that a band that lost its contrast shows. It sees every marginal distribution, not just
    mean and variance.

    Args:
        samples, real: as for `svfid`, images included.
        seed: of the directions, the same for all samples.

    Returns:
        The mean over samples, directions and bands of the distance in one dimension; unit: the standard deviation of
        the clip in that band. 0 for the clip itself.

    Raises:
        InputError: other shapes, values that are not finite, or clips too small for a patch at the coarsest band.
    """
    samples, clip = checked_pair(samples, real)
    patch = (min(PATCH[0], samples.shape[2], clip.shape[1]), *PATCH[1:])
    side = PATCH[1] * 2 ** (LEVELS - 1)
    if min(*samples.shape[-2:], *clip.shape[-2:]) < side:
        raise InputError(f"samples are {tuple(samples.shape)}, but sides of at least {side} px are needed")
    generator = dice(seed)
    directions = torch.randn(3 * math.prod(patch), DIRECTIONS, generator=generator).to(samples.device)
    directions = F.normalize(directions, dim=0)
    bands = laplacian(clip[None])
    scales = [band.std(dim=(0, 2, 3, 4), keepdim=True).clamp(min=1e-6) for band in bands]

    def projections(bands: list[Tensor]) -> list[Tensor]:
        """Sorted values in each band, `directions k`."""
        rows = [patch_rows(band / scale, patch) for band, scale in zip(bands, scales, strict=True)]
        return [rearrange(row @ directions, "k d -> d k").contiguous().sort(dim=1).values for row in rows]

    reference = projections(bands)
    name = f"patches of {'x'.join(map(str, patch))}"
    scores = []
    for sample in samples:
        pairs = zip(projections(laplacian(sample[None])), reference, strict=True)
        distance = sum(wasserstein(values, real).mean().item() for values, real in pairs) / LEVELS
        scores.append(Score(distance, "sliced Wasserstein", name))
    return mean_score(scores)


def wasserstein(a: Tensor, b: Tensor) -> Tensor:
    """Mean distance between two sorted sets of numbers, the best way to turn one into the other: `d n`, `d m` to `d`.

    Exact for sets of one size; else the smaller is repeated, to within one part of the larger.
    """
    count = max(a.shape[-1], b.shape[-1])
    at = (torch.arange(count, device=a.device) + 0.5) / count
    a, b = (x if x.shape[-1] == count else x[..., (at * x.shape[-1]).long()] for x in (a, b))
    return (a - b).abs().mean(-1)


def laplacian(video: Tensor) -> list[Tensor]:
    """Bands of detail, finest first: each level less its smaller copy enlarged again, and the smallest copy itself.

    Source: Burt and Adelson 1983, in space alone. `b c t h w` to three of half the height and width each.
    """
    bands = []
    for _ in range(LEVELS - 1):
        height, width = video.shape[-2:]
        smaller = resize(video, ((height + 1) // 2, (width + 1) // 2), antialias=True)
        bands.append(video - resize(smaller, (height, width)))
        video = smaller
    return [*bands, video]
