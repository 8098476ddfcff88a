"""The three networks: encoder E, generators G^n, discriminators D^n (sections 3.1, 3.2; appendix A.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from hpvae_nb.core.blocks import ConvBlock, conv
from hpvae_nb.core.convolution import Padding, channels_last

if TYPE_CHECKING:
    from jaxtyping import Float

    Video = Float[Tensor, "b 3 *sites"]  # t h w; images have no t
    Latents = Float[Tensor, "b l *sites"]

RGB = 3


class Encoder(nn.Module):
    """E with its two heads: one 128-vector mean and log-variance for each of the K = T*H*W patches.

    Source: section 3.1, A.1. Spectral norm in the trunk, none in the heads `to_mu` (the paper's M) and `to_logvar`
    (its S, read as log-variance as the released code does).

    Args:
        dims: 3 for video, 2 for images.
        channels: of every hidden layer.
        latent: entries of a patch's latent vector.
        layers: of the trunk; the heads come on top.
        kernel: of all convolutions, odd.
        padding: what lies beyond the borders, `"zeros"` or `"replicate"`.
    """

    def __init__(
        self,
        dims: int = 3,
        channels: int = 64,
        latent: int = 128,
        layers: int = 5,
        kernel: int = 3,
        padding: Padding = "zeros",
    ) -> None:
        super().__init__()
        self.latent = latent
        widths = [RGB] + [channels] * layers
        self.trunk = nn.Sequential(*(ConvBlock(dims, a, b, kernel, "spectral", padding) for a, b in pairwise(widths)))
        self.to_mu = conv(dims, channels, latent, kernel, padding)
        self.to_logvar = conv(dims, channels, latent, kernel, padding)

    def forward(self, x: Video) -> tuple[Latents, Latents]:
        """`b 3 t h w` in [-1, 1] to two maps `b latent t h w`, in float32."""
        mu, logvar = rearrange(self._heads(channels_last(x)).float(), "b (head c) ... -> head b c ...", head=2)
        return mu, logvar

    def _heads(self, x: Tensor) -> Tensor:
        features = self.trunk(x)
        return torch.cat([self.to_mu(features), self.to_logvar(features)], dim=1)


class Generator(nn.Module):
    """G^0 decodes a latent map (equation 4); G^n, n > 0, draws the residual of scale n (equation 6). The same body.

    Source: A.1. Conv, norm and LeakyReLU blocks, then a convolution to RGB, with tanh where the paper has it.

    Args:
        dims, channels, layers, kernel, padding: as in `Encoder`; the last layer draws the picture.
        in_channels: `latent` for G^0, 3 above it.
        tanh: whether the last layer ends in one.
    """

    def __init__(
        self,
        dims: int = 3,
        in_channels: int = RGB,
        channels: int = 64,
        layers: int = 5,
        kernel: int = 3,
        padding: Padding = "zeros",
        tanh: bool = True,
    ) -> None:
        super().__init__()
        widths = [in_channels] + [channels] * (layers - 1)
        self.body = nn.Sequential(*(ConvBlock(dims, a, b, kernel, "sample", padding) for a, b in pairwise(widths)))
        self.tail = conv(dims, channels, RGB, kernel, padding)
        self.last = nn.Tanh() if tanh else nn.Identity()

    def forward(self, x: Float[Tensor, "b c *sites"]) -> Video:
        """`b c t h w` to `b 3 t h w`, in float32."""
        return self.last(self._layers(channels_last(x)).float())

    def _layers(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x))


class Discriminator(nn.Module):
    """D^n: one score for each r-sized patch of its input, spectrally normalised (A.1).

    Args:
        dims, channels, layers, kernel, padding: as in `Generator`; the last layer scores.
        spectral_tail: whether the last convolution is normalised too, as in the paper; the released code's is plain.
    """

    def __init__(
        self,
        dims: int = 3,
        channels: int = 64,
        layers: int = 5,
        kernel: int = 3,
        padding: Padding = "zeros",
        spectral_tail: bool = True,
    ) -> None:
        super().__init__()
        widths = [RGB] + [channels] * (layers - 1)
        self.body = nn.Sequential(*(ConvBlock(dims, a, b, kernel, "spectral", padding) for a, b in pairwise(widths)))
        tail = conv(dims, channels, 1, kernel, padding)
        self.tail = spectral_norm(tail) if spectral_tail else tail

    def forward(self, x: Video) -> Float[Tensor, "b 1 *sites"]:
        """`b 3 t h w` to scores `b 1 t h w`, in float32, unbounded."""
        return self._layers(channels_last(x)).float()

    def _layers(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x))


def warm_start(network: nn.Module, below: nn.Module) -> None:
    """Start `network` from the one below it; weights of another shape stay fresh.

    Source: A.1, "we initialize G^n (resp. D^n) with the weights of G^{n-1} (resp. D^{n-1})". The first layer of G^1
    differs in shape from that of G^0, which reads a latent map; where VAE scales have a kernel of their own, all
    convolutions of the first GAN scale differ from those below.
    """
    state = network.state_dict()
    matching = {name: value for name, value in below.state_dict().items() if state[name].shape == value.shape}
    network.load_state_dict({**state, **matching})
