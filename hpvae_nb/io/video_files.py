"""The wanted frames of a video file, as tensors.

Videos are decoded with PyAV (the package ``av``): its wheels carry FFmpeg's libraries, so mp4, mov, webm and avi
open alike on every system without a separately installed ``ffmpeg``, one frame at a time and each with its own
timestamp, which variable frame rates need. How damage is found stands in ``decoding``, and in ``shown`` how a frame
comes to look as a player shows it.
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
from torch import Tensor
from torch.nn.functional import interpolate

from hpvae_nb.errors import InputError, require, whole
from hpvae_nb.io.decoding import STRICT, cut_off, ends_early, frames_of, track_of
from hpvae_nb.io.shown import Shown

FOLDER_FPS = 24.0  # numbered pictures carry no frame rate; cinema's is a fair guess
_EMPTY = "{} holds no frames: give a file that plays"

LARGEST = 24_000_000  # pixels of a frame that is kept whole: 288 MB in floats, and what a good camera takes
LARGEST_READ = 128_000_000  # pixels of a frame that is reduced while it is read: 0.6 GB while it is decoded
REDUCE = "reduce it in a program for photos first"
_STRIP = 256  # rows of a frame that are in floats at a time

Size = int | tuple[int, int]
PathLike = str | os.PathLike[str]


class TooFewFrames(InputError):
    """A video is shorter than was asked for."""


def natural(name: str) -> list[tuple[bool, int, str]]:
    """By what names are sorted, so that 2 comes before 10."""
    parts = re.split(r"(\d+)", name)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def read_file(
    path: Path, frames: int | None, start: int, fps: float | None, size: Size | None, said: set[str]
) -> tuple[list[Tensor], float]:
    """Decode the wanted frames of a video file, and nothing after the last of them.

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
    damaged: list[int] = []
    total = 0
    with _opened(path, said) as file:
        rate = float(file.track.average_rate or file.track.guessed_rate or FOLDER_FPS)
        check_rate(fps, rate, path)
        shown = Shown(file.track, said)
        if size is None and file.pixels * shown.pixel > LARGEST:
            raise too_large(path, file.track, LARGEST, whole=True)
        timed = _timed(file.frames(), rate)
        if fps is not None:
            timed = resampled(timed, fps, rate)
        for time, frame in islice(timed, None if frames is None else start + frames):
            total += 1
            if total > start:
                pictures.append(sized(shown.stored(frame), size, shown.shape(frame)))
                times.append(time)
                damaged += [total] if frame.is_corrupt else []
        if times and frames is None and (early := ends_early(file.container, file.track, times[-1] + 1 / rate)):
            said.add(early)
    check_enough(total, start, frames, path)
    if damaged:
        said.add(f"{{}} is damaged: parts of {len(damaged)} frames are guessed, first of number {damaged[0]}")
    return pictures, fps or true_rate(times, rate, said)


class Look(NamedTuple):
    """Of a video or picture file: height and width of its first frame, upright, and whether there is a second."""

    height: int
    width: int
    moves: bool


def look(path: Path) -> Look:
    """What a file holds, as far as can be told without keeping its pixels; errors as of ``read_file``."""
    unsaid = set[str]()
    with _opened(path, unsaid) as file:
        frames = file.frames()
        first = next(frames, None)
        if first is None:
            raise InputError(_EMPTY.format(path))
        shape = Shown(file.track, unsaid).shape(first)
        try:
            moves = next(frames, None) is not None
        except ValueError:  # there is a second, and it is damaged
            moves = True
        return Look(*shape, moves)


class _Opened:
    """A container of PyAV, the video in it, the pixels of a frame, and how many frames were decoded.

    ``sound`` of them were there before the last key frame was read. Damage later on cannot have touched them; those
    since may be, for the decoder of an arithmetic code (h264's CABAC) often finds an error only frames later.
    """

    def __init__(self, container: Any, path: Path, said: set[str]) -> None:
        self.container, self.track, self.said, self.count = container, track_of(container, path, said), said, 0
        self.sound = 0
        self.track.codec_context.options = {**STRICT, "max_pixels": str(LARGEST_READ)}
        self.pixels = self.track.width * self.track.height  # by the file's header: nothing was decoded for it

    def frames(self) -> Iterator[Any]:
        for frame in frames_of(self._packets(), self.track, self.said):
            self.count += 1
            yield frame

    def _packets(self) -> Iterator[Any]:
        for packet in self.container.demux(self.track):
            before = self.count
            yield packet
            if packet.is_keyframe:  # and was decoded, or this would not be reached
                self.sound = before


