"""Methods at equal diversity: how real each is where its samples vary as much as another's.

A method that copies is as real as the clip, and one that scatters is as diverse as noise, so that one setting of each
tells little (Haim et al. 2022 and Granot et al. 2022 compare at equal diversity too). Here every method is a line: what
it makes as its knob is turned, from a trained model where that is possible, else from one training for each setting.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from hpvae_nb.metrics import METRICS
from hpvae_nb.studies import evidence
from hpvae_nb.studies.intervals import Interval, mean_change
from hpvae_nb.studies.sweeps.results import Row, ways_of
from hpvae_nb.studies.tables import markdown

OURS = "HP-VAE-GAN, by M"
KNOBS = {
    OURS: "M, a training each",
    "HP-VAE-GAN, by pull": "pull, to the clip's own latent map",
    "HP-VAE-GAN, by strips": "strips of the clip's own latent map",
    "SinGAN": "pull to z*, and noise",
    "ConSinGAN": "pull to z*, and noise",
    "PatchVAE": "none",
    "VGPNN": "sigma of the start",
    "patch denoiser": "sigma of the start",
}
"""Every line, and what is turned along it."""

_SHOWN = 101  # places at which two lines are compared
_LEAST = 0.02  # of diversity that both have to reach: a single setting each is no line


def settings(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for every setting of every line's knob, of one clip and seed.

    Args:
        rows: of one budget, as `hpvae_nb.studies.evidence.at` gives them.

    Returns:
        Columns `line`, `knob`, `clip`, `seed`, and a number for each metric.
    """
    found = []
    for row in rows.to_dict("records"):
        metrics = list(row["metrics"])
        for line, knob, numbers in _settings_of({str(name): value for name, value in row.items()}):
            about = {"line": line, "knob": knob, "clip": row["clip"], "seed": row["seed"]}
            found.append(about | {name: numbers.get(name) for name in metrics})
    return pd.DataFrame(found)


def _settings_of(row: Row) -> Iterator[tuple[str, str, Row]]:
    point, ways = row["point"], ways_of(row)
    if point in evidence.LEVELS:
        yield OURS, point, row
        for kind in ("pull", "strips"):
            turned = [way for way in ways if kind in way["way"]]
            if turned:  # none of either is a setting of both
                yield f"HP-VAE-GAN, by {kind}", "none", row
            for way in turned:
                yield f"HP-VAE-GAN, by {kind}", _named(way["way"]), way
    elif point in KNOBS:
        yield point, _named(json.loads(row["settings"])) or "none", row
        for way in ways:
            yield point, _named(way["way"]), way


def _named(way: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in way.items())


def change(settings: pd.DataFrame, line: str, metric: str, base: str = OURS) -> tuple[Interval, int] | None:
    """How much less real one line is than another at equal diversity, in percent; and from how many clips and seeds.

    Between settings a distance is drawn straight in its logarithm over diversity. Of each clip and seed, the mean of
    the logarithms' differences over the diversities that both lines reach.

    Args:
        settings: as the function of that name makes them.
        line: in `KNOBS`.
        metric: a distance to the clip, such as `"svfid"`.
        base: what it is compared with.

    Returns:
        None where the lines share no diversity on any clip.
    """
    changes = []
    for _, both in settings.groupby(["clip", "seed"], sort=False):
        one, other = (both[both["line"] == name].sort_values("diversity") for name in (line, base))
        if one.empty or other.empty:
            continue
        low, high = (edge(x["diversity"].agg(end) for x in (one, other)) for edge, end in ((max, "min"), (min, "max")))
        if high - low < _LEAST:
            continue
        at = np.linspace(low, high, _SHOWN)
        logs = [np.interp(at, x["diversity"], np.log(x[metric].astype(float))) for x in (one, other)]
        changes.append(100 * np.expm1(np.mean(logs[0] - logs[1])))
    return (mean_change(changes), len(changes)) if changes else None


def table(settings: pd.DataFrame, metrics: tuple[str, ...] = evidence.REALISM, base: str = OURS) -> str:
    """Every line in Markdown: its knob, its diversity from end to end, its change from `base` at equal diversity."""
    lines = []
    for line, knob in KNOBS.items():
        of_line = settings[settings["line"] == line]
        if of_line.empty:
            continue
        by_knob = of_line.groupby("knob")["diversity"].mean()
        cells = {"method": line, "knob": knob, "diversity": f"{by_knob.min():.2f} to {by_knob.max():.2f}"}
        for metric in metrics:
            found = change(settings, line, metric, base) if line != base else None
            cells[METRICS[metric].title] = "" if found is None else f"{found[0]:+.0f} %, {found[1]} pairs"
        lines.append(cells)
    return markdown(pd.DataFrame(lines))
