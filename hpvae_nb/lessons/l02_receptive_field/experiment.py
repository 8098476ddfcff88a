"""How far stacks of convolutions see, measured: on average over random weights, by windows, at borders (lesson 2)."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hpvae_nb.core.blocks import CONV, SLOPE
from hpvae_nb.core.receptive_field import gradient_map
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError


def stack(
    depth: int, kernel: int = 3, dilation: int = 1, *, dims: int = 2, channels: int = 8, seed: int = 0
) -> nn.Module:
    """`depth` convolutions with LeakyReLU between them, from one channel to one, that keep H and W.

    Raises:
        InputError: when the kernel is even, for which no equal padding keeps the size.
    """
    if kernel % 2 == 0:
        raise InputError(f"kernel is {kernel}, but must be odd, so that padding keeps the size: take {kernel + 1}")
    widths = [1] + [channels] * (depth - 1) + [1]
    padding = dilation * (kernel // 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [CONV[dims](a, b, kernel, padding=padding, dilation=dilation), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])


def average_map(depth: int, kernel: int = 3, *, side: int = 65, repeats: int = 32) -> Tensor:
    """|gradient| of a stack's central output, averaged over stacks of random weights; sums to 1. `h w`."""
    maps = [gradient_map(stack(depth, kernel, seed=seed), (1, side, side)) for seed in range(repeats)]
    mean = torch.stack(maps).mean(dim=0)
    return mean / mean.sum()


def share_within(gradient: Tensor, side: int) -> float:
    """Part of a gradient map that lies in a window of `side` around its centre, along every axis."""
    window = gradient
    for axis, length in enumerate(gradient.shape):
        start = max(0, length // 2 - side // 2)
        window = window.narrow(axis, start, min(side, length - start))
    return float(window.sum() / gradient.sum())


def side_holding(gradient: Tensor, share: float = 0.9) -> int:
    """The smallest odd side of a central window that holds `share` of a gradient map."""
    return next(side for side in range(1, 2 * max(gradient.shape), 2) if share_within(gradient, side) >= share)


def border_share(shape: Sequence[int], field: Sequence[int]) -> float:
    """Part of the sites whose field reaches beyond a border, where the network sees zeros."""
    inside = math.prod(max(0, length - r + 1) for length, r in zip(shape, field, strict=True))
    return 1 - inside / math.prod(shape)


def measured_nearby(
    measure: Callable[[Shape, Shape], Tensor], shape: Shape, site: Shape, reach: Sequence[int]
) -> Tensor:
    """A map of what sways one site, measured in a window as large as the field: as it would be measured everywhere,
    many times as fast.

    Args:
        measure: from a (T, H, W) and a site in it to a map `t h w`.
        shape: of the whole map, which is 0 outside the window.
        reach: how far the field goes from the site along each axis.
    """
    ends = [(max(0, at - far), min(length, at + far + 1)) for at, far, length in zip(site, reach, shape, strict=True)]
    window = tuple(end - first for first, end in ends)
    whole = torch.zeros(shape)
    inside = tuple(at - first for at, (first, _) in zip(site, ends, strict=True))
    whole[tuple(slice(*pair) for pair in ends)] = measure(window, inside)
    return whole
