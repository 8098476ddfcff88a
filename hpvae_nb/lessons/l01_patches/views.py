"""Shuffling the tiles of a clip `c t h w` in [-1, 1], and finding a patch again, with sliders (lesson 1)."""

import math
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.core.patches import tiled
from hpvae_nb.lab.live import live
from hpvae_nb.lessons.l01_patches import figures
from hpvae_nb.lessons.l01_patches.experiment import find


def shuffle_picture(video: Tensor, size: int) -> tuple[Figure, str]:
    """What `shuffle_view` shows, and a sentence about it."""
    _, counts = tiled(video, size)
    words = f"The clip (left) and its {math.prod(counts)} cubes of side {size} in random order (right)."
    return figures.shuffled_figure(video, size), words


def shuffle_view(video: Tensor) -> Any:
    """A slider for the size of the tiles above the clip and its shuffled version."""
    size = widgets.IntSlider(4, 1, min(video.shape[1:]), description="tile (px)")
    return live(lambda size: shuffle_picture(video, size), size=size)


def find_picture(
    video: Tensor, frame: int, row: int, column: int, size: int, figure: Figure | None = None
) -> tuple[Figure, str]:
    """What `find_view` shows, and a sentence about it; row and column are those of the patch's centre."""
    height, width = video.shape[-2:]
    top, left = (min(max(0, c - size // 2), side - size) for c, side in ((row, height), (column, width)))
    site = (frame, top, left)
    found = find(video, site, size)
    parts = (f"{name}: {match.difference:.1f} %" for name, match in found.items())
    words = f"Difference to the nearest patch, {'; '.join(parts)}."
    return figures.find_figure(video, site, size, found, figure=figure), words


def find_view(video: Tensor) -> Any:
    """Sliders for a patch's frame, place and size, above where it comes again and how far every other place is.

    The clip has at least 32 px in height.
    """
    frames, height, width = video.shape[1:]
    sheet = figures.find_figure(video, (0, 0, 0), 11)
    return live(
        lambda **values: find_picture(video, **values, figure=sheet),
        frame=widgets.IntSlider(0, 0, frames - 1, description="frame"),
        row=widgets.IntSlider(height // 2, 0, height - 1, description="row (px)"),
        column=widgets.IntSlider(width * 3 // 5, 0, width - 1, description="column (px)"),
        size=widgets.IntSlider(11, 3, 15, step=2, description="size r (px)"),
    )
