"""Render the balloon clip from formulas, so that how many there are and how they move is known exactly.

    python data/render_balloons.py

writes ``balloons.mp4`` (256x144, 24 frames per second) and ``balloons.json`` (the truth) beside this file. Nothing is
random; the look is that of ``hpvae_nb.rendered.balloons``. Positions are in pixels from the frame's top left corner:
the centre of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hpvae_nb.rendered.balloons import BASKET_BOTTOM, CLOTHS, SKY, Puffs, cloth_and_basket, sky

WIDTH, HEIGHT = 256, 144  # of all bundled clips
FPS = 24
FRAMES = 60
SUPERSAMPLE = 4  # samples per pixel and axis, for smooth edges


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
    Balloon("red", CLOTHS["red"], (50.0, 60.0), (0.72, -0.22), 22.0),
    Balloon("yellow", CLOTHS["yellow"], (166.0, 84.0), (0.58, -0.50), 17.0),
    Balloon("violet", CLOTHS["violet"], (112.0, 90.0), (0.55, 0.26), 13.5),
    Balloon("green", CLOTHS["green"], (224.0, 100.0), (0.24, -0.14), 11.0),
    Balloon("orange", CLOTHS["orange"], (116.0, 24.0), (0.66, 0.10), 10.0),
    Balloon("pink", CLOTHS["pink"], (22.0, 116.0), (0.48, -0.24), 8.5),
    Balloon("navy", CLOTHS["navy"], (212.0, 34.0), (0.38, -0.12), 7.5),
)

# Each cloud: x, y, drift in pixels per frame, and its puffs (x, y, radius).
CLOUDS: tuple[tuple[float, float, float, Puffs], ...] = (
    (78.0, 118.0, 0.16, ((-26, 3, 17), (-8, -3, 21), (12, 0, 19), (30, 5, 14))),
    (196.0, 62.0, 0.12, ((-22, 2, 13), (-6, -3, 17), (12, -1, 15), (27, 3, 11))),
    (150.0, 14.0, 0.08, ((-14, 1, 9), (0, -1, 12), (14, 1, 9))),
    (12.0, 30.0, 0.10, ((-12, 1, 11), (4, -2, 14), (19, 2, 10))),
)


def _background(frame: int) -> np.ndarray:
    """Sky and clouds: float ``h w c`` from 0 to 255."""
    return sky(HEIGHT, WIDTH, [(x + drift * frame, y, puffs) for x, y, drift, puffs in CLOUDS])


def _paint(picture: np.ndarray, balloon: Balloon, frame: int) -> None:
    """Draw one balloon into float ``h w c``, averaging a grid of samples in each pixel."""
    cx, cy = balloon.centre(frame)
    r, s = balloon.radius, SUPERSAMPLE
    left, right = max(0, int(cx - r) - 1), min(WIDTH, int(cx + r) + 2)
    top, bottom = max(0, int(cy - r) - 1), min(HEIGHT, int(cy + BASKET_BOTTOM * r) + 2)
    x = (np.arange(left * s, right * s) + 0.5) / s
    y = (np.arange(top * s, bottom * s) + 0.5) / s
    u, v = np.meshgrid((x - cx) / r, (y - cy) / r)

    colour, covered = cloth_and_basket(u, v, np.array(balloon.rgb, dtype=float))
    haze = 0.012 * max(0.0, 22.0 - r)  # the small ones are far away
    colour = (1.0 - haze) * colour + haze * SKY[1]

    mask = covered[..., None]
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
