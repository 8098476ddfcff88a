"""A sweep's folder, and its results as a table: one trial a row, one parquet file."""

import dataclasses
import json
from collections.abc import Sequence
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
    apart = ("config", "metrics", "ways")
    own = {name: value for name, value in dataclasses.asdict(trial).items() if name not in apart}
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
    """The trial's row in its folder, if `answer` takes it."""
    row = read_row(folder)
    return None if row is None else answer(row, trial)


def answer(row: Row, trial: Trial) -> Row | None:
    """The row, if it ended well, with as many samples and all metrics and ways that the trial asks for.

    Its point and budget are the trial's, also where the row was measured before the specification had them.
    """
    if not pd.isna(row["error"]) or row["samples"] != trial.samples:
        return None
    measured = [way["way"] for way in ways_of(row)]
    whole = set(trial.metrics) <= set(row["metrics"]) and all(dict(way) in measured for way in trial.ways)
    return row | {"point": trial.point, "budget": trial.budget} if whole else None


def ways_of(row: Row) -> list[Row]:
    """What was measured of each other way to sample: its arguments as `way`, and a number for each metric."""
    text = row.get("ways")
    return json.loads(text) if isinstance(text, str) else []  # there was no such column once


def missing(trials: Sequence[Trial], rows: pd.DataFrame) -> list[Trial]:
    """The trials that none of the rows answers."""
    known = {row["trial"]: {str(name): value for name, value in row.items()} for row in rows.to_dict("records")}
    return [trial for trial in trials if trial.name not in known or answer(known[trial.name], trial) is None]


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
