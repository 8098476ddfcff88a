"""Tables 1 and 2 as rows, and what they are measured with.

A row is of a `system` on `data`, measured with an `extractor`. Where `table` is 1, `sample` is a number of one, `first`
and `second` are its neighbours, and the columns `DISTANCES` hold the four SVFIDs. Where it is 2, `sample` is the number
of a set of samples, and `theirs`, `ours` and `one` hold FIDs to the test clips. `theirs_seconds` and `ours_seconds` are
processor seconds of training, the same in all rows of a comparison.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.io.video_files import PathLike
from hpvae_nb.metrics import efficientnet_lite0, make_extractor, random_features_distance
from hpvae_nb.metrics.features import Extractor
from hpvae_nb.metrics.frechet import embedding
from hpvae_nb.studies.protocol import DISTANCES
from hpvae_nb.studies.protocol import distances as four_distances

if TYPE_CHECKING:
    from hpvae_nb.studies.many_or_one import Made

FIDS = ("theirs", "ours", "one")
FEATURES = TRIALS = 50  # paper, appendix A.3
TILES = 3  # clips above and beside each other, from which patches are learned for a FID
PATCHES = "patches"
WITH_FILES = ("c3d", "inception", "r3d_18", "mc3_18", "r2plus1d_18")


def extractors(weights: PathLike | None = None) -> list[str | Extractor]:
    """All there is to measure with: patches, EfficientNet-Lite0 where its packages are, and networks with weights.

    Args:
        weights: a folder, in which a file is a network's if its name begins with the network's: `c3d*`, `inception*`,
            `r3d_18*`, `mc3_18*`, `r2plus1d_18*`.

    Raises:
        InputError: no such folder, nothing in it that is known, or a file of another network.
        ImportError: a network's package is missing.
    """
    found: list[str | Extractor] = [PATCHES]
    with contextlib.suppress(ImportError):
        found.append(efficientnet_lite0())
    if weights is None:
        return found
    folder = Path(weights).expanduser()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    known = [(name, file) for file in files for name in WITH_FILES if file.name.startswith(name)]
    if not known:
        what = f"{folder} holds no file of weights whose name begins with {', '.join(WITH_FILES[:-1])} or "
        raise InputError(f"{what}{WITH_FILES[-1]}: put one there, such as c3d.pt")
    return found + [make_extractor(name, weights=file) for name, file in known]


def name_of(extractor: str | Extractor) -> str:
    """As it stands in the rows."""
    return extractor if isinstance(extractor, str) else extractor.name


def mosaic(clips: ClipSet) -> Tensor:
    """Some training clips, taken evenly, in one: what patches are learned from where a FID is of all clips.

    Where two of them meet there are edges that no clip has; they are the same for all that is compared.
    """
    across = min(TILES, math.isqrt(len(clips)))
    chosen = [i * len(clips) // across**2 for i in range(across**2)]
    return rearrange(clips.batch(chosen), "(a b) c t h w -> c t (a h) (b w)", a=across)


def measure(made: Made, extractor: str | Extractor, mosaic: Tensor) -> pd.DataFrame:
    """The rows of both tables for one extractor.

    For SVFID `patches` are learned from the neighbour, for FID from `mosaic`.
    """
    name, real = name_of(extractor), made.train
    rows: list[dict[str, Any]] = []
    for i, (first, second) in enumerate(made.pairs):
        pair = real[first][0], real[second][0]
        scores = four_distances(made.theirs[0][i], made.ours[0][i], pair, extractor)
        values = dict(zip(DISTANCES, (score.value for score in scores), strict=True))
        rows.append({"table": 1, "sample": i, "first": real.names[first], "second": real.names[second], **values})
    whole = make_extractor(extractor, mosaic)
    reference = embeddings([made.test[i][0] for i in range(len(made.test))], whole)
    for number, sets in enumerate(zip(made.theirs, made.ours, made.one, strict=True)):
        values = {side: set_distance(clips, reference, whole) for side, clips in zip(FIDS, sets, strict=True)}
        rows.append({"table": 2, "sample": number, **values})
    seconds = dict(zip(("theirs_seconds", "ours_seconds"), made.seconds, strict=True))
    return pd.DataFrame(rows).assign(extractor=name, **seconds)


def embeddings(clips: Sequence[Tensor] | Tensor, extractor: Extractor) -> Tensor:
    """One vector for each clip: `n d`."""
    return torch.stack([embedding(clip, extractor) for clip in clips])


def set_distance(clips: Tensor, reference: Tensor, extractor: Extractor) -> float:
    """FID as in appendix A.3: on 50 random features, averaged over 50 draws; on all where there are fewer."""
    width = reference.shape[1]
    count, trials = (FEATURES, TRIALS) if width > FEATURES else (width, 1)
    return random_features_distance(embeddings(clips, extractor), reference, count=count, trials=trials)
