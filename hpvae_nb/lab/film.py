"""Clips and still figures as frames `t h w c` in 0..255, beside and above each other in one moving picture."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from einops import rearrange, repeat
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from hpvae_nb.lab.show import to_uint8, webp


def pixels(figure: Figure, width: int) -> np.ndarray:
    """A matplotlib figure as a picture `h w 3`, `width` pixels wide; it is closed, but can be drawn into again."""
    figure.set_dpi(width / figure.get_figwidth())
    canvas = FigureCanvasAgg(figure)  # its own is gone where the figure was closed before
    canvas.draw()
    plt.close(figure)
    return np.array(canvas.buffer_rgba())[:, :width, :3]


def beside(clips: Tensor | Sequence[Tensor], width: int) -> np.ndarray:
    """Clips `b c t h w` in [-1, 1] side by side, `t h w c`, exactly `width` pixels wide."""
    row = rearrange(list(clips), "b c t h w -> c t h (b w)")
    height = round(row.shape[-2] * width / row.shape[-1])
    rows, columns = (
        ((torch.arange(to) + 0.5) * at / to).long() for at, to in zip(row.shape[-2:], (height, width), strict=True)
    )
    return to_uint8(row[:, :, rows][..., columns])  # the nearest pixel


def titled(title: str, frames: np.ndarray) -> np.ndarray:
    """Frames `t h w c` below a line of text."""
    line = Image.new("RGB", (frames.shape[2], 18), "white")
    ImageDraw.Draw(line).text((4, 3), title, fill="black")
    return stacked(np.asarray(line), frames)


def stacked(*parts: np.ndarray) -> np.ndarray:
    """Frames `t h w c`, and pictures `h w c` that stand still, from above to below; all equally wide and long."""
    length = next(len(part) for part in parts if part.ndim == 4)
    moving = [part if part.ndim == 4 else repeat(part, "h w c -> t h w c", t=length) for part in parts]
    return np.concatenate(moving, axis=1)


def film(*parts: np.ndarray, fps: float) -> bytes:
    """The parts as `stacked`, in a looping WebP picture."""
    return webp(stacked(*parts), fps)
