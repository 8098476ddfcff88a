"""What is decided once, before a training: sizes, device, number format, and what it will cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import choose_device, choose_precision
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
    number_format = training_precision(precision, where, config, shapes)
    return Plan(config, shapes, where, number_format, samples_per_step(config, clip))


def training_precision(precision: str, device: torch.device, config: Config, shapes: Sequence[Shape]) -> str:
    """As `choose_precision`, but never bfloat16 where its gradients are wrong.

    On a CPU, PyTorch (seen in 2.13.0) computes the weights' gradient of a bfloat16 convolution in three dimensions from
    memory that nobody wrote to, if the clip has fewer frames than the kernel and more than half of it: 2 for a kernel
    of 3.

    Raises:
        InputError: for an unknown name, or bfloat16 where it is wrong.
    """
    chosen = choose_precision(precision, device)
    if chosen == "float32" or device.type != "cpu" or config.dims == 2:
        return chosen
    wrong = [(t, k) for t, _, _ in shapes for k in sorted(config.kernels) if k // 2 < t < k]
    if not wrong:
        return chosen
    if precision == "auto":
        return "float32"
    t, k = wrong[0]
    wrong_for = f"precision 'bfloat16' gives wrong gradients on a CPU for a scale of {t} frames and a kernel of {k}"
    raise InputError(f"{wrong_for}: use 'float32' or 'auto', other sampling_rates, or another kernel")
