"""Figures of the lesson on metrics: where parts come from, what lives on, piles of numbers, and what fools whom."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor

from hpvae_nb.core.patches import patch_rows
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.render import emptied
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
from hpvae_nb.metrics import Matches, make_extractor, nearest_patches, survival, svfid, temporal_consistency
from hpvae_nb.metrics.fooled import KINDS, Table, better, corrupted
from hpvae_nb.metrics.novelty import COARSE

PART = (3, COARSE // 2, COARSE // 2)  # voxels; what `hpvae_nb.metrics.novelty` compares
FARTHEST = 0.2  # mean squared difference; from here on a map of distances is at its darkest
DECADES = 1.0  # in the table, ten times better or worse than the model has the full colour


def coarse(video: Tensor) -> Tensor:
    """`c t h w` at the height of 18 px that novelty is measured at."""
    width = max(COARSE // 2, round(video.shape[-1] * COARSE / video.shape[-2]))
    return resize(video[None], (COARSE, width), antialias=True)[0]


def parts(sample: Tensor, real: Tensor) -> Matches:
    """For every large part of a sample the nearest one of the clip, as novelty has it; both `3 t h w`."""
    return nearest_patches(coarse(sample), coarse(real), PART)


def offset_colors(place: Tensor) -> np.ndarray:
    """How far a part's nearest one lies from the part itself, as colours: `h w 3` places to `h w 3` in 0..1.

    White: at the same place. The hue says in which direction, the strength how far; the frame does not count.
    """
    height, width = place.shape[:2]
    here = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), dim=-1)
    down, right = (place[..., 1:] - here).float().unbind(-1)
    hue = torch.atan2(down, right) / (2 * torch.pi) % 1
    strength = (torch.hypot(down / height, right / width) * 2).clamp(max=1)
    colors = require("matplotlib.colors", "drawing figures", "matplotlib")
    return colors.hsv_to_rgb(torch.stack([hue, strength, torch.full_like(hue, 0.95)], dim=-1).numpy())


def maps_figure(cases: Mapping[str, Tensor], real: Tensor, frame: int = 5) -> Any:
    """A frame of each case, the distance of its parts from the clip, and where their nearest ones lie.

    Args:
        cases: clips `3 t h w` by name.
        real: the training clip.
        frame: the first frame of the parts that are shown.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    of_parts = (COARSE - PART[1] + 1) / (coarse(real).shape[-1] - PART[2] + 1)
    rows = {"height_ratios": [real.shape[-2] / real.shape[-1], of_parts, of_parts]}
    size = (2.5 * len(cases), 3.8)
    figure, axes = plt.subplots(3, len(cases), figsize=size, layout="constrained", squeeze=False, gridspec_kw=rows)
    for column, (name, video) in zip(axes.T, cases.items(), strict=True):
        found = parts(video, real)
        column[0].imshow(to_uint8(video[:, frame + 1]))
        column[0].set_title(name, fontsize=9)
        shown = column[1].imshow(found.distance[frame].numpy(), cmap="gray_r", vmin=0, vmax=FARTHEST)
        column[2].imshow(offset_colors(found.place[frame]))
        for axis in column:
            axis.set(xticks=[], yticks=[])
    for axis, words in zip(axes[:, 0], ("frame", "distance of the\nnearest part", "where it lies"), strict=True):
        axis.set_ylabel(words, fontsize=9)
    figure.colorbar(shown, ax=axes[1], extend="max", label="mean sq. diff.", fraction=0.03, pad=0.01)
    return figure


