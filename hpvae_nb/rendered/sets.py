"""Sets of many clips by name, rendered where they are needed, or from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hpvae_nb.errors import InputError, check_whole
from hpvae_nb.io.clip_folders import SPLITS, read_set
from hpvae_nb.io.clip_sets import ClipSet, from_frames
from hpvae_nb.io.video_files import PathLike
from hpvae_nb.rendered import balloons, digits, shapes
from hpvae_nb.rendered.drawing import LAST_TRAINING_SEED, Frames

FPS = 12.0
SMALLEST = 8  # pixels a side


class Kind(NamedTuple):
    """What is rendered for (seed, size, frames), its classes, and how many clips a split has unless it is said."""

    render: Callable[[int, int, int], tuple[Frames, int]]
    classes: tuple[str, ...]
    counts: dict[str, int]


KINDS = {
    "shapes": Kind(shapes.render, shapes.CLASSES, {"train": 400, "test": 100}),
    "balloons": Kind(balloons.render, balloons.CLASSES, {"train": 160, "test": 40}),
    "digits": Kind(digits.render, digits.CLASSES, {"train": 400, "test": 100}),
}


def load_set(
    name_or_folder: PathLike,
    split: str = "train",
    *,
    size: int = 32,
    frames: int = 16,
    count: int | None = None,
    every: int = 1,
) -> ClipSet:
    """A set of many clips, each with a label: rendered on the spot, or read from a folder of video files.

    Args:
        name_or_folder: `"shapes"` (circles and squares on two kinds of paths), `"balloons"` (one to three) or
            `"digits"` (two bouncing handwritten ones; needs scikit-learn), which are the same on every machine; or a
            folder in the layout of UCF-101: `FOLDER/Class/v_Class_g01_c01.avi`, with `trainlist01.txt` and
            `testlist01.txt` in it, in its `ucfTrainTestlist/`, or in one beside it. A name wins over a folder so
            called: write `./shapes` for that.
        split: `"train"` or `"test"`; no clip is in both.
        size: height and width in pixels. Videos are cut to their central square, then resized.
        frames: of each clip. A rendered one shows its whole motion in them.
        count: how many clips; of a folder they are taken evenly from its list. None for all: 400 and 100 rendered
            shapes or digits, 160 and 40 of balloons.
        every: of a file's frames, take every second (third, ...).

    Returns:
        A `ClipSet`. Names are those of files; what comes before `_c` is the video that a clip was cut from. Of a
        rendered clip the number behind `_g` is its seed.

    Raises:
        InputError: no such set or folder; no list or nothing of it there; a split, size, frames, count or every out of
            range.
        ImportError: a package for reading videos or for digits is missing.
    """
    if split not in SPLITS:
        raise InputError(f"split is {split!r}, but there are 'train' and 'test': give one of them")
    size = check_whole("size", size, SMALLEST, " pixels, such as size=32")
    frames, every = check_whole("frames", frames), check_whole("every", every)
    if count is not None:
        count = check_whole("count", count, advice=", or None for all")
    kind = KINDS.get(name_or_folder) if isinstance(name_or_folder, str) else None
    if kind is None:
        folder = Path(name_or_folder).expanduser()
        if not folder.is_dir():
            names = ", ".join(map(repr, KINDS))
            raise InputError(
                f"there is no set {str(name_or_folder)!r}: give a folder, or one that is rendered ({names})"
            )
        return read_set(folder, split, size=size, frames=frames, count=count, every=every)
    if every != 1:
        raise InputError(
            f"every is {every}, but rendered clips show their motion in any number of frames: leave it out"
        )
    return _rendered(str(name_or_folder), kind, split, size, frames, count or kind.counts[split])


def _rendered(name: str, kind: Kind, split: str, size: int, frames: int, count: int) -> ClipSet:
    if split == "train" and count > LAST_TRAINING_SEED:
        raise InputError(f"count is {count}, but training clips have seeds up to {LAST_TRAINING_SEED}: ask for fewer")
    first = 1 if split == "train" else LAST_TRAINING_SEED + 1
    seeds = range(first, first + count)
    clips, labels = zip(*(kind.render(seed, size, frames) for seed in seeds), strict=True)
    names = [f"v_{kind.classes[label]}_g{seed:03}_c01" for seed, label in zip(seeds, labels, strict=True)]
    pixels = from_frames(torch.from_numpy(np.stack(clips)))
    return ClipSet(pixels, labels, kind.classes, names, fps=FPS, name=name, split=split)
