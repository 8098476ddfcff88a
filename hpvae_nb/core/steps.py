"""One training step at a VAE scale and at a GAN scale: what is computed, in which order, and what it costs.

Two things are arranged differently from the equations' order, and change no value (tests hold both against a literal
version): what is frozen below a GAN scale runs without a graph, and passes that read the same network share one batch,
since every normalisation is per sample.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpvae_nb.core import losses
from hpvae_nb.core.blocks import steady_weights
from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.resampling import Shape

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, drawn in a fixed order whatever the step does with them.

    `epsilon` and `z` are `b latent t h w` at scale 0; `noise[k]` is `b 3 t h w` at GAN scale `first_gan + k`, of
    standard deviation 1.
    """

    epsilon: Tensor
    z: Tensor | None
    noise: list[Tensor]


def draw(network: Hierarchy, shapes: list[Shape], scale: int, batch: int, generator: torch.Generator) -> Draws:
    """Random numbers for one step at `scale`, on the generator's device."""
    normal = _normal(batch, generator)
    config = network.config
    epsilon = normal(config.latent, shapes[0])
    if config.is_vae(scale):
        return Draws(epsilon, None, [])
    z = normal(config.latent, shapes[0])
    noise = [normal(3, shapes[n]) for n in range(config.vae_levels, scale + 1)]
    return Draws(epsilon, z, noise)


def _normal(batch: int, generator: torch.Generator) -> Callable[[int, Shape], Tensor]:
    """From channels and site grid to `b c t h w`, standard normal, on the generator's device."""
    return lambda channels, shape: torch.randn(batch, channels, *shape, generator=generator, device=generator.device)


def vae_losses(network: Hierarchy, shapes: list[Shape], scale: int, x0: Tensor, xn: Tensor, draws: Draws) -> Losses:
    """Equation (5) at scale 0, equation (8) at scale n > 0.

    Args:
        x0: the clip at scale 0, `b 3 t h w`.
        xn: the clip at `scale`.

    Returns:
        `total`, the scalar to minimise over `network.trained_at(scale)`, and its terms before weighting.
    """
    config = network.config
    x, base, mu, logvar = _reconstruction_path(network, shapes, scale, x0, draws)
    terms = {
        "reconstruction": losses.reconstruction(x, xn, config.reconstruction),
        "reconstruction_0": losses.reconstruction(base, x0, config.reconstruction),
        "kl": losses.kl_divergence(mu, logvar, config.kl_reduction),
    }
    fit = terms["reconstruction"]
    if scale > 0 or config.equation_8_at_scale_0:
        fit = fit + terms["reconstruction_0"]
    terms["total"] = config.reconstruction_weight * fit + config.beta * terms["kl"]
    return terms


def reconstruct(network: Hierarchy, shapes: list[Shape], scale: int, x0: Tensor, draws: Draws) -> Tensor:
    """x̄^n of equation (6), `b 3 t h w` at `scale`, from a posterior sample of z."""
    return _reconstruction_path(network, shapes, scale, x0, draws)[0]


