"""One training step at a VAE scale and at a GAN scale: what is computed, in which order, and what it costs.

Two things are arranged differently from the equations' order, and change no value (tests hold both against a literal
version): what is frozen below a GAN scale runs without a graph, and passes that read the same network share one batch,
since every normalisation is per sample. Such a batch has two halves, written "(half b)": reconstructions, then random
samples.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from hpvae_nb.core import losses
from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape

if TYPE_CHECKING:
    from jaxtyping import Float

    Coarse = Float[Tensor, "b 3 *coarse"]  # at scale 0, as t h w; images have no t
    Latents = Float[Tensor, "b l *coarse"]
    Video = Float[Tensor, "b 3 *sites"]  # at the scale that is trained

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """Readings and weights of the loss terms; the defaults are the paper's (lambda: the released code's)."""

    reconstruction: Literal["l2", "mse"] = "l2"
    reconstruction_weight: float = 1.0
    equation_8_at_scale_0: bool = False
    kl_reduction: Literal["sum", "mean"] = "sum"
    beta: float = 0.1
    adversarial_weight: float = 0.1
    penalty_norm: Literal["site", "sample"] = "sample"
    penalty_weight: float = 0.1


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, drawn in a fixed order whatever the step does with them.

    `epsilon` and `z` are `b latent t h w` at scale 0; `noise[n]` is `b 3 t h w` at GAN scale n, of standard deviation
    1, and None at VAE scales.
    """

    epsilon: Tensor
    z: Tensor | None
    noise: list[Tensor | None]


def draw(network: Hierarchy, shapes: list[Shape], scale: int, batch: int, generator: torch.Generator) -> Draws:
    """Random numbers for one step at `scale`, on the generator's device."""
    normal = _normal(batch, generator)
    epsilon = normal(network.latent, shapes[0])
    if network.is_vae(scale):
        return Draws(epsilon, None, [])
    z = normal(network.latent, shapes[0])
    return Draws(epsilon, z, [None if network.is_vae(n) else normal(RGB, shapes[n]) for n in range(scale + 1)])


def _normal(batch: int, generator: torch.Generator) -> Callable[[int, Shape], Tensor]:
    """From channels and site grid to `b c t h w`, standard normal, on the generator's device."""
    return lambda channels, shape: torch.randn(batch, channels, *shape, generator=generator, device=generator.device)


def vae_losses(
    network: Hierarchy, shapes: list[Shape], scale: int, x0: Coarse, xn: Video, draws: Draws, objective: Objective
) -> Losses:
    """Equation (5) at scale 0, equation (8) at scale n > 0.

    Args:
        x0: the clip at scale 0, `b 3 t h w`.
        xn: the clip at `scale`.

    Returns:
        `total`, the scalar to minimise over `network.trained_at(scale)`, and its terms before weighting.
    """
    mu, logvar = network.encode(x0)
    divergences = {"kl": losses.kl_divergence(mu, logvar, objective.kl_reduction)}
    return elbo(network, shapes, scale, x0, xn, reparameterize(mu, logvar, draws.epsilon), divergences, objective)


def elbo(
    network: Hierarchy,
    shapes: list[Shape],
    scale: int,
    x0: Coarse,
    xn: Video,
    z: Latents,
    divergences: Losses,
    objective: Objective,
) -> Losses:
    """The same for any posterior, of which `z` was drawn and whose divergences from its prior are given by name."""
    base = network.base(z)
    x = network.climb(base, shapes[: scale + 1])
    terms = {
        "reconstruction": losses.reconstruction(x, xn, objective.reconstruction),
        "reconstruction_0": losses.reconstruction(base, x0, objective.reconstruction),
        **divergences,
    }
    fit = terms["reconstruction"]
    if scale > 0 or objective.equation_8_at_scale_0:
        fit = fit + terms["reconstruction_0"]
    terms["total"] = objective.reconstruction_weight * fit + objective.beta * sum(divergences.values())
    return terms


def reconstruct(network: Hierarchy, shapes: list[Shape], scale: int, x0: Coarse, draws: Draws) -> Video:
    """x̄^n of equation (6), `b 3 t h w` at `scale`, from a posterior sample of z."""
    return network.decode(reparameterize(*network.encode(x0), draws.epsilon), shapes[: scale + 1])


