"""A method as a value: which networks learn a clip, what they minimise, and what new clips start from.

A trainer and a model know nothing of a method but what stands in `Method`; HP-VAE-GAN is the first to fill it. Those
that the paper compares with are in `hpvae_nb.baselines`.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Generator, Tensor

from hpvae_nb.core import steps
from hpvae_nb.core.hierarchy import GrowingNetwork
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses, Objective
from hpvae_nb.io.clips import Clip
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.config import Config


@dataclass(frozen=True)
class Method:
    """What differs between methods. A subclass is a frozen dataclass, whose fields are the method's own settings.

    `draw` takes all random numbers of a step beforehand, in a fixed order; what it returns is handed on unseen.

    Attributes:
        name: as files and tables call it.
        trains: whether there is anything to learn.
        has_encoder: whether a clip can be encoded, so that a trained model needs x^0 to reconstruct it.
        learns_sets: whether it learns a `ClipSet`, all clips together, and not one clip.
        economies: whether windows and pools (`hpvae_nb.training.windows`) are for its networks.
    """

    name: ClassVar[str]
    trains: ClassVar[bool] = True
    has_encoder: ClassVar[bool] = True
    learns_sets: ClassVar[bool] = False
    economies: ClassVar[bool] = False

    @property
    def settings(self) -> dict[str, Any]:
        """The method's own, for files; everything else is the configuration's."""
        return dataclasses.asdict(self)

    def adapted(self, config: Config) -> Config:
        """The configuration without what is not for this method's networks."""
        return config if self.economies else config.replace(window=None, pool=None)

    def decay(self, config: Config) -> float:
        """Factor on a network's learning rate for each scale of its age."""
        return config.lr_decay

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> Any:
        """A fresh network at scale 0: a `GrowingNetwork`. Weights come from PyTorch's random numbers.

        Args:
            shapes: (T, H, W) of every planned scale.
            seed: of whatever else is drawn once and kept.

        Raises:
            InputError: settings and configuration do not go together.
        """
        raise NotImplementedError

    def learn(self, config: Config, clip: Clip, shapes: list[Shape]) -> Any:
        """The network of a clip, of a method that does not train."""
        raise NotImplementedError

    def restore(self, config: Config, shapes: list[Shape], state: dict[str, Tensor], amplitudes: list[float]) -> Any:
        """The network of a file, grown to as many scales as there are amplitudes."""
        network = self.build(config, shapes)
        for _ in amplitudes[1:]:
            network.grow()
        network.load_state_dict(state)
        network.amplitudes = list(amplitudes)
        return network

    def draw(self, network: Any, shapes: list[Shape], scale: int, batch: int, generator: Generator) -> Any:
        """The random numbers of one step at `scale`."""
        raise NotImplementedError

    def reconstruct(self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, generator: Generator) -> Tensor:
        """What becomes of x^0 at `scale`, by which that scale's noise amplitude is fixed."""
        raise NotImplementedError

    def vae_losses(
        self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, xn: Tensor, draws: Any, objective: Objective
    ) -> Losses:
        """What a scale without a critic minimises: `total`, and its terms before weighting."""
        raise NotImplementedError

    def outputs(self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, draws: Any) -> tuple[Tensor, Tensor]:
        """What is to become x^n, and random samples, each `b 3 t h w` at a scale with a critic."""
        raise NotImplementedError

    def reconstruction(self, network: Any, shapes: list[Shape]) -> Tensor:
        """The clip as the network keeps it, `b 3 t h w` at the last of `shapes`; of methods without encoder."""
        raise NotImplementedError

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """What new clips are decoded from, `b latent t h w` at scale 0 on the CPU; each sample has its own stream."""
        return normal_maps((network.latent, *shapes[0]), seed, samples, 0)


@dataclass(frozen=True)
class HpVaeGan(Method):
    """Hierarchical Patch VAE-GAN itself. It has no settings of its own: they are the configuration's."""

    name: ClassVar[str] = "hpvae"
    economies: ClassVar[bool] = True

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> GrowingNetwork:
        return make_hierarchy(config)

    draw = staticmethod(steps.draw)
    vae_losses = staticmethod(steps.vae_losses)
    outputs = staticmethod(steps.gan_outputs)

    def reconstruct(self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, generator: Generator) -> Tensor:
        draws = steps.draw(network, shapes, 0, len(x0), generator)
        return steps.reconstruct(network, shapes, scale, x0, draws)
