"""A decoded frame as it is meant to be seen: in the colours of a standard screen, upright, its pixels square."""

import math
import struct
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import require

GREY_SAID = "{} is grey: its one channel is repeated to red, green and blue"
ALPHA_SAID = "{} has transparency: its alpha channel is dropped, and the colours are kept as stored"

# FFmpeg's flags bicubic, full chroma and accurate rounding: its quick way to RGB darkens by one level of 255.
FAITHFUL = 4 | 8192 | 262144

# How ITU-T H.273 numbers the curves and the primary colours of videos.
_BT709, _UNSAID, _BT2020 = 1, 2, 9
_HIGH_RANGE = {16: "PQ", 18: "HLG"}
_CURVES = {8: "linear light", 9: "logarithms of light", 10: "logarithms of light", 17: "the curve of cinemas"}
_WIDE = {_BT2020: "the colours of BT.2020", 11: "the colours of cinemas (P3)", 12: "the colours of Display P3"}

_SQUARE = 0.01  # sides of a pixel that differ by less are equal: many files make up so for a rounded width
_OBLONG = 4  # more than any tape or disc has: 45:16

# PyAV 18 cannot list what lies beside a frame once there is Exif, which these have; it still tells their rotation.
_WITH_EXIF = {"mjpeg", "png", "apng", "webp", "tiff", "libjxl", "libjxl_anim", "jpegxl", "jpegxl_anim"}


class Turn(NamedTuple):
    """What brings a picture ``c h w`` upright: rows and columns change places, then axes are mirrored."""

    lying: bool
    mirrored: tuple[int, ...]

    def __call__(self, pixels: Tensor) -> Tensor:
        return (rearrange(pixels, "c h w -> c w h") if self.lying else pixels).flip(self.mirrored)


class Shown:
    """The frames of one video as they are meant to be seen; `said` receives what had to be changed for that."""

    def __init__(self, track: Any, said: set[str]) -> None:
        self.said, self.pixel = said, _pixel_of(track, said)
        # One for all frames: its tables for other colours take seconds.
        self._convert = require("av.video.reformatter", "reading videos and pictures").VideoReformatter().reformat
        self._exif = track.codec_context.name in _WITH_EXIF
        self._turns: dict[int, Turn] = {}

    def shape(self, frame: Any) -> tuple[int, int]:
        """Height and width of a frame, upright and of square pixels."""
        height, width = frame.height, max(1, round(frame.width * self.pixel))
        return (width, height) if self._turn(frame).lying else (height, width)

    def stored(self, frame: Any) -> Tensor:
        """A frame upright, in a standard screen's colours, of as many pixels as are stored: bytes ``c h w``."""
        if frame.format.name.startswith(("gray", "mono", "ya")):
            self.said.add(GREY_SAID)
        alpha = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
        how = {"format": "rgba" if alpha else "rgb24", "interpolation": FAITHFUL, **_standard(frame, self.said)}
        pixels = self._convert(frame, **how).to_ndarray()
        if alpha:
            if (pixels[..., 3] < 255).any():
                self.said.add(ALPHA_SAID)
            pixels = pixels[..., :3].copy()
        return self._turn(frame)(rearrange(torch.from_numpy(pixels), "h w c -> c h w"))

    def _turn(self, frame: Any) -> Turn:
        """Read from one frame of each rotation: a frame that was asked for it stays in memory for long."""
        degrees = frame.rotation
        if degrees not in self._turns:
            self._turns[degrees] = _turn_of(_matrix(degrees) if self._exif else _noted(frame), self.said)
        return self._turns[degrees]


def _standard(frame: Any, said: set[str]) -> dict[str, int]:
    """What FFmpeg is to convert to, where a standard screen would show other colours than were meant."""
    curve, primaries = frame.color_trc, frame.color_primaries
    if curve in _HIGH_RANGE:
        if primaries == _UNSAID:
            frame.color_primaries = _BT2020
        clipped = "is brought to standard range: what is brighter than its reference white becomes white"
        said.add(f"{{}} has high dynamic range ({_HIGH_RANGE[curve]}) and {clipped}")
    elif stored := _CURVES.get(curve) or _WIDE.get(primaries):
        said.add(f"{{}} is stored in {stored}, and is brought to those of a standard screen (BT.709)")
    else:
        return {}
    return {"dst_color_trc": _BT709 if curve in _HIGH_RANGE | _CURVES else curve, "dst_color_primaries": _BT709}


def _noted(frame: Any) -> tuple[float, float, float, float]:
    """The display matrix a, b, c, d: what is stored at (x, y) is shown at (a x + c y, b x + d y)."""
    try:
        note = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # there are notes that FFmpeg knows and PyAV does not
        return _matrix(frame.rotation)
    a, b, _, c, d = struct.unpack("=5i", bytes(note)[:20]) if note is not None else (1, 0, 0, 0, 1)
    return a, b, c, d


def _matrix(degrees: float) -> tuple[float, float, float, float]:
    """The display matrix that turns counterclockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return cos, -sin, sin, cos


def _turn_of(matrix: tuple[float, float, float, float], said: set[str]) -> Turn:
    """Phones store portrait lying down, and what they film of you mirrored."""
    a, b, c, d = matrix
    straight, crossed = abs(a) + abs(d), abs(b) + abs(c)
    slant = math.degrees(math.atan2(min(straight, crossed), max(straight, crossed)))
    if slant > 1:
        said.add(f"{{}} is noted to lie {slant:.0f} degrees aslant: only quarter turns are undone")
    across, down = (c, b) if crossed > straight else (a, d)
    return Turn(crossed > straight, tuple(axis for axis, to in ((1, down), (2, across)) if to < 0))


def _pixel_of(track: Any, said: set[str]) -> Fraction:
    """Width of a stored pixel over its height; 1 if it is nearly that, or cannot be meant."""
    ratio = track.sample_aspect_ratio or Fraction(1)
    named = f"{{}} has pixels of {ratio.numerator}:{ratio.denominator}"
    if not 1 / _OBLONG <= ratio <= _OBLONG:
        said.add(f"{named}, which cannot be meant: they are taken for square")
    elif abs(ratio - 1) >= _SQUARE:
        said.add(f"{named}: it is resampled to square ones")
        return ratio
    return Fraction(1)
