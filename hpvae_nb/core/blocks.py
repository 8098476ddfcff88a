"""Convolutional building blocks for two and three dimensions (appendix A.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from hpvae_nb.core.convolution import Conv2d, Conv3d, Padding

if TYPE_CHECKING:
    from jaxtyping import Float

CONV = {2: Conv2d, 3: Conv3d}
SLOPE = 0.2  # released code: the slope of every LeakyReLU


def conv(dims: int, in_channels: int, out_channels: int, kernel: int = 3, padding: Padding = "zeros") -> nn.Module:
    """A convolution that keeps T, H and W, by a padding of kernel // 2 ("preserve the input dimension", A.1).

    Args:
        padding: `"zeros"` or `"replicate"`.
    """
    return CONV[dims](in_channels, out_channels, kernel, padding=kernel // 2, padding_mode=padding)


class SampleNorm(nn.GroupNorm):
    """Normalises each channel of each sample over its sites, then scales and shifts it. Shapes stay as they are.

    Source: A.1 has batch norm; on the batch of one that a single clip makes, batch statistics are sample statistics.
    Taking them per sample keeps that meaning when several samples share a batch. It is a GroupNorm of one channel a
    group, computed as batch norm sample by sample: many times faster where channels lie last in memory.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Float[Tensor, "b c *sites"]) -> Float[Tensor, "b c *sites"]:
        parts = [F.batch_norm(one, None, None, self.weight, self.bias, True, 0.0, self.eps) for one in x.split(1)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


class ConvBlock(nn.Sequential):
    """conv, a normalisation, LeakyReLU: the repeating unit of E, G and D.

    Args:
        norm: `"sample"` in G, `"spectral"` in E and D (A.1).
        padding: as in `conv`.
    """

    def __init__(
        self, dims: int, in_channels: int, out_channels: int, kernel: int, norm: str, padding: Padding = "zeros"
    ) -> None:
        layer = conv(dims, in_channels, out_channels, kernel, padding)
        layers = [spectral_norm(layer)] if norm == "spectral" else [layer, SampleNorm(out_channels)]
        super().__init__(*layers, nn.LeakyReLU(SLOPE, inplace=True))


@contextmanager
def cached_weights(*networks: nn.Module) -> Iterator[None]:
    """Inside, every spectrally normalised weight is computed once, in float32, and reused by all passes.

    One power iteration a step, however often the critic is called in it; and none of it in bfloat16.
    """
    with parametrize.cached():
        for network in networks:
            with torch.autocast(next(network.parameters()).device.type, enabled=False):
                for module in network.modules():
                    if parametrize.is_parametrized(module, "weight"):
                        _ = module.weight
        yield
