"""Tables 1 and 2 for readers: Markdown with intervals, the bundled numbers or the paper's beside them, and sheets."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hpvae_nb.io import checkpoint
from hpvae_nb.lab import show
from hpvae_nb.studies.intervals import interval
from hpvae_nb.studies.many_tables import FIDS
from hpvae_nb.studies.protocol import DISTANCES
from hpvae_nb.studies.tables import markdown

WHO = {"theirs": "{system}", "ours": "ours, a clip for each", "one": "ours, one clip for all"}
SAME = 0.01  # relative: as far as rounding goes
NAMES = {"mocogan": "MoCoGAN", "tgan": "TGAN", "tgan_v2": "TGAN-v2"}
PAPER = {  # tables 1 and 2: SVFID to the first and second neighbour, and FID, of theirs and of ours
    "mocogan": {"theirs": (19.0, 19.1, 42.0), "ours": (6.1, 15.3, 22.1)},
    "tgan": {"theirs": (20.0, 20.6, 28.3), "ours": (8.7, 21.0, 16.1)},
    "tgan_v2": {"theirs": (25.4, 25.5, 29.2), "ours": (8.9, 20.6, 17.2)},
}
SHOWN = 6  # samples in a sheet
WIDTH = 576  # of it, in pixels
WORDS = """
Tables 1 and 2 of the paper on rendered clips of 32 px, which are not UCF-101: one training of each system, 50
samples, our model trained on the first neighbour of each, one new clip of it for each sample. The second neighbour
comes from another clip and was chosen for the other system's sample. Means and their 95 % intervals: of SVFID over
the samples, of FID (to the test clips) over three sets of 50 samples on each side. Both are of sampling alone: another
training of a system would give another mean; and samples that have one neighbour are not independent, so that the
findings below count them as one. Numbers of different features, and the paper's, which are C3D's on UCF-101, don't
compare; who is lower does. For SVFID patches are learned from the neighbour; for FID from nine training clips side by
side. In *ours, one clip for all* the samples of a set all come from the model of one neighbour, of another in each
set: what one clip cannot know.
"""
CLAIM_WORDS = "Mean change from the system to ours, over first neighbours (of FID over sets), and its 95 % interval."
SHEET_WORDS = "Six samples of each system; above each the first neighbour, below it ours, which learned that neighbour"


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
        line = {"who": WHO[who].format(system=title(rows["system"].iloc[0])), "measured by": what}
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
        for who, words in WHO.items():
            line = {"system": title(system), "samples": words.format(system="its own")}
            for (side, what), values in found.items():
                if side == who:
                    line[what] = f"{interval(values):.4g}"
            paper = PAPER.get(system, {}).get(who)
            lines.append(line | {"paper: SVFID 1st, 2nd; FID": " / ".join(map(str, paper)) if paper else ""})
    return markdown(pd.DataFrame(lines).fillna(""))


def as_points(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows for claims: a row for each `clip` (the data), `point` (a system, or ours by its neighbours), `seed`.

    A seed stands for a first neighbour, or for a set of samples: samples with one neighbour count as one, since
    they share a model of ours. Columns are named in words, with the extractor's name but not its checksum.
    """
    lines: dict[tuple[str, str, int], dict[str, Any]] = {}
    one = chosen(rows, table=1).groupby(["system", "data", "extractor", "first"], sort=False)[list(DISTANCES)].mean()
    one = one.reset_index().assign(table=1)
    one["sample"] = one.groupby(["system", "data", "extractor"]).cumcount()
    for row in [*one.to_dict("records"), *chosen(rows, table=2).to_dict("records")]:
        features = row["extractor"].split()[0]
        columns = DISTANCES if row["table"] == 1 else ("theirs", "ours")
        for column in columns:
            who, _, near = column.partition("_to_")
            point = title(row["system"]) if who == "theirs" else f"ours, by {title(row['system'])}"
            key = row["data"], point, int(row["sample"])
            line = lines.setdefault(key, dict(zip(("clip", "point", "seed"), key, strict=True)))
            line[f"SVFID to the {near} ({features})" if near else f"FID ({features})"] = row[column]
    return pd.DataFrame(list(lines.values()))


def costs(rows: pd.DataFrame) -> str:
    """What was trained, in a sentence for each system."""
    lines = []
    for system, of_system in rows.groupby("system", sort=False):
        one = of_system.iloc[0]
        count = of_system.loc[of_system["table"] == 1, "first"].nunique()
        theirs, ours = (one[f"{side}_seconds"] / 60 for side in ("theirs", "ours"))
        lines.append(f"{title(str(system))}: {theirs:.1f} processor minutes, and {ours:.1f} for ours of {count} clips.")
    return " ".join(lines)


def sheet(out: Path, systems: Sequence[str]) -> bytes:
    """Neighbours, samples and ours of some comparisons in a folder, moving side by side: a WebP picture."""
    parts, fps = [], 0.0
    for system in systems:
        tensors, about = checkpoint.read(out / system / "clips.safetensors", "clips")
        fps = about["fps"]
        for name, words in (("first", "first neighbours"), ("theirs", title(system)), ("ours", "ours")):
            clips = tensors[name][:SHOWN].float() / 127.5 - 1
            above = f"{title(system)}: {words}" if name == "first" else words
            parts.append(show.titled(above, show.beside(clips, WIDTH)))
    return show.webp(show.stacked(*parts), fps, quality=60)
