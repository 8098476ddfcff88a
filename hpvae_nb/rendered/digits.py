"""Two handwritten digits that drift and bounce off the frame's edges; the class is the larger one.

Source: pictures of 8x8 pixels from scikit-learn (`load_digits`), which are UCI's test set of handwritten digits.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from hpvae_nb.errors import require
from hpvae_nb.rendered.drawing import (
    LAST_TRAINING_SEED,
    Floats,
    Frames,
    as_frames,
    blend,
    colour,
    ground,
    pixel_centres,
    times,
)

CLASSES = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
LARGER, SMALLER = 0.54, 0.36  # sides of the two
HELD_OUT = 5  # every fifth handwriting is for test clips alone


def render(seed: int, size: int, frames: int) -> tuple[Frames, int]:
    """A clip `t h w c` of two digits in two colours on dark ground, and which the larger is: an index into `CLASSES`.

    The larger lies in front. The pictures of test clips (`seed` above `LAST_TRAINING_SEED`) are in no training clip.

    Args:
        seed: of digits, colours, places and directions.
        size: of the square frame, in pixels.
        frames: how many show the motion, from its beginning to its end.

    Raises:
        ImportError: scikit-learn is missing.
    """
    rng = np.random.default_rng(seed)
    pictures, digits = _handwritten(seed > LAST_TRAINING_SEED)
    behind, front = rng.choice(len(digits), 2, replace=False)
    hue, night = rng.uniform(), rng.uniform()
    corners = [[colour(night, 0.7, value) for value in rng.uniform(0.06, 0.24, 2)] for _ in range(2)]
    video = ground(np.array(corners), size)[None]
    for which, side, tint in ((behind, SMALLER, hue + rng.uniform(0.3, 0.7)), (front, LARGER, hue)):
        centres = _bouncing(times(frames), side / 2, rng)
        cover = _enlarged(pictures[which], centres, side, size)
        video = blend(video, colour(tint, rng.uniform(0.45, 0.8), 1.0), cover)
    return as_frames(video), int(digits[front])


@cache
def _handwritten(held_out: bool) -> tuple[Floats, Floats]:
    """Pictures `n 8 8` from 0 to 1, and the digits that they show."""
    datasets = require("sklearn.datasets", "pictures of handwritten digits", "scikit-learn")
    pictures, digits = datasets.load_digits(return_X_y=True)
    chosen = (np.arange(len(digits)) % HELD_OUT == 0) == held_out
    return pictures[chosen].reshape(-1, 8, 8).astype(np.float32) / 16, digits[chosen]


def _bouncing(time: Floats, half: float, rng: np.random.Generator) -> Floats:
    """Centres `t 2` of a box of this half side, which flies half a frame's side and bounces off the edges."""
    room = 1 - 2 * half
    angle = rng.uniform(0, 2 * np.pi)
    way = time[:, None] * rng.uniform(0.45, 0.65) * np.array([np.cos(angle), np.sin(angle)])
    return half + room - np.abs((rng.uniform(0, room, 2) + way) % (2 * room) - room)


def _enlarged(picture: Floats, centres: Floats, side: float, size: int) -> Floats:
    """How much of each pixel, `t h w`, is ink: straight lines between the picture's pixels, rows and columns apart."""
    step = side / len(picture)
    at = (np.arange(len(picture)) - (len(picture) - 1) / 2) * step  # of the picture's pixels, from its centre
    away = pixel_centres(size)[:, None] - (centres[:, :, None, None] + at)  # t 2 size 8
    columns, rows = np.moveaxis(np.clip(1 - np.abs(away) / step, 0, 1).astype(np.float32), 1, 0)
    ink = rows @ picture @ columns.swapaxes(1, 2)
    return np.clip(1.7 * ink - 0.35, 0, 1)  # a firmer edge
