"""Decoding: the wanted frames of a video file, a picture or a folder of pictures, as tensors.

Everything is decoded with PyAV (the package ``av``): its wheels carry FFmpeg's libraries, so mp4, mov, webm, gif, avi,
png and jpg open alike on every system without a separately installed ``ffmpeg`` program, one frame at a time and each
with its own timestamp, which variable frame rates need.
"""

import contextlib
import math
import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import interpolate

from hpvae_nb.errors import InputError, require

FOLDER_FPS = 24.0  # numbered pictures carry no frame rate; cinema's is a fair guess
PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
_EMPTY = "{} holds no frames: give a file that plays"
GREY_SAID = "{} is grey: its one channel is repeated to red, green and blue"
ALPHA_SAID = "{} has transparency: its alpha channel is dropped, and the colours are kept as stored"

# FFmpeg's flags bicubic, full chroma and accurate rounding: its quick way to RGB darkens by one level of 255.
FAITHFUL = 4 | 8192 | 262144

LARGEST = 24_000_000  # pixels of a frame that is kept whole: 288 MB in floats, and what a good camera takes
LARGEST_READ = 128_000_000  # pixels of a frame that is reduced while it is read: 0.6 GB while it is decoded
_STRIP = 256  # rows of a frame that are in floats at a time

Size = int | tuple[int, int]
PathLike = str | os.PathLike[str]


class TooFewFrames(InputError):
    """A video is shorter than was asked for."""


def read_folder(
    path: Path, frames: int | None, start: int, fps: float | None, size: Size | None, said: set[str]
) -> tuple[list[Tensor], float]:
    """As ``read_file``, of a folder's pictures in natural order; none that are hidden. ``fps`` only names the rate."""
    files = picture_files(path)
    _check_enough(len(files), start, frames, path)
    chosen = files[start : None if frames is None else start + frames]
    return [read_file(file, 1, 0, None, size, said)[0][0] for file in chosen], fps or FOLDER_FPS


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order; none that are hidden.

    Raises:
        InputError: there is none.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    if not files:
        kinds = ", ".join(sorted(PICTURES))
        raise InputError(f"the folder {folder} holds no pictures: put some there, numbered for a video ({kinds})")
    return sorted(files, key=lambda file: natural(file.name))


def natural(name: str) -> list[tuple[bool, int, str]]:
    """By what names are sorted, so that 2 comes before 10."""
    parts = re.split(r"(\d+)", name)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def read_file(
    path: Path, frames: int | None, start: int, fps: float | None, size: Size | None, said: set[str]
) -> tuple[list[Tensor], float]:
    """Decode the wanted frames of a video or picture file, and nothing after the last of them.

    Args:
        frames, start, fps, size: as in ``load_clip``.
        said: receives a sentence, with ``{}`` for the clip's name, for whatever had to be changed or dropped.

    Returns:
        The frames, float32 ``c h w`` in [-1, 1] with c = 3, and the frames per second.

    Raises:
        InputError: unreadable; no video inside; too few frames; fps above the file's.
        ImportError: the package ``av`` is missing.
    """
    pictures: list[Tensor] = []
    times: list[float] = []
    total = 0
    with _opened(path) as file:
        rate = float(file.stream.average_rate or file.stream.guessed_rate or FOLDER_FPS)
        if fps is not None and fps > rate * 1.001:
            above = f"fps={fps:g} is above the {rate:g} of {path}, and repeated frames would freeze the motion"
            raise InputError(f"{above}: give at most fps={rate:g}")
        if size is None and file.pixels > LARGEST:
            way = "give a size, such as size=1024, and it is reduced while it is read"
            raise InputError(f"{path} has {file.measure}, but at most {_mega(LARGEST)} are kept whole: {way}")
        timed = _timed(file.frames(), rate)
        if fps is not None:
            timed = _resampled(timed, fps, rate)
        for time, frame in islice(timed, None if frames is None else start + frames):
            total += 1
            if total > start:
                pictures.append(_pixels(frame, size, said))
                times.append(time)
    _check_enough(total, start, frames, path)
    return pictures, fps or _true_rate(times, rate, said)


class Look(NamedTuple):
    """Of a video or picture file: height and width of its first frame, upright, and whether there is a second."""

    height: int
    width: int
    moves: bool


def look(path: Path) -> Look:
    """What a file holds, as far as can be told without keeping its pixels; errors as of ``read_file``."""
    first, packets = None, 0
    with _opened(path) as file:
        for packet in file.container.demux(file.stream):
            packets += packet.size > 0
            first = first or next(iter(packet.decode()), None)
            if first and packets > 1:
                break
    if first is None:
        raise InputError(_EMPTY.format(path))
    lying = _turns(first) % 2
    return Look(*((first.width, first.height) if lying else (first.height, first.width)), moves=packets > 1)


