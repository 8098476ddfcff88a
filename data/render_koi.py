"""Render koi in a pond, seen from above: twelve fish of one shoal, each with its own pattern and its own shadow.

    python data/render_koi.py

writes ``koi.mp4`` (256x144, 24 frames per second) beside this file. All chance comes from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from prepare_clips import HEIGHT, WIDTH, encode

FPS = 24
FRAMES = 60
SUPERSAMPLE = 4
SHADOW = (5.0, 7.0)  # where a shadow falls on the ground, in pixels from its fish, for a fish 26 long
SHALLOW, DEEP = np.array([104.0, 146.0, 128.0]), np.array([38.0, 88.0, 92.0])
WHITE, ORANGE, RED, GOLD, INK = (
    np.array(rgb, dtype=float) for rgb in ((250, 244, 232), (244, 112, 22), (214, 44, 28), (250, 190, 60), (34, 36, 44))
)


@dataclass(frozen=True)
class Koi:
    """One fish: colours (ground, patches), middle (x, y) in pixels in frame 0, heading (degrees), turn (degrees per
    frame), speed (pixels per frame), length (pixels), and how much of it the patches cover (0 to 1)."""

    ground: np.ndarray
    patch: np.ndarray
    start: tuple[float, float]
    heading: float
    turn: float
    speed: float
    length: float
    cover: float

    def pose(self, frame: float) -> tuple[float, float, float]:
        """Middle (x, y) and heading in radians: an arc, exactly."""
        angle, rate = np.radians(self.heading), np.radians(self.turn)
        now = angle + rate * frame
        radius = self.speed / rate
        x = self.start[0] + radius * (np.sin(now) - np.sin(angle))
        y = self.start[1] - radius * (np.cos(now) - np.cos(angle))
        return x, y, now


SHOAL = (
    Koi(WHITE, RED, (44.0, 30.0), 14.0, 0.16, 1.00, 31.0, 0.46),
    Koi(GOLD, GOLD, (98.0, 22.0), 8.0, 0.22, 0.92, 26.0, 0.0),
    Koi(WHITE, ORANGE, (150.0, 40.0), 22.0, -0.20, 1.08, 30.0, 0.52),
    Koi(ORANGE, INK, (206.0, 26.0), 16.0, 0.18, 0.86, 28.0, 0.30),
    Koi(ORANGE, ORANGE, (24.0, 76.0), -8.0, 0.24, 1.12, 29.0, 0.0),
    Koi(WHITE, INK, (80.0, 66.0), 4.0, 0.14, 0.98, 28.0, 0.36),
    Koi(RED, RED, (126.0, 88.0), -6.0, -0.14, 1.04, 27.0, 0.0),
    Koi(WHITE, RED, (190.0, 78.0), 10.0, -0.22, 0.94, 31.0, 0.34),
    Koi(GOLD, WHITE, (58.0, 116.0), -16.0, 0.20, 1.06, 28.0, 0.34),
    Koi(WHITE, ORANGE, (166.0, 120.0), -12.0, 0.12, 1.10, 29.0, 0.40),
    Koi(ORANGE, WHITE, (232.0, 112.0), -6.0, -0.16, 0.90, 27.0, 0.38),
    Koi(INK, WHITE, (112.0, 128.0), -10.0, 0.18, 0.96, 26.0, 0.30),
)


def _water(frame: int, rough: np.ndarray) -> np.ndarray:
    """The pond without fish: float ``h w c``. Light falls in at the upper left; ripples throw faint moving lines."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    deep = np.clip(0.15 + 0.55 * x / WIDTH + 0.35 * y / HEIGHT + 0.07 * rough, 0.0, 1.0)[..., None]
    ground = (1.0 - deep) * SHALLOW + deep * DEEP
    a, b, t = x / 11.0, y / 9.0, frame / 13.0
    bent = a + 1.3 * np.sin(0.7 * b + t) + 0.6 * np.sin(1.7 * b - 0.8 * t), b + 1.2 * np.sin(0.8 * a - 0.9 * t)
    lines = np.exp(-14.0 * np.sin(0.5 * bent[0] + 0.35 * bent[1]) ** 2)
    lines += np.exp(-14.0 * np.sin(0.45 * bent[1] - 0.3 * bent[0] + 1.0) ** 2)
    return ground * (1.0 + 0.07 * lines[..., None])


def _smooth_noise(seed: int) -> np.ndarray:
    """Clouds of about 6 pixels and of about 25, of mean 0 and deviation 1: ``h w``."""
    white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH)))
    fy, fx = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None]
    away = fy**2 + fx**2
    noise = np.fft.irfft2(white * (np.exp(-700.0 * away) + 5.0 * np.exp(-12000.0 * away)), s=(HEIGHT, WIDTH))
    return (noise - noise.mean()) / noise.std()


