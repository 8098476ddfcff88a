"""What SinGAN and ConSinGAN share: a GAN at every scale, grown from noise, and one fixed noise that is the clip.

Source: Shaham et al. 2019 (SinGAN), section 3; Hinz et al. 2021 (ConSinGAN), section 3. As in the comparison of Gur et
al. 2020 (section 4.2, "replacing all the 2D convolutions with 3D ones"): HP-VAE-GAN's pyramid, critic, objective and
numbers of layers and channels, one step of the critic and one of the generator at a time, z* drawn once. In place of
the published padding, once and before the first layer, each convolution pads, as everywhere in this package.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from einops import rearrange, repeat
from torch import Generator, Tensor

from hpvae_nb.core.hierarchy import GrowingNetwork
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import random_half
from hpvae_nb.method import Method

_FIXED = 2**31  # z* is the noise of this sample: none that is ever asked for, or the clip would be among the samples


def fix_noise(network: GrowingNetwork, coarsest: Shape, seed: int) -> None:
    """Give a network z* of the papers, `1 3 t h w` at scale 0 as its buffer `fixed`, and full noise at scale 0."""
    network.register_buffer("fixed", normal_maps((RGB, *coarsest), seed, range(_FIXED, _FIXED + 1), 0))
    network.amplitudes = [1.0]


@dataclass(frozen=True)
class GanMethod(Method):
    """A critic at every scale, and z* in the place of the encoder."""

    has_encoder: ClassVar[bool] = False

    def draw(self, network: Any, shapes: list[Shape], scale: int, batch: int, generator: Generator) -> list[Tensor]:
        """Noise of scales 0..`scale`, each `b c t h w` of standard deviation 1."""
        channels = [network.latent, *(network.noise_channels(n) for n in range(1, scale + 1))]
        return [
            torch.randn(batch, c, *shape, generator=generator, device=generator.device)
            for c, shape in zip(channels, shapes, strict=False)
        ]

    def reconstruct(self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, generator: Generator) -> Tensor:
        """What z* gives, once for each training sample."""
        return network.decode(_fixed(network, len(x0)), shapes[: scale + 1])

    def reconstruction(self, network: Any, shapes: list[Shape]) -> Tensor:
        return network.decode(network.fixed, shapes)

    def outputs(self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, draws: Any) -> tuple[Tensor, Tensor]:
        """What z* gives, and random samples. Frozen scales leave no graph: nothing there asks for gradients."""
        z, *noise = draws
        both = rearrange([_fixed(network, len(x0)), z], "half b ... -> (half b) ...")
        halves = [random_half(sigma * z_n) for sigma, z_n in zip(network.amplitudes[1:], noise, strict=True)]
        both = network.decode(both, shapes[: scale + 1], [None, *halves])
        reconstructed, random = rearrange(both, "(half b) ... -> half b ...", half=2)
        return reconstructed, random


def _fixed(network: Any, batch: int) -> Tensor:
    return repeat(network.fixed, "1 ... -> b ...", b=batch)
