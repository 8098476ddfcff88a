"""The nearest-neighbour protocol of table 1: samples of a method that learned many clips, against one clip each."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize, upsample
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.files import PICTURES
from hpvae_nb.io.video_files import PathLike
from hpvae_nb.metrics.features import Extractor
from hpvae_nb.metrics.frechet import svfid_each
from hpvae_nb.metrics.score import Score
from hpvae_nb.studies.tables import markdown

VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif"}
DISTANCES = ("theirs_to_first", "theirs_to_second", "ours_to_first", "ours_to_second")
TINY = (4, 16, 16)  # frames, height and width of what neighbours are told by


def neighbour_protocol(
    clips: PathLike,
    samples: PathLike,
    make: Callable[[Clip], Tensor],
    *,
    extractor: str | Extractor = "patches",
    frames: int | None = 13,
    same_video: Callable[[str], str] | None = None,
) -> pd.DataFrame:
    """For each sample of another method: its two nearest clips, a sample of ours made from the nearest, four SVFIDs.

    Source: section 4.1, table 1, and appendix A.2. The nearest clip favours ours, which was trained on it; the second
    favours the other method, since it was chosen for its sample. The paper does not say by what distance neighbours are
    found: here by the mean squared difference of colour when both are shrunk to 4 frames of 16x16 px. All is measured
    at the size of the other method's sample (C3D then resizes to its own), so ours should not be smaller. Rows of
    different methods don't compare with each other, since each has neighbours of its own.

    Args:
        clips: folder of the clips the other method learned: video files, or one folder of pictures for each.
        samples: folder of the other method's samples, the same.
        make: trains on one clip and returns one new clip, `3 t h w` in [-1, 1]. Called once for each sample.
        extractor: as for `svfid`; `c3d(weights)` for the paper's.
        frames: how many to read of each file; None for all.
        same_video: maps a clip's name to that of the video it was cut from; nn2 comes from another one than nn1.
            None: UCF-101's naming, `v_Class_g01_c02` from `v_Class_g01`; other names stand for themselves.

    Returns:
        A row for each `sample` s, in order of names: `first` and `second`, the names of its nearest clip nn1, which
        ours was trained on, and of the nearest clip nn2 of another video, which ours has not seen; SVFID of s to both
        (`theirs_to_first`, `theirs_to_second`), that of our sample s' (`ours_to_first`, `ours_to_second`), and the
        `extractor` that all four were measured with.

    Raises:
        InputError: a folder without clips, or clips of one video only.
    """
    candidates, found = read_folder(clips, frames), read_folder(samples, frames)
    names = [clip.name for clip in candidates]
    pairs = neighbours([s.video for s in found], [clip.video for clip in candidates], names, same_video, str(clips))
    rows = []
    for sample, pair in zip(found, pairs, strict=True):
        first, second = (candidates[i] for i in pair)
        scores = distances(sample.video, make(first), (first.video, second.video), extractor)
        values = [score.value for score in scores]
        rows.append((sample.name, first.name, second.name, *values, scores[0].extractor))
    return pd.DataFrame(rows, columns=["sample", "first", "second", *DISTANCES, "extractor"])


def as_page(rows: pd.DataFrame) -> str:
    """Table 1 in Markdown: the four distances, each the mean over all samples."""
    extractor, means = rows["extractor"].iloc[0], rows[list(DISTANCES)].mean()
    scores = [f"{Score(mean, 'SVFID', extractor)}" for mean in means]
    lines = [("the other method", *scores[:2]), ("ours", *scores[2:])]
    return markdown(pd.DataFrame(lines, columns=[f"mean of {len(rows)}", "to the first neighbour", "to the second"]))


def neighbours(
    videos: Iterable[Tensor],
    candidates: Iterable[Tensor],
    names: Sequence[str],
    same_video: Callable[[str], str] | None = None,
    where: str = "the set",
) -> list[tuple[int, int]]:
    """For each video `3 t h w` the nearest of the candidates, and the nearest that was cut from another video.

    Args:
        videos: of any size and length.
        candidates: the same; each is looked at once, and only a tiny copy of it is kept.
        names: of the candidates.
        same_video: as in `neighbour_protocol`.
        where: what the candidates are from, for the error.

    Returns:
        Two indices of candidates for each video.

    Raises:
        InputError: all candidates come from one video.
    """
    origins = [(same_video or video_of)(name) for name in names]
    if len(set(origins)) < 2:
        raise InputError(f"all clips in {where} come from one video, but two are needed for two neighbours: add others")
    small = torch.stack([resized(candidate, TINY) for candidate in candidates])
    pairs = []
    for video in videos:
        order = (small - resized(video, TINY)).square().mean((1, 2, 3, 4)).argsort(stable=True).tolist()
        pairs.append((order[0], next(i for i in order if origins[i] != origins[order[0]])))
    return pairs


def video_of(name: str) -> str:
    """The video that a clip was cut from, by UCF-101's naming: `v_Class_g01` of `v_Class_g01_c02`."""
    return re.sub(r"_c\d+$", "", name)


def distances(
    theirs: Tensor, ours: Tensor, pair: tuple[Tensor, Tensor], extractor: str | Extractor
) -> tuple[Score, Score, Score, Score]:
    """The SVFIDs of table 1, in the order of `DISTANCES`: of a sample and of ours, to each of its two neighbours.

    All clips are `3 t h w` in [-1, 1], and are brought to the size of `theirs`.
    """
    shape = tuple(theirs.shape[1:])
    both = torch.stack([theirs, resized(ours, shape)])
    (a, c), (b, d) = (svfid_each(both, resized(near, shape), extractor) for near in pair)
    return a, b, c, d


def resized(video: Tensor, shape: Shape) -> Tensor:
    """A clip `3 t h w` at any (T, H, W): averaged over what a smaller pixel covers, first and last frame in place."""
    return upsample(resize(video, shape[1:], antialias=True), shape)


def read_folder(folder: PathLike, frames: int | None) -> list[Clip]:
    """All clips of a folder in order of names: video files, and folders of pictures.

    Raises:
        InputError: there is no such folder or no clip in it, or one cannot be read.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(f"there is no folder {str(path)!r}: give one that holds clips")

    def holds_clip(entry: Path) -> bool:
        pictures = entry.is_dir() and any(file.suffix.lower() in PICTURES for file in entry.iterdir())
        return pictures or entry.suffix.lower() in VIDEOS

    found = sorted(filter(holds_clip, path.iterdir()))
    if not found:
        raise InputError(f"the folder {path} holds no clips: put video files there ({', '.join(sorted(VIDEOS))})")
    return [load_clip(entry, frames=frames) for entry in found]
