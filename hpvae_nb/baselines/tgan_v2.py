"""TGAN-v2: fewer frames the finer the level, while it learns (Saito, Saito, Koyama and Kobayashi, 2020).

A recurrent cell of convolutions makes a small map for each frame; blocks double it, and after some of them it is
rendered: the clip at one level. A finer level is drawn for half as many frames, every second from a random start, so
that a fine frame costs no more than a coarse one. A critic at each level sees what was drawn there. New clips are drawn
with all frames, at the finest level alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from hpvae_nb.baselines.many import ClipGenerator, Game, ManyClips, Spread
from hpvae_nb.core.hierarchy import Noise
from hpvae_nb.core.latents import uniform_maps
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses
from hpvae_nb.errors import InputError, keep_whole
from hpvae_nb.recipe.config import Config

FORGET = 2.0  # measured: a forget gate whose bias begins at 0 has lost z after a few frames


@dataclass(frozen=True)
class TGanV2(ManyClips):
    """TGAN-v2; sizes, channels, rates and the penalty's weight (lambda) are the configuration's.

    Source: Saito, Saito, Koyama and Kobayashi 2020, "Train sparsely, generate densely".

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "tgan_v2"
    levels: int = 4  # paper; fewer where the coarsest would have less than 8 px

    def __post_init__(self) -> None:
        keep_whole(self, "levels")

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> RecurrentGenerator:
        frames, size, _ = shapes[0]
        return RecurrentGenerator(config.latent, config.channels, frames, size, self.levels)

    def critics(self, config: Config, shapes: list[Shape]) -> nn.ModuleDict:
        sizes = level_sizes(shapes[0][1], self.levels)
        return nn.ModuleDict({f"level {n}": Critic(2 * config.channels, size) for n, size in enumerate(sizes)})

    def optimizers(self, config: Config, network: nn.Module, critics: nn.ModuleDict) -> dict[str, Optimizer]:
        of_critics = Adam(critics.parameters(), config.critic_lr or config.lr, config.adam_betas)
        return {"generator": Adam(network.parameters(), config.lr, config.adam_betas), "critics": of_critics}

    def kernels(self, config: Config, shapes: list[Shape]) -> list[tuple[int, int]]:
        drawn = zip(self._frames(shapes), level_sizes(shapes[0][1], self.levels), strict=True)
        return [(max(1, frames >> n), 3) for frames, size in drawn for n in range(depth(size) + 1)]

    def _frames(self, shapes: list[Shape]) -> list[int]:
        """How many each level draws."""
        halvings = len(level_sizes(shapes[0][1], self.levels)) - 1
        return [len(kept) for kept in kept_frames(shapes[0][0], [0] * halvings)]

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """z, `b latent 1 1 1`, uniform in [-1, 1)."""
        self.check_size(shapes, (shapes[0][0], network.sizes[-1], network.sizes[-1]))
        return uniform_maps((network.latent, 1, 1, 1), seed, samples, 0)

    def update(self, game: Game, real: Tensor) -> Losses:
        """D, with its penalty in every `penalty_every`-th round and so many times as strong; then G."""
        config, frames = game.config, real.shape[2]
        decay(game)
        halvings = len(game.network.sizes) - 1
        schedule, of_made = (kept_frames(frames, game.whole(2, halvings).tolist()) for _ in range(2))
        made = game.network.levels(2 * game.uniform(len(real), game.network.latent, 1, 1, 1) - 1, of_made)
        shown = [level.requires_grad_() for level in at_levels(real, schedule, game.network.sizes)]

        scores = judge(game.critics, shown)
        critics = F.softplus(-scores).mean() + F.softplus(judge(game.critics, [x.detach() for x in made])).mean()
        penalty = torch.zeros((), device=real.device)
        if game.iteration % config.penalty_every == 0:
            penalty = zero_centred_penalty(scores, shown)
        game.step("critics", critics + config.penalty_every * config.penalty_weight * penalty)

        with game.resting():
            fooled = F.softplus(-judge(game.critics, made)).mean()
            game.step("generator", fooled)
        return {"critics": critics, "penalty": penalty, "generator": fooled}


