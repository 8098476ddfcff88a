"""The nearest-neighbour protocol of table 1: samples of a method that learned many clips, against one clip each."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize, upsample
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.video_files import PICTURES, PathLike
from hpvae_nb.metrics.features import Extractor
from hpvae_nb.metrics.frechet import svfid
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
    origin = same_video or (lambda name: re.sub(r"_c\d+$", "", name))
    candidates = read_folder(clips, frames)
    if len({origin(clip.name) for clip in candidates}) < 2:
        raise InputError(f"all clips in {clips} come from one video, but two are needed for two neighbours: add others")
    small = [resized(clip.video, TINY) for clip in candidates]
    rows = []
    for sample in read_folder(samples, frames):
        first, second = neighbours(sample.video, candidates, small, origin)
        shape = tuple(sample.video.shape[1:])
        references = [resized(near.video, shape) for near in (first, second)]
        videos = (sample.video, resized(make(first), shape))
        scores = [svfid(video[None], reference, extractor) for video in videos for reference in references]
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
    video: Tensor, candidates: Sequence[Clip], small: Sequence[Tensor], origin: Callable[[str], str]
) -> tuple[Clip, Clip]:
    """The nearest of the candidates, and the nearest that was cut from another video."""
    query = resized(video, TINY)
    near = [candidates[i] for i in torch.stack([(query - other).square().mean() for other in small]).argsort()]
    return near[0], next(clip for clip in near if origin(clip.name) != origin(near[0].name))


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
