"""New clips by denoising noise, with the best denoiser there is for one clip's patches: no search, no learning.

Whoever knows all patches that a noisy patch may once have been, and that its noise is normal, can say what it was on
average: each of them weighted by softmax(-distance^2 / 2 sigma^2). Where patches overlap, their averages are averaged.
From a noisy, very coarse clip on, with ever less noise, and then from level to level, a new clip appears.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
    from jaxtyping import Float

_BLOCK = 2**20  # weights computed at a time: what stays in a processor's cache


@dataclass(frozen=True)
class PatchDenoiser(PatchMethod):
    """A clip from noise, by the patches of another.

    Source: Qiu, Kutulakos and Lindell 2026 (Efficient-SID): a single image's patches denoise in closed form, from
    coarse to fine, and from large sigma to small. The sizes below, patches in space and time, principal components, and
    steps that add no new noise (DDIM, Song et al. 2021) are this project's choices.

    `sigma` is the knob between copies and new layouts: the noise that the coarsest clip starts with.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "patch_denoiser"
    sigma: float = 3.0
    patch: Shape = (3, 5, 5)
    again: float = 0.3  # the sigma that every finer level begins with: what enlarging blurs counts as noise
    least: float = 0.05  # the last sigma of each level
    steps: int = 3  # at each level; three times as many at the coarsest

    def _checks(self) -> list[tuple[bool, str, str]]:
        return [
            *super()._checks(),
            (0 < self.least <= self.again, "least", f"above 0, and at most again, {self.again}"),
            (self.steps >= 1, "steps", "at least 1"),
        ]

    def climb(
        self, levels: Sequence[Tensor], shapes: Sequence[Shape], clips: list[Tensor], patch: Shape
    ) -> list[Tensor]:
        for level, (values, shape) in enumerate(zip(levels, shapes, strict=True)):
            denoiser = Denoiser(values, patch, self.components)
            first, steps = (self.again, self.steps) if level else (max(self.sigma, self.least), 3 * self.steps)
            sigmas = np.geomspace(first, self.least, steps).tolist()
            for sigma, after in itertools.pairwise([*sigmas, 0.0]):
                clips = [cubic(clip, shape) for clip in clips]
                best = [denoiser(clip, sigma) for clip in clips]
                clips = [clean + after / sigma * (clip - clean) for clip, clean in zip(clips, best, strict=True)]
        return clips


class Denoiser:
    """What a noisy clip was on average, if each of its patches was one of a training clip's.

    Args:
        values: the training clip, `b c t h w`.
        patch: voxels of a patch.
        components: patches are compared, and averaged, by so many principal components; None: by all values.
    """

    def __init__(self, values: Tensor, patch: Shape, components: int | None) -> None:
        rows, self.patch = patch_rows(values, patch), patch
        self.mean = rows.mean(0)
        self.axes = principal_axes(rows, components or rows.shape[1])
        self.keys = (rows - self.mean) @ self.axes

    def __call__(self, clip: Float[Tensor, "1 c t h w"], sigma: float) -> Float[Tensor, "1 c t h w"]:
        """The clip without noise of that standard deviation."""
        queries = (patch_rows(clip, self.patch) - self.mean) @ self.axes
        rows = weighted_means(queries, self.keys, sigma) @ self.axes.T + self.mean
        return overlaid(rows, patch_grid(tuple(clip.shape[2:]), self.patch), self.patch)


def weighted_means(queries: Float[Tensor, "q d"], keys: Float[Tensor, "k d"], sigma: float) -> Float[Tensor, "q d"]:
    """For each query the mean of all keys, weighted by softmax(-distance^2 / 2 sigma^2), a block at a time.

    The least mean squared error that any denoiser of normal noise can reach, where the keys are all there is.
    """
    half, columns, means = keys.square().sum(1) / 2, keys.T.contiguous(), []
    buffer = torch.empty(max(1, _BLOCK // len(keys)), len(keys), device=keys.device)
    for block in queries.split(len(buffer)):
        logits = torch.addmm(half, block, columns, beta=-1, out=buffer[: len(block)])  # up to what all keys share
        means.append(logits.div_(sigma**2).softmax(1) @ keys)
    return torch.cat(means)


def overlaid(rows: Float[Tensor, "k d"], grid: Shape, patch: Shape) -> Float[Tensor, "1 c T H W"]:
    """The clip of which these would be `patch_rows`; where they overlap, their mean."""
    t, h, w = grid
    patches = rearrange(rows, "(t h w) (c a b d) -> a b d c t h w", t=t, h=h, w=w, a=patch[0], b=patch[1], d=patch[2])
    total = rows.new_zeros(patches.shape[3], *(length + side - 1 for length, side in zip(grid, patch, strict=True)))
    covered = torch.zeros_like(total)
    for a, b, d in itertools.product(*map(range, patch)):
        total[:, a : a + t, b : b + h, d : d + w] += patches[a, b, d]
        covered[:, a : a + t, b : b + h, d : d + w] += 1
    return (total / covered)[None]
