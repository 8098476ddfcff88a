"""Convolutional building blocks for two and three dimensions (appendix A.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from einops import repeat
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
SLOPE = 0.2  # released code: the slope of every LeakyReLU


def conv(dims: int, in_channels: int, out_channels: int, kernel: int = 3) -> nn.Module:
    """A convolution that keeps T, H and W, by zero padding of kernel // 2 ("preserve the input dimension", A.1)."""
    return CONV[dims](in_channels, out_channels, kernel, padding=kernel // 2)


def sample_norm(channels: int) -> nn.Module:
    """Normalises each channel of each sample over its sites, then scales and shifts it.

    Source: A.1 has batch norm; on the batch of one that a single clip makes, batch statistics are sample statistics.
    Taking them per sample keeps that meaning when several samples share a batch. A GroupNorm of one channel a group
    is the fastest way PyTorch has to say so.
    """
    return nn.GroupNorm(channels, channels)


class ConvBlock(nn.Sequential):
    """conv, a normalisation, LeakyReLU: the repeating unit of E, G and D.

    Args:
        norm: `"sample"` in G, `"spectral"` in E and D (A.1).
    """

    def __init__(self, dims: int, in_channels: int, out_channels: int, kernel: int, norm: str) -> None:
        layer = conv(dims, in_channels, out_channels, kernel)
        layers = [spectral_norm(layer)] if norm == "spectral" else [layer, sample_norm(out_channels)]
        super().__init__(*layers, nn.LeakyReLU(SLOPE, inplace=True))


@contextmanager
def steady_weights(*networks: nn.Module) -> Iterator[None]:
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


def in_company(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`network(x)`, with a second copy in the batch where that is many times faster.

    In float32 on a CPU, PyTorch runs a 3D convolution of one small sample on a slow path. No layer mixes samples, so
    the first output is the same. Shapes as the network's.
    """
    alone = len(x) == 1 and x.ndim == 5 and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    return network(repeat(x, "1 ... -> 2 ..."))[:1] if alone else network(x)