def living_figure(real: Tensor, salient: Tensor, lives: Mapping[str, Tensor], samples: Mapping[str, Tensor]) -> Any:
    """Each sample below the clip, in which the corners of salient patches that live on and that died are marked.

    Args:
        real: `3 t h w`.
        salient: their first corners (frame, row, column), `k 3`.
        lives: for each sample, which of them live on, `k` of bool.
        samples: `3 t h w` each, by name.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    frame = int(torch.mode(salient[:, 0]).values)
    here = salient[:, 0] == frame
    figure, axes = plt.subplots(2, len(samples), figsize=(3.1 * len(samples), 4), layout="constrained", squeeze=False)
    for column, (name, sample) in zip(axes.T, samples.items(), strict=True):
        column[0].imshow(to_uint8(real[:, frame]), alpha=0.55)
        for alive, marker, color in ((True, "o", REAL), (False, "x", RANDOM)):
            chosen = salient[here & (lives[name] == alive)]
            style = {"facecolor": "none"} if alive else {}
            edge = {"edgecolor": color} if alive else {"color": color}
            column[0].scatter(
                (chosen[:, 2] + 3).numpy(), (chosen[:, 1] + 3).numpy(), marker=marker, s=22, **style, **edge
            )
        column[0].set_title(f"{name}: {lives[name].float().mean():.0%} live", fontsize=9)
        column[1].imshow(to_uint8(sample[:, frame]))
        for axis in column:
            axis.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("the clip", fontsize=9)
    axes[1, 0].set_ylabel("the sample", fontsize=9)
    return figure


STYLES = (("solid", REAL, 3.0), ("dashed", RECONSTRUCTED, 1.8), ("dotted", RANDOM, 1.8), ("dashdot", "black", 1.2))


def piles_figure(panels: Mapping[str, Mapping[str, Tensor]], real: str) -> Any:
    """Sorted numbers of each case, one line each: the area between two lines is their distance.

    Args:
        panels: title -> case -> sorted numbers, `k`.
        real: the case that the areas are measured from; they are filled for the others.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 2.9), layout="constrained", squeeze=False)
    for axis, (title, piles) in zip(axes[0], panels.items(), strict=True):
        for (name, values), (line, color, width) in zip(piles.items(), STYLES, strict=False):
            share = 100 * (np.arange(len(values)) + 0.5) / len(values)
            axis.plot(share, values.numpy(), linestyle=line, color=color, linewidth=width, label=name)
            if name != real:
                axis.fill_between(share, piles[real].numpy(), values.numpy(), color=color, alpha=0.12, linewidth=0)
        low, high = np.quantile(piles[real].numpy(), [0.02, 0.98])
        axis.set(xlabel="patches, in rising order (%)", ylim=(1.3 * low - 0.3 * high, 1.3 * high - 0.3 * low))
        axis.set_title(title, fontsize=10)
    axes[0, 0].set_ylabel("along one direction\n(standard deviations)")
    axes[0, 0].legend(fontsize=8)
    return figure


def table_figure(table: Table, honest: str) -> Any:
    """Metric by case: orange where a case is found better than the honest one, violet where worse.

    Values are printed as they are, in bold where the case is at least as good; colours compare them with the honest
    case's value of the same row, by ratio.

    Args:
        table: what `hpvae_nb.metrics.fooled.measure` returns.
        honest: the case that the others are compared with; it stands last.

    Raises:
        InputError: there is no such case.
    """
    cases = list(next(iter(table.values()), {}))
    if honest not in cases:
        raise InputError(f"there is no case {honest!r} in the table: choose one of {', '.join(cases)}")
    cases = [case for case in cases if case != honest] + [honest]
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    gains = [[gain(metric, row[case], row[honest]) for case in cases] for metric, row in table.items()]
    figure, axis = plt.subplots(figsize=(9.6, 0.42 * len(table) + 0.9), layout="constrained")
    shown = axis.imshow(gains, cmap="PuOr_r", vmin=-DECADES, vmax=DECADES, aspect="auto")
    for y, (metric, row) in enumerate(table.items()):
        for x, case in enumerate(cases):
            wins = case != honest and better(metric, row[case], row[honest])
            dark = abs(gains[y][x]) > 0.75 * DECADES
            style = {"color": "white" if dark else "black", "fontweight": "bold" if wins else "normal"}
            axis.text(x, y, digits(row[case]), ha="center", va="center", fontsize=9, **style)
    arrows = [f"{metric}  {'↑' if better(metric, 1, 0) else '↓'}" for metric in table]
    axis.set_xticks(range(len(cases)), ["\n".join(case.rsplit(" ", 1)) for case in cases], fontsize=9)
    axis.set_yticks(range(len(table)), arrows, fontsize=9)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.axvline(len(cases) - 1.5, color="black", linewidth=2)
    bar = figure.colorbar(shown, ax=axis, ticks=[-DECADES, 0, DECADES], fraction=0.04, pad=0.02, extend="both")
    bar.ax.set_yticklabels(["10 times\nworse", "as the\nmodel", "10 times\nbetter"], fontsize=8)
    return figure


def digits(value: float) -> str:
    """Two digits, without the powers of ten that rounding errors have."""
    return "0" if value < 5e-5 else f"{value:.2g}" if value < 100 else f"{value:.0f}"


def gain(metric: str, value: float, honest: float) -> float:
    """By how many powers of ten a value is better than the honest one, within `DECADES`; negative: worse."""
    least = 1e-9
    ratio = float(np.log10(max(value, least) / max(honest, least)))
    return float(np.clip(ratio if better(metric, 1, 0) else -ratio, -DECADES, DECADES))