def _reconstruction_path(
    network: Hierarchy, shapes: list[Shape], scale: int, x0: Tensor, draws: Draws
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x̄^n, x̄^0, mu and logvar."""
    with steady_weights(network.encoder):
        mu, logvar = network.encoder(x0)
    x = base = network.base(reparameterize(mu, logvar, draws.epsilon))
    for n in range(1, scale + 1):
        x = network.refine(n, x, shapes[n])
    return x, base, mu, logvar


def reparameterize(mu: Tensor, logvar: Tensor, epsilon: Tensor) -> Tensor:
    """z'_i = mu_i + eps * sigma_i (equation 4), with sigma = exp(logvar / 2). All `b c t h w`."""
    return mu + epsilon * (0.5 * logvar).exp()


def gan_outputs(network: Hierarchy, shapes: list[Shape], scale: int, x0: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """x̄^n and x̄_rand^n of equations (6) and (9), with a graph through G^n alone, or with `freeze` off through all.

    Returns:
        Reconstruction and random sample, each `b 3 t h w` at `scale`.
    """
    x = below(network, shapes, scale, x0, draws)
    x = network.refine(scale, x, shapes[scale], _noise_for_random_half(network, scale, draws))
    reconstructed, random = x.chunk(2)
    return reconstructed, random


def below(network: Hierarchy, shapes: list[Shape], scale: int, x0: Tensor, draws: Draws) -> Tensor:
    """x̄^(n-1) and x̄_rand^(n-1), one after the other in a batch: what GAN scale n = `scale` is given."""
    if draws.z is None:
        raise ValueError(f"scale {scale} is a VAE scale; it has no random path")
    with torch.no_grad() if network.config.freeze else contextlib.nullcontext():
        with steady_weights(network.encoder):
            mu, logvar = network.encoder(x0)
        x = network.base(torch.cat([reparameterize(mu, logvar, draws.epsilon), draws.z]))
        for n in range(1, scale):
            x = network.refine(n, x, shapes[n], _noise_for_random_half(network, n, draws))
    return x


def random_below(network: Hierarchy, shapes: list[Shape], scale: int, generator: torch.Generator) -> Tensor:
    """One random x̄^(n-1) of equation (9), `1 3 t h w`: what is below GAN scale n = `scale`, drawn on its own."""
    normal = _normal(1, generator)
    with torch.no_grad():
        x = network.base(normal(network.config.latent, shapes[0]))
        for n in range(1, scale):
            noise = None if network.config.is_vae(n) else network.amplitudes[n] * normal(3, shapes[n])
            x = network.refine(n, x, shapes[n], noise)
    return x


def _noise_for_random_half(network: Hierarchy, scale: int, draws: Draws) -> Tensor | None:
    """Scaled z_n for the second half of the batch and zeros for the first; nothing at VAE scales (equation 9)."""
    if network.config.is_vae(scale):
        return None
    noise = network.amplitudes[scale] * draws.noise[scale - network.config.vae_levels]
    return torch.cat([torch.zeros_like(noise), noise])


def critic_losses(
    network: Hierarchy,
    critic: nn.Module,
    xn: Tensor,
    random: Tensor,
    generator: torch.Generator,
    penalty_weight: float | None = None,
) -> Losses:
    """The maximisation in equation (10), as a loss: E[D(x̄_rand)] - E[D(x)] + lambda * penalty.

    Call it, and the backward pass of its `total`, with the critic's weights free.

    Args:
        generator: where the penalty draws its blends.
        penalty_weight: lambda; the configuration's if not given. At 0 no penalty is computed, nor among the terms.
    """
    config = network.config
    weight = config.penalty_weight if penalty_weight is None else penalty_weight
    random = random.detach()
    on_real, on_random = critic(torch.cat([xn, random])).chunk(2)
    terms = {"distance": on_real.mean() - on_random.mean()}
    terms["total"] = -terms["distance"]
    if weight or penalty_weight is None:
        terms["penalty"] = losses.gradient_penalty(critic, xn, random, norm=config.penalty_norm, generator=generator)
        terms["total"] = terms["total"] + weight * terms["penalty"]
    return terms


def generator_losses(
    network: Hierarchy, critic: nn.Module, xn: Tensor, reconstructed: Tensor, random: Tensor
) -> Losses:
    """Equation (11): Recon(x̄^n, x^n) + beta_adv * (-E[D(x̄_rand)]). Call it with the critic's weights frozen."""
    config = network.config
    terms = {
        "reconstruction": losses.reconstruction(reconstructed, xn, config.reconstruction),
        "adversarial": -critic(random).mean(),
    }
    terms["total"] = (
        config.reconstruction_weight * terms["reconstruction"] + config.adversarial_weight * terms["adversarial"]
    )
    return terms
