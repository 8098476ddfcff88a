"""Steering by the latent map: a box of it anew, a soft border between two, and how far a change reaches.

Everything here works on plain tensors and networks; lesson 8 uses it with a trained model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from hpvae_nb.core.receptive_field import receptive_field
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Box:
    """Part of a map in space and time; each axis from its first site to before its last, as slices count.

    Raises:
        InputError: on construction, when it holds no site.
    """

    times: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    def __post_init__(self) -> None:
        for name, (first, end) in self.axes().items():
            if not 0 <= first < end:
                raise InputError(f"the box has no {name}: its ends are {first} and {end}, so pull them apart")

    def axes(self) -> dict[str, tuple[int, int]]:
        """The three ranges by their names."""
        return {"times": self.times, "rows": self.rows, "columns": self.columns}

    def mask(self, shape: Shape) -> Bool[Tensor, "t h w"]:
        """True inside, `t h w`."""
        inside = torch.zeros(shape, dtype=torch.bool)
        inside[tuple(slice(*ends) for ends in self.axes().values())] = True
        return inside

    def scaled(self, shape: Shape, to: Shape) -> Box:
        """The box on a map of another size, when corners are aligned; a site reaches half way to its neighbours."""
        return Box(*(_scaled(*axis) for axis in zip(self.axes().values(), shape, to, strict=True)))


def _scaled(ends: tuple[int, int], length: int, to: int) -> tuple[int, int]:
    step = (to - 1) / max(1, length - 1)
    first, end = (round((edge - 0.5) * step + 0.5) for edge in ends)
    first = min(max(first, 0), to - 1)
    return first, max(min(end, to), first + 1)


def resample(z: Float[Tensor, "b c t h w"], fresh: Float[Tensor, "b c t h w"], box: Box) -> Float[Tensor, "b c t h w"]:
    """`z` outside of the box and `fresh` inside, both `b c t h w`."""
    return torch.where(box.mask(tuple(z.shape[2:])), fresh, z)


def border(columns: int, at: float, softness: float) -> Float[Tensor, "columns"]:
    """A weight for each column: 0 on the left, 1 on the right, rising over `softness` columns around `at`."""
    distance = torch.arange(columns) + 0.5 - at
    return (distance / max(softness, 1e-6) + 0.5).clamp(0, 1)


def blend(a: Float[Tensor, "*map"], b: Float[Tensor, "*map"], weight: Float[Tensor, "..."]) -> Float[Tensor, "*map"]:
    """Two independent normal maps into one that is normal as well; `weight` is b's share of the variance."""
    return (1 - weight).sqrt() * a + weight.sqrt() * b


def there_and_back(clips: Float[Tensor, "b c t h w"], moment: float = 0.5) -> Float[Tensor, "c n h w"]:
    """A loop through clips: one moment of each, from the first clip to the last and back, to repeat without a jump.

    Args:
        clips: `b c t h w`, such as those on the way from one latent map to another.
        moment: of each clip; 0 is its first frame, 1 its last.

    Returns:
        `c t h w` with 2 * b - 2 frames.
    """
    there = rearrange(clips[:, :, round(moment * (clips.shape[2] - 1))], "b c h w -> c b h w")
    return torch.cat([there, there[:, 1:-1].flip(1)], dim=1)


def reach(generators: Iterable[nn.Module], shapes: Sequence[Shape], box: Box) -> Box:
    """The part of the finest scale that a box of the latent map can shape through convolutions and upsampling.

    Exact bounds, from kernels and sizes alone: normalisation, which lets every site see all others a little, is left
    out.

    Args:
        generators: G^0, G^1, ..., of every scale.
        shapes: (T, H, W) of each scale, as `shapes_for_latent` gives them; the first is the latent map's.
        box: on the latent map.

    Returns:
        A box in frames and pixels.
    """
    ends, below = list(box.axes().values()), shapes[0]
    for generator, shape in zip(generators, shapes, strict=False):
        ends = [_upsampled(*axis) for axis in zip(ends, below, shape, strict=True)]
        halves, below = [r // 2 for r in receptive_field(generator)], shape
        ends = [
            (max(0, first - half), min(length, end + half))
            for (first, end), half, length in zip(ends, halves, shape, strict=True)
        ]
    return Box(*ends)


def _upsampled(ends: tuple[int, int], length: int, to: int) -> tuple[int, int]:
    """Which of `to` sites read one of `ends` among `length` sites, corners aligned."""
    if to == length:
        return ends
    if length == 1:
        return 0, to
    step = (to - 1) / (length - 1)
    first, last = math.floor((ends[0] - 1) * step) + 1, math.ceil(ends[1] * step) - 1
    return max(first, 0), min(last, to - 1) + 1


@contextmanager
def held_statistics(network: nn.Module, decode: Callable[[], object]) -> Iterator[None]:
    """Inside, every normalisation uses the mean and variance that it had in one run of `decode`, whatever passes it.

    Args:
        network: all of its group normalisations are held.
        decode: runs the network once, with one sample.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.GroupNorm)]
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        variance, mean = torch.var_mean(inputs[0].float(), dim=(0, *range(2, inputs[0].ndim)), correction=0)
        seen[layer] = mean, variance

    def hold(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        mean, variance = seen[layer]
        scale = layer.weight / (variance + layer.eps).sqrt()
        as_map = (-1, *(1 for _ in range(output.ndim - 2)))
        shift = (layer.bias - mean * scale).view(as_map)
        return (inputs[0].float() * scale.view(as_map) + shift).to(output.dtype)

    handles = [layer.register_forward_hook(watch) for layer in layers]
    try:
        decode()
        for handle in handles:
            handle.remove()
        handles = [layer.register_forward_hook(hold) for layer in layers]
        yield
    finally:
        for handle in handles:
            handle.remove()


def change(before: Float[Tensor, "c t h w"], after: Float[Tensor, "c t h w"]) -> Float[Tensor, "t h w"]:
    """How far two clips `c t h w` are apart at each site, as a root mean square over colours; `t h w`."""
    return reduce((after - before).square(), "c t h w -> t h w", "mean").sqrt()


def rms(x: Float[Tensor, "..."]) -> float:
    """Root mean square of all values; of a difference of clips it is at most 2."""
    return x.square().mean().sqrt().item()
