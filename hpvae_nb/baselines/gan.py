"""What SinGAN and ConSinGAN share: a GAN at every scale, grown from noise, and one fixed noise that is the clip.

Source: Shaham et al. 2019 (SinGAN), section 3; Hinz et al. 2021 (ConSinGAN), section 3. As in the comparison of Gur et
al. 2020 (section 4.2, "replacing all the 2D convolutions with 3D ones"): HP-VAE-GAN's pyramid, critic, objective and
numbers of layers and channels, one step of the critic and one of the generator at a time, z* drawn once. In place of
the published padding, once and before the first layer, each convolution pads, as everywhere in this package.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.trainer import MethodTrainer, save
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.networks import RGB, Discriminator, warm_start
from hpvae_nb.core.resampling import Shape, shapes_for_output
from hpvae_nb.io.checkpoint import pack
from hpvae_nb.machine import choose_device, choose_precision, computing
from hpvae_nb.model import check_count
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples
from hpvae_nb.training.trainer import seeded

_FIXED = 2**31  # z* is the noise of this sample: none that is ever asked for, or the clip would be among the samples
_CHUNK = 2**20  # voxels of the finest scale computed at a time: bounds memory, whatever is asked for


class GrowingGan(nn.Module):
    """Generators of all scales so far, z*, and the noise amplitude of each scale. Starts with scale 0 alone."""

    fixed: Tensor

    def __init__(self, config: Config, coarsest: Shape) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("fixed", torch.zeros(1, RGB, *coarsest))  # z* of the papers, once a trainer has drawn it
        self.amplitudes = [1.0]

    def grow(self) -> None:
        """Add the generator of the next scale, started from the one below, with no noise amplitude yet."""
        raise NotImplementedError

    def trained_at(self, scale: int) -> list[tuple[nn.Module, float]]:
        """Networks trained at `scale`, each with the factor on its learning rate; all others are frozen."""
        raise NotImplementedError

    def noise_channels(self, scale: int) -> int:
        """Channels of the noise that `scale` takes in."""
        raise NotImplementedError

    def forward(self, noise: list[Tensor], shapes: list[Shape]) -> Tensor:
        """From noise of all scales so far, each `b c t h w` of standard deviation 1, to `b 3 T H W` in [-1, 1]."""
        raise NotImplementedError

    def fixed_noise(self, batch: int, shapes: list[Shape]) -> list[Tensor]:
        """The noise that is to become the clip: z* at scale 0, none above."""
        rest = range(1, len(self.amplitudes))
        zeros = [self.fixed.new_zeros(batch, self.noise_channels(n), *shapes[n]) for n in rest]
        return [self.fixed.expand(batch, *self.fixed.shape[1:]), *zeros]


class GanModel:
    """A trained `GrowingGan`. Attributes and calls as in `hpvae_nb.Model`, without what needs an encoder."""

    def __init__(
        self,
        network: GrowingGan,
        shapes: list[Shape],
        *,
        fps: float,
        name: str,
        facts: dict[str, Any],
        precision: str = "auto",
        coarse: Tensor | None = None,  # what only models with an encoder need
    ) -> None:
        self.network, self.shapes, self.config = network, shapes, network.config
        self.fps, self.name, self.facts = fps, name, facts
        self.precision = choose_precision(precision, self.device)

    @property
    def device(self) -> torch.device:
        return self.network.fixed.device

    @property
    def scales(self) -> int:
        """How many scales are there; `config.scales` when training went to its end."""
        return len(self.network.amplitudes)

    def to(self, device: str | torch.device, precision: str = "auto") -> GanModel:
        """Move to a device, choosing the precision anew."""
        self.network.to(choose_device(device))
        self.precision = choose_precision(precision, self.device)
        return self

    def sample(self, n: int, *, seed: int, size: Shape | None = None) -> Tensor:
        """New clips, from noise at every scale. Sample i of a seed is the same however many are asked for.

        Args:
            n: how many, at least 1.
            seed: at least 0.
            size: (T, H, W) or (H, W) of the finest scale, in frames and pixels; the training size if not given.

        Returns:
            `b c t h w` (`b c h w` for images) in [-1, 1], on the CPU.
        """
        check_count("n", n)
        shapes = self.shapes if size is None else shapes_for_output(self.shapes, tuple(size))
        chunk = max(1, _CHUNK // math.prod(shapes[self.scales - 1]))
        parts = []
        for first in range(0, n, chunk):
            chosen = range(first, min(n, first + chunk))
            noise = [
                normal_maps((self.network.noise_channels(k), *shapes[k]), seed, chosen, k) for k in range(self.scales)
            ]
            parts.append(self._made(noise, shapes))
        return torch.cat(parts)

    def reconstruct(self) -> Tensor:
        """The training clip as z* gives it back: `1 c t h w` in [-1, 1], on the CPU."""
        return self._made(self.network.fixed_noise(1, self.shapes), self.shapes)

    def _made(self, noise: list[Tensor], shapes: list[Shape]) -> Tensor:
        with torch.no_grad(), computing(self.device, self.precision):
            return self.network([z.to(self.device) for z in noise], shapes).cpu().clamp(-1, 1)

    def save(self, path: Any) -> Any:
        """Write the model as one file; see `hpvae_nb.baselines.load_model`."""
        return save(path, self, pack("network", self.network.state_dict()), amplitudes=self.network.amplitudes)


class GanTrainer(MethodTrainer):
    """Trains a `GrowingGan`: a critic at every scale, and z* in the place of the encoder."""

    def put(self, build: Callable[[], nn.Module], model: Callable[..., Any]) -> None:
        super().put(build, model)
        shape = self.network.fixed.shape[1:]
        self.network.fixed.copy_(normal_maps(shape, self.seed, range(_FIXED, _FIXED + 1), 0))

    def _reconstructed(self, x0: Tensor) -> Tensor:
        """What z* gives."""
        return self.network(self.network.fixed_noise(len(x0), self.shapes), self.shapes)

    def _build(self, scale: int) -> None:
        config, network = self.config, self.network
        with seeded(self.seed, scale):
            if scale > 0:
                network.grow()
                network.to(self.device)
            below, self.critic = self.critic, Discriminator(config).to(self.device)
        if below is not None and config.warm_start != "none":
            warm_start(self.critic, below)
        network.requires_grad_(False)
        trained = network.trained_at(scale)
        for part, _ in trained:
            part.requires_grad_(True)
        self.optimizer = self._adam(
            [{"params": list(part.parameters()), "lr": config.lr * factor} for part, factor in trained]
        )
        self.critic_optimizer = self._critic_adam(self.critic)
        self.reals_n = real_samples(config, self.clip, scale, self.shapes[scale]).to(self.device)

    def _outputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """x^n, what z* gives, and random samples. Frozen scales leave no graph: nothing there asks for gradients."""
        x0, xn = self._pick()
        fixed = self.network.fixed_noise(len(x0), self.shapes)
        noise = [torch.cat([z, torch.randn(z.shape, generator=self.generator, device=self.device)]) for z in fixed]
        made, random = self.network(noise, self.shapes).chunk(2)
        return xn, made, random