def _fish(u: np.ndarray, v: np.ndarray, koi: Koi, index: int, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour ``h w c`` and cover ``h w`` at points u (forwards) and v (rightwards) in half lengths from the middle."""
    bend = 0.10 * (0.25 + np.clip(0.6 - u, 0.0, None)) * np.sin(2.6 * u + 0.42 * frame * koi.speed + 1.7 * index)
    n = v - bend
    body = 0.235 * np.sqrt(np.clip(1.0 - ((u - 0.28) / 0.73) ** 2, 0.0, None))  # the round fore part
    rear = 0.235 - 0.19 * np.clip((0.28 - u) / 0.95, 0.0, 1.0) ** 1.3  # narrows down to the tail's root
    half = np.where(u > 0.28, body, np.where(u > -0.68, rear, 0.0))
    solid = (np.abs(n) < half).astype(float)
    across = np.clip(n / np.maximum(half, 1e-6), -1.0, 1.0)
    tail = (u < -0.64) & (u > -1.02 - 0.5 * np.abs(n)) & (np.abs(n) < 0.05 + 0.55 * (-0.64 - u))
    fins = ((u - 0.30 + 0.9 * (np.abs(n) - 0.2)) / 0.13) ** 2 + ((np.abs(n) - 0.30) / 0.16) ** 2 < 1.0
    spots = np.sin(5.1 * u + 2.3 * index) + np.sin(3.7 * u - 4.0 * n + 1.1 * index) + 0.6 * np.sin(9.0 * n + index)
    level = np.quantile(spots[solid > 0], 1.0 - koi.cover) if solid.any() and koi.cover else 9.0
    colour = np.where((spots > level)[..., None], koi.patch, koi.ground)
    light = 0.62 + 0.42 * np.sqrt(1.0 - across**2) - 0.10 * across  # round, lit from the upper left
    light = np.where(np.abs(n) < 0.022, 0.86 * light, light)  # the fin along the back
    colour = colour * light[..., None] + 34.0 * np.exp(-(((across + 0.25) / 0.22) ** 2))[..., None]
    film = 0.55 * (tail | fins) * (1.0 - solid)  # fins let the ground through
    thin = 0.85 * (0.5 * koi.ground + 0.5 * WHITE)
    return np.where(solid[..., None] > 0, colour, thin), solid + film


def _paint(picture: np.ndarray, koi: Koi, index: int, frame: int, shadow: bool) -> None:
    """Draw one fish, or its shadow, into float ``h w c``, averaging a grid of samples in each pixel."""
    x, y, heading = koi.pose(frame)
    s, half = SUPERSAMPLE, koi.length / 2.0
    if shadow:
        x, y = x + SHADOW[0] * koi.length / 26.0, y + SHADOW[1] * koi.length / 26.0
    reach = 1.4 * half
    left, right = max(0, int(x - reach)), min(WIDTH, int(x + reach) + 2)
    top, bottom = max(0, int(y - reach)), min(HEIGHT, int(y + reach) + 2)
    if left >= right or top >= bottom:
        return
    dx, dy = np.meshgrid((np.arange(left * s, right * s) + 0.5) / s - x, (np.arange(top * s, bottom * s) + 0.5) / s - y)
    u, v = (np.cos(heading) * dx + np.sin(heading) * dy) / half, (np.cos(heading) * dy - np.sin(heading) * dx) / half
    patch = picture[top:bottom, left:right]
    tiles = (bottom - top, s, right - left, s)
    if shadow:  # a blurred ellipse will do: the ground is far below
        dark = np.exp(-((((u + 0.05) / 0.72) ** 2 + (v / 0.30) ** 2) ** 1.6)).reshape(tiles).mean(axis=(1, 3))
        patch *= 1.0 - 0.42 * dark[..., None]
        return
    colour, cover = _fish(u, v, koi, index, frame)
    paint = (colour * cover[..., None]).reshape(*tiles, 3).mean(axis=(1, 3))
    patch[...] = (1.0 - cover.reshape(tiles).mean(axis=(1, 3)))[..., None] * patch + paint


def render(frames: int = FRAMES) -> np.ndarray:
    """The clip as uint8 ``t h w c``, 144 high and 256 wide, values 0 to 255."""
    video = np.empty((frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    rough = _smooth_noise(seed=3)
    for frame in range(frames):
        picture = _water(frame, rough)
        for shadow in (True, False):
            for index, koi in enumerate(SHOAL):
                _paint(picture, koi, index, frame, shadow)
        video[frame] = np.rint(np.clip(picture, 0.0, 255.0))
    return video


if __name__ == "__main__":
    encode(Path(__file__).parent / "koi.mp4", render(), Fraction(FPS))
