"""What clips are compared by: a named extractor turns a clip into sets of features, one row for each location."""

from typing import Protocol

import torch
from torch import Tensor

from hpvae_nb.core.latents import dice
from hpvae_nb.core.patches import nearest, patch_rows, principal_axes
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError

PATCH = (3, 5, 5)  # voxels; in an image one frame
DIRECTIONS = 32  # of a patch's 225 numbers
CENTRES = 32  # so many features: 13x36x64 at half its size holds about a hundred patches side by side, enough for these
SCALES = (1, 2)  # the clip is divided by; a patch of 5 px then covers 5 and 10
FLOOR = 0.01  # variance added before whitening, so that compression noise does not count as much as content


class Extractor(Protocol):
    """Anything with a name that turns a clip `3 t h w` in [-1, 1] into sets of features `k d`, one for each scale."""

    name: str

    def __call__(self, clip: Tensor) -> list[Tensor]: ...


class PatchFeatures:
    """Space-time patches at two scales, each told by how near it is to 32 typical patches of the training clip.

    It needs no weights: at each scale the clip's own patches give the 32 directions in which they vary most, the spread
    to divide by in each (PCA whitening), and 32 centres (k-means). A patch's features are, for each centre, how much
    nearer it is than the average centre, or 0.

    Source: Coates, Ng and Lee 2011, "An analysis of single-layer networks in unsupervised feature learning"
    (whitening, k-means, the triangle activation); here over space-time patches and at several scales. Without the
    centres the Fréchet distance would see no more than the clip's power spectrum: means and covariances of patches are
    its autocovariance, and a clip with scrambled phases would be perfect.

    They are features of this clip at this size: scores say which samples of one clip are more like it. What they miss:
    faint noise in a busy clip, since directions of little variance are left out, and all that is larger than 10 px.

    Args:
        clip: the training clip, `3 t h w` in [-1, 1].
        seed: of the first centres.
        frames: of a patch at most; 1 where the frames are different pictures.

    Raises:
        InputError: a clip too small for a patch at the coarsest scale.
    """

    name = "patches"

    def __init__(self, clip: Tensor, seed: int = 0, frames: int = PATCH[0]) -> None:
        self.frames = frames
        generator = dice(seed)
        self.levels = []
        for rows in _rows(clip, frames):
            mean = rows.mean(0)
            axes = principal_axes(rows, DIRECTIONS)
            axes = axes / (((rows - mean) @ axes).var(0) + FLOOR).sqrt()
            self.levels.append((mean, axes, k_means((rows - mean) @ axes, CENTRES, generator)))

    def __call__(self, clip: Tensor) -> list[Tensor]:
        """Features of each scale, `k 32` with a row for every patch of a clip `3 t h w`."""
        return [
            triangle_activation((rows - mean) @ axes, centres)
            for rows, (mean, axes, centres) in zip(_rows(clip, self.frames), self.levels, strict=True)
        ]


def _rows(clip: Tensor, frames: int) -> list[Tensor]:
    """The patches of each scale, `k d`."""
    length, height, width = clip.shape[1:]
    patch = (min(PATCH[0], frames, length), *PATCH[1:])
    sizes = [(round(height / scale), round(width / scale)) for scale in SCALES]
    if min(sizes[-1]) < PATCH[1]:
        needed = f"{PATCH[1] * SCALES[-1]} px on each side, for patches at 1/{SCALES[-1]} of the size"
        raise InputError(f"the clip is {width}x{height} px, but must have {needed}: use larger samples")
    return [patch_rows(resize(clip, size, antialias=True), patch) for size in sizes]


def k_means(rows: Tensor, count: int, generator: torch.Generator, iterations: int = 10) -> Tensor:
    """`count` centres of the rows by k-means (Lloyd 1982), from rows drawn at random: `k d` to `count d`."""
    start = torch.randperm(len(rows), generator=generator)[:count]
    centres = rows[start.to(rows.device)]
    for _ in range(iterations):
        own, _ = nearest(rows, centres)
        sizes = torch.bincount(own, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, own, rows)
        centres = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
    return centres


def triangle_activation(rows: Tensor, centres: Tensor) -> Tensor:
    """How much nearer each centre is than the mean one, or 0: `k d` and `c d` to `k c`.

    Source: Coates, Ng and Lee 2011, f_k = max(0, mean(z) - z_k) with z_k the distance to centre k.
    """
    distances = torch.cdist(rows, centres)
    return (distances.mean(1, keepdim=True) - distances).clamp(min=0)
