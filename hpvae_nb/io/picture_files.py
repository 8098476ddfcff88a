"""Pictures, still and moving ones, as tensors: decoded with Pillow, phones' HEIC with pillow-heif.

Both know what FFmpeg does not: that a picture is mirrored by its notes, made of tiles, meant for another screen or for
print, or cut off. All else is for ``video_files``.
"""

import contextlib
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import InputError, require
from hpvae_nb.io import first_bytes, video_files
from hpvae_nb.io.picture_colours import eight_bits, screen_colours
from hpvae_nb.io.video_files import (
    FOLDER_FPS,
    REDUCE,
    Look,
    Size,
    check_enough,
    check_rate,
    mega,
    resampled,
    sized,
    too_large,
    true_rate,
)

FORMATS: tuple[str, ...] = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOVING = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")  # what stands beside the first in others are thumbnails, or maps of it
PAGES_SAID = "{} has several pages, of which one is taken: load_clip(path, frames=None) takes all as frames"
HDR_SAID = "{} is a picture for HDR screens: its colours look paler than there"

_COPIES = {"AVIF": 2, "WEBP": 2}  # whose decoders keep two while they work,
_OF_MANY = 5  # and a frame of a moving picture may be as much smaller, as there are many
_PAGE_KIND, _DNG = 254, 50706  # TIFF's tags for what a page is, and for a camera's raw file
_COPY_OR_MASK = 1 | 4  # bits of the first: no page of its own
_ORIENTATION = 0x0112  # Exif's tag; its values, and what undoes them:
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_HDR = re.compile(rb"colrnclx..\0[\x10\x12]", re.DOTALL)  # PQ and HLG, as AVIF and HEIC note them
_NOTES = 65536  # bytes at a file's beginning in which they do
_BLINK, _UNSET = 10, 100  # ms; so short a time was never meant: browsers and FFmpeg take the second


def is_picture(path: Path) -> bool:
    """Whether a file is for this module, by its content; errors as of ``first_bytes.head``."""
    kind = first_bytes.still_kind(first_bytes.head(path))
    pillow = _pillow()
    try:
        with _quiet(), pillow.open(path, formats=FORMATS):
            return True
    except pillow.UnidentifiedImageError:
        return kind is not None
    except Exception:  # whatever a damaged head provokes: it is met again, and said, where the picture is read
        return True


def read_file(
    path: Path,
    frames: int | None,
    start: int,
    fps: float | None,
    size: Size | None,
    said: set[str],
    profiles: bool = True,
) -> tuple[list[Tensor], float]:
    """As ``video_files.read_file``, of a picture, still or moving; of a TIFF's pages ``fps`` only names the rate.

    ``profiles`` says whether a colour profile is followed, or numbers are kept as stored.
    """
    pictures: list[Tensor] = []
    times: list[float] = []
    total = 0
    with _opened(path) as image:
        moments = _moments(path, image, size)
        timed: Iterator[tuple[float, Tensor]] = ((time, _pixels(image, size, said, profiles)) for time in moments)
        if image.format == "TIFF":
            if frames == 1 and len(_frames(image)) > 1:
                said.add(PAGES_SAID)
        elif fps is not None:
            timed = resampled(timed, fps, _rate(path, image, size, fps))
        if image.format in ("AVIF", "HEIF") and _HDR.search(_notes(path)):
            said.add(HDR_SAID)
        for time, picture in islice(timed, None if frames is None else start + frames):
            total += 1
            if total > start:
                pictures.append(sized(picture, size))
                times.append(time)
    check_enough(total, start, frames, path)
    return pictures, fps or true_rate(times, FOLDER_FPS, said)


def look(path: Path) -> Look:
    """As ``video_files.look``."""
    with _opened(path) as image:
        width, height = _upright_size(image)
        return Look(height, width, moves=len(_frames(image)) > 1)


