"""New clips by denoising noise, with the best denoiser there is for one clip's patches: no search, no learning.

Whoever knows all patches that a noisy patch may once have been, and that its noise is normal, can say what it was on
average: each of them weighted by softmax(-distance^2 / 2 sigma^2). Where patches overlap, their averages are averaged.
From a noisy, very coarse clip on, with ever less noise, and then from level to level, a new clip appears.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.baselines.patch_levels import PatchMethod, cubic
from hpvae_nb.core.patches import patch_grid, patch_rows, principal_axes
from hpvae_nb.core.resampling import Shape

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_BLOCK = 2**20  # weights computed at a time: what stays in a processor's cache


@dataclass(frozen=True)
class PatchDenoiser(PatchMethod):
    """A clip from noise, by the patches of another. Sizes are voxels, as in `Vgpnn`.

    Source: Qiu, Kutulakos and Lindell 2026, "Efficient and training-free single-image diffusion models" (CVPR,
    arXiv:2606.04299): a single image's patches denoise in closed form, from coarse to fine, and from large sigma to
    small. Patches in space and time, what they are compared by, and every number are this project's choices. Steps add
    no new noise (DDIM, Song et al. 2021): with new noise, in three samples, the walkers vanished altogether.

    `sigma` is the knob between copies and new layouts: the noise that the coarsest clip starts with. Seconds grow with
    the square of the number of voxels; memory does not.

    Means prefer what there is much of. Measured: of stars on a black sky (`hubble_deep_field`, 96 px, sigma 0.5, 3 and
    6) only the sky was left, the same in all samples.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "patch_denoiser"
    sigma: float = 3.0  # of the noise on the coarsest clip, in the clip's units, as VGPNN's
    again: float = 0.3  # the sigma that every finer level begins with: what enlarging blurs counts as noise
    least: float = 0.05  # the last sigma of each level
    coarse_steps: int = 40  # at the coarsest level, where they cost little; measured: with 8, things dissolve
    steps: int = 3  # at each level above
    stride: int = 2  # denoise the patches at every so many rows and columns; measured: a quarter of the time of 1
    patch: Shape = (3, 5, 5)  # measured, three clips at 32 px, sigma 3: with VGPNN's 7 samples hardly leave the clip
    space_factor: float = 0.82  # from a level to the one below
    time_factor: float = 0.87
    coarse_size: int = 15  # the short side of the coarsest level
    coarse_frames: int = 3
    components: int | None = 48  # compare patches by so many principal components; None: by all values

    def _checks(self) -> list[tuple[bool, str, str]]:
        return [
            *super()._checks(),
            (0 < self.least <= self.again, "least", f"above 0, and at most again, {self.again}"),
            (self.coarse_steps >= 1, "coarse_steps", "at least 1"),
            (self.steps >= 1, "steps", "at least 1"),
            (1 <= self.stride <= min(self.patch[1:]), "stride", f"1..{min(self.patch[1:])}, the side of a patch"),
        ]

    def climb(
        self, levels: Sequence[Tensor], shapes: Sequence[Shape], clips: list[Tensor], patch: Shape
    ) -> list[Tensor]:
        for level, (values, shape) in enumerate(zip(levels, shapes, strict=True)):
            denoise = Denoiser(values, patch, self.components, self.stride)
            first, steps = (self.again, self.steps) if level else (max(self.sigma, self.least), self.coarse_steps)
            sigmas = np.geomspace(first, self.least, steps).tolist()
            clips = [descend(cubic(clip, shape), denoise, sigmas) for clip in clips]
        return clips


def descend(noisy: Tensor, denoise: Callable[[Tensor, float], Tensor], sigmas: Sequence[float]) -> Tensor:
    """A clip `1 c t h w` without noise, by way of less and less of it.

    Each step takes all noise away and puts a smaller part of the same noise back. Source: DDIM, Song et al. 2021,
    equation 12 with eta = 0.

    Args:
        noisy: with noise of the first sigma.
        denoise: from a clip and the sigma of its noise to the clip without.
        sigmas: falling.
    """
    for sigma, after in itertools.pairwise([*sigmas, 0.0]):
        clean = denoise(noisy, sigma)
        noisy = clean + after / sigma * (noisy - clean)
    return noisy


class Denoiser:
    """What a noisy clip was on average, if each of its patches was one of a training clip's.

    Args:
        values: the training clip, `b c t h w`.
        patch: voxels of a patch.
        components: patches are compared by so many principal components; None: by all values.
        stride: of the noisy patches, in space. At most a patch's side, so that every voxel lies in one.
    """

    def __init__(self, values: Tensor, patch: Shape, components: int | None, stride: int = 1) -> None:
        self.rows, self.patch, self.stride = patch_rows(values, patch), patch, stride
        self.axes = None if components is None else principal_axes(self.rows, components)
        self.keys = self._seen(self.rows)

    def __call__(self, noisy: Float[Tensor, "1 c t h w"], sigma: float) -> Float[Tensor, "1 c t h w"]:
        """The clip without noise of that standard deviation; where patches overlap, their mean."""
        places = patch_places(tuple(noisy.shape[1:]), self.patch, self.stride).to(noisy.device)
        queries = noisy.flatten()[places]
        clean = weighted_means(self._seen(queries), self.keys, self.rows, sigma)
        total = noisy.new_zeros(noisy.numel()).index_add(0, places.flatten(), clean.flatten())
        return (total / torch.bincount(places.flatten())).reshape(noisy.shape)

    def _seen(self, rows: Tensor) -> Tensor:
        return rows if self.axes is None else rows @ self.axes


def weighted_means(
    queries: Float[Tensor, "q n"], keys: Float[Tensor, "k n"], values: Float[Tensor, "k d"], sigma: float
) -> Float[Tensor, "q d"]:
    """For each query the mean of all values, weighted by softmax(-distance^2 / 2 sigma^2), a block at a time.

    The least mean squared error that any denoiser of normal noise can reach, where the keys are all there is.

    Args:
        queries: `q n`, keys with noise on them.
        keys: `k n`.
        values: `k d`, one for each key, which may be a projection of it.
        sigma: of the noise, above 0. Towards 0 the value of the nearest key is left, towards infinity the mean of all.
    """
    middle = keys.mean(0)  # the squares below cancel; the smaller they are, the less is lost
    queries, columns = queries - middle, (keys - middle).T.contiguous()
    half, means = columns.square().sum(0) / 2, []
    buffer = torch.empty(max(1, _BLOCK // len(keys)), len(keys), device=keys.device)
    for block in queries.split(len(buffer)):
        logits = torch.addmm(half, block, columns, beta=-1, out=buffer[: len(block)])  # up to what all keys share
        means.append(logits.div_(sigma**2).softmax(1) @ values)
    return torch.cat(means)


def patch_places(shape: tuple[int, ...], patch: Shape, stride: int = 1) -> Int[Tensor, "k d"]:
    """Where the values of a clip's patches lie: `clip.flatten()[places]` are its `patch_rows`, at stride 1.

    Args:
        shape: (c, t, h, w) of the clip.
        patch: voxels of a patch.
        stride: only patches at every so many rows and columns, and the last ones.
    """
    numbers = torch.arange(math.prod(shape)).reshape(shape)
    (t, h, w), (a, b, d) = patch_grid(shape[1:], patch), patch
    down, across = (sorted({*range(0, count, stride), count - 1}) for count in (h, w))
    corners = rearrange(numbers[0, :t][:, down][:, :, across], "t h w -> (t h w) 1")
    return corners + rearrange(numbers[:, :a, :b, :d], "c a b d -> 1 (c a b d)")
