"""What a person looks at: video files, moving pictures, sheets of pictures.

Clips are `c t h w` in [-1, 1]; frames of a picture `t h w c` in 0..255.
"""

import base64
import html
import io
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange, repeat
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import CheckpointError, InputError, require
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_sets import as_pixels
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import ON_TOP, address, bare, png, subplots
from hpvae_nb.model import Model
from hpvae_nb.recipe.pyramid import real_samples

# Colour-blind safe (Okabe and Ito 2008); the same thing has the same colour in every figure.
REAL, RECONSTRUCTED, RANDOM = "#009E73", "#0072B2", "#D55E00"
WIDE = 8.0  # inches of a sheet; a much wider one is shrunk in a narrow window until nobody can read its words
POSTER = 60  # quality of pictures in place of a video: about as large as its file


def to_uint8(video: Tensor) -> np.ndarray:
    """`c t h w` in [-1, 1] to `t h w c` in 0..255 (`c h w` to `h w c`)."""
    if video.ndim not in (3, 4):
        raise InputError(f"expected one clip 'c t h w' or image 'c h w', got {tuple(video.shape)}: index the batch")
    pattern = "c t h w -> t h w c" if video.ndim == 4 else "c h w -> h w c"
    return rearrange(as_pixels(video.float()).cpu(), pattern).numpy()


def colour(name: str) -> Tensor:
    """A colour of matplotlib as a pixel `c 1 1 1` in [-1, 1]."""
    return torch.tensor(to_rgb(name)).view(3, 1, 1, 1) * 2 - 1


def enlarge(video: Tensor, width: int) -> Tensor:
    """`c t h w` with each pixel repeated, so that a small clip fills `width` pixels or nearly; never shrinks."""
    factor = max(1, width // video.shape[-1])
    return video.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2)


