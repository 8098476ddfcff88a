"""Collect the rows and samples of a sweep of `data/evidence/spec.yaml`, or hold rows measured again against them.

    python -m hpvae_nb sweep data/evidence/spec.yaml --out runs/evidence  # all of it: hours
    python data/evidence.py collect runs/evidence
    python data/evidence.py page  # docs/evidence.md

`make evidence` measures one clip and one seed again, and compares.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from hpvae_nb import load_model
from hpvae_nb.errors import InputError
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.lab import show
from hpvae_nb.studies import claims, evidence, sweeps
from hpvae_nb.studies.sweeps.results import finished, trial_folder, write_results

PAGE = Path(__file__).parent.parent / "docs" / "evidence.md"
SPEC = Path(__file__).parent / "evidence" / "spec.yaml"


def collect(out: Path) -> None:
    """Write `results.parquet`, and sample files that are missing, from all trials that have ended in `out`."""
    trials = sweeps.read_spec(SPEC)
    rows = {trial: finished(trial, trial_folder(out, trial)) for trial in trials}
    ended = {trial: row for trial, row in rows.items() if row is not None}
    if not ended:
        raise InputError(f"no trial of {SPEC} has ended in {out}: run the sweep first")
    table = evidence.named(pd.DataFrame(list(ended.values())))
    places = {"clip": list(dict.fromkeys(trial.clip for trial in trials)), "point": list(evidence.POINTS), "seed": None}
    write_results(
        SPEC.parent,
        table.sort_values(list(places), key=lambda c: c.map(places[c.name].index) if places[c.name] else c),
    )
    evidence.sample_file("any", "M = 3").parent.mkdir(exist_ok=True)
    first = min(trial.seed for trial in trials)
    for trial in ended:
        file = evidence.sample_file(trial.clip, trial.point)
        if trial.seed == first and not file.exists():
            model = load_model(trial_folder(out, trial) / "run", device="cpu")
            made = evidence.grid(model.sample(math.prod(evidence.GRID), seed=first))
            show.save_video(file, made, model.fps, width=made.shape[-1])
    print(f"{len(ended)} of {len(trials)} trials are in {SPEC.parent}")


def page() -> str:
    """Every claim, what does not reproduce first, in Markdown."""
    head = "Mean change and its 95 % interval over three seeds, in percent (a trend: for each level more). "
    head += "Both clips together have six trainings, and decide. "
    return f"{head}Written by `python data/evidence.py page`.\n\n{claims.table(evidence.rows())}\n"


def check(out: Path, clip: str, seed: int) -> bool:
    """Print every number of one clip and seed beside the bundled one; whether enough of them came back."""
    bundled = evidence.rows()
    trials = sweeps.select(sweeps.read_spec(SPEC), {"clip": clip, "seed": seed})
    names = {trial.name for trial in trials}
    again = sweeps.read_results(out)
    again = again[again["trial"].isin(names)]
    missing = names - set(again["trial"])
    if missing:
        raise InputError(f"{out} lacks {len(missing)} of {len(names)} trials, such as {min(missing)}: run the sweep")
    found = evidence.compare(again, bundled)
    print(f"{'point':14} {'measure':22} {'bundled':>9} {'again':>9}   allowed")
    for one in found.itertuples():
        numbers = f"{one.bundled:9.4f} {one.again:9.4f}   {one.low:.4f} to {one.high:.4f}"
        print(f"{one.point:14} {one.metric:22} {numbers}{'' if one.within else '   outside'}")
    print(f"{found['within'].sum()} of {len(found)} numbers lie where they should")
    return evidence.reproduced(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("page")
    for name in ("collect", "check"):
        command = commands.add_parser(name)
        command.add_argument("out", type=Path, help="folder of the sweep")
    command.add_argument("--clip", default="pedestrians")
    command.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    try:
        if wanted.command == "check":
            return 0 if check(wanted.out, wanted.clip, wanted.seed) else 1
        if wanted.command == "page":
            write_bytes(PAGE, page().encode())
        else:
            collect(wanted.out)
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
