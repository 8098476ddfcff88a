"""One shape that moves over a plain ground: what it is and how it moves are the class, all else is chance."""

from __future__ import annotations

import numpy as np

from hpvae_nb.rendered.drawing import Floats, Frames, as_frames, blend, colour, ground, pixel_centres, placed, times

FORMS = ("Circle", "Square")
MOTIONS = ("Orbits", "Slides")
CLASSES = tuple(form + motion for form in FORMS for motion in MOTIONS)

RADIUS = (0.145, 0.19)  # the square has about the circle's area
SQUARE = 0.89  # half a side, in radii: a square of nearly the same area


def render(seed: int, size: int, frames: int) -> tuple[Frames, int]:
    """A clip `t h w c` of one shape, and its class as an index into `CLASSES`.

    `Slides` goes along a curve (quadratic Bezier) for half of the frame's side, `Orbits` once round a circle. The shape
    is wholly visible in every frame. Edges are smooth: how far a pixel is from one says how much of it is covered.

    Args:
        seed: of form, motion, colours, size and path.
        size: of the square frame, in pixels.
        frames: how many show the motion, from its beginning to its end.
    """
    rng = np.random.default_rng(seed)
    label = int(rng.integers(len(CLASSES)))
    form, motion = divmod(label, len(MOTIONS))
    radius = rng.uniform(*RADIUS)
    moments = np.concatenate([times(frames), times(97)])  # with few frames, too, the whole path stays in the frame
    way = (_round if MOTIONS[motion] == "Orbits" else _curve)(moments, rng)
    path = placed(way, radius + 0.5 / size, rng)[:frames]
    hue = rng.uniform()
    shade, tint = rng.uniform(0.3, 0.5), hue + rng.uniform(0.3, 0.7)  # a ground of another hue, and darker
    corners = [
        [colour(tint + rng.uniform(-0.06, 0.06), 0.55, shade + rng.uniform(-0.12, 0.12)) for _ in range(2)]
        for _ in range(2)
    ]

    x = pixel_centres(size) - path[:, :1].astype(np.float32)  # t w: away from the centre
    y = pixel_centres(size) - path[:, 1:].astype(np.float32)
    outside = _beyond(FORMS[form], x[:, None, :], y[:, :, None], radius)
    cover = np.clip(0.5 - outside * size, 0, 1)
    light = 1 - 0.22 * np.clip((x[:, None, :] + y[:, :, None]) / radius, -1, 1)  # from the upper left
    body = light[..., None] * colour(hue, rng.uniform(0.75, 0.95), 0.95)
    return as_frames(blend(ground(np.array(corners), size), body, cover)), label


def _beyond(form: str, x: Floats, y: Floats, radius: float) -> Floats:
    """How far a point is outside the edge; inside it is below 0."""
    if form == "Circle":
        return np.hypot(x, y) - radius
    return np.maximum(np.abs(x), np.abs(y)) - SQUARE * radius


def _curve(time: Floats, rng: np.random.Generator) -> Floats:
    """`t 2`: half a side from the first point to the last, by a third one that bends the way to either side."""
    angle = rng.uniform(0, 2 * np.pi)
    ahead, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    length, bend = rng.uniform(0.42, 0.52), rng.uniform(-0.3, 0.3)
    t = time[:, None]
    return t * length * ahead + 2 * t * (1 - t) * bend * aside


def _round(time: Floats, rng: np.random.Generator) -> Floats:
    """`t 2`: one turn, clockwise or not, from anywhere on the circle."""
    angle = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * 2 * np.pi * time
    return rng.uniform(0.18, 0.25) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
