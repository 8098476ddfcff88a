"""Sets of clips as files, in the layout of UCF-101: a folder for each class, and lists of what is for training."""

from __future__ import annotations

import glob
import io
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import interpolate

from hpvae_nb.errors import InputError, require
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_sets import ClipSet, as_pixels
from hpvae_nb.io.clips import load_clip
from hpvae_nb.io.video_files import PathLike, TooFewFrames

SPLITS = ("train", "test")
_CLASSES = "classInd.txt"
_WAY = (
    "clips are looked for as FOLDER/Class/v_Class_g01_c01.avi, and a list has lines such as Class/v_Class_g01_c01.avi"
)


def read_set(folder: Path, split: str, *, size: int, frames: int, count: int | None = None, every: int = 1) -> ClipSet:
    """The clips of a folder's list, in its order: their first frames, cut to the central square and resized.

    Listed clips that are not there or too short are left out, and one `UserWarning` says how many. Arguments, layout
    and errors are those of `load_set`.
    """
    listed = _listed(folder, split)
    entries = listed if count is None else [listed[i * len(listed) // count] for i in range(min(count, len(listed)))]
    classes = _classes(folder)
    kept: list[tuple[Tensor, int, str]] = []
    rates: list[float] = []
    missing = short = 0
    for entry in entries:
        path = _file(folder / entry)
        if path is None:
            missing += 1
            continue
        try:
            clip = load_clip(path, frames=(frames - 1) * every + 1)
        except TooFewFrames:
            short += 1
            continue
        kept.append((_squared(clip.video[:, ::every], size), _label(entry, classes, folder), path.stem))
        rates.append(clip.fps / every)
    what = f"{missing} are not there and {short} have fewer than {(frames - 1) * every + 1} frames"
    if not kept:
        raise InputError(f"none of the {len(entries)} clips of {folder} can be used, as {what}: {_WAY}")
    if missing + short:
        warnings.warn(f"{missing + short} of {len(entries)} clips of {folder} are left out: {what}", stacklevel=3)
    pixels, labels, names = zip(*kept, strict=True)
    return ClipSet(torch.stack(pixels), labels, classes, names, fps=rates[0], name=folder.resolve().name, split=split)


def write_set(clips: ClipSet, folder: PathLike) -> list[Path]:
    """Write a set as files that lose nothing (FFV1 in mkv), for commands that take files and for `load_set(folder)`.

    Args:
        folder: gets a folder for each class, the list of this split (one that was there is replaced), and the order of
            classes. A set's two splits belong into the same folder.

    Returns:
        The files, in the set's order. `load_clip(path, frames=clips.shape[0])` gives exactly `clips.clip(i)`.

    Raises:
        InputError: the set's names are no file names, or two are alike; the folder is a file, or has other classes.
        CheckpointError: a file cannot be written.
        ImportError: the package `av` is missing.
    """
    folder = Path(folder).expanduser()
    checkpoint.contents(folder)  # refuses a file
    _check_names(clips, folder)
    paths = []
    for pixels, label, name in zip(clips.pixels, clips.labels.tolist(), clips.names, strict=True):
        paths.append(folder / clips.classes[label] / f"{name}.mkv")
        checkpoint.write_bytes(paths[-1], _encoded(pixels, clips.fps))
    for one in clips.classes:
        (folder / one).mkdir(parents=True, exist_ok=True)
    numbered = [f"{number} {one}" for number, one in enumerate(clips.classes, start=1)]
    _write_lines(folder / _CLASSES, numbered)
    behind = [f" {label + 1}" if clips.split == "train" else "" for label in clips.labels.tolist()]
    lines = [path.relative_to(folder).as_posix() + end for path, end in zip(paths, behind, strict=True)]
    _write_lines(folder / f"{clips.split}list01.txt", lines)
    return paths


def _places(folder: Path) -> Iterator[Path]:
    """Where lists may be."""
    yield from (folder, folder / "ucfTrainTestlist", folder.absolute().parent / "ucfTrainTestlist")


def _lines(folder: Path, name: str) -> list[str] | None:
    """A list's lines from the first place that has it; None where none does."""
    for place in _places(folder):
        if (place / name).is_file():
            return [line.strip() for line in (place / name).read_text(encoding="utf-8").splitlines() if line.strip()]
    return None


def _listed(folder: Path, split: str) -> list[Path]:
    """The clips that a split's list names, as paths from the folder."""
    name = f"{split}list01.txt"
    lines = _lines(folder, name)
    if not lines:
        where = ", ".join(map(str, _places(folder)))
        raise InputError(f"{folder} has no {name}, or an empty one (looked in {where}): {_WAY}")
    entries = [Path(re.sub(r"\s+\d+$", "", line)) for line in lines]
    for entry in entries:
        if len(entry.parts) != 2 or ".." in entry.parts:
            raise InputError(f"{name} of {folder} names {str(entry)!r}, which is not of the form Class/file: {_WAY}")
    return entries


def _classes(folder: Path) -> list[str]:
    """The classes that any list names and whose folders are there: in the order of classInd.txt, else sorted."""
    numbered = _lines(folder, _CLASSES)
    if numbered is not None:
        named = [line.split(maxsplit=1)[-1] for line in numbered]
    else:
        lines = [line for split in SPLITS for line in _lines(folder, f"{split}list01.txt") or []]
        named = sorted({line.split("/")[0] for line in lines})
    return [name for name in named if (folder / name).is_dir()]


def _label(entry: Path, classes: list[str], folder: Path) -> int:
    """The class of a listed clip, by its folder."""
    name = entry.parent.name
    if name not in classes:
        raise InputError(f"{folder} has clips of {name!r}, but its {_CLASSES} names no such class: add a line to it")
    return classes.index(name)


def _file(path: Path) -> Path | None:
    """A listed clip, or what has its name: with another suffix, or a folder of pictures."""
    if path.exists():
        return path
    others = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*")) if path.parent.is_dir() else []
    folder = path.with_suffix("")
    return others[0] if others else folder if folder.is_dir() else None


def _squared(video: Tensor, size: int) -> Tensor:
    """The central square of frames `c t h w` in [-1, 1], resized to this side: uint8."""
    height, width = video.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = video[..., top : top + side, left : left + side]
    if side != size:
        pictures = rearrange(square, "c t h w -> t c h w")
        pictures = interpolate(pictures, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        square = rearrange(pictures, "t c h w -> c t h w")
    return as_pixels(square)


def _check_names(clips: ClipSet, folder: Path) -> None:
    for name in {*clips.names, *clips.classes}:
        if not re.fullmatch(r"[\w-][\w. -]*", name):
            raise InputError(f"{clips.name!r} has {name!r}, which is no file name: use letters, digits, '_' and '-'")
    if len(set(clips.names)) < len(clips):
        raise InputError(f"{clips.name!r} has clips of one name, which would be one file: name each differently")
    there = _classes(folder) if (folder / _CLASSES).is_file() else list(clips.classes)
    if there != list(clips.classes):
        raise InputError(f"{folder} holds a set of the classes {', '.join(there)}: name another folder")


def _encoded(pixels: Tensor, fps: float) -> bytes:
    """uint8 `c t h w` as an mkv whose codec keeps red, green and blue as they are."""
    av = require("av", "writing clips")
    file = io.BytesIO()
    with av.open(file, "w", format="matroska", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = pixels.shape[2:]
        stream.pix_fmt = "bgr0"
        for picture in rearrange(pixels, "c t h w -> t h w c").contiguous().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def _write_lines(path: Path, lines: list[str]) -> None:
    checkpoint.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())
