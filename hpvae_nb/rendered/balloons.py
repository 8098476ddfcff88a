"""One to three hot-air balloons over a plain sky; the class is how many. The bundled clip has the same look.

`cloth_and_basket` and `sky` draw for `data/render_balloons.py` too, which renders the bundled clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hpvae_nb.rendered.drawing import Floats, Frames, as_frames, times

CLASSES = ("OneBalloon", "TwoBalloons", "ThreeBalloons")

# In units of the radius, downwards from the centre of the round part.
TANGENT = 0.6  # here the sphere goes over into a cone; its half width is 0.8
NECK = 1.25
BASKET_TOP, BASKET_BOTTOM, BASKET_HALF = 1.52, 1.86, 0.2

LIGHT = np.array([-0.52, -0.58, 0.63])  # from the upper left, towards the viewer; about unit length
CREAM = np.array([255.0, 244.0, 214.0])
WICKER = np.array([112.0, 72.0, 40.0])
SKY = np.array([[66.0, 138.0, 208.0], [142.0, 194.0, 232.0], [253.0, 232.0, 205.0]])  # top, middle, bottom
CLOTHS = {
    "red": (214, 40, 44),
    "yellow": (250, 196, 20),
    "violet": (116, 58, 176),
    "green": (36, 146, 72),
    "orange": (244, 116, 22),
    "pink": (236, 64, 150),
    "navy": (28, 48, 120),
}

Mask = NDArray[np.bool_]
Puffs = Sequence[tuple[float, float, float]]  # x, y, radius of each round part of a cloud, in pixels
Cloud = tuple[float, float, Puffs]  # x and y in pixels

RADII = ((0.18, 0.22), (0.14, 0.17), (0.105, 0.125))  # of one balloon, of two, of three; in sides of the frame
WIND = (0.42, 0.38, 0.3)  # how far it carries them
SUPERSAMPLE = 4  # samples per pixel and axis; balloons move in steps of as much
_TRIES = 500  # plans, of which the first is taken in which no balloon comes near another
_MARGIN, _CLEAR = 0.015, 1.03
_PUFFS = ((-0.17, 0.02, 0.11), (-0.05, -0.02, 0.14), (0.08, 0.0, 0.12), (0.2, 0.03, 0.09))


def render(seed: int, size: int, frames: int) -> tuple[Frames, int]:
    """A clip `t h w c` of balloons that drift by up to half the frame, and their number less one.

    All are wholly visible in every frame and none hides another. Each keeps its velocity, and no two have one colour.

    Args:
        seed: of number, colours, sizes, places and wind.
        size: of the square frame, in pixels.
        frames: how many show the motion, from its beginning to its end.
    """
    rng = np.random.default_rng(seed)
    label = int(rng.integers(len(CLASSES)))
    radii = rng.uniform(*RADII[label], label + 1)
    colours = rng.choice(np.array(list(CLOTHS.values()), dtype=float), label + 1, replace=False)
    clouds = [(*rng.uniform(0, size, 2), [(size * x, size * y, size * r) for x, y, r in _PUFFS]) for _ in range(2)]
    video = np.repeat(sky(size, size, clouds)[None], frames, axis=0)
    for centres, radius, rgb in zip(_paths(radii, times(frames), rng), radii, colours, strict=True):
        _paint(video, centres * size, radius * size, rgb)
    return as_frames(video), label


def _paths(radii: Floats, time: Floats, rng: np.random.Generator) -> Floats:
    """Centres `n t 2` of balloons that one wind carries, each a little faster or slower; none hides another."""
    tried = (_TRIES, len(radii))
    wind = rng.choice([-1, 1], (_TRIES, 1)) * WIND[len(radii) - 1]
    way = np.stack([wind * rng.uniform(0.8, 1.1, tried), rng.uniform(-0.18, 0.04, tried)], axis=-1)  # tries n 2
    above, below = np.stack([radii, radii], axis=-1), np.stack([radii, BASKET_BOTTOM * radii], axis=-1)
    start = rng.uniform(_MARGIN + above - np.minimum(way, 0), 1 - _MARGIN - below - np.maximum(way, 0))
    best = np.argmax(np.minimum(_clearance(start, way, radii), _CLEAR))  # the first that is clear
    return start[best][:, None] + time[:, None] * way[best][:, None]


def _clearance(start: Floats, way: Floats, radii: Floats) -> Floats:
    """Of each plan, the least distance of two balloons at any moment; they touch at 1. Each counts as two discs."""
    centres = start[:, :, None] + np.linspace(0, 1, 5)[:, None] * way[:, :, None]  # tries n moments 2
    discs = np.concatenate([centres, centres + radii[:, None, None] * np.array([0, 1.4])], axis=1)
    reach = np.concatenate([radii, 0.5 * radii])
    apart = np.linalg.norm(discs[:, :, None] - discs[:, None], axis=-1) / (reach[:, None] + reach)[:, :, None]
    owner = np.tile(np.arange(len(radii)), 2)
    return np.where((owner[:, None] == owner)[:, :, None], np.inf, apart).min(axis=(1, 2, 3))


def _paint(video: Floats, centres: Floats, radius: float, rgb: Floats) -> None:
    """Draw a balloon into frames `t h w c`: sampled once, then laid on each frame's pixels, at the nearest sample."""
    s = SUPERSAMPLE
    across, up, down = (int(np.ceil(part * radius)) + 1 for part in (1, 1, BASKET_BOTTOM))
    x, y = ((np.arange(-before * s, after * s) + 0.5) / s / radius for before, after in ((across, across), (up, down)))
    colour, mask = cloth_and_basket(*np.meshgrid(x, y), rgb)
    drawn = np.concatenate([mask[..., None] * colour, mask[..., None]], axis=-1)
    drawn = np.pad(drawn.astype(np.float32), ((s, s), (s, s), (0, 0)))  # room to shift it by less than a pixel
    height, width = up + down + 1, 2 * across + 1
    for frame, centre in zip(video, np.rint(centres * s).astype(int), strict=True):
        (left, x0), (top, y0) = divmod(int(centre[0]), s), divmod(int(centre[1]), s)
        tiles = drawn[s - y0 :, s - x0 :][: height * s, : width * s].reshape(height, s, width, s, 4)
        paint = tiles.mean(axis=1).mean(axis=2)
        rows, columns = slice(max(0, top - up), top - up + height), slice(max(0, left - across), left - across + width)
        patch = frame[rows, columns]
        paint = paint[rows.start - top + up :, columns.start - left + across :][: patch.shape[0], : patch.shape[1]]
        patch[...] = (1 - paint[..., 3:]) * patch + paint[..., :3]


