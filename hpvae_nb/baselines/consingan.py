"""ConSinGAN with 3D convolutions: one generator that grows, its newest stages trained together (Hinz et al., 2021).

Unlike SinGAN's scales, its stages hand features to each other, not pictures; one last layer makes the picture.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.gan import GanMethod, fix_noise
from hpvae_nb.core.blocks import ConvBlock, conv
from hpvae_nb.core.convolution import channels_last
from hpvae_nb.core.hierarchy import GrowingNetwork, Noise
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.errors import InputError, keep_whole
from hpvae_nb.recipe.config import Config


class ConSinGanNetwork(GrowingNetwork):
    """head: noise to features; stages: a residual of features at each scale; tail: features to a picture.

    `together` is how many of the newest stages are trained at once.
    """

    def __init__(self, config: Config, coarsest: Shape, seed: int, together: int) -> None:
        super().__init__()
        fix_noise(self, coarsest, seed)
        self.latent, self.together, self.channels = RGB, together, config.channels
        widths = [config.channels] * max(2, config.generator_layers - 1)  # with head and tail, as deep as SinGAN's
        self.head = ConvBlock(config.dims, RGB, config.channels, config.kernel, "sample", config.padding)
        blocks = (ConvBlock(config.dims, a, b, config.kernel, "sample", config.padding) for a, b in pairwise(widths))
        self.stages = nn.ModuleList([nn.Sequential(*blocks)])
        self.tail = conv(config.dims, config.channels, RGB, config.kernel, config.padding)

    def grow(self) -> None:
        self.stages.append(copy.deepcopy(self.stages[-1]))
        self.amplitudes.append(0.0)

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        """The newest stages, slower the older they are; the tail always; the head while stage 0 is among them."""
        first = max(0, scale - self.together + 1)
        head = [(self.head, scale)] if first == 0 else []
        return [*((self.stages[n], scale - n) for n in range(first, scale + 1)), (self.tail, 0), *head]

    def noise_channels(self, scale: int) -> int:
        return self.channels

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        """f^0 = stage^0(head(z)), f^n = ↑f^(n-1) + stage^n(↑f^(n-1) + sigma_n z_n); the picture: tanh(tail(f^N))."""
        features = self.stages[0](self.head(channels_last(z)))
        for n in range(1, len(shapes)):
            up = upsample(features, shapes[n])
            z_n = noise[n] if noise else None
            features = up + self.stages[n](channels_last(up if z_n is None else up + z_n))
        return torch.tanh(self.tail(features).float())


@dataclass(frozen=True)
class ConSinGan(GanMethod):
    """Which stages are trained at once, and how fast.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "consingan"
    stages: int = 3  # paper; the script of Gur et al.'s comparison has 1 by default, which trains as SinGAN does
    lr_scale: float = 0.1  # paper, per stage of age; the script of the comparison: 0.2

    def __post_init__(self) -> None:
        keep_whole(self, "stages")
        if not 0 < self.lr_scale <= 1:
            raise InputError(f"lr_scale is {self.lr_scale}, but must lie in (0, 1]")

    def decay(self, config: Config) -> float:
        return self.lr_scale

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> Any:
        return ConSinGanNetwork(config, shapes[0], seed, self.stages)
