"""Render the balloon clip from formulas, so that how many there are and how they move is known exactly.

    python data/render_balloons.py

writes ``balloons.mp4`` (256x144, 24 frames per second) and ``balloons.json`` (the truth) beside this file. Nothing is
random. Positions are in pixels from the frame's top left corner; the centre of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 256, 144  # of all bundled clips
FPS = 24
FRAMES = 60
SUPERSAMPLE = 4  # samples per pixel and axis, for smooth edges

# In units of the radius, downwards from the centre of the round part.
TANGENT = 0.6  # here the sphere goes over into a cone; its half width is 0.8
NECK = 1.25
BASKET_TOP, BASKET_BOTTOM, BASKET_HALF = 1.52, 1.86, 0.2

LIGHT = np.array([-0.52, -0.58, 0.63])  # from the upper left, towards the viewer; about unit length
CREAM = np.array([255.0, 244.0, 214.0])
WICKER = np.array([112.0, 72.0, 40.0])
SKY = np.array([[66.0, 138.0, 208.0], [142.0, 194.0, 232.0], [253.0, 232.0, 205.0]])  # top, middle, bottom


@dataclass(frozen=True)
class Balloon:
    """One balloon: start (x, y) of its centre and radius in pixels, velocity in pixels per frame."""

    name: str
    rgb: tuple[int, int, int]
    start: tuple[float, float]
    velocity: tuple[float, float]
    radius: float

    def centre(self, frame: int) -> tuple[float, float]:
        """Centre of the round part in this frame."""
        return self.start[0] + self.velocity[0] * frame, self.start[1] + self.velocity[1] * frame


# Paths are chosen so that no two balloons ever overlap and none leaves the frame: seven in every frame.
BALLOONS = (
    Balloon("red", (214, 40, 44), (50.0, 60.0), (0.72, -0.22), 22.0),
    Balloon("yellow", (250, 196, 20), (166.0, 84.0), (0.58, -0.50), 17.0),
    Balloon("violet", (116, 58, 176), (112.0, 90.0), (0.55, 0.26), 13.5),
    Balloon("green", (36, 146, 72), (224.0, 100.0), (0.24, -0.14), 11.0),
    Balloon("orange", (244, 116, 22), (116.0, 24.0), (0.66, 0.10), 10.0),
    Balloon("pink", (236, 64, 150), (22.0, 116.0), (0.48, -0.24), 8.5),
    Balloon("navy", (28, 48, 120), (212.0, 34.0), (0.38, -0.12), 7.5),
)

# Each cloud: x, y, drift in pixels per frame, and its puffs (x, y, radius).
CLOUDS: tuple[tuple[float, float, float, tuple[tuple[float, float, float], ...]], ...] = (
    (78.0, 118.0, 0.16, ((-26, 3, 17), (-8, -3, 21), (12, 0, 19), (30, 5, 14))),
    (196.0, 62.0, 0.12, ((-22, 2, 13), (-6, -3, 17), (12, -1, 15), (27, 3, 11))),
    (150.0, 14.0, 0.08, ((-14, 1, 9), (0, -1, 12), (14, 1, 9))),
    (12.0, 30.0, 0.10, ((-12, 1, 11), (4, -2, 14), (19, 2, 10))),
)


def _smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below low, 1 above high, and a smooth cubic between."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


def _background(frame: int) -> np.ndarray:
    """Sky and clouds: float ``h w c`` from 0 to 255. Nothing in it has an edge, so one sample a pixel is enough."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    down = y / HEIGHT
    sky = np.stack([np.interp(down, [0.0, 0.55, 1.0], SKY[:, c]) for c in range(3)], axis=-1)
    for cloud_x, cloud_y, drift, puffs in CLOUDS:
        clear = np.ones_like(x)
        for dx, dy, radius in puffs:
            away = np.hypot(x - cloud_x - drift * frame - dx, 1.6 * (y - cloud_y - dy)) / radius
            clear *= 1.0 - _smoothstep(1.0, 0.1, away)
        shadow = _smoothstep(-10.0, 12.0, y - cloud_y)[..., None]
        white = (1.0 - shadow) * np.array([255.0, 255.0, 255.0]) + shadow * np.array([226.0, 230.0, 240.0])
        opaque = 0.85 * (1.0 - clear)[..., None]
        sky = (1.0 - opaque) * sky + opaque * white
    return sky


