"""TGAN: one latent for the whole clip, from which a temporal generator makes one for each frame (Saito et al., 2017).

z_slow is what stays, z_fast what each frame adds: transposed convolutions along time make z_fast of z_slow, and a 2D
generator draws every frame from both. One critic of 3D convolutions sees the clip. It is a Wasserstein critic, so its
slope must be bounded: every few rounds the singular values of its weights are clipped to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer, RMSprop

from hpvae_nb.baselines.many import ClipGenerator, Game, ManyClips, doublings
from hpvae_nb.core.hierarchy import Noise
from hpvae_nb.core.latents import uniform_maps
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses
from hpvae_nb.errors import InputError, keep_whole
from hpvae_nb.recipe.config import Config

LEAK = 0.2
NARROWEST = 32  # measured: of the first layer of a critic; it costs little beside the generator


@dataclass(frozen=True)
class TGan(ManyClips):
    """TGAN with its published numbers; sizes, channels and rates are the configuration's.

    Source: Saito, Matsumoto and Saito 2017, "Temporal generative adversarial nets with singular value clipping";
    numbers of layers as in its published code.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "tgan"
    clip_every: int = 5  # paper: rounds from one clipping of singular values to the next

    def __post_init__(self) -> None:
        keep_whole(self, "clip_every")

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> SlowFastGenerator:
        return SlowFastGenerator(config.latent, config.channels, *shapes[0][:2])

    def critics(self, config: Config, shapes: list[Shape]) -> nn.ModuleDict:
        return nn.ModuleDict({"video": critic(max(NARROWEST, 2 * config.channels), *shapes[0][:2])})

    def optimizers(self, config: Config, network: nn.Module, critics: nn.ModuleDict) -> dict[str, Optimizer]:
        of_critic = RMSprop(critics.parameters(), config.critic_lr or config.lr)
        return {"generator": RMSprop(network.parameters(), config.lr), "video": of_critic}

    def kernels(self, config: Config, shapes: list[Shape]) -> list[tuple[int, int]]:
        frames, size = shapes[0][:2]
        left = [max(1, frames >> layer) for layer in range(doublings(size) + 1)]
        return [*((count, 4) for count in left[:-1]), (left[-1], left[-1])]

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """z_slow, `b latent 1 1 1`, uniform in [-1, 1)."""
        self.check_size(shapes, (network.frames, network.size, network.size))
        return uniform_maps((network.latent, 1, 1, 1), seed, samples, 0)

    def update(self, game: Game, real: Tensor) -> Losses:
        """Clipping, when it is time; then D and G: the critic's mean on made clips less that on real ones."""
        critic = game.critics["video"]
        if game.iteration % self.clip_every == 0:
            clip_singular_values(critic)
        made = game.network(2 * game.uniform(len(real), game.network.latent, 1, 1, 1) - 1)
        on_video = critic(made.detach()).float().mean() - critic(real).float().mean()
        game.step("video", on_video)
        with game.resting():
            fooled = -critic(made).float().mean()
            game.step("generator", fooled)
        return {"video": on_video, "generator": fooled}


@torch.no_grad()
def clip_singular_values(network: nn.Module) -> None:
    """Make every layer of a network one that stretches no patch: W = U S V^T becomes U min(S, 1) V^T, in place.

    A layer's weight, `out in ...`, is read as the matrix (out, rest) that takes one patch to one site. Batch norms,
    which multiply by gamma / sd in evaluation, get gamma at most sd, and at least .01 sd, so that none dies.

    Source: Saito et al. 2017, singular value clipping; the least gamma is its published code's.

    Args:
        network: with linear layers, convolutions and batch norms; what else it has is left alone. Only layers whose
            weight begins with the outputs: no transposed convolutions.
    """
    # A Wasserstein critic must be 1-Lipschitz, and a chain of layers is if each of them is. Clipping every *weight*
    # does it by making all of them small; the singular values are the stretch itself, so nothing else is lost.
    # Patches that overlap share pixels: a whole convolution may still stretch by the root of how many see a pixel.
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            u, s, vt = torch.linalg.svd(layer.weight.flatten(1).float(), full_matrices=False)
            if s[0] > 1:
                layer.weight.copy_((u * s.clamp(max=1) @ vt).view_as(layer.weight))
        elif isinstance(layer, _BatchNorm) and layer.affine and layer.running_var is not None:
            deviation = (layer.running_var + layer.eps).sqrt()
            layer.weight.copy_(layer.weight.clamp(0.01 * deviation, deviation))


