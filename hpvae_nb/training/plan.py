"""What is decided once, before a training: sizes, device, number format, and what it will cost."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import torch

from hpvae_nb.core.resampling import Shape
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import choose_device, sound_precision
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import samples_per_step, scale_shapes
from hpvae_nb.training import windows
from hpvae_nb.training.cost import Cost, estimate


@dataclass(frozen=True)
class Plan:
    """A training that was not yet begun.

    Attributes:
        shapes: (T, H, W) of every scale, coarsest first; (H, W) for images.
        device, precision: where to compute, and in which number format.
        batch: training samples in a step.
    """

    config: Config
    shapes: list[Shape]
    device: torch.device
    precision: str
    batch: int

    @cached_property
    def costs(self) -> list[Cost]:
        """What a step of each scale will cost on this machine, measured on a few layers of no training's weights."""
        with torch.random.fork_rng(devices=[]):
            return estimate(self.config, self.shapes, self.device, self.precision, self.batch)

    @property
    def seconds(self) -> float:
        """Expected of the whole training."""
        return sum(self.config.steps(cost.scale) * cost.seconds for cost in self.costs)

    @property
    def peak_bytes(self) -> float:
        """Expected of the process."""
        return max(cost.peak_bytes for cost in self.costs)


def make_plan(clip: Clip, config: Config, *, device: str | torch.device = "auto", precision: str = "auto") -> Plan:
    """Decide what a training of `clip` needs. Arguments as in `hpvae_nb.train`.

    Raises:
        InputError: the clip cannot make the pyramid, a window is too small for the critic, or device or precision are
            not to be had here.
    """
    shapes = scale_shapes(config, clip)
    windows.check(config, shapes)
    where = choose_device(device)
    layers = itertools.product((t for t, _, _ in shapes), sorted(config.kernels)) if config.dims == 3 else ()
    number_format = sound_precision(precision, where, layers)
    return Plan(config, shapes, where, number_format, samples_per_step(config, clip))
