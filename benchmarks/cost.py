"""What a comparison of methods on 25 clips at 256 px would cost: steps at each scale are measured, and multiplied out.

    python benchmarks/cost.py --out docs/cost                  # docs/cost.md, and the rows that it rests on
    python benchmarks/cost.py --out docs/cost --points vgpnn   # this one anew; of the others, the rows that are there

A whole training at this size takes hours. The rows are like those of a sweep, so that the command
`python -m hpvae_nb sweep SPEC.yaml --estimate docs/cost.parquet` reads them too. All seconds are processor seconds of
one thread: other programs make the clock's time longer, and hardly those.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd
import torch
from step import climb
from writing import clock, table

from hpvae_nb.baselines import METHODS, make_method
from hpvae_nb.baselines.vgpnn import Gpnn, Vgpnn
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.lab import show
from hpvae_nb.method import HpVaeGan
from hpvae_nb.metrics import METRICS
from hpvae_nb.model import load_model
from hpvae_nb.studies import evidence, sweeps
from hpvae_nb.studies.machine import code_version, commit, device_name, peak_memory
from hpvae_nb.studies.sweeps import Trial
from hpvae_nb.studies.sweeps.results import Row, describe, read_results, write_results
from hpvae_nb.training.events import fit
from hpvae_nb.training.stopwatch import try_scale
from hpvae_nb.training.trainer import Trainer

CPU = torch.device("cpu")
CLIPS, SAMPLES, PRESET, CLIP = 25, 50, "laptop-256", "koi"
WHOLE = "hpvae, whole clips"
POINTS: dict[str, dict[str, Any]] = {name: {"method": name} for name in METHODS if name != Gpnn.name}  # it is of images
POINTS[WHOLE] = {"method": "hpvae", "window": None, "pool": None}  # as all other methods, and the paper, compute
CHECKED = (evidence.WHOLE, "PatchVAE", "SinGAN", "ConSinGAN")  # points of the evidence, whose trainings were whole ones
MODELS = ("koi_256", "balloons_256")  # bundled models that were trained by the same recipe at the full size
SLOWEST = "survival_seconds"  # it compares all rare patches with all others
MEASURING = ("measuring_seconds", SLOWEST)
MEASURED = 2  # samples that are measured; the seconds of 50 are in proportion


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(1)
    file = options.out.with_suffix(".parquet")
    found: list[Row] = list(read_results(file).to_dict("records")) if file.exists() else []  # type: ignore[arg-type]
    trials = {trial.point: trial for trial in [*comparison([CLIP]), *checked()]}
    for name in options.points:
        rows = measured(trials[name], options.rounds, found)
        found = [row for row in found if row["point"] != name] + rows
        found.sort(key=lambda row: list(trials).index(row["point"]))
        write_results(file.parent, pd.DataFrame(found), file.name)
        print(name, [round(row["training_seconds"] + row["sampling_seconds"]) for row in rows], flush=True)
    write_bytes(options.out.with_suffix(".md"), page(read_results(file)).encode())


def comparison(clips: list[str]) -> list[Trial]:
    """All methods on each of the clips, all by one recipe; the numbers measured are those of the evidence."""
    runs = [{"point": name, **point} for name, point in POINTS.items()]
    shared = {"preset": PRESET, "samples": SAMPLES, "metrics": list(checked()[0].metrics), "device": "cpu"}
    return sweeps.expand({**shared, "clip": clips, "runs": runs})


def checked() -> list[Trial]:
    """Trainings of the evidence, one for each point."""
    trials = sweeps.read_spec(evidence.folder() / evidence.CLIPS.spec)
    return [next(trial for trial in trials if trial.point == name) for name in CHECKED]


# Measuring


def measured(trial: Trial, rounds: int, others: list[Row]) -> list[Row]:
    """A row for each round, as if the trial had been run. What measuring takes is taken from `others` if they know."""
    known = [{name: row[name] for name in MEASURING} for row in others if row["preset"] == trial.config.preset]
    if not known:
        known = [measuring(trial) if trial.point in POINTS else dict.fromkeys(MEASURING, math.nan)]
    trains, rows = make_method(trial.method).trains, []
    for _ in range(rounds if trains else 1):
        peak = peak_memory(CPU)
        training, sampling, model = trained(trial) if trains else copied(trial)
        seconds = {"training_seconds": training, "processor_seconds": training}
        seconds |= {"sampling_seconds": trial.samples * sampling, **known[0]}
        about = {"device": device_name(CPU), "code": code_version(), "commit": commit(), "torch": torch.__version__}
        rows.append({**describe(trial), **seconds, **about, "precision": model.precision, "peak_bytes": peak()})
        rows[-1] |= whole_trainings(str(trial.point))
    return rows


def whole_trainings(point: str) -> Row:
    """What whole trainings took: of the evidence by the clock, of the bundled models in processor seconds."""
    if point in CHECKED:
        rows = evidence.rows(evidence.CLIPS)
        seconds = rows["training_seconds"][rows["point"] == point].tolist()
    else:
        seconds = [load_model(name).facts["processor_seconds"] for name in MODELS] if point == HpVaeGan.name else []
    return {"whole_least": min(seconds), "whole_mean": fmean(seconds)} if seconds else {}


def trained(trial: Trial) -> tuple[float, float, Any]:
    """Seconds of the whole training, from steps tried at each scale; of a sample; and the model that made it."""
    trainer = Trainer(make_method(trial.method, dict(trial.settings)), trial.load(), trial.config, device=CPU)
    trainer.enter_scale(0)
    config = trainer.config
    tried = [try_scale(trainer, scale, time.process_time) for scale in range(config.scales)]
    training = sum(one.entering + config.steps(scale) * one.mean for scale, one in enumerate(tried))
    trainer.config = config.replace(pool=None)  # of which a sample needs nothing
    model = climb(trainer, config.scales - 1).model
    return training, seconds_of(lambda: model.sample(1, seed=0)), model


def copied(trial: Trial) -> tuple[float, float, Any]:
    """The same of a method that does not train, and takes minutes for a sample."""
    quarter, half = (seconds_of(partial(untrained(trial, part).sample, 1, seed=0)) for part in (4, 2))
    return 0.0, doubled(quarter, half), untrained(trial)


def measuring(trial: Trial) -> Row:
    """Seconds to measure all samples of a trial, and those of the slowest metric: methods do not differ in them."""
    quarter, half = (metric_seconds(trial, part) for part in (4, 2))
    each = [doubled(*two) * trial.samples / MEASURED for two in zip(quarter, half, strict=True)]
    return {"measuring_seconds": sum(each), SLOWEST: each[trial.metrics.index("survival")]}


def metric_seconds(trial: Trial, part: int) -> list[float]:
    """Of each metric, at a part of the size, of samples like the clip."""
    model = untrained(dataclasses.replace(trial, method=Vgpnn.name), part)
    real = show.real_at_last_scale(model, trial.load())
    noise = torch.randn(MEASURED, *real.shape, generator=torch.Generator().manual_seed(0))
    samples = (real + 0.1 * noise).clamp(-1, 1)
    metrics = [METRICS[name] for name in trial.metrics]
    return [seconds_of(partial(metric.measure, samples, real, model)) for metric in metrics]


def untrained(trial: Trial, part: int = 1) -> Any:
    """The model of a method that does not train, at a part of the size."""
    config = trial.config.replace(fine_size=trial.config.fine_size // part)
    return fit(trial.load(), config, method=make_method(trial.method, dict(trial.settings)), device=CPU)


def doubled(quarter: float, half: float) -> float:
    """Seconds at the full size: the last doubling makes it as many times longer as the one before did."""
    return half**2 / quarter


def seconds_of(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


# Writing


def page(rows: pd.DataFrame) -> str:
    """What the rows say, in Markdown."""
    large = rows[rows["point"].isin(POINTS)]
    names = [f"clip_{number}.mp4" for number in range(CLIPS)]
    trials = [trial for trial in comparison(names) if trial.point in set(large["point"])]
    config, one, fine = trials[0].config, large.iloc[0], trials[0].config.fine_size
    where = f"{one['device']}, {one['precision']}, PyTorch {one['torch']}"
    other = large.assign(measuring_seconds=large["measuring_seconds"] - large[SLOWEST])
    numbers, models = ", ".join(trials[0].metrics), " and ".join(MODELS)
    error = _numbers(rows["training_seconds"] / rows["whole_least"], 2)
    titles = ["method", "training", f"{SAMPLES} samples", "measuring them", "peak GB"]
    compared = ["training", "foretold s", "least of the whole ones s", "mean s", "foretold / least"]
    return f"""# What a comparison at {fine} px would cost

