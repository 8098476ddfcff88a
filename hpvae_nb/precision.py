"""Where to compute and in which number format, decided by asking the hardware."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch

from hpvae_nb.config import Config
from hpvae_nb.errors import InputError
from hpvae_nb.pyramid import Shape

PRECISIONS = ("auto", "bfloat16", "float32")


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """`"auto"` is the first CUDA GPU where there is one, else the CPU; anything else is taken at its word.

    Raises:
        InputError: for a name PyTorch does not know, or a device that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {str(device)!r} cannot be used here; 'auto' and 'cpu' always can") from error
    return chosen


def native_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices itself; emulation is slower than float32.

    True for CPUs with AVX512-BF16 or AMX, and for NVIDIA GPUs from Ampere (compute capability 8) on.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # These have no public name in the older versions of PyTorch that are supported.
        probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return any(probe() for probe in probes if probe is not None)
    return False


def choose_precision(precision: str, device: torch.device) -> str:
    """`"auto"` is bfloat16 convolutions where they are native and float32 elsewhere.

    Raises:
        InputError: for an unknown name.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}, but must be one of {', '.join(map(repr, PRECISIONS))}")
    if precision != "auto":
        return precision
    return "bfloat16" if native_bfloat16(device) else "float32"


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


def computing(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which convolutions run in `precision`; weights, sums, norms of gradients and losses stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
