"""The trials of a sweep on Ray Tune."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpvae_nb.errors import InputError, require
from hpvae_nb.io.hold import Hold
from hpvae_nb.studies.sweeps.results import read_row, trial_folder
from hpvae_nb.studies.sweeps.runner import run_trial
from hpvae_nb.studies.sweeps.trials import Trial

DEATHS = 20  # of a trial's worker, before the trial is given up: machines may be taken away often
STARTS = 3  # of Ray on this machine: it gives itself half a minute, too little where all processors are busy
PAUSE = 1.0  # seconds between two reports of a trial's progress
PATIENCE = 120.0  # seconds that a trial waits for its folder: on shared drives a lost machine's locks outlive it
NOTES = "tune"  # what Tune notes for itself, in the sweep's folder; the trials' own folders have it all
STORE = 100_000_000  # bytes of Ray's object store on this machine; next to nothing goes through it

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_AIR_NEW_OUTPUT": "0",  # its tables are replaced by one bar
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C stops the sweep, as it does without Ray
    "TUNE_MAX_PENDING_TRIALS_PG": "16",
}


def run(trials: list[Trial], out: Path, address: str | None, progress: Any) -> None:
    """Run the trials on the cluster at `address`, or on one that is started here and stopped at the end.

    When a worker is killed, or its machine is lost, its trial is started again from its checkpoint, on any machine.
    `progress` is told of shares with `told(trial, share)`, and of ends with `ended(trial, row)`.

    Raises:
        InputError: when no cluster answers at the address.
        ImportError: the package ray is missing.
    """
    if address is not None and address.startswith("ray://"):
        raise InputError(f"{address!r} is for clients from outside: run this on a machine of the cluster, with 'auto'")
    os.environ |= {name: os.environ.get(name, value) for name, value in _QUIET.items()}
    ray: Any = require("ray", "sweeps on a cluster", "ray[tune]")
    tune: Any = require("ray.tune", "sweeps on a cluster", "ray[tune]")
    waiting = {trial.name: trial for trial in trials}

    class Watch(tune.Callback):
        """Hands on what Tune hears from the trials."""

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
            progress.told(waiting[trial.config["trial"]], result["share"])

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            ended = waiting[trial.config["trial"]]
            progress.ended(ended, read_row(trial_folder(out, ended)))

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            progress.ended(waiting[trial.config["trial"]], None)

        def __reduce__(self) -> tuple[Any, ...]:
            return tune.Callback, ()  # Tune keeps a copy in a file, where a progress bar cannot go

    with _connected(ray, address), contextlib.ExitStack() as left:
        shutil.rmtree(out / NOTES, ignore_errors=True)  # of a sweep that was killed
        left.callback(shutil.rmtree, out / NOTES, ignore_errors=True)
        may_use_gpu = any(trial.device != "cpu" for trial in trials)
        gpus = 1 if may_use_gpu and ray.cluster_resources().get("GPU", 0) else 0
        task = tune.with_parameters(_task, trials=waiting, out=out, place=Path.cwd())
        again = tune.FailureConfig(max_failures=DEATHS)
        notes = {"name": NOTES, "storage_path": str(out), "verbose": 0}
        config = tune.RunConfig(**notes, callbacks=[Watch()], failure_config=again)
        space = {"trial": tune.grid_search(list(waiting))}
        tune.Tuner(tune.with_resources(task, {"cpu": 1, "gpu": gpus}), param_space=space, run_config=config).fit()


@contextlib.contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Inside, Ray is there; what was started for it is stopped at the end, and its files are removed."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    short = "/tmp" if os.name == "posix" else None  # the paths of Ray's sockets lie there, and have to be short
    with tempfile.TemporaryDirectory(prefix="ray", dir=short, ignore_cleanup_errors=True) as scratch:
        if address is None:
            options |= {"_temp_dir": scratch, "include_dashboard": False, "object_store_memory": STORE}
        try:
            for left in reversed(range(STARTS if address is None else 1)):
                try:
                    ray.init(address=address or "local", **options)
                    break
                except Exception as error:  # Ray has no error of its own for this
                    ray.shutdown()
                    if not left:
                        what = "Ray did not start here" if address is None else f"no Ray cluster answers at {address!r}"
                        raise InputError(f"{what} ({error}): try again, or go on with --serial, without it") from error
            yield
        finally:
            ray.shutdown()


def _task(config: dict[str, str], trials: dict[str, Trial], out: Path, place: Path) -> None:
    """What a worker runs."""
    tune: Any = require("ray.tune", "sweeps on a cluster", "ray[tune]")
    if place.is_dir():
        os.chdir(place)  # where paths of clips start from
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > PAUSE:
            last = time.monotonic()
            tune.report({"share": share})

    trial = trials[config["trial"]]
    wait_until_free(trial_folder(out, trial) / "run", PATIENCE)
    run_trial(trial, trial_folder(out, trial), tell)
    tune.report({"share": 1.0})


def wait_until_free(folder: Path, seconds: float) -> None:
    """Until nobody holds the folder, or so many seconds have passed: whoever then trains in it is told who does."""
    end = time.monotonic() + seconds
    while folder.is_dir():
        try:
            with Hold(folder):
                return
        except InputError:
            if time.monotonic() > end:
                return
            time.sleep(PAUSE)