{CLIPS} clips, {large["method"].nunique()} methods, one of them in two ways, {SAMPLES} samples of each.
All by preset {config.preset}: {config.scales} scales, {config.coarse_size} to {fine} px,
{config.iterations} iterations each.
Nobody ran that: steps of each scale were measured, and multiplied out. Processor seconds of one thread;
{where}.
Written by `python benchmarks/cost.py --out docs/cost`. The rows are in `docs/cost.parquet`, from which
`python -m hpvae_nb sweep SPEC.yaml --estimate docs/cost.parquet` counts other numbers of clips, samples and seeds.

{sweeps.cost_text(trials, sweeps.estimate_cost(trials, large))}

Survival takes most of that: it compares all rare patches of a clip with all others, which grows with the square of the
pixels, and takes {clock(one[SLOWEST])} of the {clock(one["measuring_seconds"])} of measuring one trial. Without it:

{sweeps.cost_text(trials, sweeps.estimate_cost(trials, other))}

A worker is one thread: a machine of 16 cores is sixteen, if its memory is enough for all (the last column below).
From and to: had all taken as long as the quickest or the slowest round of their method. A trial is never divided, so
that beyond some number of workers the longest one decides.

## Each method, one clip

{_table(titles, _line, large, POINTS)}

- A method that trains: of each scale two steps a round, of which the quicker counts, since the first one lays out
  memory. It is multiplied by the scale's iterations; what entering the scale takes is added. Pools that are renewed
  every few steps count as often as they are. Checkpoints are left out.