def _envelope(u: np.ndarray, v: np.ndarray, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour ``h w c`` and mask ``h w`` of the balloon's cloth at points (u right, v down) in units of the radius."""
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


def _paint(picture: np.ndarray, balloon: Balloon, frame: int) -> None:
    """Draw one balloon into float ``h w c``, averaging a grid of samples in each pixel."""
    cx, cy = balloon.centre(frame)
    r, s = balloon.radius, SUPERSAMPLE
    left, right = max(0, int(cx - r) - 1), min(WIDTH, int(cx + r) + 2)
    top, bottom = max(0, int(cy - r) - 1), min(HEIGHT, int(cy + BASKET_BOTTOM * r) + 2)
    x = (np.arange(left * s, right * s) + 0.5) / s
    y = (np.arange(top * s, bottom * s) + 0.5) / s
    u, v = np.meshgrid((x - cx) / r, (y - cy) / r)

    colour, cloth = _envelope(u, v, np.array(balloon.rgb, dtype=float))
    basket = (np.abs(u) < BASKET_HALF) & (v > BASKET_TOP) & (v < BASKET_BOTTOM)
    rope_at = 0.30 + (BASKET_HALF - 0.02 - 0.30) * (v - NECK) / (BASKET_TOP - NECK)
    ropes = (np.abs(np.abs(u) - rope_at) < 0.025) & (v >= NECK) & (v <= BASKET_TOP)
    weave = np.where(v < BASKET_TOP + 0.08, 1.35, 1.0 - 0.9 * (u + BASKET_HALF))  # a light rim, shade to the right
    colour = np.where(basket[..., None], WICKER * weave[..., None], colour)
    colour = np.where(ropes[..., None], 0.7 * WICKER, colour)
    haze = 0.012 * max(0.0, 22.0 - r)  # the small ones are far away
    colour = (1.0 - haze) * colour + haze * SKY[1]

    mask = (cloth | basket | ropes)[..., None].astype(float)
    tiles = (bottom - top, s, right - left, s)
    cover = mask.reshape(*tiles, 1).mean(axis=(1, 3))
    paint = (mask * colour).reshape(*tiles, 3).mean(axis=(1, 3))
    patch = picture[top:bottom, left:right]
    patch[...] = (1.0 - cover) * patch + paint


def render(frames: int = FRAMES) -> np.ndarray:
    """The clip as uint8 ``t h w c``, 144 high and 256 wide, values 0 to 255."""
    video = np.empty((frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for frame in range(frames):
        picture = _background(frame)
        for balloon in sorted(BALLOONS, key=lambda b: b.radius):  # far ones first
            _paint(picture, balloon, frame)
        video[frame] = np.rint(np.clip(picture, 0.0, 255.0))
    return video


def truth(frames: int = FRAMES) -> dict[str, Any]:
    """What is in the clip: for each balloon its colour, radius (pixels), velocity (pixels per frame), and centres."""
    balloons = [
        {
            "name": b.name,
            "rgb": list(b.rgb),
            "radius": b.radius,
            "velocity": list(b.velocity),
            "centres": [[round(value, 3) for value in b.centre(frame)] for frame in range(frames)],
        }
        for b in BALLOONS
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "fps": FPS,
        "frames": frames,
        "count": len(BALLOONS),
        "balloons": balloons,
    }


def main() -> None:
    """Write balloons.mp4 and balloons.json beside this file."""
    from prepare_clips import encode  # needs PyAV; to render does not

    here = Path(__file__).parent
    encode(here / "balloons.mp4", render(), Fraction(FPS))
    (here / "balloons.json").write_text(json.dumps(truth()) + "\n", encoding="utf-8")
    print(f"balloons.mp4: {(here / 'balloons.mp4').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
