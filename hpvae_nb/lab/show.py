"""What a person looks at: video files, moving pictures, sheets of pictures."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError, require
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import ON_TOP, bare, png, subplots
from hpvae_nb.model import Model
from hpvae_nb.recipe.pyramid import real_samples

# Colour-blind safe (Okabe and Ito 2008); the same thing has the same colour in every figure.
REAL, RECONSTRUCTED, RANDOM = "#009E73", "#0072B2", "#D55E00"


def to_uint8(video: Tensor) -> np.ndarray:
    """`c t h w` in [-1, 1] to `t h w c` in 0..255 (`c h w` to `h w c`)."""
    if video.ndim not in (3, 4):
        raise InputError(f"expected one clip 'c t h w' or image 'c h w', got {tuple(video.shape)}: index the batch")
    pattern = "c t h w -> t h w c" if video.ndim == 4 else "c h w -> h w c"
    return rearrange(((video.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu(), pattern).numpy()


def enlarge(video: Tensor, width: int) -> Tensor:
    """`c t h w` with each pixel repeated, so that a small clip fills `width` pixels or nearly; never shrinks."""
    factor = max(1, width // video.shape[-1])
    return video.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2)


def _frames(video: Tensor, width: int) -> np.ndarray:
    """`c t h w` in [-1, 1] to `t h w c` in 0..255, enlarged after that, when there is least to copy."""
    frames = to_uint8(video)
    factor = max(1, width // video.shape[-1])
    return frames if factor == 1 else frames.repeat(factor, axis=1).repeat(factor, axis=2)


def save_video(path: str | Path, video: Tensor, fps: float, *, width: int = 384) -> Path:
    """Write an h264 mp4 that browsers play; small clips are enlarged without blurring.

    Args:
        video: `c t h w` in [-1, 1].
        fps: frames per second.
        width: in pixels, aimed at.

    Raises:
        ImportError: when mediapy or ffmpeg is missing.
    """
    path = Path(path)
    frames = _frames(video, width)
    frames = np.pad(frames, [(0, 0), *((0, side % 2) for side in frames.shape[1:3]), (0, 0)], mode="edge")
    temporary = path.with_name(f".{path.name}")
    mediapy().write_video(temporary.with_suffix(".mp4"), frames, fps=fps, qp=16)
    temporary.with_suffix(".mp4").replace(path)
    return path


def save_clip(stem: Path, clip: Tensor, fps: float) -> Path:
    """Write a video `c t h w` as `stem`.mp4, or an image `c h w` as `stem`.png."""
    if clip.ndim == 4:
        return save_video(stem.with_suffix(".mp4"), clip, fps)
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(clip)).save(buffer, "PNG")
    checkpoint.write_bytes(stem.with_suffix(".png"), buffer.getvalue())
    return stem.with_suffix(".png")


def animation(video: Tensor, fps: float, *, width: int = 256, like: Shape | None = None) -> bytes:
    """A looping, lossless WebP picture of a clip, quick enough to follow a slider.

    Args:
        video: `c t h w` in [-1, 1].
        fps: frames per second.
        width: in pixels, aimed at by repeating pixels.
        like: (T, H, W) of the clip whose coarser version this is: shown as large and as long as that one would be.
    """
    if like is None or like == tuple(video.shape[1:]):
        return webp(_frames(video, width), fps)
    (length, *sides), factor = like, max(1, width // like[-1])
    frames = to_uint8(video)
    rows, columns = (
        np.arange(factor * to) * at // (factor * to) for to, at in zip(sides, frames.shape[1:3], strict=True)
    )
    return webp(frames[:, rows][:, :, columns], fps * len(frames) / length)


def webp(frames: np.ndarray, fps: float, *, quality: int | None = None) -> bytes:
    """Frames `t h w c` in 0..255 as a looping WebP picture.

    Args:
        quality: 0 to 100, for a file a tenth of the size; lossless if not given.
    """
    first, *rest = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    how = {"lossless": True, "method": 0, "quality": 0} if quality is None else {"method": 4, "quality": quality}
    first.save(buffer, "WEBP", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0, **how)
    return buffer.getvalue()


def mediapy() -> Any:
    """The mediapy package, told where ffmpeg is."""
    media = require("mediapy", "writing and showing videos")
    media.set_ffmpeg(require("imageio_ffmpeg", "its ffmpeg program", "imageio-ffmpeg").get_ffmpeg_exe())
    return media


def show_videos(
    videos: Sequence[Tensor], fps: float, titles: Sequence[str], text: str = "", *, width: int = 256
) -> None:
    """Play clips side by side in a notebook, in a loop.

    Args:
        videos: `c t h w` each, in [-1, 1].
        fps: frames per second.
        titles: one above each clip; a screen reader says them too.
        text: what they show, in a sentence, for those who cannot see it.
        width: of each, in pixels.
    """
    frames = [_frames(video, width) for video in videos]
    names = [html.escape(title) for title in titles]
    page = mediapy().show_videos(frames, names, fps=fps, width=width, columns=4, return_html=True)
    labels = iter(names)
    page = re.sub("<video ", lambda start: f'{start[0]}aria-label="{next(labels)}" ', page)
    display = require("IPython.display", "showing videos in notebooks", "ipython")
    display.display(
        display.HTML(f'<div role="group" aria-label="{html.escape(text) or ", ".join(names)}">{page}</div>')
    )


def grid(
    rows: Sequence[tuple[str, Sequence[Tensor | None]]],
    titles: Sequence[str] = (),
    *,
    width: float,
    colors: Sequence[str] = (),
    heat: Mapping[str, Any] | None = None,
    bar: str = "",
) -> Figure:
    """Pictures in rows and columns.

    Args:
        rows: a label, and for each column an image `c h w` in [-1, 1], a map of numbers `h w`, or None for an empty
            place. All have the shape of the first, or nearly so.
        titles: of the columns.
        width: of a picture, in inches.
        colors: of the labels; black if not given.
        heat: how maps of numbers are drawn, as options of `imshow`.
        bar: the label of a colour bar for them, if there is to be one.

    Returns:
        A matplotlib figure whose axes are the pictures', row by row, and the colour bar's.
    """
    first = next(picture for _, row in rows for picture in row if picture is not None)
    gap, height, columns = 0.06, width * first.shape[-2] / first.shape[-1], len(rows[0][1])
    wide, tall = columns * (width + gap), len(rows) * (height + gap) + (0.25 if titles else 0)
    margins = {"left": 0, "right": 1, "bottom": 0, "top": 1 - (0.25 / tall if titles else 0)}
    spaces = {"wspace": gap / width, "hspace": gap / height, **margins}
    figure, axes = subplots(len(rows), columns, figsize=(wide, tall), layout=None, squeeze=False, gridspec_kw=spaces)
    shown = fill(axes, rows, titles, colors=colors, heat=heat)
    if bar:
        figure.colorbar(shown, cax=figure.add_axes((1 + 0.1 / wide, 0.05, 0.14 / wide, 0.85)), label=bar)
    return figure


def fill(
    axes: Any,
    rows: Sequence[tuple[str, Sequence[Tensor | None]]],
    titles: Sequence[str] = (),
    *,
    colors: Sequence[str] = (),
    heat: Mapping[str, Any] | None = None,
) -> Any:
    """Draw pictures into axes that are there; arguments as in `grid`. Returns the last map of numbers, for a bar."""
    shown = None
    for line, (label, row), color in zip(axes, rows, colors or ["black"] * len(rows), strict=True):
        for axis, picture in zip(line, row, strict=True):
            bare(axis)
            if picture is not None and picture.ndim == 3:
                axis.imshow(to_uint8(picture), aspect="auto")
            elif picture is not None:
                shown = axis.imshow(picture.numpy(), aspect="auto", **heat or {})
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", color=color, fontsize=9, fontweight="bold")
    for axis, title in zip(axes[0], titles, strict=bool(titles)):
        axis.set_title(title, fontsize=9, **ON_TOP)
    return shown


def frame_at(clip: Tensor, time: float = 0.5) -> Tensor:
    """The frame of a clip `c t h w` at a time from 0 (first) to 1 (last), as `c h w`; an image as it is."""
    return clip[:, round(time * (clip.shape[1] - 1))] if clip.ndim == 4 else clip


def contact_sheet(
    rows: Sequence[tuple[str, Tensor]], *, frames: int = 7, title: str = "", colors: Sequence[str] | None = None
) -> Figure:
    """A figure with a clip in each row and evenly chosen frames, first and last included, in its columns.

    Args:
        rows: label and clip `c t h w` (or image `c h w`) in [-1, 1].
        frames: how many columns.
        title: above all.
        colors: of the labels; the first row counts as real and the others as random if not given.
    """
    clips = [(label, clip if clip.ndim == 4 else clip[:, None]) for label, clip in rows]  # an image is one frame
    count = min(frames, clips[0][1].shape[1])
    chosen = [torch.linspace(0, clip.shape[1] - 1, count).round().long().tolist() for _, clip in clips]
    pictures = [(label, [clip[:, at] for at in places]) for (label, clip), places in zip(clips, chosen, strict=True)]
    colors = colors or [REAL] + [RANDOM] * (len(rows) - 1)
    figure = grid(pictures, [f"frame {at}" for at in chosen[0]], width=10 / count, colors=colors)
    if title:
        figure.suptitle(title, fontsize=10, y=1 + 0.1 / figure.get_figheight(), va="bottom")
    return figure


def moving_sheet(real: Tensor, samples: Tensor, fps: float, *, columns: int = 3, width: int = 768) -> bytes:
    """The real clip, framed, and new ones after it in rows: a looping WebP picture.

    Args:
        real: `c t h w` in [-1, 1].
        samples: `b c t h w`; what does not fill a row is left out.
        columns: clips beside each other.
        width: of the picture in pixels, aimed at by repeating pixels.
    """
    count = (1 + len(samples)) // columns * columns
    clips = [enlarge(clip, width // columns) for clip in [real, *samples][:count]]
    framed = torch.nn.functional.pad(torch.stack(clips), (3, 3, 3, 3), value=1.0)
    green = torch.tensor([int(REAL[i : i + 2], 16) for i in (1, 3, 5)]) / 127.5 - 1
    framed[0] = green.view(3, 1, 1, 1)
    framed[0, :, :, 3:-3, 3:-3] = clips[0]
    sheet = rearrange(framed, "(r s) c t h w -> c t (r h) (s w)", s=columns)
    return webp(to_uint8(sheet), fps, quality=80)


def save_figure(path: str | Path, figure: Figure) -> Path:
    """Write a matplotlib figure as PNG, whole or not at all, and close it."""
    checkpoint.write_bytes(Path(path), png(figure, dpi=110))
    return Path(path)


def real_at_last_scale(model: Model, clip: Clip) -> Tensor:
    """The clip as the model was asked to imitate it: its first training sample at the finest scale, `c t h w`."""
    return real_samples(model.config, clip, model.scales - 1, model.shapes[model.scales - 1])[0]
