"""A sweep's folder, and its results as a table: one trial a row, one parquet file."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd

from hpvae_nb.errors import CheckpointError, InputError
from hpvae_nb.io import checkpoint
from hpvae_nb.studies.sweeps.trials import Trial

Row = dict[str, Any]


def trial_folder(out: Path, trial: Trial) -> Path:
    """Where a trial keeps its run, its sessions and its row."""
    return out / "trials" / trial.name


def describe(trial: Trial) -> Row:
    """The columns that are known beforehand: what the trial is, and every setting of its recipe, tuples as lists."""
    own = {name: value for name, value in dataclasses.asdict(trial).items() if name not in ("config", "metrics")}
    own["settings"] = json.dumps(dict(trial.settings))  # methods differ in theirs
    return json.loads(json.dumps({"trial": trial.name, **own, **trial.config.to_dict(), "error": None}))


def write_row(folder: Path, row: Row) -> None:
    """Keep a trial's row in its folder."""
    checkpoint.write_bytes(folder / "row.json", json.dumps(row, indent=1).encode())


def read_row(folder: Path) -> Row | None:
    """The row in a trial's folder, None where there is none yet."""
    try:
        return json.loads((folder / "row.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / 'row.json'} cannot be read ({error}): delete it, to measure anew") from error


def finished(trial: Trial, folder: Path) -> Row | None:
    """The trial's row, if it ended well and holds as many samples and all metrics that are wanted now.

    Its point is the trial's, also where the row was measured before the specification had that name.
    """
    row = read_row(folder)
    if row is None or row["error"] is not None or row["samples"] != trial.samples:
        return None
    return row | {"point": trial.point} if set(trial.metrics) <= set(row["metrics"]) else None


def collect(out: Path) -> pd.DataFrame:
    """The rows of all trials in a sweep's folder, by name."""
    rows = (read_row(file.parent) for file in sorted((out / "trials").glob("*/row.json")))
    return pd.DataFrame([row for row in rows if row is not None])


def write_results(out: Path, rows: pd.DataFrame, name: str = "results.parquet") -> Path:
    """All rows as a file of that name in `out`, empty where a row lacks a column."""
    checkpoint.write_bytes(out / name, rows.to_parquet(engine="pyarrow", index=False))
    return out / name


def read_results(path: str | Path) -> pd.DataFrame:
    """The rows of a results file, or of a sweep's folder.

    Raises:
        InputError: when there is none, or it is no parquet file.
        ImportError: the package pyarrow is missing.
    """
    file = Path(path)
    file = file / "results.parquet" if file.is_dir() else file
    try:
        return pd.read_parquet(file, engine="pyarrow")
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{file} holds no results: {error}") from error
