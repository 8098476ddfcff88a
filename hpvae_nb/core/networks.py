"""The three networks: encoder E, generators G^n, discriminators D^n (sections 3.1, 3.2; appendix A.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from hpvae_nb.core.blocks import ConvBlock, conv
from hpvae_nb.core.convolution import channels_last
from hpvae_nb.recipe.config import Config

RGB = 3


class Encoder(nn.Module):
    """E with its two heads: one 128-vector mean and log-variance for each of the K = T*H*W patches.

    Source: section 3.1, A.1. Spectral norm in the trunk, none in the heads `to_mu` (the paper's M) and `to_logvar`
    (its S, read as log-variance as the released code does).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [RGB] + [config.channels] * config.encoder_layers
        kernel = config.encoder_kernel or config.kernel
        padding = config.padding
        blocks = (ConvBlock(config.dims, a, b, kernel, "spectral", padding) for a, b in pairwise(widths))
        self.trunk = nn.Sequential(*blocks)
        self.to_mu = conv(config.dims, config.channels, config.latent, kernel, padding)
        self.to_logvar = conv(config.dims, config.channels, config.latent, kernel, padding)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`b 3 t h w` in [-1, 1] to two maps `b latent t h w`, in float32."""
        both = self._heads(channels_last(x)).float()
        mu, logvar = both.chunk(2, dim=1)
        return mu, logvar

    def _heads(self, x: Tensor) -> Tensor:
        features = self.trunk(x)
        return torch.cat([self.to_mu(features), self.to_logvar(features)], dim=1)


class Generator(nn.Module):
    """G^0 decodes a latent map (equation 4); G^n, n > 0, draws the residual of scale n (equation 6). The same body.

    Source: A.1. Conv, norm and LeakyReLU blocks, then a convolution to RGB, with tanh where the paper has it.

    Args:
        kernel: of all its convolutions; `config.kernel` if not given.
    """

    def __init__(self, config: Config, in_channels: int, kernel: int | None = None) -> None:
        super().__init__()
        kernel = kernel or config.kernel
        widths = [in_channels] + [config.channels] * (config.generator_layers - 1)
        blocks = (ConvBlock(config.dims, a, b, kernel, "sample", config.padding) for a, b in pairwise(widths))
        self.body = nn.Sequential(*blocks)
        self.tail = conv(config.dims, config.channels, RGB, kernel, config.padding)
        self.last = nn.Tanh() if config.generator_tanh else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """`b c t h w` to `b 3 t h w`, in float32."""
        return self.last(self._layers(channels_last(x)).float())

    def _layers(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x))


class Discriminator(nn.Module):
    """D^n: one score for each r-sized patch of its input, spectrally normalised (A.1).

    The released code leaves the last convolution plain, the paper does not: `config.critic_tail_spectral`.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [RGB] + [config.channels] * (config.critic_layers - 1)
        blocks = (ConvBlock(config.dims, a, b, config.kernel, "spectral", config.padding) for a, b in pairwise(widths))
        self.body = nn.Sequential(*blocks)
        tail = conv(config.dims, config.channels, 1, config.kernel, config.padding)
        self.tail = spectral_norm(tail) if config.critic_tail_spectral else tail

    def forward(self, x: Tensor) -> Tensor:
        """`b 3 t h w` to scores `b 1 t h w`, in float32, unbounded."""
        return self._layers(channels_last(x)).float()

    def _layers(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x))


def warm_start(network: nn.Module, below: nn.Module) -> None:
    """Start `network` from the one below it; weights of another shape stay fresh.

    Source: A.1, "we initialize G^n (resp. D^n) with the weights of G^{n-1} (resp. D^{n-1})". The first layer of G^1
    differs in shape from that of G^0, which reads a latent map; with a `decoder_kernel`, all convolutions of the first
    GAN scale differ from those below.
    """
    state = network.state_dict()
    matching = {name: value for name, value in below.state_dict().items() if state[name].shape == value.shape}
    network.load_state_dict({**state, **matching})
