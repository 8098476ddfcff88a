"""Records what the steps of a short training take, for the tests of time left to replay (`tests/test_clock.py`).

    export OMP_NUM_THREADS=1
    python benchmarks/step_times.py                                             # the laptop preset: about two minutes
    python benchmarks/step_times.py --steps 40 --out tests/data/step_times_saving.json \\
        --change '{"window": 4000, "pool": 32, "penalty_every": 4}'

The training is a real one, scale after scale. In the middle of its first scale and of its first GAN scale it also tries
each later scale, as training does. What is wanted are the times of a quiet machine. One on which others compute at the
same time comes near to them: with one thread, seconds of the processor count, and each step and each trial is made
`TIMES` times, of which the shortest counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hpvae_nb.io.clips import load_clip
from hpvae_nb.machine import choose_device
from hpvae_nb.method import HpVaeGan
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset, presets
from hpvae_nb.studies.machine import device_name
from hpvae_nb.training.stopwatch import try_scale
from hpvae_nb.training.trainer import Trainer

FILE = Path(__file__).parents[1] / "tests" / "data" / "step_times.json"
TIMES = 3
FIRST = 5  # steps of a scale that are slower than later ones, and cannot be made again


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default="laptop", choices=presets())
    parser.add_argument("--change", default="{}", type=json.loads, help='settings, such as {"penalty_every": 4}')
    parser.add_argument("--steps", type=int, default=12, help="of each scale; whole periods of a pool and a penalty")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    config = preset(options.preset, **options.change, iterations=TIMES * options.steps)
    economies = {name: getattr(config, name) for name in ("window", "pool", "penalty_every")}
    changed = {name: value for name, value in economies.items() if value != getattr(Config(), name)}
    found = {"changed": changed, **record(config, options.steps, choose_device(options.device))}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(f"wrote {options.out}")


def record(config: Config, count: int, device: torch.device) -> dict[str, Any]:
    """Seconds of `count` steps of each scale, and of trials, with what and where it was."""
    trainer = Trainer(HpVaeGan(), load_clip("pedestrians"), config, seed=0, device=device, precision="auto")
    now = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter

    def seconds_of(action: Callable[[], Any]) -> float:
        start = now()
        action()
        return round(now() - start, 4)

    def trial(scale: int) -> list[float]:
        start = now()
        found = dataclasses.astuple(try_scale(trainer, scale, now))
        return [round(seconds, 4) for seconds in (*found, now() - start)]

    steps: list[list[float]] = []
    trials: dict[int, dict[int, list[float]]] = {}
    for n in range(config.scales):
        entering = seconds_of(partial(trainer.enter_scale, n))
        all_times = []
        for i in range(TIMES * count):
            all_times.append(seconds_of(trainer.step))
            if i == count // 2 and n in (0, config.vae_levels):
                later = range(n + 1, config.scales)
                trials[n] = {m: [min(x) for x in zip(*(trial(m) for _ in range(TIMES)), strict=True)] for m in later}
        first = [round(entering + all_times[0], 4), *all_times[1:FIRST]]  # both pass between two events
        steps.append(first + [min(all_times[i::count]) for i in range(FIRST, count)])
        print(f"scale {n} of {config.scales - 1} recorded")
    return {
        "recorded": f"seconds ({now.__name__}), the shortest of {TIMES}, by benchmarks/step_times.py",
        "machine": f"{device_name(device)}, {trainer.precision}",
        "torch": torch.__version__,
        "preset": config.preset,
        "steps": steps,
        "trials": trials,  # tried at: scale: [typical step, mean step, entering, all of the trial]
    }


if __name__ == "__main__":
    main()
