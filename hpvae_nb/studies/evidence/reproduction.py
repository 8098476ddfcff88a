"""Rows that were measured again, held against the bundled ones."""

from __future__ import annotations

import math

import pandas as pd

from hpvae_nb.errors import InputError
from hpvae_nb.studies.evidence.claims import prediction
from hpvae_nb.studies.evidence.points import values

SAME = 0.01  # relative, on the same kind of processor with the same PyTorch: there the very numbers come back
MAY_MISS = 0.1  # of the numbers from another machine: of the 95 % that should lie within, some may not


def compare(again: pd.DataFrame, bundled: pd.DataFrame) -> pd.DataFrame:
    """Every metric of every row in `again`, which has a row of the same trial in `bundled`.

    The same processor and PyTorch give the same numbers, to one percent. Others round differently, and a training that
    rounds differently ends elsewhere, as with another seed: there a number may lie where a further seed's would, with
    95 % confidence (Student's prediction interval from the bundled seeds).

    Returns:
        A row for each number: its `point` and `metric`; the `bundled` number, and the one that came `again`; from where
        to where it may lie (`low`, `high`), and whether it lies `within`.

    Raises:
        InputError: a row that failed, or that has no bundled counterpart.
    """
    known = bundled.set_index("trial")
    found = []
    for row in again.to_dict("records"):
        if isinstance(row["error"], str):
            raise InputError(f"{row['trial']} failed: {row['error']}")
        if row["trial"] not in known.index:
            raise InputError(f"{row['trial']} is not among the bundled rows: run trials of data/evidence/spec.yaml")
        old = known.loc[row["trial"]]
        alike = all(row[name] == old[name] for name in ("device", "torch", "precision"))
        for metric in old["metrics"]:
            if pd.isna(old[metric]):
                continue
            if alike:
                low, high = (old[metric] + side * SAME * abs(old[metric]) for side in (-1, 1))
            else:
                further = prediction(values(bundled, old["clip"], old["point"], metric))
                low, high = further.low, further.high
            number = row.get(metric, math.nan)
            found.append((old["point"], metric, old[metric], number, low, high, low <= number <= high))
    return pd.DataFrame(found, columns=["point", "metric", "bundled", "again", "low", "high", "within"])


def reproduced(comparisons: pd.DataFrame) -> bool:
    """Whether enough of the numbers came back."""
    return len(comparisons) > 0 and bool((~comparisons["within"].astype(bool)).mean() <= MAY_MISS)
