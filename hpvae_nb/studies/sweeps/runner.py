"""One trial from clip to row: a plain function, whoever calls it."""

import contextlib
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hpvae_nb.baselines import make_method
from hpvae_nb.errors import InputError, sentence
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab import show
from hpvae_nb.machine import choose_device
from hpvae_nb.metrics import METRICS
from hpvae_nb.recipe.pyramid import scale_shapes
from hpvae_nb.studies.machine import code_version, commit, device_name, peak_memory
from hpvae_nb.studies.sweeps.results import Row, describe, finished, write_row
from hpvae_nb.studies.sweeps.trials import Trial
from hpvae_nb.training.cost import step_flops
from hpvae_nb.training.events import Event, follow, train

Tell = Callable[[float], None]


def run_trial(trial: Trial, folder: Path, tell: Tell = lambda share: None) -> Row:
    """Train, or finish training, make samples, measure them; keep the row in the folder.

    A trial that is interrupted goes on from its last checkpoint when it is called again; one that has ended is not run
    again, and only measured again where other samples or metrics are wanted. What goes wrong becomes the row's
    `error`. Computes on one CPU thread, so that a row does not depend on how many there are.

    Args:
        folder: the trial's own: its run, `sessions.jsonl`, `row.json`.
        tell: called now and then with the share of the training's arithmetic that is done, 0 to 1.

    Returns:
        The row: everything of `describe`; a column for each number measured, and `svfid_extractor` and the like; the
        `metrics` asked for, and which were `unmeasured` and why; the same of each of the `ways`, as JSON; device,
        precision, versions of code and PyTorch; seconds of training (over all sessions), sampling and measuring; peak
        memory in bytes of this session; number of sessions; the end in UTC.
    """
    done = finished(trial, folder)
    if done is not None:
        return done
    row, threads = describe(trial), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        row |= _run(trial, folder, tell)
    except Exception as error:
        row["error"] = sentence(error)
    finally:
        torch.set_num_threads(threads)
    row["finished"] = _now()
    write_row(folder, row)
    return row


def _run(trial: Trial, folder: Path, tell: Tell) -> Row:
    device = choose_device(trial.device)
    clip, peak = trial.load(), peak_memory(device)
    model = _train(trial, clip, folder, tell)
    start = time.perf_counter()
    samples = model.sample(trial.samples, seed=trial.seed)
    sampled = time.perf_counter()
    measured = _measure(trial, model, samples, clip)
    end = time.perf_counter()
    ways = []
    for way in map(dict, trial.ways):
        ways.append({"way": way, **_measure(trial, model, model.sample(trial.samples, seed=trial.seed, **way), clip)})
    return {
        **measured,
        "metrics": list(trial.metrics),
        "ways": json.dumps(ways),
        "training_seconds": model.facts.get("seconds", 0.0),  # what only copies does not train
        "processor_seconds": model.facts.get("processor_seconds", 0.0),
        "sampling_seconds": sampled - start,
        "measuring_seconds": end - sampled,
        "peak_bytes": peak(),
        "sessions": len(sessions(folder)),
        "device": device_name(device),
        "precision": model.facts.get("precision", "float32"),  # what only copies computes in full
        "code": code_version(),
        "commit": commit(),
        "torch": torch.__version__,
    }


def _train(trial: Trial, clip: Clip, folder: Path, tell: Tell) -> Any:
    method = make_method(trial.method, dict(trial.settings))
    options: dict[str, Any] = {"seed": trial.seed, "device": trial.device, "precision": trial.precision}
    shapes = scale_shapes(trial.config, clip)
    # Other methods' arithmetic grows with the scales as HP-VAE-GAN's does.
    costs = [step_flops(trial.config, shapes, n) for n in range(trial.config.scales)]
    begun = False

    def seen(event: Event) -> None:
        nonlocal begun
        if not begun:
            _log_session(folder, event)
        begun = True
        tell((sum(costs[: event.scale]) + costs[event.scale] * event.iteration / event.iterations) / sum(costs))

    with contextlib.closing(train(clip, trial.config, method=method, out=folder / "run", resume=True, **options)) as it:
        return follow(it, seen)


def _measure(trial: Trial, model: Any, samples: torch.Tensor, clip: Clip) -> Row:
    """A column for each number, and the sentence of each metric that has none to give on such samples, or here."""
    real, errors = show.real_at_last_scale(model, clip), []
    found: Row = {}
    for name in trial.metrics:
        if name in found:  # it was measured along with another
            continue
        try:
            found |= METRICS[name].measure(samples, real, model)
        except (InputError, ImportError) as error:
            errors.append(f"{name}: {error}")
    return found | {"unmeasured": "; ".join(errors) or None}


def sessions(folder: Path) -> list[dict[str, Any]]:
    """Every start of the trial's training: when, where, as which process, and at which scale and iteration."""
    log = folder / "sessions.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def _log_session(folder: Path, event: Event) -> None:
    session = {"started": _now(), "host": platform.node(), "process": os.getpid()}
    with open(folder / "sessions.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({**session, "scale": event.scale, "iteration": event.iteration}) + "\n")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
