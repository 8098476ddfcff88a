"""What was measured: the bundled rows of one sweep, `data/evidence/spec.yaml`, and samples to look at.

Two clips, three seeds and twelve points, each a training of HP-VAE-GAN with one setting changed, or of another method.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import data_dir, load_clip
from hpvae_nb.studies.sweeps.results import Row, read_results

LEVELS = ("M = 1", "M = 2", "M = 3", "M = 5", "M = 7")
WHOLE = "M = 3"  # the method as the paper uses it
ABLATIONS = ("no freezing", "decoder r = 1", "encoder r = 1")
METHODS = {"patch_vae": "PatchVAE", "singan": "SinGAN", "consingan": "ConSinGAN", "vgpnn": "VGPNN"}
POINTS = (*LEVELS, *ABLATIONS, *METHODS.values())
GRID = (2, 2)  # samples above and beside each other in a file
ENLARGED = 2  # times, in a file: video files keep colour at half the size


def folder() -> Path:
    """Where specification, rows and samples lie.

    Raises:
        InputError: as `hpvae_nb.io.clips.data_dir`.
    """
    return data_dir() / "evidence"


def rows() -> list[Row]:
    """The bundled rows, each with its `point`.

    Raises:
        InputError: the file is missing.
        ImportError: the package pyarrow is missing.
    """
    return [row | {"point": point(row)} for row in read_results(folder() / "results.parquet")]


def point(row: Row) -> str:
    """What a row of a sweep stands for, one of `POINTS` if it is of the evidence: its method, or what was changed."""
    if row["method"] != "hpvae":
        return METHODS[row["method"]]
    if not row["freeze"]:
        return "no freezing"
    for part in ("decoder", "encoder"):
        if row[f"{part}_kernel"] == 1:
            return f"{part} r = 1"
    return f"M = {row['vae_levels']}"


def values(rows: Sequence[Row], clip: str, point: str, metric: str) -> list[float]:
    """A metric of one point on one clip, for each seed in order.

    Raises:
        InputError: there is no such row.
    """
    chosen = sorted((row for row in rows if row["clip"] == clip and row["point"] == point), key=lambda row: row["seed"])
    if not chosen:
        raise InputError(f"there is no row of {point!r} on {clip!r}: points are {', '.join(POINTS)}")
    return [row[metric] for row in chosen]


def clips(rows: Sequence[Row]) -> list[str]:
    """The clips that the rows are about, in their order."""
    return list(dict.fromkeys(row["clip"] for row in rows))


def sample_file(clip: str, point: str) -> Path:
    """The file with four samples of a point's first seed, two above two."""
    return folder() / "samples" / f"{clip}_{point.replace(' = ', '').replace(' ', '_').lower()}.mp4"


def grid(samples: Tensor) -> Tensor:
    """Four samples `4 c t h w` as one clip `c t h w`, enlarged: what a sample file holds."""
    beside = rearrange(samples, "(a b) c t h w -> c t (a h) (b w)", a=GRID[0])
    return beside.repeat_interleave(ENLARGED, -1).repeat_interleave(ENLARGED, -2)


def samples(clip: str, point: str) -> Tensor:
    """Four samples of a point's first seed, to be looked at: `4 3 t h w` in [-1, 1].

    They come from a video file, so that numbers measured on them differ a little from those in the rows.

    Raises:
        InputError: there is no such file.
    """
    video = load_clip(sample_file(clip, point), frames=None).video
    a, b = GRID
    return reduce(video, "c t (a h k) (b w l) -> (a b) c t h w", "mean", a=a, b=b, k=ENLARGED, l=ENLARGED)