class _Opened:
    """A container of PyAV, its video stream, the pixels of a frame, and how many frames were decoded."""

    def __init__(self, container: Any) -> None:
        self.container, self.stream, self.count = container, container.streams.video[0], 0
        self.stream.thread_type = "SLICE"  # threads over frames would decode ahead of what is wanted
        self.pixels = self.stream.width * self.stream.height  # by the file's header: nothing was decoded for it
        self.measure = f"{self.stream.width}x{self.stream.height} pixels, {_mega(self.pixels)}"

    def frames(self) -> Iterator[Any]:
        for frame in self.container.decode(self.stream):
            self.count += 1
            yield frame


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    """A file, ready to be decoded; what FFmpeg says while it is open becomes an InputError."""
    av = require("av", "reading videos and pictures")
    file = None
    try:
        # Only local files: a playlist may not fetch from elsewhere what the user did not name.
        options = {"protocol_whitelist": "file"}
        # Notes in a file's header may be in any encoding; PyAV 19 replaces what it cannot read without being asked.
        notes = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
        with av.open(str(path.resolve()), options=options, **notes) as container:
            if not container.streams.video or container.format.name == "tty":  # FFmpeg films plain text as a terminal
                raise InputError(f"{path} holds no video: give a video file, or a folder of pictures")
            file = _Opened(container)
            if file.pixels > LARGEST_READ:
                way = "reduce it in a program for photos first"
                raise InputError(f"{path} has {file.measure}, but at most {_mega(LARGEST_READ)} are read: {way}")
            yield file
    except (av.error.FFmpegError, OSError) as error:
        where = "is not readable as video or picture"
        if file is not None and file.count:
            where = f"cannot be decoded past its first {file.count} frames"
        why = getattr(error, "strerror", None) or error
        again = (
            f"png or jpg of at most {_mega(LARGEST_READ)} pixels"
            if path.suffix.lower() in PICTURES
            else "mp4, or as a folder of pngs"
        )
        raise InputError(f"{path} {where} ({why}): save it again as {again}") from error


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} million"


def check_size(size: Size | None) -> None:
    """Refuse a size that is no (height, width) or width."""
    if size is None:
        return
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise InputError(f"size={size!r}, but pixels from 1 are wanted: give (height, width) or the width alone")


def _timed(decoded: Iterable[Any], rate: float) -> Iterator[tuple[float, Any]]:
    """Each frame with its time in seconds; a missing or backward timestamp becomes one frame after the last."""
    last = -math.inf
    for frame in decoded:
        time = frame.time
        if time is None or time <= last:
            time = last + 1 / rate if last > -math.inf else 0.0
        yield time, frame
        last = time


def _resampled(timed: Iterable[tuple[float, Any]], fps: float, rate: float) -> Iterator[tuple[float, Any]]:
    """For each instant k / fps after the first frame, the frame nearest in time (of two as near, the earlier)."""
    first = last = None
    count = 0
    for time, frame in timed:
        first = time if first is None else first
        while last is not None and (instant := first + count / fps) <= (last[0] + time) / 2 + 1e-6:
            yield instant, last[1]
            count += 1
        last = time, frame
    # The last frame stands for as long as the file's own rate gives it.
    while first is not None and last is not None and (instant := first + count / fps) < last[0] + 0.5 / rate:
        yield instant, last[1]
        count += 1


def _true_rate(times: list[float], rate: float, said: set[str]) -> float:
    """Frames per second from the timestamps; the declared rate, which is free of rounding, where they agree."""
    gaps = [after - before for before, after in pairwise(times)]
    if not gaps:
        return rate
    if max(gaps) > 1.5 * median(gaps) + 0.01 or min(gaps) < median(gaps) / 1.5 - 0.01:  # 0.01 s: gif's clock
        apart = f"frames {min(gaps):.3g} to {max(gaps):.3g} seconds apart"
        said.add(f"{{}} has {apart}, kept as stored: give fps to space them evenly")
    measured = len(gaps) / (times[-1] - times[0])
    return rate if abs(measured / rate - 1) < 0.02 else measured


def _pixels(frame: Any, size: Size | None, said: set[str]) -> Tensor:
    """One decoded frame as float32 ``c h w`` in [-1, 1], turned upright and resized; notes what had to be dropped."""
    if frame.format.name.startswith(("gray", "mono", "ya")):
        said.add(GREY_SAID)
    if frame.format.has_palette or any(part.is_alpha for part in frame.format.components):
        pixels = frame.to_ndarray(format="rgba", interpolation=FAITHFUL)
        if (pixels[..., 3] < 255).any():
            said.add(ALPHA_SAID)
        pixels = pixels[..., :3].copy()
    else:
        pixels = frame.to_ndarray(format="rgb24", interpolation=FAITHFUL)
    upright = rearrange(torch.from_numpy(pixels), "h w c -> c h w")
    if turns := _turns(frame):
        upright = torch.rot90(upright, turns, dims=(1, 2))
    return sized(upright, size)


def _turns(frame: Any) -> int:
    """Quarters to turn a frame by, counterclockwise: phones store portrait lying down, with a note to turn it."""
    return round(getattr(frame, "rotation", 0) / 90)


def sized(pixels: Tensor, size: Size | None) -> Tensor:
    """Bytes ``c h w`` as float32 in [-1, 1], at ``size`` as in ``load_clip``."""
    if size is None:
        return _floats(pixels)
    height, width = pixels.shape[1:]
    target = size if not isinstance(size, int) else (max(1, round(height * size / width)), size)
    # Columns first, some rows at a time: a photo of a hundred megapixels is never there in floats.
    strips = [_scaled(_floats(rows), (rows.shape[1], target[1])) for rows in pixels.split(_STRIP, dim=1)]
    return _scaled(torch.cat(strips, dim=1), tuple(target)).clamp(-1, 1)


def _floats(pixels: Tensor) -> Tensor:
    return pixels.float() / 127.5 - 1


def _scaled(picture: Tensor, size: tuple[int, ...]) -> Tensor:
    return interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def _check_enough(total: int, start: int, frames: int | None, path: Path) -> None:
    if total == 0:
        raise InputError(_EMPTY.format(path))
    if start >= total:
        raise InputError(f"start={start} lies beyond the {total} frames of {path}: give start below {total}")
    if frames is not None and start + frames > total:
        still = ", or use load_image for a still picture (and dims=2)" if total == 1 else ""
        asked = f"{frames} frames from start={start} were asked for, but {path} has only {total}"
        raise TooFewFrames(f"{asked}: give frames={total - start} or fewer, or a lower start{still}")
