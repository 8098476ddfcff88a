"""ConSinGAN with 3D convolutions: one generator that grows, its newest stages trained together (Hinz et al., 2021).

Unlike SinGAN's scales, its stages hand features to each other, not pictures; one last layer makes the picture.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.gan import GrowingGan
from hpvae_nb.core.blocks import ConvBlock, conv
from hpvae_nb.core.convolution import channels_last
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.errors import InputError
from hpvae_nb.recipe.config import Config


@dataclass(frozen=True)
class Settings:
    """What is trained at once.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    stages: int = 3  # paper; the script of Gur et al.'s comparison has 1 by default, which trains as SinGAN does
    lr_scale: float = 0.1  # paper, per stage of age; the script of the comparison: 0.2

    def __post_init__(self) -> None:
        if self.stages < 1:
            raise InputError(f"stages is {self.stages}, but at least the newest stage must be trained: use 1 or more")
        if not 0 < self.lr_scale <= 1:
            raise InputError(f"lr_scale is {self.lr_scale}, but must lie in (0, 1]")


class ConSinGan(GrowingGan):
    """head: noise to features; stages: a residual of features at each scale; tail: features to a picture."""

    def __init__(self, config: Config, coarsest: Shape, settings: Settings) -> None:
        super().__init__(config, coarsest)
        self.settings = settings
        widths = [config.channels] * max(2, config.generator_layers - 1)  # with head and tail, as deep as SinGAN's
        self.head = ConvBlock(config.dims, RGB, config.channels, config.kernel, "sample", config.padding)
        blocks = (ConvBlock(config.dims, a, b, config.kernel, "sample", config.padding) for a, b in pairwise(widths))
        self.stages = nn.ModuleList([nn.Sequential(*blocks)])
        self.tail = conv(config.dims, config.channels, RGB, config.kernel, config.padding)

    def grow(self) -> None:
        self.stages.append(copy.deepcopy(self.stages[-1]))
        self.amplitudes.append(0.0)

    def trained_at(self, scale: int) -> list[tuple[nn.Module, float]]:
        """The newest stages, slower the older they are; the tail always; the head while stage 0 is among them."""
        first = max(0, scale - self.settings.stages + 1)
        trained: list[tuple[nn.Module, float]] = [
            (self.stages[n], self.settings.lr_scale ** (scale - n)) for n in range(first, scale + 1)
        ]
        trained.append((self.tail, 1.0))
        if first == 0:
            trained.append((self.head, self.settings.lr_scale**scale))
        return trained

    def noise_channels(self, scale: int) -> int:
        return RGB if scale == 0 else self.config.channels

    def forward(self, noise: list[Tensor], shapes: list[Shape]) -> Tensor:
        """f^0 = stage^0(head(z)), f^n = ↑f^(n-1) + stage^n(↑f^(n-1) + sigma_n z_n); the picture: tanh(tail(f^N))."""
        features = self.stages[0](self.head(channels_last(noise[0])))
        for n in range(1, len(self.stages)):
            up = upsample(features, shapes[n])
            features = up + self.stages[n](channels_last(up + self.amplitudes[n] * noise[n]))
        return torch.tanh(self.tail(features).float())