def _pillow() -> Any:
    return require("PIL.Image", "reading pictures", "pillow")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings of damaged notes and large pictures: what matters is said by us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A picture, not yet decoded; whatever goes wrong while it is open becomes an InputError."""
    pillow, formats = _pillow(), FORMATS
    if first_bytes.still_kind(first_bytes.head(path)) == "HEIF":
        require("pillow_heif", "reading HEIC photos", "pillow-heif").register_heif_opener()
        formats = ("HEIF",)
    try:
        with _quiet(), pillow.open(path, formats=formats) as image:
            if image.format == "PNG":
                with pillow.open(path, formats=formats) as checked:
                    checked.verify()  # its checksums, which know of damage within the pixels
            if image.format == "TIFF" and (_DNG in image.tag_v2 or _page_kind(image) & _COPY_OR_MASK):
                raise InputError(f"{path} is a camera's raw file, or a preview alone: {first_bytes.DEVELOP}")
            _check_pixels(path, image, whole=False)
            yield image
    except (InputError, ImportError):
        raise
    except pillow.DecompressionBombError as error:
        raise InputError(f"{path} would be huge once it is unpacked: {REDUCE}") from error
    except Exception as error:  # Pillow's readers raise some ten kinds for damaged files
        why = str(error).partition("\n")[0] or type(error).__name__
        again = f"fetch it again, or save it again as png or jpg of at most {mega(video_files.LARGEST_READ)} pixels"
        raise InputError(f"{path} is damaged or cut off, and not readable as a picture ({why}): {again}") from error


def _check_pixels(path: Path, image: Any, whole: bool) -> None:
    """Refuse a picture of too many pixels to be kept whole, or to be read at all."""
    width, height = image.size
    moves = image.format in MOVING and image.format != "TIFF" and image.is_animated
    share = _OF_MANY if moves else _COPIES.get(image.format, 1)
    most = video_files.LARGEST if whole else video_files.LARGEST_READ // share
    if width * height > most:
        raise too_large(path, image, most, whole)


def _notes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_NOTES)


def _frames(image: Any) -> Sequence[int]:
    """Which of a file's pictures are frames."""
    if image.format not in MOVING:
        return [image.tell()]
    if image.format == "TIFF":
        return [page for page in range(image.n_frames) if not _page_kind(image, page) & _COPY_OR_MASK]
    extra = bool(image.info.get("default_image"))  # a PNG's, for programs that know no moving ones
    return range(extra, image.n_frames)


def _page_kind(image: Any, page: int = 0) -> int:
    image.seek(page)
    return int(image.tag_v2.get(_PAGE_KIND, 0))


def _moments(path: Path, image: Any, size: Size | None) -> Iterator[float]:
    """Decodes one frame after the other within ``image``, and gives the time of each in seconds."""
    time = 0.0
    for frame in _frames(image):
        if frame != image.tell():
            image.seek(frame)
        _check_pixels(path, image, whole=size is None)
        if (spare := _spare(image, size)) > 1 and image.format in ("JPEG", "MPO"):
            image.draft(image.mode, tuple(side // spare for side in image.size))  # halved, or again, while decoded
        image.load()
        yield time
        milliseconds = image.info.get("duration") or 0
        shown = (milliseconds if milliseconds > _BLINK else _UNSET) / 1000
        time += 1 / FOLDER_FPS if image.format == "TIFF" else shown


def _rate(path: Path, image: Any, size: Size | None, fps: float) -> float:
    """Frames per second of a moving picture; refuses to make more of them."""
    times = list(_moments(path, image, size))
    rate = (len(times) - 1) / times[-1] if len(times) > 1 else FOLDER_FPS
    check_rate(fps, rate, path)
    return rate


def _spare(image: Any, size: Size | None) -> int:
    """By what the sides of a large picture may be divided, and still be twice the size asked for."""
    width, height = _upright_size(image)
    if size is None or width * height <= video_files.LARGEST:
        return 1
    ratio = width / size if isinstance(size, int) else min(height / size[0], width / size[1])
    return max(1, int(ratio / 2))


def _upright_size(image: Any) -> tuple[int, int]:
    """Width and height as they are to be seen."""
    width, height = image.size
    lying = image.format != "TIFF" and _orientation(image) > 4  # a TIFF's are so already
    return (height, width) if lying else (width, height)


def _orientation(image: Any) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged notes leave a picture as it is
        return 1


def _pixels(image: Any, size: Size | None, said: set[str], profiles: bool) -> Tensor:
    """What was decoded as bytes ``c h w``, upright; a large picture already reduced, but not yet to ``size``."""
    plain = eight_bits(image, said)
    if (spare := _spare(image, size)) > 1:
        plain = plain.reduce(spare)
    plain = screen_colours(plain, image.info.get("icc_profile") if profiles else None, said)
    if way := _UPRIGHT.get(_orientation(image)):  # none is left by now of TIFF and HEIC
        plain = plain.transpose(_pillow().Transpose[way])
    return rearrange(torch.from_numpy(np.array(plain)), "h w c -> c h w")
