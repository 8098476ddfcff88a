"""What each economy of training buys, at equal processor seconds: the specification, and the table of its results.

    python benchmarks/recipe.py plan --seconds 90       # times steps, and writes data/recipe/spec.yaml
    python -m hpvae_nb sweep data/recipe/spec.yaml --out runs/recipe
    python benchmarks/recipe.py table runs/recipe       # data/recipe/results.parquet and docs/recipe.md

Every variant gets the iterations that fill the same processor time on one thread, counted beforehand from its own steps
and written into the specification, so that the same command trains the same models on any machine.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from writing import machine, table

from hpvae_nb import evidence, sweeps
from hpvae_nb.checkpoint import write_bytes
from hpvae_nb.clips import load_clip
from hpvae_nb.config import Config, preset
from hpvae_nb.precision import choose_precision
from hpvae_nb.sweeps.results import Row, write_results
from hpvae_nb.trainer import Trainer
from hpvae_nb.windows import kept_in_pool

SPEC = Path(__file__).parent.parent / "data" / "recipe" / "spec.yaml"
PAGE = Path(__file__).parent.parent / "docs" / "recipe.md"
CPU = torch.device("cpu")
CLIPS, SEEDS = ["pedestrians", "koi"], [0, 1, 2]
METRICS = ["svfid_efficientnet", "neighbour_field", "survival", "diversity", "novelty"]
COLUMNS = {  # of the results: a title, and whether more or less of it is better
    "svfid_efficientnet": ("SVFID, EfficientNet", "less"),
    "nnfdist": ("NNFDIST", "less"),
    "survival": ("survival", "more"),
    "diversity": ("diversity", "more"),
    "novelty": ("novelty", "more"),
}

# The first is today's recipe, the second the one that the presets take; the others differ from the second in one thing.
BEFORE = {"window": None, "pool": None, "cosine": False, "scales": 7, "vae_levels": 3}
CHOSEN = {"window": 8000, "pool": 24, "cosine": True, "scales": 5, "vae_levels": 2}
VARIANTS: dict[str, dict[str, Any]] = {
    "before: whole clips, all made anew": BEFORE,
    "chosen: windows, a pool, a cosine, 5 scales, M = 2": CHOSEN,
    "whole clips": {**CHOSEN, "window": None},
    "no pool": {**CHOSEN, "pool": None},
    "windows half as large": {**CHOSEN, "window": 4000},
    "the richest of 4 windows": {**CHOSEN, "window_choices": 4},
    "a constant rate": {**CHOSEN, "cosine": False},
    "a penalty every 4th step": {**CHOSEN, "penalty_every": 4},
    "7 scales": {**CHOSEN, "scales": 7},
    "M = 3": {**CHOSEN, "vae_levels": 3},
}


def main() -> None:
    options = parse_arguments()
    if options.command == "plan":
        torch.set_num_threads(1)
        SPEC.parent.mkdir(exist_ok=True)
        write_bytes(SPEC, plan(options.seconds).encode())
    else:
        rows = [row for row in sweeps.read_results(options.out) if row["error"] is None]
        write_results(SPEC.parent, rows)
        write_bytes(PAGE, page(rows).encode())
        print(PAGE.read_text())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("plan")
    command.add_argument("--seconds", type=float, default=90.0, help="of one processor, for each training")
    command = commands.add_parser("table")
    command.add_argument("out", type=Path, help="folder of the sweep")
    return parser.parse_args()


def plan(seconds: float) -> str:
    """The specification, with the iterations of each variant."""
    runs = []
    for name, changes in VARIANTS.items():
        config = preset("laptop", **changes)
        made = statistics.mean(iterations(config, clip, seconds) for clip in CLIPS)
        runs.append({**changes, "iterations": round(made)})
        print(f"{name}: {round(made)} iterations", flush=True)
    shared = {"clip": CLIPS, "seed": SEEDS, "samples": 20, "metrics": METRICS, "device": "cpu"}
    shared["precision"] = choose_precision("auto", CPU)
    head = f"# Written by benchmarks/recipe.py plan: {seconds:.0f} processor seconds a training. {machine(CPU)}.\n"
    return head + yaml.safe_dump({"preset": "laptop", **shared, "runs": runs}, sort_keys=False)


def iterations(config: Config, clip: str, seconds: float, steps: int = 8) -> float:
    """How many a scale fill so many processor seconds, filling of pools included."""
    trainer = Trainer(load_clip(clip), config, 0, CPU, choose_precision("auto", CPU))
    a_step = entering = 0.0
    for trainer.scale in range(config.scales):
        trainer.iteration, start = 0, time.process_time()
        trainer.enter_scale()
        entering += time.process_time() - start
        trainer.step()
        start = time.process_time()
        for _ in range(steps):
            trainer.step()
        a_step += (time.process_time() - start) / steps
    made = entering / kept_in_pool(config) / config.pool_every if config.pool else 0.0
    return (seconds - entering) / (a_step + made)


def page(rows: list[Row]) -> str:
    """Means and 95 % intervals over all trainings of a variant, and their change against the chosen one."""
    lines = []
    for name, changes in VARIANTS.items():
        mine = [row for row in rows if matches(row, changes)]
        if mine:
            cells = [evidence.interval([row[column] for row in mine]) for column in COLUMNS]
            spent = statistics.mean(row["processor_seconds"] for row in mine)
            numbers = [f"{cell:.3g}" if math.isfinite(cell.low) else f"{cell.mean:.3g}" for cell in cells]
            lines.append([name, mine[0]["iterations"], f"{spent:.0f}", len(mine), *numbers])
    titles = ["recipe", "iterations a scale", "processor s", "trainings"]
    titles += [f"{title} ({better} is better)" for title, better in COLUMNS.values()]
    where = ", ".join(sorted({row["device"] for row in rows}))
    head = f"Mean [95 % interval] over the trainings of {' and '.join(CLIPS)} with seeds {SEEDS}, 64 px. {where}."
    return f"{head} Written by `python benchmarks/recipe.py table`.\n\n{table(titles, lines)}\n"


def matches(row: Row, changes: dict[str, Any]) -> bool:
    """Whether a row is of the variant: its settings are the preset's but for the changes."""
    wanted = preset("laptop", **changes, iterations=row["iterations"]).to_dict()
    return all(row[name] == (list(value) if isinstance(value, tuple) else value) for name, value in wanted.items())


if __name__ == "__main__":
    main()
