"""What MoCoGAN, TGAN and TGAN-v2 share: one generator of whole clips, critics beside it, a set of clips to learn.

They have one scale and no training clip of their own. Each is a `hpvae_nb.method.Method` as the others are, so that
their trained models are sampled, saved and measured alike; what takes the place of a pyramid's losses is `update`, one
round of the game between generator and critics.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from hpvae_nb.core.hierarchy import GrowingNetwork
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses
from hpvae_nb.errors import InputError
from hpvae_nb.method import Method
from hpvae_nb.recipe.config import Config


class ClipGenerator(GrowingNetwork):
    """A network with a single scale: z, `b latent t h w` of its own small shape, to a clip `b 3 t h w` in [-1, 1]."""

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        return [(self, 0)]


class Spread(nn.Module):
    """Adds a map that says how much the clips of a batch differ, the mean of all features' standard deviations.

    Not in the published systems: in small ones, of clips that share most of what they show, such as a sky, a generator
    soon makes a single one, and critics that judge each clip by itself let it pass. Source: Karras et al. 2018,
    "Progressive growing of GANs", section 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`b c ...` to `b (c + 1) ...`."""
        spread = x.float().std(0, correction=0).mean().to(x.dtype)
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], 1)


def doublings(size: int) -> int:
    """How often 4 px double to `size`."""
    return (size // 4).bit_length() - 1


@dataclass
class Game:
    """All that plays in a training, and where it stands.

    Attributes:
        config: the recipe.
        network: the generator.
        critics: by name.
        optimizers: by name; what they are is the method's own affair.
        generator: of random numbers, on the device that computes.
        iteration: rounds played so far.
    """

    config: Config
    network: Any
    critics: nn.ModuleDict
    optimizers: dict[str, Optimizer]
    generator: Generator
    iteration: int = 0

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.generator.device)

    def whole(self, below: int, count: int) -> Tensor:
        """Whole numbers from 0 to `below` - 1."""
        return torch.randint(below, (count,), generator=self.generator, device=self.generator.device)

    def step(self, name: str, loss: Tensor) -> None:
        """One update by the optimiser of that name."""
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    @contextmanager
    def resting(self, *names: str) -> Iterator[None]:
        """Inside, the critics of these names gather no gradients for their weights; all of them if none is named."""
        critics = [self.critics[name] for name in names] or [self.critics]
        for critic in critics:
            critic.requires_grad_(False)
        try:
            yield
        finally:
            for critic in critics:
                critic.requires_grad_(True)


@dataclass(frozen=True)
class ManyClips(Method):
    """A method that learns a set of clips, at one scale, which is `config.fine_size` px a side.

    Attributes:
        small: its own settings in the small variant, which a CPU can train; `hpvae_nb.baselines.make_system`.
    """

    small: ClassVar[dict[str, Any]] = {}
    learns_sets: ClassVar[bool] = True
    has_encoder: ClassVar[bool] = False

    def critics(self, config: Config, shapes: list[Shape]) -> nn.ModuleDict:
        """Fresh critics by name. Weights come from PyTorch's random numbers."""
        raise NotImplementedError

    def optimizers(self, config: Config, network: nn.Module, critics: nn.ModuleDict) -> dict[str, Optimizer]:
        """By the names that `update` asks for."""
        raise NotImplementedError

    def update(self, game: Game, real: Tensor) -> Losses:
        """One round: every critic and the generator are updated once, on real clips `b 3 t h w` and made ones.

        Returns:
            The losses by name, before weighting.
        """
        raise NotImplementedError

    def kernels(self, config: Config, shapes: list[Shape]) -> list[tuple[int, int]]:
        """(frames, kernel in time) of every 3D convolution, by which a number format is chosen."""
        raise NotImplementedError

    def restore(self, config: Config, shapes: list[Shape], state: dict[str, Tensor], amplitudes: list[float]) -> Any:
        return super().restore(config, shapes, state, amplitudes).eval()  # norms by what training gathered

    def reconstruction(self, network: Any, shapes: list[Shape]) -> Tensor:
        raise InputError(f"a model of {self.name} keeps no clip that could be reconstructed: use sample")

    def check_size(self, shapes: list[Shape], trained: Shape, *, longer: bool = False) -> None:
        """Refuse a size that the generator has not; `longer`: any number of frames is fine."""
        same = shapes[-1] == trained or (longer and shapes[-1][1:] == trained[1:])
        if not same:
            can = f"{'any number of frames' if longer else f'{trained[0]} frames'} of {trained[1]}x{trained[2]} px"
            raise InputError(f"size is {shapes[-1]}, but a model of {self.name} makes {can} alone: leave size out")
