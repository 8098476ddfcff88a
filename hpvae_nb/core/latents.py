"""Random numbers for sampling, and paths between latent maps."""

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


def slerp(a: Float[Tensor, "*any"], b: Float[Tensor, "*any"], t: float) -> Float[Tensor, "*any"]:
    """Spherical interpolation, t in [0, 1]: normal vectors stay about as long as normal vectors are.

    Source: White 2016, "Sampling generative networks", section 2.1. Nearly parallel ends fall back to a straight line.
    """
    cosine = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if angle < 1e-4 or angle > math.pi - 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