class SlowFastGenerator(ClipGenerator):
    """The temporal generator G_0, z_slow to z_fast of each frame, and the image generator G_1, both to frames.

    Args:
        latent: entries of z_slow, and of z_fast.
        channels: of the last layer before the colours; each layer below has twice as many.
        frames: of a clip, a power of 2 from 4 on.
        size: of a frame in pixels, a power of 2 from 8 on.

    Raises:
        InputError: for other numbers of frames or pixels.
    """

    def __init__(self, latent: int, channels: int, frames: int, size: int) -> None:
        super().__init__()
        for what, value, least in (("frames", frames, 4), ("fine_size", size, 8)):
            if value < least or value.bit_count() != 1:
                raise InputError(f"{what} is {value}, but TGAN makes powers of 2 from {least} on: use one")
        self.latent, self.frames, self.size = latent, frames, size
        widths = [channels * max(4, 16 >> layer) for layer in range(1, frames.bit_length() - 1)]
        temporal: list[nn.Module] = [nn.ConvTranspose1d(latent, 16 * channels, 1), nn.BatchNorm1d(16 * channels)]
        for before, after in pairwise([16 * channels, *widths]):
            temporal += [nn.ReLU(), nn.ConvTranspose1d(before, after, 4, 2, 1), nn.BatchNorm1d(after)]
        last = nn.ConvTranspose1d(widths[-1], latent, 4, 2, 1)
        self.temporal = nn.Sequential(*temporal, nn.ReLU(), last, nn.Tanh())

        half = channels * 2 ** (doublings(size) - 1)
        self.slow, self.fast = (_seed_map(latent, half) for _ in range(2))
        image: list[nn.Module] = []
        for before, after in pairwise(channels * 2**n for n in reversed(range(doublings(size) + 1))):
            image += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.image = nn.Sequential(*image, nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """`b latent 1 1 1` to `b 3 t h w`."""
        z_slow = rearrange(z, "b c 1 1 1 -> b c")
        z_fast = self.temporal(rearrange(z_slow, "b c -> b c 1"))  # b c t
        slow = repeat(self.slow(z_slow), "b c h w -> (b t) c h w", t=self.frames)
        fast = self.fast(rearrange(z_fast, "b c t -> (b t) c"))
        return rearrange(self.image(torch.cat([slow, fast], 1)), "(b t) c h w -> b c t h w", b=len(z))

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        return self(z)


def _seed_map(latent: int, channels: int) -> nn.Sequential:
    """A vector to a map of 4x4, with which the image generator begins."""
    linear = nn.Linear(latent, channels * 16, bias=False)
    return nn.Sequential(linear, nn.Unflatten(1, (channels, 4, 4)), nn.BatchNorm2d(channels), nn.ReLU())


def critic(channels: int, frames: int, size: int) -> nn.Sequential:
    """D: each layer halves time and space, up to 4x4 px; one score for a clip, `b 1 1 1 1`.

    Its batch norms have no beta, for only a factor is there to be clipped.
    """
    layers: list[nn.Module] = []
    before = 3
    for layer in range(doublings(size)):
        after, through = channels * 2**layer, (4, 2, 1) if frames > 1 else (1, 1, 0)
        kernel, stride, padding = ((time, space, space) for time, space in zip(through, (4, 2, 1), strict=True))
        layers.append(nn.Conv3d(before, after, kernel, stride, padding, bias=not layer))
        if layer:
            norm = nn.BatchNorm3d(after)
            norm.register_parameter("bias", None)
            layers.append(norm)
        layers.append(nn.LeakyReLU(LEAK))
        before, frames = after, max(1, frames // 2)
    return nn.Sequential(*layers, nn.Conv3d(before, 1, (frames, 4, 4)))
