"""Runs a sweep's trials: side by side on Ray Tune, or one after another without it."""

import importlib.util
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from hpvae_nb.errors import InputError, require
from hpvae_nb.io import checkpoint
from hpvae_nb.io.hold import Hold
from hpvae_nb.lab.report import duration
from hpvae_nb.studies.sweeps.results import Row, collect, describe, finished, trial_folder, write_results, write_row
from hpvae_nb.studies.sweeps.runner import run_trial
from hpvae_nb.studies.sweeps.trials import Trial


def run_sweep(
    trials: list[Trial], out: str | Path, *, serial: bool = False, address: str | None = None
) -> pd.DataFrame:
    """Run all trials, and write their rows to `results.parquet` in `out` as they end.

    Called again, with the same trials or more, it runs what is missing: a trial that has a row is not run again, one
    that was interrupted goes on from its last checkpoint, one that failed is tried again. When a worker is killed, its
    trial is started again at once, from its checkpoint. Progress is shown as a bar, in a terminal as in a notebook.

    Args:
        out: the sweep's folder; on a cluster, one that all its machines see, as the clips have to be.
        serial: one trial after another in this process, without Ray.
        address: of a Ray cluster that this machine belongs to, such as `"ray-head:6379"` or `"auto"`; one is started
            on this machine if not given. Every trial takes one CPU, and a GPU where there is any and it may.

    Returns:
        The rows of all trials in `out`, failed ones with an `error`.

    Raises:
        InputError: `out` holds something else, another sweep is writing to it, or no cluster answers at the address.
        ImportError: a package is missing.
    """
    require("pyarrow", "writing results")
    out = _claim(Path(out).absolute())
    with Hold(out):
        _run(trials, out, serial, address)
    return collect(out)


def _run(trials: list[Trial], out: Path, serial: bool, address: str | None) -> None:
    progress = _Progress(trials, out)
    waiting = [trial for trial in trials if not progress.shares[trial.name]]
    try:
        if not serial and address is None and importlib.util.find_spec("ray") is None:
            serial = True
            progress.bar.write("one trial after another: side by side they need Ray, pip install 'ray[tune]'")
        if serial:
            for trial in waiting:
                progress.ended(trial, run_trial(trial, trial_folder(out, trial), partial(progress.told, trial)))
        elif waiting:
            from hpvae_nb.studies.sweeps import cluster

            cluster.run(waiting, out, address, progress)
    finally:
        progress.close()


def _claim(out: Path) -> Path:
    """A new folder, or one that holds a sweep."""
    others = set(checkpoint.contents(out)) - {out / "results.parquet"}
    if others and not (out / "trials").is_dir():
        raise InputError(f"{out} is not empty and holds no sweep: choose an empty folder")
    (out / "trials").mkdir(parents=True, exist_ok=True)
    return out


class _Progress:
    """A bar over all trials, and a line for each that ends."""

    def __init__(self, trials: list[Trial], out: Path) -> None:
        self.out = out
        self.shares = {trial.name: float(finished(trial, trial_folder(out, trial)) is not None) for trial in trials}
        self.bar = tqdm(
            total=len(trials),
            initial=sum(self.shares.values()),
            bar_format="{percentage:3.0f}%|{bar}| {n:.1f} of {total} trials, {elapsed}, {remaining} left{postfix}",
            smoothing=0,  # trials differ: the mean speed so far foretells more than the last second's
            mininterval=0.5,
            dynamic_ncols=True,
        )

    def told(self, trial: Trial, share: float) -> None:
        self.shares[trial.name] = share
        self.bar.n = sum(self.shares.values())
        self.bar.set_postfix_str(trial.name, refresh=False)
        self.bar.update(0)  # redraws as often as a bar should be

    def ended(self, trial: Trial, row: Row | None) -> None:
        """The trial's row; None when its worker died for good, or wrote where this process cannot see it."""
        folder = trial_folder(self.out, trial)
        if row is None:
            row = describe(trial) | {"error": "the worker died again and again, or its folder is not this one"}
            write_row(folder, row)
        self.told(trial, 1.0)
        write_results(self.out, collect(self.out))
        self.bar.write(f"{trial.name}: {_said(trial, row)}")

    def close(self) -> None:
        self.bar.refresh()
        self.bar.close()


def _said(trial: Trial, row: Row) -> str:
    if row["error"] is not None:
        return f"failed: {row['error']}"
    measured = ", ".join(f"{name} {row[name]:.4g}" for name in trial.metrics if isinstance(row.get(name), float))
    rest = f"; not measured: {row['unmeasured']}" if row["unmeasured"] else ""
    return f"{measured}; trained in {duration(row['training_seconds'])}{rest}"