def kept_frames(frames: int, offsets: Sequence[int]) -> list[range]:
    """Which frames each level draws, coarsest first: all, then every second of the level before, from its offset on.

    `kept_frames(8, [0, 1])` is frames 0 to 7, then 0 2 4 6, then 2 6.

    Source: Saito et al. 2020, subsampling between levels.

    Args:
        frames: of the clip, a multiple of 2 to the number of offsets.
        offsets: 0 or 1, for each level but the coarsest.

    Raises:
        InputError: when the frames cannot be halved so often.
    """
    if frames % 2 ** len(offsets):
        raise InputError(f"{frames} frames cannot be halved {len(offsets)} times: use a multiple, or fewer levels")
    kept = [range(frames)]
    for offset in offsets:
        kept.append(kept[-1][offset::2])
    return kept


def level_sizes(size: int, at_most: int) -> list[int]:
    """Pixels a side at each level, coarsest first: doubling up to `size`, from no less than 8.

    Raises:
        InputError: when a side cannot be halved so often.
    """
    levels = max(1, min(at_most, (size // 8).bit_length()))
    unit = 4 * 2 ** (levels - 1)
    if size < 8 or size % unit:
        raise InputError(f"fine_size is {size}, but {levels} levels need a multiple of {unit} px: use one")
    return [size >> n for n in reversed(range(levels))]


def at_levels(clips: Tensor, schedule: Sequence[range], sizes: Sequence[int]) -> list[Tensor]:
    """Real clips `b 3 t h w` as made ones look at each level: its frames, averaged down to its size."""
    shown = []
    for kept, size in zip(schedule, sizes, strict=True):
        some = clips[:, :, list(kept)]
        shown.append(F.adaptive_avg_pool3d(some, (len(kept), size, size)))
    return shown


def judge(critics: nn.ModuleDict, levels: Sequence[Tensor]) -> Tensor:
    """The critics' scores of all levels added up, `b`."""
    return torch.stack([critic(x).float() for critic, x in zip(critics.values(), levels, strict=True)]).sum(0)


def zero_centred_penalty(scores: Tensor, levels: Sequence[Tensor]) -> Tensor:
    """Mean over the batch of the squared slope of `scores`, `b`, summed over all voxels of all levels `b c t h w`.

    Source: Mescheder et al. 2018, "Which training methods for GANs do actually converge?", equation (9): R_1. Unlike
    WGAN-GP's penalty, it wants no slope of 1, but none where the clips are real: then the game can come to rest.
    """
    slopes = torch.autograd.grad(scores.sum(), levels, create_graph=True, materialize_grads=True)
    return torch.stack([slope.float().square().flatten(1).sum(1) for slope in slopes]).sum(0).mean()


def decay(game: Game) -> None:
    """Rates fall along a line, to nothing at the last round. Source: Saito et al. 2020."""
    config, left = game.config, max(0.0, 1 - game.iteration / max(1, game.config.iterations))
    for name, lr in (("generator", config.lr), ("critics", config.critic_lr or config.lr)):
        for group in game.optimizers[name].param_groups:
            group["lr"] = lr * left


class RecurrentGenerator(ClipGenerator):
    """z to a map, the recurrent cell that makes one for each frame, and the blocks that double and render them.

    Args:
        latent: entries of z.
        channels: of the last two blocks; each block below has twice as many.
        frames: of a clip.
        size: of a frame in pixels at the finest level.
        levels: at how many sizes it renders, at most: none under 8 px.

    Raises:
        InputError: for a size or a number of frames that cannot be halved so often.
    """

    def __init__(self, latent: int, channels: int, frames: int, size: int, levels: int) -> None:
        super().__init__()
        self.latent, self.frames, self.sizes = latent, frames, level_sizes(size, levels)
        lead, levels = depth(self.sizes[0]), len(self.sizes)
        kept_frames(frames, [0] * (levels - 1))
        widths = [channels * 2 ** max(0, n - 1) for n in reversed(range(lead + levels))]
        self.start = size >> (lead + levels - 1)
        self.linear = _as_large(nn.Linear(latent, widths[0] * self.start**2))
        self.cell = ConvLstm(widths[0])
        ups = [Up(before, after) for before, after in pairwise(widths)]
        self.blocks = nn.ModuleList([nn.Sequential(*ups[:lead]), *ups[lead:]])
        self.renders = nn.ModuleList(Render(width) for width in widths[lead:])

    def levels(self, z: Tensor, schedule: Sequence[range]) -> list[Tensor]:
        """`b latent 1 1 1` to the clip at each level, `b 3 t h w`, of the frames in the schedule."""
        x = self._maps(z)
        drawn, before = [], schedule[0]
        for block, render, kept in zip(self.blocks, self.renders, schedule, strict=True):
            x = block(rearrange(x[:, before.index(kept[0]) :: kept.step // before.step], "b t c h w -> (b t) c h w"))
            drawn.append(rearrange(render(x), "(b t) c h w -> b c t h w", b=len(z)))
            x, before = rearrange(x, "(b t) c h w -> b t c h w", b=len(z)), kept
        return drawn

    def _maps(self, z: Tensor) -> Tensor:
        """What the blocks begin with, `b t c h w`."""
        first = self.linear(rearrange(z, "b c 1 1 1 -> b c"))
        return self.cell(rearrange(first, "b (c h w) -> b c h w", h=self.start, w=self.start), self.frames)

    def forward(self, z: Tensor) -> Tensor:
        """`b latent 1 1 1` to all frames at the finest level, `b 3 t h w`."""
        x = rearrange(self._maps(z), "b t c h w -> (b t) c h w")
        for block in self.blocks:
            x = block(x)
        return rearrange(self.renders[-1](x), "(b t) c h w -> b c t h w", b=len(z))

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        return self(z)


class ConvLstm(nn.Module):
    """An LSTM whose products are 3x3 convolutions, with an input at its first step alone (Shi et al. 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_input = _as_large(nn.Conv2d(channels, 4 * channels, 3, padding=1))
        self.of_state = _as_large(nn.Conv2d(channels, 4 * channels, 3, padding=1))
        with torch.no_grad():
            for layer in (self.of_input, self.of_state):
                layer.bias[channels : 2 * channels] = FORGET

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """`b c h w` to the states of so many steps, `b t c h w`."""
        gates, memory, states = self.of_input(x), torch.zeros_like(x), []
        for _ in range(frames):
            enter, forget, leave, candidate = gates.chunk(4, 1)
            memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(candidate)
            states.append(torch.sigmoid(leave) * torch.tanh(memory))
            gates = self.of_state(states[-1])
        return torch.stack(states, 1)


def _as_large(layer: nn.Linear | nn.Conv2d) -> Any:
    """Weights with which an output varies as much as an input; PyTorch's own are smaller by the root of 3."""
    for value in layer.parameters():
        if value.ndim > 1:
            nn.init.normal_(value, std=value[0].numel() ** -0.5)
        else:
            nn.init.zeros_(value)
    return layer


class Up(nn.Module):
    """A residual block that doubles a map's side."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
        self.wide = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.second = nn.Sequential(nn.BatchNorm2d(after), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1))
        self.straight = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.wide(_doubled(self.first(x)))) + _doubled(self.straight(x))


class Render(nn.Sequential):
    """A map to colours in [-1, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh())


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Critic(nn.Module):
    """D of one level: residual blocks that halve space to 2 or 3 px, and time while there is any; one score.

    Without batch norm: the penalty is of each clip by itself. `Spread` is ours.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        halvings = depth(size) + 1
        widths = [3, *(channels * 2**n for n in range(halvings))]
        self.blocks = nn.Sequential(*(Down(a, b, n > 0) for n, (a, b) in enumerate(pairwise(widths))), Spread())
        self.score = nn.Linear((widths[-1] + 1) * (size >> halvings) ** 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`b 3 t h w` to `b`."""
        return self.score(F.relu(self.blocks(x)).mean(2).flatten(1))[:, 0]


class Down(nn.Module):
    """A residual block of 3D convolutions that halves a clip's sides; `relu`: before its first layer too."""

    def __init__(self, before: int, after: int, relu: bool) -> None:
        super().__init__()
        self.relu = relu
        self.first = nn.Conv3d(before, after, 3, padding=1)
        self.second = nn.Conv3d(after, after, 3, padding=1)
        self.straight = nn.Conv3d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(F.relu(x) if self.relu else x)
        return self.second(_halved(F.relu(y))) + self.straight(_halved(x))


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool3d(x, (min(2, x.shape[2]), 2, 2))


def depth(size: int) -> int:
    """How often `size` px can be halved until at most 4 are left."""
    return max(0, (size - 1).bit_length() - 2)
