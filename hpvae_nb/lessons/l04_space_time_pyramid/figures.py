"""Figures of the space-time pyramid: kept frames, schedules, what interpolation shows (section 3.2, figure 4)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import KIND_COLORS, outline, subplots
from hpvae_nb.lab.show import RANDOM, REAL, WIDE, grid, to_uint8
from hpvae_nb.lessons.l04_space_time_pyramid.experiment import kept, shown_times, stretched
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import planned_shapes, real_samples, scale_shapes

THUMBNAIL = (36, 64)


def kept_frames(clip: Clip, rates: Sequence[int], frames: int) -> Figure:
    """Figure 4: the frames of a slice that each sampling rate keeps, every one at its place in time, a row each.

    A rate that loses the last frame has its label and the last column in orange.

    Raises:
        InputError: when the clip is shorter than the slice.
    """
    if clip.frames < frames:
        raise InputError(f"{clip.name!r} has {clip.frames} frames, but the slice needs {frames}: load more")
    height, width = THUMBNAIL
    pictures = to_uint8(resize(clip.video[None, :, :frames], THUMBNAIL, antialias=True)[0])
    canvas = np.full((len(rates) * height, frames * width, 3), 255, np.uint8)
    for row, rate in enumerate(rates):
        for frame in kept(frames, rate):
            top, left = row * height, frame * width
            canvas[top : top + height - 1, left : left + width - 1] = pictures[frame, :-1, :-1]
    tall = 0.5 + 11 / frames * len(rates) * height / width
    figure, axis = subplots(figsize=(11, tall), layout=None)
    figure.subplots_adjust(left=0.125, right=0.995, bottom=0.47 / tall, top=1 - 0.03 / tall)
    axis.imshow(canvas, aspect="auto", extent=(-0.5, frames - 0.5, len(rates) - 0.5, -0.5))
    labels = [f"every {rate}: T = {len(kept(frames, rate))}" for rate in rates]
    axis.set(xticks=range(frames), yticks=range(len(rates)), yticklabels=labels)
    axis.set_xlabel("frame of the slice; each picture stands at its moment")
    for row, (label, rate) in enumerate(zip(axis.get_yticklabels(), rates, strict=True)):
        last = kept(frames, rate)[-1]
        color = REAL if last == frames - 1 else RANDOM
        label.set_color(color)
        axis.add_patch(Rectangle((last - 0.5, row - 0.5), 1, 1, fill=False, lw=2.5, ec=color))
        if last != frames - 1:
            axis.text(frames - 1, row, "lost", ha="center", va="center", color=RANDOM, fontweight="bold")
    axis.spines[:].set_visible(False)
    return figure


def patch_reach(config: Config, clip: Clip, field: int, scales: Sequence[int]) -> Figure:
    """The first frame at several scales, shown equally large, with one patch of `field` x `field` pixels in each."""
    shapes = scale_shapes(config, clip)
    frames = [real_samples(config, clip, n, shapes[n])[0, :, 0] for n in scales]
    titles = [f"scale {n}: {shapes[n][-1]} x {shapes[n][-2]} px" for n in scales]
    figure = grid([("", frames)], titles, width=WIDE / len(scales))
    for axis, n in zip(figure.axes, scales, strict=True):
        height, width = shapes[n][-2:]
        outline(axis, (0.42 * height - field / 2, 0.2 * width - field / 2), (field, field), "white", rim="black")
        axis.title.set_color(KIND_COLORS[config.kind(n)])
    return figure


def schedules(configs: Mapping[str, Config], aspect: float) -> Figure:
    """Height, frames, and number of values at every scale, for one or two named configurations (filled and open marks).

    VAE and GAN scales have their colours; `aspect` is the clip's height over its width.
    """
    figure, axes = subplots(1, 3, figsize=(11, 2.9))
    for (name, config), fill, line in zip(configs.items(), (True, False), ("-", "--"), strict=False):
        shapes = planned_shapes(config, aspect)
        curves = ([h for _, h, _ in shapes], [t for t, _, _ in shapes], [math.prod(shape) for shape in shapes])
        colors = [KIND_COLORS[config.kind(n)] for n in range(len(shapes))]
        for axis, values in zip(axes, curves, strict=True):
            axis.plot(values, line, color="grey", lw=1, zorder=1, label=name)
            axis.scatter(range(len(values)), values, c=colors if fill else "white", edgecolors=colors, s=36, zorder=2)
    for axis, title in zip(axes, ("height (px)", "frames T", "sites T × H × W"), strict=True):
        axis.set(title=title, xlabel="scale n")
    axes[0].set_yscale("log", base=2)
    axes[0].set_yticks([32, 64, 128, 256], ["32", "64", "128", "256"])
    axes[1].set_yticks([4, 5, 7, 13])
    axes[2].set_yscale("log")
    axes[0].legend(loc="lower right", fontsize=9)
    for height, (kind, color) in zip((0.9, 0.8), KIND_COLORS.items(), strict=True):
        axes[2].text(0.03, height, f"{kind} scales", color=color, transform=axes[2].transAxes, weight=700)
    return figure


def kept_or_averaged(clip: Clip, rate: int, at: int) -> Figure:
    """One frame as it is, beside the mean of the `rate` frames around it: sub-sampling against averaging in time."""
    around = clip.video[:, at - rate // 2 : at - rate // 2 + rate].mean(dim=1)
    return side_by_side({f"frame {at}, kept": clip.video[:, at], f"mean of {rate} frames": around})


def side_by_side(pictures: Mapping[str, Tensor]) -> Figure:
    """Images `c h w` in [-1, 1] in a row, each below its title."""
    return grid([("", list(pictures.values()))], list(pictures), width=WIDE / len(pictures))


def alignment(coarse: int, frames: int) -> Figure:
    """Which moment an interpolated frame shows, and how fast time passes, with and without aligned corners."""
    figure, (left, right) = subplots(1, 2, figsize=(11, 3))
    for aligned, color, mark in ((True, REAL, "o-"), (False, RANDOM, "s--")):
        times = shown_times(coarse, frames, aligned=aligned)
        label = "corners aligned" if aligned else "not aligned"
        left.plot(times, mark, color=color, label=label, ms=5)
        right.plot(np.arange(1, frames), times.diff(), mark, color=color, label=label, ms=5)
    left.set(xlabel="interpolated frame", ylabel="moment it shows (frames)", title=f"{coarse} frames made {frames}")
    right.set(xlabel="interpolated frame", ylabel="frames that pass", ylim=(-0.1, 1.5), title="speed of time")
    left.legend()
    return figure


def what_is_missing(config: Config, clip: Clip, scale: int, moment: int, *, aligned: bool = True) -> Figure:
    """What the generator of `scale` gets, what it should make of it, and the difference it has to add (equation 6).

    The scale below is taken to be perfect, so that only interpolation is to blame.

    Args:
        scale: n of at least 1.
        moment: 0..T_N-1; the frame of scale n nearest to it is shown.
        aligned: corners, in space and time.
    """
    shapes = scale_shapes(config, clip)
    below, real = (real_samples(config, clip, n, shapes[n])[:1] for n in (scale - 1, scale))
    up = stretched(below, shapes[scale], aligned=aligned)
    at = round(moment * (len(real[0, 0]) - 1) / (config.frames - 1))
    missing = real - up
    pictures = {
        f"↑x of scale {scale - 1} (T = {below.shape[2]})": up[0, :, at],
        f"x of scale {scale}: frame {at} of T = {real.shape[2]}": real[0, :, at],
        f"their difference, RMS {missing[0, :, at].square().mean().sqrt():.3f}": missing[0, :, at],
    }
    return side_by_side(pictures)
