"""Pictures: one from a photo or a bundled name, or several different ones as one training set.

Files are told apart and decoded by ``files``.
"""

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip, Found, find, local, read_found
from hpvae_nb.io.files import look, pictures_in
from hpvae_nb.io.video_files import LARGEST, PathLike, Size, check_size


def load_image(path_or_name: PathLike, size: Size | None = None) -> Clip:
    """Read one picture.

    Args:
        path_or_name: a photo, a bundled name (see ``bundled_images``), or whatever ``load_clip`` reads, of which the
            first frame is taken.
        size: as in ``load_clip``. A picture of more than 24 million pixels needs one: it is reduced while it is read.

    Returns:
        A ``Clip`` with ``video`` of shape ``3 h w`` in [-1, 1]. Grey and transparent pictures are converted; a
        ``UserWarning`` says so.

    Raises:
        InputError: no such file; not readable; too large; size out of range; a URL.
        ImportError: the package ``av`` is missing.
    """
    size = check_size(size)
    found, said = find(path_or_name), set[str]()
    (picture,), rate = read_found(found, 1, 0, None, size, said)
    if not found.bundled:
        _warn(said, found.name)
    return Clip(picture, float(rate), found.name)


def load_images(folder_or_list: PathLike | Sequence[PathLike], size: Size | None = None) -> Clip:
    """Read several different pictures as one training set, from all of which a model learns its patches.

    Pictures of several shapes are scaled and cropped in the middle to one, and a ``UserWarning`` says so.

    Args:
        folder_or_list: a folder of pictures, taken in natural order (2 before 10), or a list of files and bundled
            names.
        size: ``(height, width)`` of all of them in pixels, or the width alone, with the median of their aspect ratios.
            None takes the largest that enlarges none of them, up to 24 million pixels of all together.

    Returns:
        A ``Clip`` with ``still`` set and ``video`` of shape ``3 n h w`` in [-1, 1], for n pictures.

    Raises:
        InputError: an empty list, or a folder without pictures; a file that is missing, not readable, too large, or a
            video; size out of range.
        ImportError: the package ``av`` is missing.
    """
    size = check_size(size)
    files, name = _files(folder_or_list)
    looks = {file.path: look(file.path) for file in files}
    for path, seen in looks.items():
        if seen.moves:
            raise InputError(f"{path} is a video, but a set is made of pictures: leave it out, or use load_clip for it")
    shapes = [(looks[file.path].height, looks[file.path].width) for file in files]
    height, width = _common_shape(shapes, size)
    if len(set(shapes)) > 1 or (size is None and shapes[0] != (height, width)):
        smallest, largest = (f"{w}x{h}" for h, w in (min(shapes), max(shapes)))
        sizes = f"pictures from {smallest} to {largest} pixels"
        said_of_all = f"{name} has {sizes}, each of which is scaled and cropped in the middle to {width}x{height}"
        warnings.warn(said_of_all, UserWarning, stacklevel=2)
    pictures, said = [], set[str]()
    for file, shape in zip(files, shapes, strict=True):
        unsaid = set[str]() if file.bundled else said
        (picture,), _ = read_found(file, 1, 0, None, _covering(shape, (height, width)), unsaid)
        pictures.append(_middle(picture, (height, width)))
    _warn(said, f"a picture of {name}")
    return Clip(torch.stack(pictures, dim=1), name=name, still=True)


def load_still(path_or_name: PathLike) -> Clip:
    """What a model of images is trained on: a picture, all pictures of a folder, or a video's first frame, with a word.

    Pictures too large for ``load_image`` are reduced. Errors are those of ``load_image`` and ``load_images``.
    """
    found = find(path_or_name)
    if found.path.is_dir():
        return load_images(found.path)
    height, width, moves = look(found.path)
    if moves:
        warnings.warn(f"{found.name} is a video: its first frame is taken", UserWarning, stacklevel=2)
    fitting = _fitting(height, width, LARGEST)
    return load_image(path_or_name, None if fitting == (height, width) else fitting)


def _files(folder_or_list: PathLike | Sequence[PathLike]) -> tuple[list[Found], str]:
    """The files of a set, and a label for it."""
    if isinstance(folder_or_list, str | os.PathLike):
        folder = Path(local(folder_or_list)).expanduser()
        if not folder.is_dir():
            way = "use load_image for one picture, or give a list of files"
            raise InputError(f"{find(folder_or_list).path} is no folder of pictures: {way}")
        return [Found(path, path.stem, False) for path in pictures_in(folder)], folder.resolve().name
    for entry in folder_or_list:
        if not isinstance(entry, str | os.PathLike):
            raise InputError(f"the list of pictures holds a {type(entry).__name__}: give paths or bundled names alone")
    files = [find(entry) for entry in folder_or_list]
    if not files:
        raise InputError("the list of pictures is empty: give at least one file or bundled name")
    for file in files:
        if file.path.is_dir():
            raise InputError(f"{file.path} is a folder in a list of pictures: give its files, or the folder alone")
    return files, files[0].name + (f"_and_{len(files) - 1}_more" if len(files) > 1 else "")


def _common_shape(shapes: list[tuple[int, int]], size: Size | None) -> tuple[int, int]:
    """(H, W) for all pictures of these shapes, as ``load_images`` says."""
    aspect = median(height / width for height, width in shapes)
    if isinstance(size, int):
        return max(1, round(size * aspect)), size
    if size is not None:
        return size[0], size[1]
    if len(set(shapes)) == 1:
        return _fitting(*shapes[0], LARGEST // len(shapes))
    high = min(min(height, width * aspect) for height, width in shapes)
    return _fitting(max(1, round(high)), max(1, round(high / aspect)), LARGEST // len(shapes))


def _fitting(height: int, width: int, most: int) -> tuple[int, int]:
    """The same shape, reduced to so many pixels if it has more."""
    shrink = max(1.0, math.sqrt(height * width / most))
    return max(1, int(height / shrink)), max(1, int(width / shrink))


def _covering(shape: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """The least (H, W) of a picture of this shape of which the wanted one can be cut."""
    scale = max(to / side for side, to in zip(shape, wanted, strict=True))
    return max(wanted[0], round(shape[0] * scale)), max(wanted[1], round(shape[1] * scale))


def _middle(picture: Tensor, shape: tuple[int, int]) -> Tensor:
    top, left = ((side - to) // 2 for side, to in zip(picture.shape[1:], shape, strict=True))
    return picture[:, top : top + shape[0], left : left + shape[1]]


def _warn(said: set[str], name: str) -> None:
    for sentence in sorted(said):
        warnings.warn(sentence.format(name), UserWarning, stacklevel=3)
