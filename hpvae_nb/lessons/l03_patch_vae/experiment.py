"""What a patch-VAE of scale 0 has learned, and what its patches cost; and its training, alone (section 3.1)."""

from collections.abc import Generator
from dataclasses import dataclass

from einops import reduce
from torch import Tensor

from hpvae_nb.core.losses import kl_divergence, reconstruction
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics import diversity
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.events import Event, train


@dataclass(frozen=True)
class Look:
    """What a patch-VAE makes at scale 0 of its own clip.

    Attributes:
        real, reconstructed: x^0 and G^0(mu), `c t h w` in [-1, 1].
        kl: nats for each patch, `t h w`.
        random: G^0(z) for z ~ N(0, I), `b c t h w`.
    """

    real: Tensor
    reconstructed: Tensor
    kl: Tensor
    random: Tensor

    @property
    def error(self) -> float:
        """Root mean squared error of the reconstruction; the values it compares span 2."""
        return reconstruction(self.reconstructed, self.real).sqrt().item()

    @property
    def nats(self) -> float:
        """Mean KL of a patch."""
        return self.kl.mean().item()

    @property
    def diversity(self) -> float:
        """Of the random samples, relative to the clip's own contrast."""
        return diversity(self.random, self.real)


def look(model: Model, *, samples: int = 20, seed: int = 0) -> Look:
    """Reconstruct the training clip at scale 0, measure each patch's KL, and draw random samples.

    Raises:
        InputError: when the model came without its training clip.
    """
    if model.coarse is None:
        raise InputError("this model came without its training clip, so there is nothing to reconstruct")
    kl = kl_divergence(*model.encode(model.coarse), "sites")[0]
    return Look(model.coarse[0], model.reconstruct(scales=1)[0], kl, model.sample(samples, seed=seed, scales=1))


def oddness(clip: Tensor) -> Tensor:
    """How far each site's colour is from the mean colour of its row, over all times: `c t h w` to `t h w`."""
    return (clip - reduce(clip, "c t h w -> c 1 h 1", "mean")).square().sum(dim=0).sqrt()


def first_scale(clip: Clip, config: Config, *, seed: int = 0) -> Generator[Event, None, None]:
    """The events of `train` at scale 0, and no more."""
    for event in train(clip, config, seed=seed):
        yield event
        if event.scale_done:
            return