- {WHOLE}: the same recipe without windows and pool, as the paper and all other methods here compute.
- A method that does not train: one sample at a quarter and one at half the size. The last doubling of a side is taken
  to make it as many times longer as the one before did.
- Measuring is the same for all, and foretold in that way too, each number by itself: {MEASURED} samples, {SAMPLES} in
  proportion, which is too much by what is prepared of the training clip alone. Measured are {numbers}.

## Foretold beside whole trainings

The same way of counting where whole trainings are there: six of each point of the [evidence](evidence.md) at 64 px, and
at {fine} px the models {models} (row {HpVaeGan.name}; their processor seconds). The
evidence was timed by the clock, beside other programs: the least disturbed of the six is what to compare with.

{_table(compared, _check, rows, [*CHECKED, HpVaeGan.name])}

What was foretold is {error} times what was needed: the error of this counting is larger than from and
to above, which say only how much its rounds differ. What does not train, and measuring, was checked by nothing.
"""


def _table(
    titles: list[str], line: Callable[[pd.DataFrame], list[str]], rows: pd.DataFrame, names: Iterable[str]
) -> str:
    each = (rows[rows["point"] == name] for name in names)
    return table(titles, [line(of_point) for of_point in each if len(of_point)])


def _line(rows: pd.DataFrame) -> list[str]:
    spans = [_span(rows[part]) for part in ("training_seconds", "sampling_seconds", "measuring_seconds")]
    return [rows.iloc[0]["point"], *spans, f"{rows['peak_bytes'].max() / 1e9:.1f}"]


def _span(seconds: pd.Series) -> str:
    least, most = clock(seconds.min()), clock(seconds.max())
    return least if least == most else f"{least} to {most}"


def _check(rows: pd.DataFrame) -> list[str]:
    foretold, whole = rows["training_seconds"], rows.iloc[0]
    taken = [f"{whole['whole_least']:.0f}", f"{whole['whole_mean']:.0f}"]
    return [whole["point"], _numbers(foretold, 0), *taken, _numbers(foretold / whole["whole_least"], 2)]


def _numbers(values: pd.Series, digits: int) -> str:
    least, most = f"{values.min():.{digits}f}", f"{values.max():.{digits}f}"
    return least if least == most else f"{least} to {most}"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    every = [*POINTS, *CHECKED]
    parser.add_argument("--out", type=Path, required=True, help="where to write, without ending")
    parser.add_argument("--points", nargs="*", choices=every, default=every, help="measured anew; all if not given")
    parser.add_argument("--rounds", type=int, default=2, help="of each that trains")
    return parser.parse_args()


if __name__ == "__main__":
    main()