def _frames(video: Tensor, width: int) -> np.ndarray:
    """A clip's frames, enlarged once they are bytes, when there is least to copy."""
    factor = max(1, width // video.shape[-1])
    return _sized(to_uint8(video), factor * video.shape[-2], factor * video.shape[-1])


def _sized(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames at another size: the nearest pixel, at the centre of each."""
    rows, columns = (
        ((np.arange(to) + 0.5) * at / to).astype(int) for to, at in zip((height, width), frames.shape[1:3], strict=True)
    )
    return frames[:, rows][:, :, columns]


def save_video(path: str | Path, video: Tensor, fps: float, *, width: int = 384) -> Path:
    """Write an h264 mp4 that browsers play; small clips are enlarged without blurring, to about `width` pixels.

    Raises:
        CheckpointError: when the file, or ffmpeg's temporary one, cannot be written; what was at `path` before is
            untouched.
        ImportError: when mediapy or ffmpeg is missing.
    """
    path = Path(path)
    frames = _frames(video, width)
    frames = np.pad(frames, [(0, 0), *((0, side % 2) for side in frames.shape[1:3]), (0, 0)], mode="edge")
    checkpoint.write_bytes(path, _h264(frames, fps, qp=16))
    return path


def save_clip(stem: Path, clip: Tensor, fps: float) -> Path:
    """Write a video `c t h w` as `stem`.mp4, or an image `c h w` as `stem`.png."""
    if clip.ndim == 4:
        return save_video(stem.with_suffix(".mp4"), clip, fps)
    checkpoint.write_bytes(stem.with_suffix(".png"), still(clip))
    return stem.with_suffix(".png")


def still(image: Tensor) -> bytes:
    """An image `c h w` as PNG, pixel by pixel."""
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(image)).save(buffer, "PNG")
    return buffer.getvalue()


def animation(video: Tensor, fps: float, *, width: int = 256, like: Shape | None = None) -> bytes:
    """A looping, lossless WebP picture of a clip, quick enough to follow a slider.

    Args:
        width: in pixels, aimed at by repeating pixels.
        like: (T, H, W) of the clip whose coarser version this is: shown as large and as long as that one would be.
    """
    length, height, wide = like or tuple(video.shape[1:])
    factor = max(1, width // wide)
    return webp(_sized(to_uint8(video), factor * height, factor * wide), fps * video.shape[1] / length)


def webp(frames: np.ndarray, fps: float, *, quality: int | None = None) -> bytes:
    """Frames as a looping WebP picture; lossless, or of a `quality` from 0 to 100, for a file a tenth of the size."""
    first, *rest = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    how = {"lossless": True, "method": 0, "quality": 0} if quality is None else {"method": 4, "quality": quality}
    first.save(buffer, "WEBP", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0, **how)
    return buffer.getvalue()


def _h264(frames: np.ndarray, fps: float, **how: Any) -> bytes:
    """Frames as an mp4, which ffmpeg writes to a temporary file first."""
    try:
        return mediapy().compress_video(frames, fps=fps, codec="h264", **how)
    except (RuntimeError, OSError) as error:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free / 1e6
        what = f"ffmpeg could not write a video to {folder}, where {free:.1f} MB are free"
        raise CheckpointError(f"{what}: make room there, or set TMPDIR to another folder") from error


def mediapy() -> Any:
    """The mediapy package, told where ffmpeg is."""
    media = require("mediapy", "writing and showing videos")
    media.set_ffmpeg(require("imageio_ffmpeg", "its ffmpeg program", "imageio-ffmpeg").get_ffmpeg_exe())
    return media


def show_videos(
    videos: Sequence[Tensor], fps: float, titles: Sequence[str], text: str = "", *, width: int = 256
) -> None:
    """Play clips side by side in a notebook, in a loop; in as many rows as its window needs.

    Pages that trust nobody drop a video and show what is in it, a moving picture, or its source and show its poster.

    Args:
        titles: one above each clip; a screen reader says them too.
        text: what they show, in a sentence, for those who cannot see it.
        width: of each, in pixels.
    """
    media = mediapy()
    display = require("IPython.display", "showing videos in notebooks", "ipython")
    players = []
    for video, title in zip(videos, titles, strict=True):
        frames = _frames(video, width)
        height = round(width * frames.shape[1] / frames.shape[2])
        if frames.shape[2] > width:
            frames = media.resize_video(frames, (height, width))
        source = base64.b64encode(_h264(frames, fps)).decode()
        name, size = html.escape(title), f'width="{width}" height="{height}" style="max-width:100%; height:auto"'
        still, moving = (address(webp(part, fps, quality=POSTER)) for part in (frames[:1], frames))
        players.append(
            f'<figure style="margin:0; max-width:100%"><figcaption style="text-align:center">{name}</figcaption>'
            f'<video aria-label="{name}" poster="{still}" {size} controls loop autoplay muted '
            f'src="data:video/mp4;base64,{source}"><img alt="{name}" src="{moving}" {size}></video></figure>'
        )
    said = html.escape(text or ", ".join(titles))
    style = "display:flex; flex-wrap:wrap; gap:4px"
    display.display(display.HTML(f'<div role="group" aria-label="{said}" style="{style}">{"".join(players)}</div>'))


# Clips and still figures, beside and above each other in one moving picture


def pixels(figure: Any, width: int) -> np.ndarray:
    """A figure of `render.subplots` as a picture `h w 3`, `width` pixels wide; it can be drawn into again."""
    figure.set_dpi(width / figure.get_figwidth())
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())[:, :width, :3]


def beside(clips: Tensor | Sequence[Tensor], width: int) -> np.ndarray:
    """The frames of clips side by side, exactly `width` pixels wide."""
    row = to_uint8(rearrange(list(clips), "b c t h w -> c t h (b w)"))
    return _sized(row, round(row.shape[1] * width / row.shape[2]), width)


def titled(title: str, frames: np.ndarray) -> np.ndarray:
    """Frames below a line of text."""
    line = Image.new("RGB", (frames.shape[2], 18), "white")
    ImageDraw.Draw(line).text((4, 3), title, fill="black")
    return stacked(np.asarray(line), frames)


def stacked(*parts: np.ndarray) -> np.ndarray:
    """Frames, and pictures `h w c` that stand still, from above to below; all equally wide and long."""
    length = next(len(part) for part in parts if part.ndim == 4)
    moving = [part if part.ndim == 4 else repeat(part, "h w c -> t h w c", t=length) for part in parts]
    return np.concatenate(moving, axis=1)


def film(*parts: np.ndarray, fps: float) -> bytes:
    """The parts as `stacked`, in a looping WebP picture."""
    return webp(stacked(*parts), fps)


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
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", color=color, fontsize=10, fontweight="bold")
    for axis, title in zip(axes[0], titles, strict=bool(titles)):
        axis.set_title(title, fontsize=10, **ON_TOP)
    return shown


def frame_at(clip: Tensor, time: float = 0.5) -> Tensor:
    """The frame of a clip `c t h w` at a time from 0 (first) to 1 (last), as `c h w`; an image as it is."""
    return clip[:, round(time * (clip.shape[1] - 1))] if clip.ndim == 4 else clip


def contact_sheet(
    rows: Sequence[tuple[str, Tensor]],
    *,
    frames: int = 7,
    title: str = "",
    colors: Sequence[str] | None = None,
    columns: int | None = None,
) -> Figure:
    """A figure with a clip in each row and evenly chosen frames, first and last included, in its columns.

    Images stand side by side, each below its label, in as many rows as columns or nearly; real ones are framed.

    Args:
        rows: label and clip `c t h w` in [-1, 1], or label and image `c h w`.
        frames: how many columns of clips.
        title: above all.
        colors: of the labels; the first row counts as real and the others as random if not given.
        columns: of images, if not as many as rows.
    """
    colors = colors or [REAL] + [RANDOM] * (len(rows) - 1)
    if rows[0][1].ndim == 3:
        figure = _side_by_side(rows, colors, columns or math.ceil(math.sqrt(len(rows))))
    else:
        count = min(frames, rows[0][1].shape[1])
        chosen = [torch.linspace(0, clip.shape[1] - 1, count).round().long().tolist() for _, clip in rows]
        pictures = [(label, [clip[:, at] for at in places]) for (label, clip), places in zip(rows, chosen, strict=True)]
        figure = grid(pictures, [f"frame {at}" for at in chosen[0]], width=WIDE / count, colors=colors)
    if title:
        figure.suptitle(title, fontsize=10, y=1 + 0.1 / figure.get_figheight(), va="bottom")
    return figure


def _side_by_side(rows: Sequence[tuple[str, Tensor]], colors: Sequence[str], columns: int) -> Figure:
    lines, width, label = math.ceil(len(rows) / columns), WIDE / columns, 0.26
    height = width * rows[0][1].shape[-2] / rows[0][1].shape[-1] + label
    spaces = {"wspace": 0.02, "hspace": label / (height - label), "left": 0, "right": 1, "bottom": 0}
    how: dict[str, Any] = {"layout": None, "squeeze": False}
    spaces["top"] = 1 - label / (lines * height)
    figure, axes = subplots(lines, columns, figsize=(WIDE, lines * height), gridspec_kw=spaces, **how)
    for axis in axes.flat:
        bare(axis)
    for axis, (name, picture), color in zip(axes.flat, rows, colors, strict=False):
        axis.imshow(to_uint8(picture))
        axis.set_title(name, fontsize=9, fontweight="bold", color=color, pad=5, **ON_TOP)
        axis.spines[:].set(visible=color == REAL, color=color, linewidth=3)
    return figure


def moving_sheet(real: Tensor, samples: Tensor, fps: float, *, columns: int = 3, width: int = 768) -> bytes:
    """The real clip, framed, and new ones after it in rows: a looping WebP picture.

    Args:
        samples: `b c t h w`; what does not fill a row is left out.
        columns: clips beside each other, fewer where there are not as many.
        width: of the picture in pixels, aimed at by repeating pixels.
    """
    columns = min(columns, 1 + len(samples))
    count = (1 + len(samples)) // columns * columns
    clips = [enlarge(clip, width // columns) for clip in [real, *samples][:count]]
    framed = torch.nn.functional.pad(torch.stack(clips), (3, 3, 3, 3), value=1.0)
    framed[0] = colour(REAL)
    framed[0, :, :, 3:-3, 3:-3] = clips[0]
    sheet = rearrange(framed, "(r s) c t h w -> c t (r h) (s w)", s=columns)
    return webp(to_uint8(sheet), fps, quality=80)


def save_figure(path: str | Path, figure: Figure) -> Path:
    """Write a matplotlib figure as PNG, whole or not at all, and close it."""
    checkpoint.write_bytes(Path(path), png(figure, dpi=110))
    return Path(path)


def real_at_last_scale(model: Model, clip: Clip) -> Tensor:
    """The clip as the model was asked to imitate it: its first training sample at the finest scale, `c t h w`.

    An image is `c h w`, a set of n images, which are all of its samples, `c n h w`.
    """
    real = real_samples(model.config, clip, model.scales - 1, model.shapes[model.scales - 1])
    return rearrange(real, "n c h w -> c n h w") if clip.still else real[0]


def real_rows(model: Model, clip: Clip, most: int = 8) -> list[tuple[str, Tensor]]:
    """The same, labelled for a `contact_sheet`: a clip or an image, or the first `most` pictures of a set."""
    real = real_at_last_scale(model, clip)
    if not clip.still:
        return [("real", real)]
    return [(f"real {i}", picture) for i, picture in enumerate(real.unbind(1)[:most])]