@contextlib.contextmanager
def _opened(path: Path, said: set[str]) -> Iterator[_Opened]:
    """A file, ready to be decoded; what FFmpeg says while it is open becomes an InputError."""
    av = require("av", "reading videos and pictures")
    if missing := cut_off(path):
        raise InputError(f"{path} is not readable as video or picture ({missing}): copy or download it again")
    file = None
    try:
        # Only local files: a playlist may not fetch from elsewhere what the user did not name.
        options = {"protocol_whitelist": "file"}
        # Notes in a file's header may be in any encoding; PyAV 19 replaces what it cannot read without being asked.
        notes = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
        with av.open(str(path.resolve()), options=options, **notes) as container:
            file = _Opened(container, path, said)
            if file.pixels > LARGEST_READ:
                raise too_large(path, file.track, LARGEST_READ, whole=False)
            yield file
    except (av.error.FFmpegError, OSError) as error:
        where = "is not readable as video or picture"
        again = "save it again as mp4, or as a folder of pngs"
        why = getattr(error, "strerror", None) or error
        if file is not None and file.count:
            where = f"is damaged at frame {file.count + 1}, and frames before it may be touched"
            untouched = f"its first {file.sound} frames, which it cannot have touched"
            sound = untouched if file.sound else "frames well before it"
            again = f"copy or download it again, or ask only for {sound}"
        raise InputError(f"{path} {where} ({why}): {again}") from error


def too_large(path: Path, frame: Any, most: int, whole: bool) -> InputError:
    """What to say of something of a width and a height with more pixels than may be kept whole, or read at all."""
    way = "give a size, such as size=1024, and it is reduced while it is read" if whole else REDUCE
    has = f"{frame.width}x{frame.height} pixels, {mega(frame.width * frame.height)}"
    return InputError(f"{path} has {has}, but at most {mega(most)} are {'kept whole' if whole else 'read'}: {way}")


def mega(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} million"


def check_rate(fps: float | None, rate: float, path: Path) -> None:
    """Refuse more frames per second than there are."""
    if fps is not None and fps > rate * 1.001:
        above = f"fps={fps:g} is above the {rate:g} of {path}, and repeated frames would freeze the motion"
        raise InputError(f"{above}: give at most fps={rate:g}")


def check_size(size: Size | None) -> Size | None:
    """The same size in Python's numbers; refuses one that is no (height, width) or width."""
    if size is None:
        return None
    sides = [whole(side) or 0 for side in (size if isinstance(size, tuple | list) else (size, size))]
    if len(sides) != 2 or min(sides) < 1:
        raise InputError(f"size={size!r}, but pixels from 1 are wanted: give (height, width) or the width alone")
    return (sides[0], sides[1]) if isinstance(size, tuple | list) else sides[0]


def _timed(decoded: Iterable[Any], rate: float) -> Iterator[tuple[float, Any]]:
    """Each frame with its time in seconds; a missing or backward timestamp becomes one frame after the last."""
    last = -math.inf
    for frame in decoded:
        time = frame.time
        if time is None or time <= last:
            time = last + 1 / rate if last > -math.inf else 0.0
        yield time, frame
        last = time


def resampled(timed: Iterable[tuple[float, Any]], fps: float, rate: float) -> Iterator[tuple[float, Any]]:
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


def true_rate(times: list[float], rate: float, said: set[str]) -> float:
    """Frames per second from the timestamps; the declared rate, which is free of rounding, where they agree."""
    gaps = [after - before for before, after in pairwise(times)]
    if not gaps:
        return rate
    if max(gaps) > 1.5 * median(gaps) + 0.01 or min(gaps) < median(gaps) / 1.5 - 0.01:  # 0.01 s: gif's clock
        apart = f"frames {min(gaps):.3g} to {max(gaps):.3g} seconds apart"
        said.add(f"{{}} has {apart}, kept as stored: give fps to space them evenly")
    measured = len(gaps) / (times[-1] - times[0])
    return rate if abs(measured / rate - 1) < 0.02 else measured


def sized(pixels: Tensor, size: Size | None, shape: tuple[int, int] | None = None) -> Tensor:
    """Bytes ``c h w`` as float32 in [-1, 1], at ``size`` as in ``load_clip``; ``shape`` is theirs if not h and w."""
    height, width = shape or pixels.shape[1:]
    if size is None and (height, width) == pixels.shape[1:]:
        return _floats(pixels)
    target = size or (height, width)
    target = (max(1, round(height * target / width)), target) if isinstance(target, int) else target
    # Columns first, some rows at a time: a photo of a hundred megapixels is never there in floats.
    strips = [_scaled(_floats(rows), (rows.shape[1], target[1])) for rows in pixels.split(_STRIP, dim=1)]
    return _scaled(torch.cat(strips, dim=1), tuple(target)).clamp(-1, 1)


def _floats(pixels: Tensor) -> Tensor:
    return pixels.float() / 127.5 - 1


def _scaled(picture: Tensor, size: tuple[int, ...]) -> Tensor:
    return interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def check_enough(total: int, start: int, frames: int | None, path: Path) -> None:
    if total == 0:
        raise InputError(_EMPTY.format(path))
    if start >= total:
        raise InputError(f"start={start} lies beyond the {total} frames of {path}: give start below {total}")
    if frames is not None and start + frames > total:
        still = ", or use load_image for a still picture (and dims=2)" if total == 1 else ""
        asked = f"{frames} frames from start={start} were asked for, but {path} has only {total}"
        raise TooFewFrames(f"{asked}: give frames={total - start} or fewer, or a lower start{still}")
