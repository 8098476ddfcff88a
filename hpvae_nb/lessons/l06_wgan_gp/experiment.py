"""What a gradient penalty costs on clips: which convolutions it takes, and how long its parts take (equation 10)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import require

Layer = Callable[[Tensor, Tensor], Tensor]
"""Takes clips `b c t h w` and a weight `o c k k k`, and returns `b o t h w`."""

PARTS = ("output: the scores", "1st derivative: the slope", "2nd derivative: of the penalty, by weights")


def kernels(function: Callable[[], object]) -> list[Shape]:
    """The sizes (T, H, W) of the kernels of all convolutions that run in `function`, each once, smallest first."""
    with _Convolutions() as seen:
        function()
    return sorted(seen.sizes)


class _Convolutions(TorchDispatchMode):
    """Notes every convolution that PyTorch runs, also those that autograd asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[Shape] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "convolution" in str(func):
            weight = args[2 if "backward" in str(func) else 1]
            self.sizes.add(tuple(weight.shape[2:]))
        return func(*args, **(kwargs or {}))


def penalty_seconds(layer: Layer, clips: Tensor, weight: Tensor, *, runs: int = 3) -> list[float]:
    """Seconds of each of the `PARTS` of a gradient penalty and its gradient, for a critic of one layer.

    Args:
        layer: with one output channel or more; its score is the sum.
        clips: `b c t h w`, with a gradient.
        weight: `o c k k k`, with a gradient.
        runs: the shortest of so many counts, for each part: what else a machine does makes times longer, never shorter.
    """
    return [min(times) for times in zip(*(_once(layer, clips, weight) for _ in range(runs)), strict=True)]


def _once(layer: Layer, clips: Tensor, weight: Tensor) -> list[float]:
    moments = [perf_counter()]
    score = layer(clips, weight).sum()
    moments.append(perf_counter())
    (slope,) = torch.autograd.grad(score, clips, create_graph=True)
    moments.append(perf_counter())
    torch.autograd.grad((slope.norm(dim=1) - 1).square().mean(), weight)
    moments.append(perf_counter())
    return [end - begin for begin, end in itertools.pairwise(moments)]


def parts_figure(seconds: Mapping[str, list[float]]) -> Any:
    """Results of `penalty_seconds` as bars, a shade for each name; a matplotlib figure."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(7.5, 3), layout="constrained")
    thick = 0.8 / len(seconds)
    for row, (name, values) in enumerate(seconds.items()):
        places = [part + thick * (row + 0.5) - 0.4 for part in range(len(PARTS))]
        shade = str(0.2 + 0.6 * row / max(1, len(seconds) - 1))
        axis.barh(places, [1e3 * value for value in values], height=0.9 * thick, color=shade, label=name)
    axis.set(yticks=range(len(PARTS)), yticklabels=PARTS, xlabel="time (ms)")
    axis.invert_yaxis()
    axis.legend(frameon=False, loc="upper right")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
