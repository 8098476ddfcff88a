"""Sanity checks of the metrics: generators that have learned nothing, sent through all of them, beside one that has."""

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core.latents import dice
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.metrics.table import METRICS, applicable

ITSELF = "the clip itself"
CORRUPTIONS = ("a moved clip", "shuffled frames", "a blurred clip", "an emptied clip", "noise")
FARTHEST = 0.1  # of the height and of the width: how far a clip is moved at full strength
COARSEST = 0.5  # the size that a clip is blurred through at full strength

WITHOUT_WEIGHTS = tuple(name for name in applicable(3) if name != "svfid_efficientnet")

Cases = Mapping[str, Tensor]
Table = dict[str, dict[str, float]]
"""metric -> case -> value."""


def corrupted(real: Tensor, kind: str, strength: float = 1, seed: int = 0) -> Tensor:
    """A clip made worse, or only different, without any learning.

    - a moved clip: shifted by up to a tenth of its height and width, in a direction that the seed chooses; what comes
      in at the border is mirrored;
    - shuffled frames: a share `strength` of the frames in random order;
    - a blurred clip: made smaller, at full strength by half, and enlarged again;
    - an emptied clip: blended with the median over time of each pixel, in which nothing moves;
    - noise: blended with uniform noise.

    Args:
        real: `3 t h w` in [-1, 1].
        kind: one of `CORRUPTIONS`.
        strength: from 0, the clip itself, to 1.
        seed: of the direction, the order or the noise.

    Returns:
        `3 t h w` in [-1, 1].

    Raises:
        InputError: an unknown kind, or a strength out of range.
    """
    if kind not in CORRUPTIONS or not 0 <= strength <= 1:
        kinds = ", ".join(CORRUPTIONS)
        raise InputError(f"{kind!r} of strength {strength}: choose one of {kinds}, and a strength of 0 to 1")
    generator = dice(seed)
    frames, height, width = real.shape[1:]
    if kind == "a moved clip":
        angle = 2 * math.pi * float(torch.rand(1, generator=generator))
        down, right = (round(FARTHEST * strength * side) for side in (height, width))
        return moved(real, round(down * math.sin(angle)), round(right * math.cos(angle)))
    if kind == "shuffled frames":
        order = torch.arange(frames)
        chosen = torch.randperm(frames, generator=generator)[: round(strength * frames)]
        order[chosen.sort().values] = chosen
        return real[:, order]
    if kind == "a blurred clip":
        smaller = 1 - (1 - COARSEST) * strength
        size = (round(height * smaller), round(width * smaller))
        return resize(resize(real, size, antialias=True), (height, width))
    if kind == "an emptied clip":
        return torch.lerp(real, real.median(dim=1, keepdim=True).values, strength)
    noise = torch.rand(real.shape, generator=generator).to(real.device) * 2 - 1
    return torch.lerp(real, noise, strength)


def moved(real: Tensor, down: int, right: int) -> Tensor:
    """`c t h w` shifted by whole pixels; what comes in at the border is mirrored."""
    height, width = real.shape[-2:]
    wide = F.pad(real, (abs(right),) * 2 + (abs(down),) * 2, mode="reflect")
    return wide[..., abs(down) - down :, abs(right) - right :][..., :height, :width]


def degenerate_generators(real: Tensor, samples: int = 8) -> dict[str, Tensor]:
    """What six generators make that have learned nothing: the clip itself, and the clip corrupted at full strength.

    Of each so many samples, `b 3 t h w`, with seeds from 0. The clip itself, blurred or emptied, is always the same.
    """
    made = {ITSELF: real.expand(samples, *real.shape)}
    for kind in CORRUPTIONS:
        made[kind] = torch.stack([corrupted(real, kind, seed=seed) for seed in range(samples)])
    return made


def measure(
    cases: Cases, real: Tensor, reconstructed: Cases | None = None, metrics: Sequence[str] = WITHOUT_WEIGHTS
) -> Table:
    """Every case through every metric: about a second for each case of 13x28x50, on one processor core.

    Args:
        cases: samples `b 3 t h w` in [-1, 1] of each generator, by its name; b of at least 2. Diversity is that of all
            samples, everything else is measured on the first.
        real: the clip that they imitate, `3 t h w`, with sides of at least 28 px.
        reconstructed: a generator's reconstruction of the clip, `3 t h w`; if not given, its first sample counts.
        metrics: names in `hpvae_nb.metrics.METRICS`; images, without t, need `hpvae_nb.metrics.applicable(2)`.

    Returns:
        The table, with one row for each metric.

    Raises:
        InputError: other shapes, or whatever one of the metrics refuses.
        ImportError: a package that a metric needs is missing.
    """
    found: dict[str, dict[str, float]] = {case: {} for case in cases}
    for case, samples in cases.items():
        repeated = (reconstructed or {}).get(case, samples[0])
        model = SimpleNamespace(reconstruct=lambda repeated=repeated: repeated[None])
        for name in metrics:
            if name not in found[case]:  # or it was measured along with another
                shown = samples if name == "diversity" else samples[:1]
                found[case] |= METRICS[name].measure(shown, real, model)
    return {name: {case: values[name] for case, values in found.items()} for name in metrics}


def fooled(table: Table, honest: str) -> dict[str, list[str]]:
    """For each metric that has a better direction, the cases that it finds at least as good as the honest one.

    Raises:
        InputError: `honest` is no case of the table that `measure` made.
    """
    cases = next(iter(table.values()), {})
    if honest not in cases:
        raise InputError(f"there is no case {honest!r} in the table: choose one of {', '.join(cases)}")
    found = {}
    for name, row in table.items():
        metric = METRICS[name]
        if metric.direction:
            as_good = [case for case, value in row.items() if metric.at_least_as_good(value, row[honest])]
            found[name] = [case for case in as_good if case != honest]
    return found