def sky(height: int, width: int, clouds: Iterable[Cloud]) -> Floats:
    """Sky and clouds: `h w c` from 0 to 255. Nothing in it has an edge, so one sample a pixel is enough."""
    scale = height / 144  # of the bundled clip
    y, x = np.mgrid[0:height, 0:width] + 0.5
    down = y / height
    picture = np.stack([np.interp(down, [0.0, 0.55, 1.0], SKY[:, c]) for c in range(3)], axis=-1)
    for cloud_x, cloud_y, puffs in clouds:
        clear = np.ones_like(x)
        for dx, dy, radius in puffs:
            away = np.hypot(x - cloud_x - dx, 1.6 * (y - cloud_y - dy)) / radius
            clear *= 1.0 - _smoothstep(1.0, 0.1, away)
        shadow = _smoothstep(-10.0 * scale, 12.0 * scale, y - cloud_y)[..., None]
        white = (1.0 - shadow) * np.array([255.0, 255.0, 255.0]) + shadow * np.array([226.0, 230.0, 240.0])
        opaque = 0.85 * (1.0 - clear)[..., None]
        picture = (1.0 - opaque) * picture + opaque * white
    return picture


def cloth_and_basket(u: Floats, v: Floats, rgb: Floats) -> tuple[Floats, Floats]:
    """Colour `h w c` and mask `h w` of a balloon at points (u right, v down) in units of its radius."""
    colour, cloth = _envelope(u, v, rgb)
    basket = (np.abs(u) < BASKET_HALF) & (v > BASKET_TOP) & (v < BASKET_BOTTOM)
    rope_at = 0.30 + (BASKET_HALF - 0.02 - 0.30) * (v - NECK) / (BASKET_TOP - NECK)
    ropes = (np.abs(np.abs(u) - rope_at) < 0.025) & (v >= NECK) & (v <= BASKET_TOP)
    weave = np.where(v < BASKET_TOP + 0.08, 1.35, 1.0 - 0.9 * (u + BASKET_HALF))  # a light rim, shade to the right
    colour = np.where(basket[..., None], WICKER * weave[..., None], colour)
    colour = np.where(ropes[..., None], 0.7 * WICKER, colour)
    return colour, (cloth | basket | ropes).astype(float)


def _envelope(u: Floats, v: Floats, rgb: Floats) -> tuple[Floats, Mask]:
    """Colour `h w c` and mask `h w` of the balloon's cloth at points (u right, v down) in units of the radius."""
    ball = np.sqrt(np.clip(1.0 - v * v, 0.0, None))
    half = np.where(v < TANGENT, ball, 0.8 - 0.75 * (v - TANGENT))  # the cone touches the sphere without a kink
    mask = (v > -1.0) & (v < NECK) & (np.abs(u) < half)
    across = np.clip(u / np.maximum(half, 1e-6), -1.0, 1.0)
    tilt = np.clip(v, -1.0, TANGENT)
    flat = np.sqrt(1.0 - tilt * tilt)
    normal = np.stack([across * flat, tilt, np.sqrt(1.0 - across * across) * flat], axis=-1)
    lit = np.clip(normal @ LIGHT, 0.0, None)
    gore = np.floor((np.arcsin(across) / np.pi + 0.5) * 7.0) % 2 == 1  # seven panels show, every second one light
    colour = np.where(gore[..., None], 0.62 * rgb + 0.38 * CREAM, rgb)
    colour = colour * (0.58 + 0.5 * lit)[..., None] + 60.0 * (lit**12)[..., None]
    colour = np.where((v > NECK - 0.13)[..., None], 0.55 * rgb, colour)  # the scoop over the burner
    return np.clip(colour, 0.0, 255.0), mask


def _smoothstep(low: float, high: float, x: Floats) -> Floats:
    """0 below low, 1 above high, and a smooth cubic between."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)
