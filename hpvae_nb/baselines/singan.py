"""SinGAN with 3D convolutions: a generator and a critic at every scale, from noise (Shaham et al., ICCV 2019)."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from torch import nn

from hpvae_nb.baselines.gan import GanMethod, fix_noise
from hpvae_nb.core.hierarchy import ResidualPyramid
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape
from hpvae_nb.recipe.build import make_generator
from hpvae_nb.recipe.config import Config


class SinGanNetwork(ResidualPyramid):
    """One generator a scale, each adding to the enlarged picture from below; only the newest is trained.

    x̄^0 = G^0(z), then x̄^n = ↑x̄^(n-1) + G^n(↑x̄^(n-1) + sigma_n z_n) (SinGAN, equations (1) to (3)): the walk through
    the scales is HP-VAE-GAN's, with noise in the place of a latent map and at every scale.
    """

    def __init__(self, config: Config, coarsest: Shape, seed: int) -> None:
        plain = config.replace(decoder_kernel=None)  # which is of VAE scales
        warm_start: Literal["none", "all"] = "none" if config.warm_start == "none" else "all"
        make = partial(make_generator, plain, in_channels=RGB)
        super().__init__(make, RGB, tanh=config.output_tanh, warm_start=warm_start)
        fix_noise(self, coarsest, seed)

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        return [(self.generators[scale], 0)]


@dataclass(frozen=True)
class SinGan(GanMethod):
    """SinGAN has no settings of its own: `reconstruction_weight`, `noise_amplitude` and the rest are the recipe's."""

    name: ClassVar[str] = "singan"

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> Any:
        return SinGanNetwork(config, shapes[0], seed)
