"""What is decided once, before a training: the number format that its shapes allow."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError
from hpvae_nb.machine import choose_precision
from hpvae_nb.recipe.config import Config


def training_precision(precision: str, device: torch.device, config: Config, shapes: Sequence[Shape]) -> str:
    """As `choose_precision`, but never bfloat16 where its gradients are wrong.

    On a CPU, PyTorch (seen in 2.13.0) computes the weights' gradient of a bfloat16 convolution in three dimensions from
    memory that nobody wrote to, if the clip has fewer frames than the kernel and more than half of it: 2 for a kernel
    of 3.

    Args:
        shapes: (T, H, W) of every scale.

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
    raise InputError(
        f"precision 'bfloat16' gives wrong gradients on a CPU for a scale of {t} frames and a kernel of {k}: "
        "use 'float32' or 'auto', other sampling_rates, or another kernel"
    )
