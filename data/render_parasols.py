"""Render a picture of parasols on a beach, seen from above: many small things on plain ground, alike and different.

    python data/render_parasols.py

writes ``parasols.png`` (256x192) beside this file. Everything follows from one seed. Positions are in pixels from the
picture's top left corner; the centre of the first pixel is at (0.5, 0.5). Light falls in from the upper left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 256, 192
SUPERSAMPLE = 4  # samples per pixel and axis, for smooth edges
SEED = 7
PANELS = 8  # of a parasol's cloth, every second one light
SHADOW = (0.42, 0.50)  # right and down, in units of the parasol's radius

SAND, WET = np.array([238.0, 217.0, 178.0]), np.array([229.0, 203.0, 160.0])
CREAM = np.array([252.0, 246.0, 232.0])
CLOTHS = tuple(
    np.array(rgb, dtype=float)
    for rgb in (
        (216, 52, 46),  # red
        (243, 126, 48),  # orange
        (246, 190, 52),  # yellow
        (30, 150, 158),  # turquoise
        (38, 88, 164),  # blue
        (92, 160, 92),  # green
        (228, 104, 142),  # pink
    )
)


@dataclass(frozen=True)
class Parasol:
    """Middle (x, y) and radius in pixels, turn in radians, colour."""

    x: float
    y: float
    radius: float
    turn: float
    cloth: np.ndarray


@dataclass(frozen=True)
class Towel:
    """Middle (x, y), half length and half width in pixels, turn in radians, colour."""

    x: float
    y: float
    half: tuple[float, float]
    turn: float
    cloth: np.ndarray


def beach() -> tuple[list[Towel], list[Parasol]]:
    """What lies on the sand: parasols at random, none too near to another, and a towel or two beside most of them."""
    random = np.random.default_rng(SEED)
    parasols: list[Parasol] = []
    for _ in range(6000):
        radius = random.uniform(8.5, 12.5)
        x, y = random.uniform(-4, WIDTH + 4), random.uniform(-4, HEIGHT + 4)
        if all(np.hypot(x - p.x, y - p.y) > 1.36 * (radius + p.radius) for p in parasols):
            kinds = [p.cloth for p in parasols if np.hypot(x - p.x, y - p.y) < 42]  # neighbours differ
            free = [cloth for cloth in CLOTHS if not any(cloth is kind for kind in kinds)] or list(CLOTHS)
            parasols.append(Parasol(x, y, radius, random.uniform(0, np.pi), free[random.integers(len(free))]))
    towels: list[Towel] = []
    for parasol in parasols:
        for _ in range(random.integers(0, 3)):
            way, far = random.uniform(0, 2 * np.pi), parasol.radius + random.uniform(2.0, 5.0)
            x, y = parasol.x + far * np.cos(way), parasol.y + far * np.sin(way)
            apart = all(np.hypot(x - t.x, y - t.y) > 11 for t in towels)
            clear = all(np.hypot(x - p.x, y - p.y) > p.radius + 1 for p in parasols)
            cloth = CLOTHS[random.integers(len(CLOTHS))]
            if apart and clear and cloth is not parasol.cloth:
                towels.append(Towel(x, y, (6.6, 3.1), random.normal(1.1, 0.35), cloth))
    return towels, parasols


def _smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below low, 1 above high, and a smooth cubic between."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


def _clouds(random: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Smooth noise of mean 0 and deviation 1, whose blots are about `size` samples wide: ``h w``."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    smooth = np.exp(-((size * np.hypot(fy, fx)) ** 2))
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal(shape)) * smooth, shape)
    return (noise - noise.mean()) / noise.std()


def _sand(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The beach without anything on it: dunes raked by the wind, and grains."""
    random = np.random.default_rng(SEED + 1)
    broad, wind = _clouds(random, x.shape, 400.0), _clouds(random, x.shape, 130.0)
    ripples = np.sin(0.55 * y + 0.16 * x + 1.3 * wind)
    mixed = np.clip(0.45 + 0.20 * broad + 0.10 * ripples, 0.0, 1.0)[..., None]
    grains = _clouds(random, x.shape, 3.0)[..., None]
    return (1.0 - mixed) * SAND + mixed * WET + 2.2 * grains


