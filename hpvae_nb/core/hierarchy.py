"""The hierarchy of scales as one network: E, G^0 and the residual generators above it (section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hpvae_nb.core.networks import RGB, Encoder, Generator, warm_start
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.recipe.config import Config


class Hierarchy(nn.Module):
    """E, G^0..G^n, and the noise amplitude of each scale. It starts with scale 0 and grows one scale at a time."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.generators = nn.ModuleList([Generator(config, config.latent, config.generator_kernel(0))])
        self.amplitudes = [0.0]

    def grow(self) -> None:
        """Add G^(n+1), started from G^n as `config.warm_start` says (A.1), with no noise amplitude yet."""
        kernel = self.config.generator_kernel(len(self.generators))
        above = Generator(self.config, RGB, kernel).to(next(self.parameters()).device)
        policy = self.config.warm_start
        if policy == "all" or (policy == "residual" and len(self.generators) > 1):
            warm_start(above, self.generators[-1])
        self.generators.append(above)
        self.amplitudes.append(0.0)

    def base(self, z: Tensor) -> Tensor:
        """x̄^0 = G^0(z): `b latent t h w` to `b 3 t h w` in [-1, 1] (equation 9, n = 0)."""
        return self._bounded(self.generators[0](z))

    def refine(self, scale: int, below: Tensor, shape: Shape, noise: Tensor | None = None) -> Tensor:
        """x̄^n = ↑x̄^(n-1) + G^n(↑x̄^(n-1) + z_n): equation (6) without noise, equation (9) with it.

        With `config.residual` off, G^n's output alone.

        Args:
            scale: n of at least 1.
            below: x̄^(n-1), `b 3 t h w`.
            shape: (T, H, W) of scale n.
            noise: z_n times its amplitude, `b 3 T H W`.
        """
        return self.refine_up(scale, upsample(below, shape), noise)

    def refine_up(self, scale: int, up: Tensor, noise: Tensor | None = None) -> Tensor:
        """The same from ↑x̄^(n-1), `b 3 T H W`, whole or a window of it."""
        seen = up if noise is None else up + noise
        made = self.generators[scale](seen)
        return self._bounded(up + made if self.config.residual else made)

    def _bounded(self, x: Tensor) -> Tensor:
        return torch.tanh(x) if self.config.output_tanh else x

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        """Networks trained at `scale`, each with the power of `lr_decay` on its learning rate.

        Source: section 3.2. At VAE scales E and G^0 are fine-tuned with G^n, at GAN scales G^n is alone; all others
        are frozen. With `config.freeze` off (section 4.2) none is: each is the slower, the more scales came after its
        own, which the paper says of E and G^0, and the released code does to all.
        """
        if not self.config.freeze:
            return [(self.encoder, scale), *((self.generators[n], scale - n) for n in range(scale + 1))]
        if scale == 0:
            return [(self.encoder, 0), (self.generators[0], 0)]
        if self.config.is_vae(scale):
            return [(self.encoder, scale), (self.generators[0], scale), (self.generators[scale], 0)]
        return [(self.generators[scale], 0)]

    def freeze_all_but(self, scale: int) -> None:
        """Let gradients reach only what `trained_at` lists."""
        self.requires_grad_(False)
        for network, _ in self.trained_at(scale):
            network.requires_grad_(True)
