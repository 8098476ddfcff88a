"""Steering a model: boxes and soft borders in the latent map, what they change in the clip, and figures of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from hpvae_nb.core.latents import slerp
from hpvae_nb.core.receptive_field import receptive_field
from hpvae_nb.core.resampling import Shape, shapes_for_latent
from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.show import RANDOM, enlarge
from hpvae_nb.model import Model


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

    @property
    def slices(self) -> tuple[slice, ...]:
        """Picks the box from a tensor `... t h w`, after an Ellipsis."""
        return tuple(slice(*ends) for ends in self.axes().values())

    def mask(self, shape: Shape) -> Tensor:
        """True inside, `t h w`."""
        inside = torch.zeros(shape, dtype=torch.bool)
        inside[self.slices] = True
        return inside

    def scaled(self, shape: Shape, to: Shape) -> Box:
        """The box on a map of another size, when corners are aligned; a site reaches half way to its neighbours."""
        return Box(*(_scaled(*pair) for pair in zip(self.axes().values(), shape, to, strict=True)))


def _scaled(ends: tuple[int, int], length: int, to: int) -> tuple[int, int]:
    step = (to - 1) / max(1, length - 1)
    first, end = (round((edge - 0.5) * step + 0.5) for edge in ends)
    first = min(max(first, 0), to - 1)
    return first, max(min(end, to), first + 1)


def resample(z: Tensor, fresh: Tensor, box: Box) -> Tensor:
    """`z` outside of the box and `fresh` inside, both `b c t h w`."""
    return torch.where(box.mask(tuple(z.shape[2:])), fresh, z)


def border(columns: int, at: float, softness: float) -> Tensor:
    """A weight for each column: 0 on the left, 1 on the right, rising over `softness` columns around `at`."""
    distance = torch.arange(columns) + 0.5 - at
    return (distance / max(softness, 1e-6) + 0.5).clamp(0, 1)


def blend(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Two independent normal maps into one that is normal as well; `weight` is b's share of the variance."""
    return (1 - weight).sqrt() * a + weight.sqrt() * b