def reparameterize(mu: Latents, logvar: Latents, epsilon: Latents) -> Latents:
    """z'_i = mu_i + eps * sigma_i (equation 4), with sigma = exp(logvar / 2). All `b c t h w`."""
    return mu + epsilon * (0.5 * logvar).exp()


def gan_outputs(network: Hierarchy, shapes: list[Shape], scale: int, x0: Coarse, draws: Draws) -> tuple[Video, Video]:
    """x̄^n and x̄_rand^n of equations (6) and (9), with a graph through G^n alone, or with `freeze` off through all.

    Returns:
        Reconstruction and random sample, each `b 3 t h w` at `scale`.
    """
    x = below(network, shapes, scale, x0, draws)
    both = network.refine(scale, x, shapes[scale], _noise(network, scale, draws))
    reconstructed, random = rearrange(both, "(half b) ... -> half b ...", half=2)
    return reconstructed, random


def below(
    network: Hierarchy, shapes: list[Shape], scale: int, x0: Coarse, draws: Draws
) -> Float[Tensor, "two_b 3 *sites"]:
    """x̄^(n-1) and x̄_rand^(n-1), "(half b) 3 t h w": what GAN scale n = `scale` is given."""
    if draws.z is None:
        raise ValueError(f"scale {scale} is a VAE scale; it has no random path")
    with torch.no_grad() if network.freeze else contextlib.nullcontext():
        z = reparameterize(*network.encode(x0), draws.epsilon)
        both = rearrange([z, draws.z], "half b ... -> (half b) ...")
        return network.decode(both, shapes[:scale], [_noise(network, n, draws) for n in range(scale)])


def random_below(
    network: Hierarchy, shapes: list[Shape], scale: int, generator: torch.Generator
) -> Float[Tensor, "1 3 *sites"]:
    """One random x̄^(n-1) of equation (9), `1 3 t h w`: what is below GAN scale n = `scale`, drawn on its own."""
    normal = _normal(1, generator)
    z = normal(network.latent, shapes[0])
    noise = [None if network.is_vae(n) else network.amplitudes[n] * normal(RGB, shapes[n]) for n in range(scale)]
    with torch.no_grad():
        return network.decode(z, shapes[:scale], noise)


def random_half(noise: Float[Tensor, "b c *sites"]) -> Float[Tensor, "two_b c *sites"]:
    """Noise for the random half of a batch, and zeros for the reconstructed one, which has none (equation 6)."""
    return rearrange([torch.zeros_like(noise), noise], "half b ... -> (half b) ...")


def _noise(network: Hierarchy, scale: int, draws: Draws) -> Tensor | None:
    """z_n at its amplitude for the random half; None at VAE scales (equation 9)."""
    z_n = draws.noise[scale]
    return None if z_n is None else random_half(network.amplitudes[scale] * z_n)


def critic_losses(
    critic: nn.Module, xn: Video, random: Video, generator: torch.Generator, objective: Objective
) -> Losses:
    """The maximisation in equation (10), as a loss: E[D(x̄_rand)] - E[D(x)] + lambda * penalty.

    Call it, and the backward pass of its `total`, with the critic's weights free. With a weight of 0 no penalty is
    computed, nor among the terms.

    Args:
        generator: where the penalty draws its blends.
    """
    random = random.detach()
    scores = critic(rearrange([xn, random], "half b ... -> (half b) ..."))
    on_real, on_random = rearrange(scores, "(half b) ... -> half b ...", half=2)
    terms = {"distance": on_real.mean() - on_random.mean()}
    terms["total"] = -terms["distance"]
    if objective.penalty_weight:
        norm = objective.penalty_norm
        terms["penalty"] = losses.gradient_penalty(critic, xn, random, norm=norm, generator=generator)
        terms["total"] = terms["total"] + objective.penalty_weight * terms["penalty"]
    return terms


def generator_losses(critic: nn.Module, xn: Video, reconstructed: Video, random: Video, objective: Objective) -> Losses:
    """Equation (11): Recon(x̄^n, x^n) + beta_adv * (-E[D(x̄_rand)]). Call it with the critic's weights frozen."""
    terms = {
        "reconstruction": losses.reconstruction(reconstructed, xn, objective.reconstruction),
        "adversarial": -critic(random).mean(),
    }
    terms["total"] = (
        objective.reconstruction_weight * terms["reconstruction"] + objective.adversarial_weight * terms["adversarial"]
    )
    return terms
