"""What a sweep would cost, from the seconds that trials like its own took."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from hpvae_nb.errors import InputError
from hpvae_nb.lab.report import duration
from hpvae_nb.studies.sweeps.results import Row, describe
from hpvae_nb.studies.sweeps.trials import Trial

WORKERS = (1, 8, 64)
DECISIVE = (
    *("method", "settings", "dims", "scales", "coarse_size", "fine_size", "sized_side", "step", "sampling_rates"),
    *("channels", "latent", "kernel", "encoder_kernel", "decoder_kernel"),
    *("encoder_layers", "generator_layers", "critic_layers", "vae_levels", "freeze", "batch", "iterations"),
)
"""The columns that decide how long a trial takes, beside the shape of its clip."""


@dataclass(frozen=True)
class SweepCost:
    """What a sweep would take on devices like `device`.

    Attributes:
        device: what the times were measured on; a worker is one such.
        measured: rows that the estimate rests on.
        seconds: of each trial.
    """

    device: str
    measured: int
    seconds: list[float]

    def wall_seconds(self, workers: int) -> float:
        """Until the last of `workers` side by side is done, each taking the longest trial that is left."""
        busy = [0.0] * workers
        for seconds in sorted(self.seconds, reverse=True):
            heapq.heapreplace(busy, busy[0] + seconds)
        return max(busy)


def estimate_cost(trials: Sequence[Trial], rows: Sequence[Row]) -> list[SweepCost]:
    """The cost of a sweep on each device that `rows` were measured on.

    A trial takes as long as the mean of the rows of its method and the same sizes, whatever their clip, seed and
    objective. Sampling and measuring are taken in proportion to the samples.

    Args:
        rows: of a results file.

    Raises:
        InputError: when no device has measured times for all of the trials.
    """
    good = [row for row in rows if row["error"] is None]
    costs: list[SweepCost] = []
    missing: list[str] = []
    for device in dict.fromkeys(row["device"] for row in good):
        of_device = [row for row in good if row["device"] == device]
        try:
            costs.append(SweepCost(device, len(of_device), [_seconds(trial, of_device) for trial in trials]))
        except InputError as error:
            missing.append(str(error))
    if not costs:
        raise InputError("; ".join(missing) or "the results hold no trial that ended well: nothing to estimate from")
    return costs


def _seconds(trial: Trial, rows: list[Row]) -> float:
    wanted = describe(trial)
    alike = [row for row in rows if all(row.get(name) == wanted[name] for name in DECISIVE)]
    if not alike:
        raise InputError(f"nothing like {trial.name} was measured on {rows[0]['device']}: run one such trial first")
    taken = [
        row["training_seconds"] + (row["sampling_seconds"] + row["measuring_seconds"]) * trial.samples / row["samples"]
        for row in alike
    ]
    return sum(taken) / len(taken)


def cost_text(trials: Sequence[Trial], costs: Sequence[SweepCost], workers: Sequence[int] = WORKERS) -> str:
    """The estimate as a page of Markdown."""
    clips, methods = ({getattr(trial, name) for trial in trials} for name in ("clip", "method"))
    samples = " or ".join(map(str, sorted({trial.samples for trial in trials})))
    lines = [f"{len(trials)} trials: {len(clips)} clips, {len(methods)} methods, {samples} samples each"]
    for cost in costs:
        lines += ["", f"From {cost.measured} measured trials; each worker one {cost.device}:", ""]
        lines += ["| workers | until all is done |", "| --- | --- |"]
        lines += [f"| {n} | {duration(cost.wall_seconds(n))} |" for n in workers]
    return "\n".join(lines)
