"""Times one iteration at all scales of every trained point of the evidence, side by side, in one process.

    python benchmarks/methods.py                                # this machine
    python benchmarks/methods.py --rounds 3 --out docs/methods.md
    python benchmarks/methods.py --spec images                  # the points of images

The evidence compares methods at equal seconds: its specification gives each the iterations that this table asks for.
Processor time of one thread counts, since other programs make the clock's time longer, and hardly that.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from writing import machine, table

from hpvae_nb import train
from hpvae_nb.baselines import make_method
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.studies import evidence, sweeps
from hpvae_nb.studies.sweeps import Trial

POINTS = tuple(dict.fromkeys(evidence.POINTS + evidence.IMAGE_POINTS))


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(1)
    study, first = evidence.STUDIES[options.spec], dict[str | None, Trial]()
    for trial in sweeps.read_spec(evidence.folder() / study.spec):
        first.setdefault(trial.point, trial)
    asked = options.points or [evidence.WHOLE, *(name for name in study.points if name != evidence.WHOLE)]
    chosen = {name: first[name] for name in asked if make_method(first[name].method).trains}
    seconds(next(iter(chosen.values())), 1)  # what starts up only once
    rounds = [
        {name: seconds(trial, options.iterations) for name, trial in chosen.items()} for _ in range(options.rounds)
    ]
    rows = []
    for name, trial in chosen.items():
        taken, usual = (statistics.median(one[other] for one in rounds) for other in (name, asked[0]))
        whole = taken * trial.config.iterations
        rows.append([name, f"{taken:.2f}", f"{taken / usual:.2f}", trial.config.iterations, f"{whole:.0f}"])
    titles = ["point", "processor s", f"against {asked[0]}", "iterations in the evidence", "s of training"]
    head = (
        f"One iteration at every scale of preset {trial.config.preset}, clip {trial.clip}, median of {options.rounds} "
    )
    text = f"{head}rounds. {machine(torch.device('cpu'))}.\n\n{table(titles, rows)}\n"
    print(text)
    if options.out:
        write_bytes(options.out, text.encode())


def seconds(trial: Trial, iterations: int) -> float:
    """Processor seconds of one iteration at each scale, summed over the scales."""
    clip, config = trial.load(), trial.config.replace(iterations=iterations, coarse_iterations=None)
    start = time.process_time()
    for _ in train(clip, config, method=make_method(trial.method), device="cpu"):
        pass
    return (time.process_time() - start) / iterations


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="of all methods one after another")
    parser.add_argument("--iterations", type=int, default=6, help="a scale and round")
    parser.add_argument("--spec", choices=evidence.STUDIES, default="spec", help="which specification of the evidence")
    parser.add_argument("--points", nargs="+", choices=POINTS, help="all if not given; the first is compared with")
    parser.add_argument("--out", type=Path, help="a file to write the table to as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
