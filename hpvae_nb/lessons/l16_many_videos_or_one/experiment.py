"""What a system keeps in a clip, three ways to bound a critic, and how many voxels a step has."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.colors import rgb_to_hsv
from torch import Tensor, nn

from hpvae_nb.baselines.tgan import clip_singular_values
from hpvae_nb.baselines.tgan_v2 import kept_frames, level_sizes
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l06_wgan_gp.experiment import slopes, toy_critic
from hpvae_nb.metrics.features import PatchFeatures
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import planned_shapes, sampling_rate
from hpvae_nb.studies.claims import Claim
from hpvae_nb.studies.many_tables import embeddings, mosaic, set_distance

BRIGHT = 0.7  # of the largest colour channel: in the set "shapes" the ground lies below, the shape above

# Content and motion


def crossed(model: Model, contents: Tensor, motions: Tensor) -> Tensor:
    """Clips of MoCoGAN with each content (and category) in a row, each motion in a column: `n m 3 t h w` in [-1, 1].

    Args:
        contents: z of whole clips, `n latent t 1 1`, of which content and category are taken.
        motions: z of whole clips, `m latent t 1 1`, of which motion is taken.
    """
    still = model.network.content + model.network.categories
    t = min(contents.shape[2], motions.shape[2])
    rows = []
    for one in contents:
        content = one[None, :still, :t].expand(len(motions), -1, -1, -1, -1)
        rows.append(model.decode(torch.cat([content, motions[:, still:, :t]], 1)))
    return torch.stack(rows)


def as_category(model: Model, z: Tensor, category: int) -> Tensor:
    """z `b latent t 1 1` with another category asked for."""
    changed, first = z.clone(), model.network.content
    changed[:, first : first + model.network.categories] = 0
    changed[:, first + category] = 1
    return changed


def what_each_changes(model: Model, z: Tensor) -> dict[str, float]:
    """How far clips move when one part of their z is that of the next clip, or the next category: in grey levels.

    The root of the mean square over all voxels. Args: z of at least two clips, `b latent t 1 1`.
    """
    first, still = model.network.content, model.network.content + model.network.categories
    parts = {"content": slice(0, first), "category": slice(first, still), "motion": slice(still, None)}
    clips, found = model.decode(z), {}
    for name, part in parts.items():
        changed = z.clone()
        changed[:, part] = z[:, part].roll(1, 1 if name == "category" else 0)
        found[name] = 127.5 * float((model.decode(changed) - clips).square().mean().sqrt())
    return found


def strobe(clip: Tensor, every: int = 5) -> Tensor:
    """A clip `3 t h w` of something bright, as one picture `3 h w`: its lightest moments laid over each other."""
    return clip[:, ::every].amax(1)


def hues(clips: Tensor) -> np.ndarray:
    """The hue of what is bright in each frame, in degrees, `b t`; NaN where there is nothing bright.

    Args:
        clips: `b 3 t h w` in [-1, 1], of the set "shapes" or like it.
    """
    found = np.full((len(clips), clips.shape[2]), np.nan)
    for row, clip in zip(found, clips, strict=True):
        for t, frame in enumerate(to_uint8(clip) / 255):
            bright = frame.max(-1) > BRIGHT
            if bright.any():
                row[t] = 360 * rgb_to_hsv(frame[bright].mean(0))[0]
    return found


def wander(angles: np.ndarray) -> float:
    """How far angles in degrees lie from their own mean direction, in the mean; those that are NaN are left out."""
    turns = np.exp(1j * np.deg2rad(angles[~np.isnan(angles)]))
    if not len(turns):
        return float("nan")
    return float(np.abs(np.rad2deg(np.angle(turns / turns.mean()))).mean())


def content_kept(clips: Tensor) -> dict[str, float]:
    """How well clips `b 3 t h w` of the set "shapes", real or made, keep their content.

    Returns:
        `within`: degrees that the hue of the shape wanders in a clip, in the mean over clips; `between`: the same of
        frames that are each of another clip, which is what chance would give; `there`: the share of frames with
        anything bright in them.
    """
    found = hues(clips)
    moments = np.arange(len(found)) % found.shape[1]
    seen = found[~np.isnan(found).all(1)]
    return {
        "within": float(np.mean([wander(row) for row in seen])) if len(seen) else float("nan"),
        "between": wander(found[np.arange(len(found)), moments]),
        "there": float((~np.isnan(found)).mean()),
    }


# Three ways to bound a critic

Bound = Callable[[nn.Module], None]
"""What is done to a critic after each step."""


def clip_weights(limit: float) -> Bound:
    """Every weight into [-limit, limit]: Arjovsky et al. 2017, algorithm 1, with .01."""

    @torch.no_grad()
    def bound(critic: nn.Module) -> None:
        for weight in critic.parameters():
            weight.clamp_(-limit, limit)

    return bound


def train_bounded(
    real: Tensor, fake: Tensor, bound: Bound | None = None, *, penalty: float = 0.0, steps: int = 300, every: int = 5
) -> nn.Module:
    """Lesson 06's toy critic, trained to tell points `b 2` apart, its slope bounded in one way or another.

    Args:
        bound: done after every so many steps, `every`, as TGAN does; also after the last.
        penalty: weight of WGAN-GP's, 0 for none.
    """
    critic, generator = toy_critic(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.5, 0.9))
    for step in range(1, steps + 1):
        loss = critic(fake).mean() - critic(real).mean()
        if penalty:
            epsilon = torch.rand(len(real), 1, generator=generator)
            slope = slopes(critic, epsilon * real + (1 - epsilon) * fake, create_graph=True).norm(dim=1)
            loss = loss + penalty * (slope - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if bound is not None and (step % every == 0 or step == steps):
            bound(critic)
    return critic


def three_ways(real: Tensor, fake: Tensor) -> dict[str, nn.Module]:
    """A critic for each way; weights are clipped to two limits."""
    return {
        "weights to ±0.01": train_bounded(real, fake, clip_weights(0.01), every=1),
        "weights to ±0.1": train_bounded(real, fake, clip_weights(0.1), every=1),
        "penalty, λ = 10": train_bounded(real, fake, penalty=10.0),
        "singular values to 1": train_bounded(real, fake, clip_singular_values),
    }


def stretches(critic: nn.Module) -> list[float]:
    """The largest singular value of each linear layer, in order."""
    layers = [layer for layer in critic.modules() if isinstance(layer, nn.Linear)]
    return [float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) for layer in layers]


# Time and space


Level = tuple[range, int]
"""The frames that are drawn, and how many pixels a side each has."""


def levels_of_tgan(frames: int, size: int, levels: int, offsets: Sequence[int] | None = None) -> list[Level]:
    """What TGAN-v2 draws in one step of training, coarsest first; offsets are 0 if not given."""
    sizes = level_sizes(size, levels)
    kept = kept_frames(frames, offsets or [0] * (len(sizes) - 1))
    return list(zip(kept, sizes, strict=True))


def levels_of_ours(config: Config) -> list[Level]:
    """The frames and sizes of our scales for a square clip, coarsest first (section 3.2)."""
    shapes = planned_shapes(config, aspect=1.0)
    rates = [sampling_rate(config, scale) for scale in range(config.scales)]
    return [(range(0, config.frames, rate), shape[-1]) for rate, shape in zip(rates, shapes, strict=True)]


def voxels(levels: Sequence[Level]) -> list[int]:
    """Frames times pixels of each level."""
    return [len(frames) * side**2 for frames, side in levels]


# Tables 1 and 2


def change_in_the_paper(claim: Claim) -> float:
    """The change in percent from theirs to ours that a claim of tables 1 and 2 quotes as "19.0 to 6.1"."""
    theirs, ours = map(float, claim.paper.split(" to "))
    return 100 * (ours / theirs - 1)


# The same seconds

BUDGETS = (1, 8, 64, 400)  # clips to learn from


class Budget:
    """What a learner's samples are measured by, all on the same two splits of the set "shapes".

    Args:
        train: from which the features of patches are learned, as in table 2.
        test: clips that nobody has learned from.
    """

    def __init__(self, train: ClipSet, test: ClipSet) -> None:
        self.extractor = PatchFeatures(mosaic(train))
        self.reference = embeddings(test.batch(range(len(test))), self.extractor)

    def of(self, samples: Tensor, learned: ClipSet) -> list[tuple[str, float]]:
        """Names and values.

        `fid`: to the test clips. `nearest`: the mean over samples of the distance to the nearest learned clip, in grey
        levels (root of the mean square over all voxels). `within`, `between`, `there`: of `content_kept`.

        Args:
            samples: `b 3 t h w` in [-1, 1].
            learned: the clips that were learned from.
        """
        fid = set_distance(samples, self.reference, self.extractor)
        apart = torch.cdist(samples.flatten(1), learned.batch(range(len(learned))).flatten(1)).min(1).values
        nearest = 127.5 * float(apart.mean()) / samples[0].numel() ** 0.5
        return [("fid", fid), ("nearest", nearest), *content_kept(samples).items()]


def budget_mean(rows: Any, learner: str, measure: str) -> list[tuple[int, float]]:
    """(clips, value) of one learner in the rows of `evidence.clip_budget`, fewest clips first."""
    chosen = rows[(rows["learner"] == learner) & (rows["measure"] == measure)].sort_values("clips")
    return [(int(clips), float(value)) for clips, value in zip(chosen["clips"], chosen["value"], strict=True)]
