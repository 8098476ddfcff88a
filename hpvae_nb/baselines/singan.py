"""SinGAN with 3D convolutions: a generator and a critic at every scale, from noise (Shaham et al., ICCV 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.gan import GrowingGan
from hpvae_nb.core.networks import RGB, Generator, warm_start
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.recipe.config import Config


@dataclass(frozen=True)
class Settings:
    """SinGAN has none of its own: `reconstruction_weight`, `noise_amplitude` and the rest are the configuration's."""


class SinGan(GrowingGan):
    """One generator a scale, each adding to the enlarged picture from below; only the newest is trained."""

    def __init__(self, config: Config, coarsest: Shape, settings: Settings) -> None:
        super().__init__(config, coarsest)
        self.generators = nn.ModuleList([Generator(config, RGB)])

    def grow(self) -> None:
        above = Generator(self.config, RGB)
        if self.config.warm_start != "none":
            warm_start(above, self.generators[-1])
        self.generators.append(above)
        self.amplitudes.append(0.0)

    def trained_at(self, scale: int) -> list[tuple[nn.Module, float]]:
        return [(self.generators[scale], 1.0)]

    def noise_channels(self, scale: int) -> int:
        return RGB

    def forward(self, noise: list[Tensor], shapes: list[Shape]) -> Tensor:
        """x̄^0 = G^0(z), then x̄^n = ↑x̄^(n-1) + G^n(↑x̄^(n-1) + sigma_n z_n) (SinGAN, equations (1) to (3))."""
        x = self._bounded(self.generators[0](noise[0]))
        for n in range(1, len(self.generators)):
            up = upsample(x, shapes[n])
            x = self._bounded(up + self.generators[n](up + self.amplitudes[n] * noise[n]))
        return x

    def _bounded(self, x: Tensor) -> Tensor:
        return torch.tanh(x) if self.config.output_tanh else x