def _over(picture: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> None:
    picture += cover[..., None] * (colour - picture)


def _shade(picture: np.ndarray, cover: np.ndarray, depth: float) -> None:
    """Darken, and a little bluer: what is in the shadow has the sky's light."""
    picture *= 1.0 - cover[..., None] * depth * np.array([1.0, 0.94, 0.78])


def _towel(picture: np.ndarray, towel: Towel, x: np.ndarray, y: np.ndarray) -> None:
    dx, dy = x - towel.x, y - towel.y
    u = (np.cos(towel.turn) * dx + np.sin(towel.turn) * dy) / towel.half[0]
    v = (np.cos(towel.turn) * dy - np.sin(towel.turn) * dx) / towel.half[1]
    _shade(picture, _smoothstep(1.25, 0.95, np.maximum(np.abs(u - 0.06), np.abs(v - 0.14))), 0.28)
    stripes = np.sin(2.0 * np.pi * (1.5 * u + 0.25)) > 0.0
    colour = np.where(stripes[..., None], towel.cloth, CREAM)
    inside = (np.maximum(np.abs(u), np.abs(v)) < 1.0).astype(float)
    _over(picture, 0.95 * colour, inside)


def _parasol(picture: np.ndarray, parasol: Parasol, x: np.ndarray, y: np.ndarray) -> None:
    u, v = (x - parasol.x) / parasol.radius, (y - parasol.y) / parasol.radius
    around, away = np.arctan2(v, u) - parasol.turn, np.hypot(u, v)
    step = 2.0 * np.pi / PANELS
    within = np.mod(around, step) / step - 0.5  # from rib to rib
    edge = 1.0 - 0.16 * (0.25 - within**2)  # cloth hangs in between its ribs
    panel = np.floor(np.mod(around, 2.0 * np.pi) / step).astype(int)
    middle = parasol.turn + (panel + 0.5) * step
    facing = 0.5 - 0.5 * np.cos(middle - np.pi / 4.0)  # 1: turned to the light
    light = 0.76 + 0.30 * facing - 0.10 * (0.5 - np.abs(within)) * 2.0 * away - 0.05 * away**2
    colour = np.where((panel % 2 == 0)[..., None], parasol.cloth, CREAM) * light[..., None]
    rib = np.clip(1.0 - np.abs(np.abs(within) - 0.5) * step * away * parasol.radius / 0.30, 0.0, 1.0)
    colour = colour * (1.0 - 0.18 * rib[..., None])
    _over(picture, colour, (away < edge).astype(float))
    _over(picture, CREAM, (away * parasol.radius < 1.25).astype(float))
    _shade(picture, (np.hypot(u - 0.05, v - 0.05) * parasol.radius < 0.6).astype(float), 0.45)


def _around(x: float, y: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of the samples less than so many pixels away."""
    starts = [max(0, int((middle - reach) * SUPERSAMPLE)) for middle in (y, x)]
    ends = [max(0, int((middle + reach) * SUPERSAMPLE) + 2) for middle in (y, x)]
    return slice(starts[0], ends[0]), slice(starts[1], ends[1])


def render() -> np.ndarray:
    """The picture as uint8 ``h w c``, values 0 to 255."""
    s = SUPERSAMPLE
    y, x = (np.mgrid[0 : HEIGHT * s, 0 : WIDTH * s] + 0.5) / s
    picture = _sand(x, y)
    towels, parasols = beach()
    for towel in towels:
        part = _around(towel.x, towel.y, 2.0 * max(towel.half))
        _towel(picture[part], towel, x[part], y[part])
    for parasol in parasols:
        right, down = parasol.x + SHADOW[0] * parasol.radius, parasol.y + SHADOW[1] * parasol.radius
        part = _around(right, down, 1.1 * parasol.radius)
        away = np.hypot(x[part] - right, y[part] - down) / parasol.radius
        _shade(picture[part], _smoothstep(1.06, 0.90, away), 0.42)
    for parasol in parasols:
        part = _around(parasol.x, parasol.y, parasol.radius)
        _parasol(picture[part], parasol, x[part], y[part])
    small = picture.reshape(HEIGHT, s, WIDTH, s, 3).mean(axis=(1, 3))
    return np.rint(np.clip(small, 0.0, 255.0)).astype(np.uint8)


def main() -> None:
    """Write parasols.png beside this file."""
    from PIL import Image

    path = Path(__file__).parent / "parasols.png"
    Image.fromarray(render()).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
