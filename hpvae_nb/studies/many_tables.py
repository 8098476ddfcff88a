"""Tables 1 and 2 as rows: what they are measured with, how they are read, and how they are held against the bundled.

A row is of a `system` on `data`, measured with an `extractor`. Where `table` is 1, `sample` is a number of one, `first`
and `second` are its neighbours, and the columns `DISTANCES` hold the four SVFIDs. Where it is 2, `sample` is the number
of a set of samples, and `theirs`, `ours` and `one` hold FIDs to the test clips. `theirs_seconds` and `ours_seconds` are
processor seconds of training, the same in all rows of a comparison.
"""

from __future__ import annotations

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
from hpvae_nb.studies.intervals import interval
from hpvae_nb.studies.protocol import DISTANCES
from hpvae_nb.studies.protocol import distances as four_distances
from hpvae_nb.studies.tables import markdown

if TYPE_CHECKING:
    from hpvae_nb.studies.many_or_one import Made

FIDS = {"theirs": "{system}", "ours": "ours, a clip for each", "one": "ours, one clip for all"}
FEATURES = TRIALS = 50  # paper, appendix A.3
TILES = 3  # clips above and beside each other, from which patches are learned for a FID
PATCHES = "patches"
WITH_FILES = ("c3d", "inception", "r3d_18", "mc3_18", "r2plus1d_18")
SAME = 0.01  # relative: as far as rounding goes
NAMES = {"mocogan": "MoCoGAN", "tgan": "TGAN", "tgan_v2": "TGAN-v2"}
PAPER = {  # tables 1 and 2: SVFID to the first and second neighbour, and FID, of theirs and of ours
    "mocogan": {"theirs": (19.0, 19.1, 42.0), "ours": (6.1, 15.3, 22.1)},
    "tgan": {"theirs": (20.0, 20.6, 28.3), "ours": (8.7, 21.0, 16.1)},
    "tgan_v2": {"theirs": (25.4, 25.5, 29.2), "ours": (8.9, 20.6, 17.2)},
}


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
    try:
        found.append(efficientnet_lite0())
    except ImportError:
        pass
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


def chosen(rows: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows with these values."""
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows


def numbers(rows: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """What both tables say of one comparison, as (who, what) to the values whose mean it is, both in words."""
    one, two = chosen(rows, table=1), chosen(rows, table=2)
    found = {}
    for extractor in dict.fromkeys(rows["extractor"]):
        for column in DISTANCES:
            who, near = column.split("_to_")
            found[who, f"SVFID to the {near}, {extractor}"] = chosen(one, extractor=extractor)[column]
        for column in FIDS:
            found[column, f"FID, {extractor}"] = chosen(two, extractor=extractor)[column]
    return found


def page(rows: pd.DataFrame, bundled: pd.DataFrame | None = None) -> str:
    """Both tables of one comparison in Markdown, each number with its interval.

    Args:
        bundled: rows of the same comparison to hold them against.
    """
    known = {} if bundled is None or bundled.empty else numbers(bundled)
    lines = []
    for (who, what), values in numbers(rows).items():
        line = {"who": FIDS[who].format(system=title(rows["system"].iloc[0])), "measured by": what}
        line["mean"] = f"{interval(values):.4g}"
        if known:
            line |= against(values, known.get((who, what)))
        lines.append(line)
    return markdown(pd.DataFrame(lines))


def against(values: pd.Series, bundled: pd.Series | None) -> dict[str, str]:
    """The bundled number, and whether a mean that was measured again lies where it may.

    That is, one percent or as far away as the means of two such lots of samples are from each other, in 95 of 100
    cases. Another machine's trainings end elsewhere, which that interval does not know.
    """
    if bundled is None:
        return {"bundled": "", "verdict": ""}
    old = interval(bundled)
    near = max(math.sqrt(2) * (old.high - old.mean), SAME * old.mean)
    return {"bundled": f"{old:.4g}", "verdict": "within" if abs(values.mean() - old.mean) <= near else "outside"}


def title(system: str) -> str:
    """The name of a system for people."""
    return NAMES.get(system, system)


def overview(rows: pd.DataFrame) -> str:
    """Both tables of all comparisons on one set of clips, in Markdown, the paper's numbers beside ours."""
    lines = []
    for system in dict.fromkeys(rows["system"]):
        of_system = chosen(rows, system=system)
        found = numbers(of_system)
        for who, words in FIDS.items():
            line = {"system": title(system), "samples": words.format(system=title(system))}
            for (side, what), values in found.items():
                if side == who:
                    line[what] = f"{interval(values):.4g}"
            paper = PAPER.get(system, {}).get(who)
            lines.append(line | {"paper: SVFID 1st, 2nd; FID": " / ".join(map(str, paper)) if paper else ""})
    return markdown(pd.DataFrame(lines).fillna(""))


def as_points(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows for claims: a row for each `clip` (the data), `point` (a system, or ours by its neighbours), `seed`.

    Its columns are named in words, with the extractor's name but not its checksum.
    """
    lines: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        features = row["extractor"].split()[0]
        columns = DISTANCES if row["table"] == 1 else ("theirs", "ours")
        for column in columns:
            who, _, near = column.partition("_to_")
            point = title(row["system"]) if who == "theirs" else f"ours, by {title(row['system'])}"
            key = row["data"], point, int(row["sample"])
            line = lines.setdefault(key, dict(zip(("clip", "point", "seed"), key, strict=True)))
            line[f"SVFID to the {near} ({features})" if near else f"FID ({features})"] = row[column]
    return pd.DataFrame(list(lines.values()))
