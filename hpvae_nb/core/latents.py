"""Random numbers for sampling, latent maps in shuffled strips, and paths between maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hpvae_nb.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float


def stream(seed: int, sample: int, scale: int) -> torch.Generator:
    """Random numbers for one scale of one sample, the same on every device and whatever else is drawn.

    Raises:
        InputError: for a seed that is no whole number of at least 0.
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}, but must be a whole number of at least 0")
    return dice(mixed(int(seed), sample, scale))


def dice(seed: int) -> torch.Generator:
    """Random numbers on the CPU; the seed may be NumPy's, which PyTorch does not take."""
    return torch.Generator().manual_seed(int(seed))


def mixed(*numbers: int) -> int:
    """One seed from several numbers of at least 0; other numbers give another. Zeros at the end count for nothing."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def normal_maps(shape: tuple[int, ...], seed: int, samples: range, scale: int) -> Float[Tensor, "b c *sites"]:
    """Standard normal maps `b c t h w` on the CPU: z at scale 0, z_n at a GAN scale n (equation 9).

    Args:
        shape: `c t h w` of one map.
        seed: as in `stream`.
        samples: which samples of the seed, such as `range(4)`.
        scale: n; each has a stream of its own.
    """
    return torch.stack([torch.randn(shape, generator=stream(seed, sample, scale)) for sample in samples])


def uniform_maps(shape: tuple[int, ...], seed: int, samples: range, scale: int) -> Float[Tensor, "b c *sites"]:
    """As `normal_maps`, with numbers uniform in [-1, 1)."""
    return torch.stack([2 * torch.rand(shape, generator=stream(seed, sample, scale)) - 1 for sample in samples])


def shuffled_strips(maps: Float[Tensor, "c *sites"], strips: int, width: int, dice: torch.Generator) -> Tensor:
    """Upright strips of a map in another order: cut at random places, and none beside its right-hand neighbour again.

    Rows and frames stay where they are: what is ground stays below, and what moves moves on.

    Args:
        maps: `c t h w` or `c h w`.
        strips: so many, 1 to w / 2; each is at least half as wide as the mean one.
        width: sites of what comes back. A wider map takes the strips again, cut and ordered anew, a narrower one fewer.

    Returns:
        `c t h width`, or `c h width`.
    """
    dealt: list[Tensor] = []
    while sum(strip.shape[-1] for strip in dealt) < width:
        places = torch.arange(1, strips) + (torch.rand(strips - 1, generator=dice) - 0.5) / 2
        cut = maps.tensor_split((places * maps.shape[-1] / strips).long().tolist(), dim=-1)
        dealt += [cut[i] for i in _reordered(strips, dice)]
    return torch.cat(dealt, dim=-1)[..., :width]


def _reordered(count: int, dice: torch.Generator) -> list[int]:
    """0..count-1 in a random order in which no number is followed by the next."""
    while True:
        order = torch.randperm(count, generator=dice)
        if not (order.diff() == 1).any():
            return order.tolist()


def slerp(a: Float[Tensor, "*any"], b: Float[Tensor, "*any"], t: float) -> Float[Tensor, "*any"]:
    """Spherical interpolation, t in [0, 1]: normal vectors stay about as long as normal vectors are.

    Source: White 2016, "Sampling generative networks", section 2.1. Nearly parallel ends fall back to a straight line.
    """
    cosine = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if angle < 1e-4 or angle > math.pi - 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
