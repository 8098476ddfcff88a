"""How the benchmarks write down what they found, and on which machine."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from typing import Any

import torch

from hpvae_nb.studies.machine import cpu_name


def table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(map(line, [titles, ["---"] * len(titles), *rows]))


def line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def machine(device: torch.device) -> str:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{where}; {torch.get_num_threads()} threads of {os.cpu_count()} CPUs{load}; PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}; device {device.type}"
    )


def sites(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def clock(seconds: float) -> str:
    if math.isinf(seconds):
        return "-"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
