"""A living picture: its latent map wanders around what the encoder says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.latents import normal_maps
from hpvae_nb.errors import InputError, check_whole

if TYPE_CHECKING:
    import hpvae_nb.model


def animate(
    model: hpvae_nb.model.Model,
    frames: int,
    alpha: float = 0.03,
    beta: float = 0.8,
    *,
    seed: int = 0,
    noise: float | Sequence[float] = 1.0,
) -> Tensor:
    """The training picture comes alive; a model of a clip plays it forth and back, while its content wanders.

    Source: SinGAN: z_(t+1) = alpha z_rec + (1 - alpha)(z_t + d), d = beta (z_t - z_(t-1)) + (1 - beta) u, u ~ N(0, I).
    Ours: z_rec is E's mean, not a stored noise; the noise of GAN scales stands still; and alpha and beta are less than
    SinGAN's 0.1 and 0.9, which keep z within half a standard deviation of the mean. There, nothing moves: up to the
    deviation of E itself, nearly a whole one, G^0 has learned to draw the same picture.

    Args:
        frames: how many, at least 1; the first is the reconstruction.
        alpha: in [0, 1]; the pull back to the training picture.
        beta: in [0, 1]; how smooth the way is.
        seed: of u, and of the noise of GAN scales.
        noise: factor of the latter's amplitudes, as in `Model.decode`.

    Returns:
        `3 t h w` in [-1, 1] with t = frames, on the CPU.

    Raises:
        InputError: values out of range, or a model that came without its training picture.
    """
    check_whole("frames", frames)
    for name, value in {"alpha": alpha, "beta": beta}.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value!r}, but must lie in [0, 1]")
    if model.coarse is None:
        raise InputError("this model came without its training picture, so there is none to animate")
    z = model.encode(model.coarse[:1])[0]
    away = before = torch.zeros_like(z)  # of z_t and z_(t-1) from z_rec
    made = []
    for frame, u in enumerate(normal_maps(tuple(z.shape[1:]), seed, range(frames), 0).split(1)):
        (clip,) = model.decode(z + away, noise=noise, seed=seed)  # each time the same noise, or it would flicker
        made.append(clip if clip.ndim == 3 else clip[:, forth_and_back(frame, clip.shape[1])])
        step = beta * (away - before) + (1 - beta) * u
        away, before = (1 - alpha) * (away + step), away
    return rearrange(made, "t c h w -> c t h w")


def forth_and_back(frame: int, length: int) -> int:
    """Which of `length` frames is played at `frame` of a clip that turns round at its ends."""
    there = frame % max(1, 2 * length - 2)
    return min(there, 2 * length - 2 - there) if there else 0