@dataclass(frozen=True)
class Step:
    """A clip, how far its parts are from the training clip, and what cheap metrics say of it.

    Attributes:
        video: `3 t h w` in [-1, 1].
        distance: of its parts from the nearest of the clip, `t h w`.
        values: metric -> value.
    """

    video: Tensor
    distance: Tensor
    values: dict[str, float]


def steps(real: Tensor, honest: Tensor, strengths: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)) -> tuple[Steps, Step]:
    """Every kind of corruption at every strength; about a quarter of a second each at 13x28x50.

    Args:
        real: the clip, `3 t h w` in [-1, 1].
        honest: a sample of a trained model, `3 t h w`, to compare with.
        strengths: from 0, the clip itself, to 1.

    Returns:
        kind -> strength -> step; and the sample's own step.
    """
    extractor = make_extractor("patches", real)
    variety = 2 * patch_rows(coarse(real)[None], PART).var(0).mean()  # as novelty has it

    def step(video: Tensor) -> Step:
        distance = parts(video, real).distance
        score = svfid(video[None], real, extractor)
        values = {
            "novelty": (distance.mean() / variety).item(),
            "survival": survival(video[None], real),
            f"{score.metric} ({score.extractor})": score.value,
            "temporal consistency": temporal_consistency(video[None], real),
        }
        return Step(video, distance, values)

    same = step(real)
    found = {kind: {s: step(corrupted(real, kind, s)) if s else same for s in strengths} for kind in KINDS}
    return found, step(honest)


Steps = dict[str, dict[float, Step]]


def strength_figure(found: Mapping[float, Step], honest: Step, chosen: float, *, figure: Any = None) -> Any:
    """Each metric over the strength of one corruption, with a mark at the chosen one; dashed: a trained model.

    Args:
        found: strength -> step.
        honest: the model's.
        chosen: one of the strengths.
        figure: an earlier one of these, to draw into; that is quicker.
    """
    metrics = list(honest.values)
    if figure is None:
        plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
        figure, _ = plt.subplots(1, len(metrics), figsize=(9.6, 1.9), gridspec_kw=MARGINS)
    for axis, metric in zip(emptied(figure).axes, metrics, strict=True):
        values = [step.values[metric] for step in found.values()]
        axis.axhline(honest.values[metric], color=RECONSTRUCTED, linewidth=1.2, linestyle="--")
        axis.plot(list(found), values, color="0.4", linewidth=1.5)
        axis.plot([chosen], [found[chosen].values[metric]], color=RANDOM, marker="o", markersize=9)
        axis.set(xlim=(-0.1, 1.1), ylim=(0, 1.15 * max(*values, honest.values[metric])), xticks=(0, 1))
        axis.set_title(metric, fontsize=8, y=1.0)
        axis.locator_params(axis="y", nbins=3)
        axis.tick_params(labelsize=7)
    return figure


MARGINS = {"left": 0.035, "right": 0.995, "top": 0.86, "bottom": 0.14, "wspace": 0.3}


def drawn(figure: Any, width: int) -> np.ndarray:
    """A figure as a picture `h w 3` in 0..255, `width` px wide; it is closed, but can be drawn into again."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba", dpi=width / figure.get_figwidth(), facecolor="white")
    require("matplotlib.pyplot", "drawing figures", "matplotlib").close(figure)
    return rearrange(np.frombuffer(buffer.getvalue(), np.uint8), "(h w c) -> h w c", w=width, c=4)[..., :3]


def beside(step: Step, real: Tensor, width: int) -> np.ndarray:
    """The clip, its corrupted version and the map of distances, side by side: `t h w 3` in 0..255, `width` px wide.

    The map holds as many frames as there are parts; its last one stays until the clip ends.
    """
    dark = (255 * (1 - step.distance / FARTHEST).clamp(0, 1)).byte()
    dark = torch.cat([dark, repeat(dark[-1], "h w -> t h w", t=real.shape[1] - len(dark))])
    pictures = [to_uint8(real), to_uint8(step.video), repeat(dark, "t h w -> t h w c", c=3).numpy()]
    each = width // len(pictures)
    height = round(each * real.shape[-2] / real.shape[-1])
    image = require("PIL.Image", "pictures", "Pillow")
    resized = [
        np.stack([np.asarray(image.fromarray(frame).resize((each, height), image.Resampling.NEAREST)) for frame in one])
        for one in pictures
    ]
    return rearrange(np.stack(resized), "n t h w c -> t h (n w) c")
