"""From settings to networks: the one place that knows both."""

from dataclasses import fields
from typing import Any

from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.networks import RGB, Discriminator, Encoder, Generator
from hpvae_nb.core.steps import Objective
from hpvae_nb.recipe.config import Config


def make_encoder(config: Config) -> Encoder:
    """E."""
    return Encoder(**encoder_numbers(config))


def encoder_numbers(config: Config) -> dict[str, Any]:
    """What `Encoder` takes."""
    return {
        "dims": config.dims,
        "channels": config.channels,
        "latent": config.latent,
        "layers": config.encoder_layers,
        "kernel": config.encoder_kernel or config.kernel,
        "padding": config.padding,
    }


def make_generator(config: Config, scale: int, in_channels: int | None = None) -> Generator:
    """G^scale: from a latent map at scale 0, from a picture above it, or from `in_channels`."""
    return Generator(
        config.dims,
        in_channels or (config.latent if scale == 0 else RGB),
        config.channels,
        config.generator_layers,
        config.generator_kernel(scale),
        config.padding,
        config.generator_tanh,
    )


def make_discriminator(config: Config) -> Discriminator:
    """D^n, alike at every scale."""
    return Discriminator(
        config.dims, config.channels, config.critic_layers, config.kernel, config.padding, config.critic_tail_spectral
    )


def make_hierarchy(config: Config, encoder: Encoder | None = None) -> Hierarchy:
    """E and G^0, ready to grow.

    Args:
        encoder: in place of E.
    """
    return Hierarchy(
        encoder or make_encoder(config),
        lambda scale: make_generator(config, scale),
        config.vae_levels,
        residual=config.residual,
        tanh=config.output_tanh,
        warm_start=config.warm_start,
        freeze=config.freeze,
    )


def make_objective(config: Config) -> Objective:
    """Readings and weights of the loss terms, which the configuration calls the same."""
    return Objective(**{field.name: getattr(config, field.name) for field in fields(Objective)})
