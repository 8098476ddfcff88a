"""MoCoGAN: a clip is one content and a path of motion, drawn frame by frame (Tulyakov et al., CVPR 2018).

z of a frame is three things side by side: content, the same in all frames; a category, the same too; and motion, which
a recurrent cell makes of fresh noise for each frame. A 2D generator draws every frame from its z alone. One critic sees
single frames, another whole clips; that one also has to tell the category, so that the generator must show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from hpvae_nb.baselines.many import ClipGenerator, Game, ManyClips, Spread, doublings
from hpvae_nb.core.hierarchy import Noise
from hpvae_nb.core.latents import stream
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses
from hpvae_nb.recipe.config import Config

LEAK = 0.2


@dataclass(frozen=True)
class MoCoGan(ManyClips):
    """MoCoGAN with its published numbers; sizes and channels are the configuration's.

    Source: Tulyakov et al. 2018, "MoCoGAN: decomposing motion and content for video generation", sections 3 and 4;
    numbers of layers and rates as in its published code.
    """

    name: ClassVar[str] = "mocogan"
    small: ClassVar[dict[str, Any]] = {"narrower": 2, "noise": 0.1, "image_batch": 12}
    motion: int = 10  # published code: entries of z_M
    categories: int = 6  # published code: of actions
    image_batch: int = 10  # published code: frames that the image critic sees in a round
    noise: float = 0.0  # published code, optional, before each layer; here of what is added to the critics' input
    narrower: int = 1  # published code: 1; so many times fewer channels have the critics
    weight_decay: float = 1e-5  # published code

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> FrameGenerator:
        return FrameGenerator(config.latent, self.motion, self.categories, config.channels, shapes[0][1])

    def critics(self, config: Config, shapes: list[Shape]) -> nn.ModuleDict:
        size, channels = shapes[0][1], max(1, config.channels // self.narrower)
        image = critic(2, channels, size, 1)
        return nn.ModuleDict({"image": image, "video": critic(3, channels, size, 1 + self.categories)})

    def optimizers(self, config: Config, network: nn.Module, critics: nn.ModuleDict) -> dict[str, Optimizer]:
        players = {"generator": network, **critics}
        rates = {"generator": config.lr}
        options: dict[str, Any] = {"betas": config.adam_betas, "weight_decay": self.weight_decay}
        critic_lr = config.critic_lr or config.lr
        return {n: Adam(player.parameters(), rates.get(n, critic_lr), **options) for n, player in players.items()}

    def kernels(self, config: Config, shapes: list[Shape]) -> list[tuple[int, int]]:
        return [(shapes[0][0] - 3 * layer, 4) for layer in range(doublings(shapes[0][1]))]

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """z of every frame, `b latent t 1 1`: content and category, and the noise that motion is made of.

        The first frame's noise also starts the recurrent cell: h_0 is part of what is drawn.
        """
        self.check_size(shapes, (shapes[0][0], network.size, network.size), longer=True)
        streams = (stream(seed, sample, 0) for sample in samples)
        return torch.cat([network.draw(1, shapes[0][0], generator) for generator in streams])

    def update(self, game: Game, real: Tensor) -> Losses:
        """D_I, D_V, G in this order: cross-entropies of real and made, and of the category that was asked for."""
        network, critics = game.network, game.critics
        z = network.draw(len(real), real.shape[2], game.generator)
        made, stills, asked = network(z), self._stills(game, real.shape[2]), network.category(z)

        shown = self._seen(game, one_frame(real[game.whole(len(real), self.image_batch)], game))
        on_image = verdict(critics["image"](shown), True)
        on_image = on_image + verdict(critics["image"](self._seen(game, stills.detach())), False)
        game.step("image", on_image)

        said = critics["video"](self._seen(game, real))
        said_of_made = critics["video"](self._seen(game, made.detach()))
        on_video = verdict(said[:, :1], True) + verdict(said_of_made[:, :1], False)
        game.step("video", on_video + category_loss(said_of_made[:, 1:], asked))

        with game.resting():
            said = critics["video"](self._seen(game, made))
            category = category_loss(said[:, 1:], asked)
            fooled = verdict(said[:, :1], True) + verdict(critics["image"](self._seen(game, stills)), True)
            game.step("generator", fooled + category)
        return {"image": on_image, "video": on_video, "generator": fooled, "category": category}

    def _stills(self, game: Game, frames: int) -> Tensor:
        """A frame of each of `image_batch` new clips, `b 3 h w`: at the end of paths of a length drawn at random."""
        length = 1 + int(game.whole(frames, 1))
        return game.network(game.network.draw(self.image_batch, length, game.generator), moments=1)[:, :, 0]

    def _seen(self, game: Game, x: Tensor) -> Tensor:
        """What a critic is shown: with noise, it cannot tell clips by their last bit."""
        return x + self.noise * game.normal(*x.shape) if self.noise else x


class FrameGenerator(ClipGenerator):
    """The recurrent cell R_M and the generator of frames G_I.

    Args:
        content: entries of z_C.
        motion: entries of z_M.
        categories: entries of the one-hot z_A.
        channels: of the last layer before the colours; each layer below has twice as many.
        size: of a frame in pixels, a power of 2 from 8 on.
    """

    def __init__(self, content: int, motion: int, categories: int, channels: int, size: int) -> None:
        super().__init__()
        self.content, self.motion, self.categories, self.size = content, motion, categories, size
        self.latent = content + categories + 2 * motion
        self.cell = nn.GRUCell(motion, motion)
        layers: list[nn.Module] = []
        before = content + categories + motion
        for layer in reversed(range(doublings(size))):
            after = channels * 2**layer
            layers.append(nn.ConvTranspose2d(before, after, 4, *((1, 0) if not layers else (2, 1)), bias=False))
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.frame = nn.Sequential(*layers, nn.ConvTranspose2d(before, 3, 4, 2, 1, bias=False), nn.Tanh())

    def draw(self, batch: int, frames: int, generator: torch.Generator) -> Tensor:
        """z_C, z_A, e_t and h_0, `b latent t 1 1`; all but e_t are the same in every frame."""
        options: dict[str, Any] = {"generator": generator, "device": generator.device}
        content, start = (torch.randn(batch, n, 1, 1, 1, **options) for n in (self.content, self.motion))
        category = torch.randint(self.categories, (batch,), **options)
        one_hot = rearrange(F.one_hot(category, self.categories).float(), "b a -> b a 1 1 1")
        fresh = torch.randn(batch, self.motion, frames, 1, 1, **options)
        still = [repeat(part, "b c 1 1 1 -> b c t 1 1", t=frames) for part in (content, one_hot, start)]
        return torch.cat([*still[:2], fresh, still[2]], dim=1)

    def category(self, z: Tensor) -> Tensor:
        """Which one z asks for, `b`."""
        return z[:, self.content : self.content + self.categories, 0, 0, 0].argmax(1)

    def path(self, z: Tensor) -> Tensor:
        """z of each frame as G_I takes it: the noise e_t has become motion z_M,t. `b latent t 1 1` to `b c t`."""
        still, fresh, start = rearrange(z, "b c t 1 1 -> b c t").split(
            [self.content + self.categories, self.motion, self.motion], dim=1
        )
        state, states = start[:, :, 0], []
        for noise in fresh.unbind(2):
            state = self.cell(noise, state)
            states.append(state)
        return torch.cat([still, torch.stack(states, 2)], dim=1)

    def forward(self, z: Tensor, moments: int | None = None) -> Tensor:
        """`b latent t 1 1` to `b 3 t h w`, or to the last `moments` frames alone, which costs so many."""
        path = self.path(z)
        path = path if moments is None else path[:, :, -moments:]
        frames = self.frame(rearrange(path, "b c t -> (b t) c 1 1"))
        return rearrange(frames, "(b t) c h w -> b c t h w", b=len(z))

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        return self(z)


def critic(dims: int, channels: int, size: int, out: int) -> nn.Sequential:
    """D_I of frames (dims 2) or D_V of clips (dims 3): scores of patches, `b out ...`. Time is not strided."""
    conv: Any = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
    norm: Any = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims]
    stride, padding = {2: (2, 1), 3: ((1, 2, 2), (0, 1, 1))}[dims]
    last = {2: (2, 1), 3: (1, 0)}[dims]
    layers: list[nn.Module] = []
    before = 3
    for layer in range(doublings(size)):
        after = channels * 2**layer
        layers.append(conv(before, after, 4, stride, padding, bias=False))
        layers += [norm(after)] if layer else []
        layers.append(nn.LeakyReLU(LEAK))
        before = after
    return nn.Sequential(*layers, Spread(), conv(before + 1, out, 4, *last))


def one_frame(clips: Tensor, game: Game) -> Tensor:
    """A frame at random of each clip: `b c t h w` to `b c h w`."""
    return clips[torch.arange(len(clips), device=clips.device), :, game.whole(clips.shape[2], len(clips))]


def verdict(scores: Tensor, real: bool) -> Tensor:
    """Cross-entropy of scores with "all real" or "all made"."""
    return F.binary_cross_entropy_with_logits(scores.float(), torch.full_like(scores, float(real), dtype=torch.float32))


def category_loss(scores: Tensor, asked: Tensor) -> Tensor:
    """Cross-entropy of scores `b categories ...` with the category `b`, everywhere the same."""
    return F.cross_entropy(scores.float(), asked.reshape(-1, *[1] * (scores.ndim - 2)).expand(-1, *scores.shape[2:]))
