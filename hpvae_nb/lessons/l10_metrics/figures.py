"""Figures of the lesson on metrics: where parts come from, what lives on, sorted values, what fools which metric.

Clips and samples are `3 t h w` in [-1, 1].
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import repeat
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import emptied, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, beside, to_uint8
from hpvae_nb.lessons.l10_metrics.experiment import Step, digits, large_matches
from hpvae_nb.metrics import METRICS
from hpvae_nb.metrics.sanity import Table

FARTHEST = 0.2  # mean squared difference; from here on a map of distances is at its darkest
DECADES = 1.0  # in the table, ten times better or worse than the model has the full colour


def offset_colors(place: Tensor) -> np.ndarray:
    """How far a part's nearest one lies from the part itself, as colours: `h w 3` places to `h w 3` in 0..1.

    White: at the same place. The hue says in which direction, the strength how far; the frame does not count.
    """
    height, width = place.shape[:2]
    here = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), dim=-1)
    down, right = (place[..., 1:] - here).float().unbind(-1)
    hue = torch.atan2(down, right) / (2 * torch.pi) % 1
    strength = (torch.hypot(down / height, right / width) * 2).clamp(max=1)
    return hsv_to_rgb(torch.stack([hue, strength, torch.full_like(hue, 0.95)], dim=-1).numpy())


def nearest_neighbour_maps(cases: Mapping[str, Tensor], real: Tensor, frame: int = 5) -> Figure:
    """A frame of each named clip, the distance of its parts from the real one, and where their nearest ones lie.

    The parts that are shown begin at `frame`.
    """
    found = {name: large_matches(video, real) for name, video in cases.items()}
    of_parts, *_ = (matches.distance.shape[-2] / matches.distance.shape[-1] for matches in found.values())
    rows = {"height_ratios": [real.shape[-2] / real.shape[-1], of_parts, of_parts]}
    size = (1.8 * len(cases), 3.1)
    figure, axes = subplots(3, len(cases), figsize=size, squeeze=False, gridspec_kw=rows)
    for column, (name, video) in zip(axes.T, cases.items(), strict=True):
        column[0].imshow(to_uint8(video[:, frame + 1]))
        column[0].set_title(name, fontsize=9)
        shown = column[1].imshow(found[name].distance[frame].numpy(), cmap="gray_r", vmin=0, vmax=FARTHEST)
        column[2].imshow(offset_colors(found[name].place[frame]))
        for axis in column:
            axis.set(xticks=[], yticks=[])
    for axis, words in zip(axes[:, 0], ("frame", "distance of the\nnearest part", "where it lies"), strict=True):
        axis.set_ylabel(words, fontsize=9)
    figure.colorbar(shown, ax=axes[1], extend="max", label="mean sq. diff.", fraction=0.03, pad=0.01)
    return figure


def survival_maps(real: Tensor, salient: Tensor, lives: Mapping[str, Tensor], samples: Mapping[str, Tensor]) -> Figure:
    """Each sample below the clip, in which the corners of salient patches that live on and that died are marked.

    Args:
        salient: their first corners (frame, row, column), `k 3`.
        lives: for each sample, which of them live on, `k` of bool.
    """
    frame = int(torch.mode(salient[:, 0]).values)
    here = salient[:, 0] == frame
    figure, axes = subplots(2, len(samples), figsize=(2.8 * len(samples), 3.7), squeeze=False)
    for column, (name, sample) in zip(axes.T, samples.items(), strict=True):
        column[0].imshow(to_uint8(real[:, frame]), alpha=0.55)
        for alive, marker, color in ((True, "o", REAL), (False, "x", RANDOM)):
            _, rows, columns = salient[here & (lives[name] == alive)].T + 3
            paint = {"facecolor": "none", "edgecolor": color} if alive else {"color": color}
            column[0].scatter(columns.numpy(), rows.numpy(), marker=marker, s=22, **paint)
        column[0].set_title(f"{name}: {lives[name].float().mean():.0%} live", fontsize=9)
        column[1].imshow(to_uint8(sample[:, frame]))
        for axis in column:
            axis.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("the clip", fontsize=9)
    axes[1, 0].set_ylabel("the sample", fontsize=9)
    return figure


STYLES = (("solid", REAL, 3.0), ("dashed", RECONSTRUCTED, 1.8), ("dotted", RANDOM, 1.8), ("dashdot", "black", 1.2))


def quantile_plots(panels: Mapping[str, Mapping[str, Tensor]], real: str) -> Figure:
    """Sorted numbers of each case, one line each: the area between two lines is their distance.

    Args:
        panels: title -> case -> sorted numbers, `k`.
        real: the case that the areas are measured from; they are filled for the others.
    """
    figure, axes = subplots(1, len(panels), figsize=(4 * len(panels), 2.9), squeeze=False)
    for axis, (title, cases) in zip(axes[0], panels.items(), strict=True):
        for (name, values), (line, color, width) in zip(cases.items(), STYLES, strict=False):
            share = 100 * (np.arange(len(values)) + 0.5) / len(values)
            axis.plot(share, values.numpy(), linestyle=line, color=color, linewidth=width, label=name)
            if name != real:
                axis.fill_between(share, cases[real].numpy(), values.numpy(), color=color, alpha=0.12, linewidth=0)
        low, high = np.quantile(cases[real].numpy(), [0.02, 0.98])
        axis.set(xlabel="patches, in rising order (%)", ylim=(1.3 * low - 0.3 * high, 1.3 * high - 0.3 * low))
        axis.set_title(title, fontsize=10)
    axes[0, 0].set_ylabel("along one direction\n(standard deviations)")
    axes[0, 0].legend(fontsize=8)
    return figure


def metrics_by_case(table: Table, honest: str) -> Figure:
    """Metric by case: orange where a case is found better than the honest one, violet where worse.

    Values are printed as they are, in bold where the case is at least as good; colours compare them with the honest
    case's value of the same row, by ratio. A metric of which neither direction is better has neither.

    Args:
        table: what `hpvae_nb.metrics.sanity.measure` returns.
        honest: the case that the others are compared with; it stands last.

    Raises:
        InputError: there is no such case.
    """
    cases = list(next(iter(table.values()), {}))
    if honest not in cases:
        raise InputError(f"there is no case {honest!r} in the table: choose one of {', '.join(cases)}")
    cases = [case for case in cases if case != honest] + [honest]
    gains = [[gain(metric, row[case], row[honest]) for case in cases] for metric, row in table.items()]
    figure, axis = subplots(figsize=(9.6, 0.42 * len(table) + 0.9))
    shown = axis.imshow(gains, cmap="PuOr_r", vmin=-DECADES, vmax=DECADES, aspect="auto")
    for y, (metric, row) in enumerate(table.items()):
        for x, case in enumerate(cases):
            wins = case != honest and METRICS[metric].at_least_as_good(row[case], row[honest])
            dark = abs(gains[y][x]) > 0.75 * DECADES
            style: dict[str, Any] = {"color": "white" if dark else "black", "fontweight": "bold" if wins else "normal"}
            axis.text(x, y, digits(row[case]), ha="center", va="center", fontsize=9, **style)
    axis.set_xticks(range(len(cases)), ["\n".join(case.rsplit(" ", 1)) for case in cases], fontsize=9)
    axis.set_yticks(range(len(table)), [METRICS[name].title + METRICS[name].arrow for name in table], fontsize=9)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.axvline(len(cases) - 1.5, color="black", linewidth=2)
    bar = figure.colorbar(shown, ax=axis, ticks=[-DECADES, 0, DECADES], fraction=0.04, pad=0.02, extend="both")
    bar.ax.set_yticklabels(["10 times\nworse", "as the\nmodel", "10 times\nbetter"], fontsize=8)
    return figure


def gain(metric: str, value: float, honest: float) -> float:
    """By how many powers of ten a value is better than the honest one, within `DECADES`; negative: worse."""
    least = 1e-9
    ratio = float(np.log10(max(value, least) / max(honest, least)))
    return float(np.clip(METRICS[metric].direction * ratio, -DECADES, DECADES))


def strength_curves(found: Mapping[float, Step], honest: Step, chosen: float, *, figure: Any = None) -> Figure:
    """Each metric over the strength of one corruption, with a mark at the chosen one; dashed: a trained model.

    Args:
        found: strength -> step.
        honest: the model's.
        figure: an earlier one of these, to draw into; that is quicker.
    """
    if figure is None:
        figure, _ = subplots(1, len(honest.values), figsize=(9.6, 1.9), layout=None, gridspec_kw=MARGINS)
    for axis, metric in zip(emptied(figure).axes, honest.values, strict=True):
        values = [step.values[metric] for step in found.values()]
        axis.axhline(honest.values[metric], color=RECONSTRUCTED, linewidth=1.2, linestyle="--")
        axis.plot(list(found), values, color="0.4", linewidth=1.5)
        axis.plot([chosen], [found[chosen].values[metric]], color=RANDOM, marker="o", markersize=9)
        axis.set(xlim=(-0.1, 1.1), ylim=(0, 1.15 * max(*values, honest.values[metric])), xticks=(0, 1))
        axis.set_title(METRICS[metric].title, fontsize=8, y=1.0)
        axis.locator_params(axis="y", nbins=3)
        axis.tick_params(labelsize=7)
    return figure


MARGINS = {"left": 0.035, "right": 0.995, "top": 0.86, "bottom": 0.14, "wspace": 0.3}


def clip_sample_and_map(step: Step, real: Tensor, width: int) -> np.ndarray:
    """The clip, its corrupted version and the map of distances, side by side: `t h w 3` in 0..255, `width` px wide.

    The map holds as many frames as there are parts; its last one stays until the clip ends.
    """
    dark = 1 - 2 * (step.distance / FARTHEST).clamp(0, 1)
    dark = torch.cat([dark, repeat(dark[-1], "h w -> t h w", t=real.shape[1] - len(dark))])
    shown = F.interpolate(dark[:, None], real.shape[-2:])  # the nearest pixel
    return beside([real, step.video, repeat(shown, "t 1 h w -> c t h w", c=3)], width)
