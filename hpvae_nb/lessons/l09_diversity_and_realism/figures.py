"""Figures of the lesson on diversity and realism: how both change with M, the number of VAE levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.show import RANDOM, RECONSTRUCTED
from hpvae_nb.metrics import Score, diversity, svfid
from hpvae_nb.model import Model


@dataclass(frozen=True)
class Point:
    """What one model makes, and how it scores.

    Attributes:
        levels: M, how many of its scales were trained as VAEs.
        samples: `b c t h w` in [-1, 1].
        diversity: of the samples, relative to the clip's own contrast; larger is more varied.
        distance: SVFID of the samples to the clip; smaller is more real.
    """

    levels: int
    samples: Tensor
    diversity: float
    distance: Score


def measure(model: Model, real: Tensor, *, samples: int = 20, seed: int = 0) -> Point:
    """Draw samples of a model, and score them.

    Args:
        model: a trained model.
        real: its clip as the last scale has it, `c t h w` in [-1, 1].
        samples: how many, at least 2.
        seed: of the samples.
    """
    made = model.sample(samples, seed=seed)
    return Point(model.config.vae_levels, made, diversity(made, real), svfid(made, real))


def curves(clips: Mapping[str, Sequence[Point]], *, chosen: int | None = None) -> Any:
    """The paper's Fig. 5: diversity and distance over M, a line for each clip.

    Args:
        clips: the points of each clip, by its name.
        chosen: an M to be marked.

    Raises:
        InputError: when there is no point.
    """
    if not any(clips.values()):
        raise InputError("there is nothing to draw: measure at least one model")
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.5), layout="constrained")
    every = [point for points in clips.values() for point in points]
    values = {
        "diversity: higher is more varied": lambda point: point.diversity,
        _axis(every): lambda point: point.distance.value,
    }
    for axis, (title, value) in zip(axes, values.items(), strict=True):
        for (clip, points), color, marker in zip(clips.items(), (RANDOM, RECONSTRUCTED), "os", strict=False):
            ordered = sorted(points, key=lambda point: point.levels)
            levels = [point.levels for point in ordered]
            axis.plot(levels, [value(point) for point in ordered], color=color, marker=marker, label=clip)
        if chosen is not None:
            axis.axvline(chosen, color="black", linewidth=1, linestyle="--")
        axis.set(xlabel="M, number of VAE levels", xticks=sorted({point.levels for point in every}))
        axis.set_title(title, fontsize=10)
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    return figure


def plane(points: Sequence[Point], unbeaten: Sequence[int]) -> Any:
    """Both numbers of each model at once; those that no other beats are filled."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(4.4, 3.2), layout="constrained")
    for point in points:
        face = RANDOM if point.levels in unbeaten else "white"
        place = (point.distance.value, point.diversity)
        axis.scatter(*place, s=70, color=face, edgecolor=RANDOM, zorder=3)
        axis.annotate(f"M = {point.levels}", place, xytext=(7, 3), textcoords="offset points", fontsize=9)
    axis.set(xlabel=_axis(points), ylabel="diversity: higher is more varied")
    axis.margins(x=0.25, y=0.15)
    return figure


def _axis(points: Sequence[Point]) -> str:
    return f"{points[0].distance.metric} ({points[0].distance.extractor}): lower is more real"


def pixels(figure: Any, width: int) -> Tensor:
    """A matplotlib figure as a picture `c h w` in [-1, 1], `width` pixels wide; the figure is closed."""
    figure.set_dpi(width / figure.get_figwidth())
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    require("matplotlib.pyplot", "drawing figures", "matplotlib").close(figure)
    return rearrange(torch.from_numpy(drawn.copy()).float() / 127.5 - 1, "h w c -> c h w")[..., :width]


def strip(samples: Tensor, width: int) -> Tensor:
    """Clips `b c t h w` side by side as one, `c t h w`, exactly `width` pixels wide."""
    beside = rearrange(samples, "b c t h w -> c t h (b w)")
    height = round(beside.shape[-2] * width / beside.shape[-1])
    rows, columns = (
        ((torch.arange(to) + 0.5) * at / to).long() for at, to in zip(beside.shape[-2:], (height, width), strict=True)
    )
    return beside[:, :, rows][..., columns]  # the nearest pixel
