"""What the rendered sets share: colours, plain grounds, paths that stay in the frame.

Lengths are in sides of the square frame, from its top left corner, so that a clip looks the same at every size.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Frames = NDArray[np.uint8]  # `t h w c`, red, green and blue from 0 to 255

LAST_TRAINING_SEED = 10_000  # seeds above it are those of test clips


def colour(hue: float, saturation: float, value: float) -> Floats:
    """Red, green and blue from 0 to 255; the hue goes round from 0 to 1."""
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)


def pixel_centres(size: int) -> Floats:
    """Where the centres of a row's pixels are, from 0 to 1."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size


def times(frames: int) -> Floats:
    """The moment of each frame: the first is 0 and the last is 1, so that every motion is seen whole."""
    return np.linspace(0, 1, frames)


def ground(corners: Floats, size: int) -> Floats:
    """A picture `h w c` that goes over from each of four colours, `2 2 c` with rows first, to the others."""
    weights = np.stack([1 - pixel_centres(size), pixel_centres(size)])
    return np.einsum("ih, jw, ijc -> hwc", weights, weights, corners.astype(np.float32))


def placed(path: Floats, margin: float, rng: np.random.Generator) -> Floats:
    """A path `t 2` of (x, y), moved to where its points keep a margin from every edge; of such places, any."""
    low, high = margin - path.min(axis=0), 1 - margin - path.max(axis=0)
    return path + rng.uniform(low, high)


def blend(picture: Floats, over: Floats, cover: Floats) -> Floats:
    """A picture `... h w c` under another, where a cover `... h w` of 1 hides it and one of 0 leaves it."""
    return picture + cover[..., None] * (over - picture)


def as_frames(video: Floats) -> Frames:
    """Values around 0 to 255 as whole numbers."""
    return np.rint(np.clip(video, 0, 255)).astype(np.uint8)