def reach(model: Model, box: Box, latent: Shape) -> Box:
    """The part of the finest scale that the box of the latent map can shape through convolutions and upsampling.

    Exact bounds, from kernels and sizes alone: normalisation, which lets every site see all others a little, is left
    out.

    Args:
        model: gives the kernels.
        box: on the latent map.
        latent: (T, H, W) of that map.

    Returns:
        A box in frames and pixels.
    """
    shapes = shapes_for_latent(model.shapes, latent)
    ends = list(box.axes().values())
    for n, shape in enumerate(shapes[: model.scales]):
        if n > 0:
            ends = [_upsampled(*triple) for triple in zip(ends, shapes[n - 1], shape, strict=True)]
        halves = [r // 2 for r in receptive_field(model.network.generators[n])]
        ends = [
            (max(0, first - half), min(length, end + half))
            for (first, end), half, length in zip(ends, halves, shape, strict=True)
        ]
    return Box(*ends)


def _upsampled(ends: tuple[int, int], length: int, to: int) -> tuple[int, int]:
    """Which of `to` sites read one of `ends` among `length` sites, corners aligned."""
    if to == length or length == 1:
        return (0, to) if length == 1 else ends
    step = (to - 1) / (length - 1)
    first, last = math.floor((ends[0] - 1) * step) + 1, math.ceil(ends[1] * step) - 1
    return max(first, 0), min(last, to - 1) + 1


@contextmanager
def held_statistics(model: Model, z: Tensor, **options: Any) -> Iterator[None]:
    """Inside, every normalisation uses the mean and variance that it had while decoding `z`, whatever passes it.

    Args:
        model: its generators' normalisations are held.
        z: a latent map `1 latent t h w`.
        options: of `Model.decode`.
    """
    layers = [layer for layer in model.network.generators.modules() if isinstance(layer, nn.GroupNorm)]
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
        model.decode(z[:1], **options)
        for handle in handles:
            handle.remove()
        handles = [layer.register_forward_hook(hold) for layer in layers]
        yield
    finally:
        for handle in handles:
            handle.remove()


def change(before: Tensor, after: Tensor) -> Tensor:
    """How far two clips `c t h w` are apart at each site, as a root mean square over colours; `t h w`."""
    return reduce((after - before).square(), "c t h w -> t h w", "mean").sqrt()


def size(values: Tensor) -> float:
    """Root mean square of all values."""
    return values.square().mean().sqrt().item()


def outlined(clip: Tensor, box: Box, *, width: int, color: str = RANDOM) -> Tensor:
    """A clip `c t h w`, enlarged to about `width` pixels, with the box drawn around its pixels while its frames last.

    Args:
        box: in frames and pixels of the clip; see `Box.scaled`.
    """
    large = enlarge(clip, width)
    factor = large.shape[-1] // clip.shape[-1]
    ink = rearrange(torch.tensor([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 127.5 - 1, "c -> c 1 1 1")
    (top, bottom), (left, right) = ((factor * first, factor * end) for first, end in (box.rows, box.columns))
    frames = large[:, slice(*box.times)]
    thick = max(1, factor // 2)
    for rows, columns in (
        ((top, top + thick), (left, right)),
        ((bottom - thick, bottom), (left, right)),
        ((top, bottom), (left, left + thick)),
        ((top, bottom), (right - thick, right)),
    ):
        frames[:, :, slice(*rows), slice(*columns)] = ink
    return large


def loop(
    model: Model, a: Tensor, b: Tensor, *, steps: int = 8, moment: float = 0.5, scales: int | None = None
) -> Tensor:
    """One moment of every clip on the way from `a` to `b` and back: time runs along the way, not along the clips.

    Args:
        a, b: latent maps `1 latent t h w`.
        steps: clips on the way, ends included; at least 2.
        moment: which moment of each clip; 0 is its first frame, 1 its last.
        scales: stop after this many, to be quicker.

    Returns:
        `c t h w` with 2 * steps - 2 frames, which may be repeated without a jump.
    """
    return there_and_back(model.decode(model.interpolate(a, b, steps), noise=0.0, scales=scales), moment)


def there_and_back(clips: Tensor, moment: float = 0.5) -> Tensor:
    """One moment of each of `b c t h w`, from first to last and back: `c t h w` with 2 * b - 2 frames."""
    there = rearrange(clips[:, :, round(moment * (clips.shape[2] - 1))], "k c h w -> c k h w")
    return torch.cat([there, there[:, 1:-1].flip(1)], dim=1)


# Figures


def path_lengths(a: Tensor, b: Tensor) -> Any:
    """How long the vectors are on the straight line from a to b, and on the sphere; a matplotlib figure."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    steps = torch.linspace(0, 1, 41)
    root = math.sqrt(a.numel())
    line = [((1 - t) * a + t * b).norm().item() / root for t in steps]
    sphere = [slerp(a, b, float(t)).norm().item() / root for t in steps]
    figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    axis.plot(steps, sphere, color="black", label="along the sphere (slerp)")
    axis.plot(steps, line, color=RANDOM, linestyle="--", label="along the straight line")
    axis.axhline(math.sqrt(0.5), color="0.7", linewidth=0.8, zorder=0)
    axis.annotate("√½", (0.02, math.sqrt(0.5)), textcoords="offset points", xytext=(0, 4), color="0.4")
    axis.set(ylim=(0, 1.15), xlabel="way from a to b, t", ylabel="length / √(number of entries)")
    axis.legend(loc="lower right", frameon=False)
    return figure


def border_spread(blends: Mapping[str, Tensor]) -> Any:
    """Standard deviation of latent maps `b c t h w`, column by column; a matplotlib figure with a line for each."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(6.5, 3.0), layout="constrained")
    styles = zip(blends.items(), (RANDOM, "black", "0.5"), ("--", "-", ":"), strict=False)
    for (label, z), color, style in styles:
        spread = rearrange(z, "b c t h w -> w (b c t h)").std(dim=1)
        axis.plot(spread, color=color, linestyle=style, label=label, marker="o", markersize=3)
    axis.set(ylim=(0, 1.15), xlabel="column of the latent map (sites)", ylabel="standard deviation of z")
    axis.legend(loc="lower right", frameon=False)
    return figure


def change_maps(changes: Mapping[str, Tensor], box: Box, field: Box) -> Any:
    """Where two clips differ most over time, one row for each pair; a matplotlib figure.

    Args:
        changes: results of `change`, `t h w`, by title.
        box: in pixels; drawn solid.
        field: what the box can shape, in pixels; drawn dashed.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    patches = require("matplotlib.patches", "drawing figures", "matplotlib")
    colors = require("matplotlib.colors", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(
        len(changes), 1, figsize=(10, 1.9 * len(changes) + 0.4), layout="constrained", squeeze=False
    )
    palette = plt.get_cmap("magma").with_extremes(bad="#BFD9E8")  # exactly zero, which a logarithm cannot show
    heat = None
    for axis, (title, values) in zip(axes[:, 0], changes.items(), strict=True):
        most = values.amax(dim=0)
        shown = most.masked_fill(most == 0, math.nan).numpy()
        heat = axis.imshow(shown, cmap=palette, norm=colors.LogNorm(1e-3, 2))
        for part, style in ((field, "--"), (box, "-")):
            (top, bottom), (left, right) = part.rows, part.columns
            corner = (left - 0.5, top - 0.5)
            line = {"fill": False, "edgecolor": "white", "linewidth": 1.6, "linestyle": style}
            axis.add_patch(patches.Rectangle(corner, right - left, bottom - top, **line))
        axis.set_title(title, fontsize=9, loc="left")
        axis.set(ylabel="row (px)")
    axes[-1, 0].set(xlabel="column (px); pale blue: no change at all")
    figure.colorbar(heat, ax=axes[:, 0], label="largest change over time", shrink=0.8)
    return figure
