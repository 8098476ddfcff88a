"""What a sweep would cost, from the seconds that trials like its own took."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpvae_nb.errors import InputError
from hpvae_nb.lab.report import duration
from hpvae_nb.recipe.config import Config
from hpvae_nb.studies.sweeps.results import describe
from hpvae_nb.studies.sweeps.trials import Trial
from hpvae_nb.studies.tables import markdown

WORKERS = (1, 8, 64)
DECISIVE = (
    *("method", "settings", "dims", "scales", "coarse_size", "fine_size", "sized_side", "step", "sampling_rates"),
    *("channels", "latent", "kernel", "encoder_kernel", "decoder_kernel"),
    *("encoder_layers", "generator_layers", "critic_layers", "vae_levels", "freeze", "batch"),
    *("iterations", "coarse_iterations", "window", "window_choices", "pool", "pool_every", "penalty_every"),
)
"""The columns that decide how long a trial takes, beside the shape of its clip."""


@dataclass(frozen=True)
class SweepCost:
    """What a sweep would take on devices like the one that its times were measured on."""

    device: str  # a worker is one such
    measured: int  # rows that the estimate rests on
    seconds: list[float]  # of each trial, the mean of the rows like it
    least: list[float]  # the same, had each trial taken as long as the quickest of those rows
    most: list[float]  # the slowest

    def wall_seconds(self, workers: int) -> float:
        """Until the last of `workers` side by side is done, each taking the longest trial that is left."""
        return _until_done(self.seconds, workers)

    def wall_range(self, workers: int) -> tuple[float, float]:
        """The same from the quickest and from the slowest rows."""
        return _until_done(self.least, workers), _until_done(self.most, workers)


def _until_done(trials: Sequence[float], workers: int) -> float:
    busy = [0.0] * workers
    for seconds in sorted(trials, reverse=True):
        heapq.heapreplace(busy, busy[0] + seconds)
    return max(busy)


def estimate_cost(trials: Sequence[Trial], rows: pd.DataFrame) -> list[SweepCost]:
    """The cost of a sweep on each device that `rows` were measured on.

    A trial takes as long as the mean of the rows of its method and the same sizes, whatever their clip, seed and
    objective. Sampling and measuring are taken in proportion to the samples.

    Raises:
        InputError: when no device has measured times for all of the trials.
    """
    costs: list[SweepCost] = []
    missing: list[str] = []
    for device, of_device in rows[rows["error"].isna()].groupby("device", sort=False):
        try:
            taken = [_seconds(trial, of_device) for trial in trials]
            each = ([float(of_trial.agg(how)) for of_trial in taken] for how in ("mean", "min", "max"))
            costs.append(SweepCost(str(device), len(of_device), *each))
        except InputError as error:
            missing.append(str(error))
    if not costs:
        raise InputError("; ".join(missing) or "the results hold no trial that ended well: nothing to estimate from")
    return costs


def _seconds(trial: Trial, rows: pd.DataFrame) -> pd.Series:
    """Of the trial, from each row like it."""
    # Rows from before a setting existed had what is now its default.
    unknown = {name: value for name, value in Config().to_dict().items() if name not in rows}
    described, alike = describe(trial), rows.assign(**unknown)
    for name in DECISIVE:
        alike = alike[_equal(alike[name], described[name])]
    if alike.empty:
        raise InputError(f"nothing like {trial.name} was measured on {rows['device'].iloc[0]}: run one first")
    each = (alike["sampling_seconds"] + alike["measuring_seconds"]) / alike["samples"]
    return alike["training_seconds"] + trial.samples * each


def _equal(column: pd.Series, value: Any) -> pd.Series:
    if value is None:
        return column.isna()
    if isinstance(value, list):
        return column.map(lambda entry: list(entry) == value).astype(bool)  # also where no row is left
    return column == value


def cost_text(trials: Sequence[Trial], costs: Sequence[SweepCost], workers: Sequence[int] = WORKERS) -> str:
    """The estimate as a page of Markdown."""
    clips, methods = ({getattr(trial, name) for trial in trials} for name in ("clip", "method"))
    samples = " or ".join(map(str, sorted({trial.samples for trial in trials})))
    lines = [f"{len(trials)} trials: {len(clips)} clips, {len(methods)} methods, {samples} samples each"]
    for cost in costs:
        taken = [(n, *map(duration, (cost.wall_seconds(n), *cost.wall_range(n)))) for n in workers]
        lines.append(f"From {cost.measured} rows of trials; each worker one {cost.device}:")
        lines.append(markdown(pd.DataFrame(taken, columns=["workers", "until all is done", "from", "to"])))
    return "\n\n".join(lines)
