"""Collect the rows and samples of a sweep of the evidence, or hold rows measured again against the bundled ones.

    python -m hpvae_nb sweep data/evidence/spec.yaml --out runs/evidence  # all of it: hours
    python data/evidence.py collect runs/evidence
    python -m hpvae_nb sweep data/evidence/images.yaml --out runs/evidence_images  # the same of images: an hour
    python data/evidence.py collect runs/evidence_images --spec images
    python -m hpvae_nb table1 --system mocogan --data shapes  # and other systems and data: an hour or more each
    python data/evidence.py collect runs/table1_shapes --spec tables
    python data/evidence.py page  # docs/evidence.md, and figures of images beside it

`make evidence` measures one clip and one seed again, and compares.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb import load_image, load_model
from hpvae_nb.baselines import SYSTEMS
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.lab import show
from hpvae_nb.lessons.l13_reproducing_the_paper.figures import over_budgets as over_budgets_figure
from hpvae_nb.lessons.l13_reproducing_the_paper.figures import tradeoff
from hpvae_nb.studies import claims, evidence, many_page, sweeps
from hpvae_nb.studies.evidence import BUDGETS, IMAGE_BUDGETS, IMAGES, STUDIES, Study
from hpvae_nb.studies.sweeps.results import Row, answer, finished, trial_folder, write_results

PAGE = Path(__file__).parent.parent / "docs" / "evidence.md"
FOLDER = Path(__file__).parent / "evidence"
SHOWN = 2  # images of which samples are drawn, as in figure 7
OF_BUDGETS = {BUDGETS: (claims.CLAIMS, "clips"), IMAGE_BUDGETS: (claims.IMAGE_CLAIMS, "images")}
WORDS = """
The paper's findings, as changes in percent: mean and 95 % interval over three seeds (a trend: for each level more).
Written by `python data/evidence.py page`.
"""
BUDGET_WORDS = """
A budget is the mean number of steps a scale; steps fall from scale 0 to N by a constant factor, and a GAN scale ends
with the running average of its weights. All clips that have both sides at a budget decide there. The verdicts go from
the smallest budget to the largest; the paper trains 20,000 steps a scale.
"""
OF_SHEETS = ("M = 1", evidence.WHOLE, "M = 7", "SinGAN", "ConSinGAN", "GPNN")


def collect(out: Path, study: Study) -> None:
    """Write the study's rows, and sample files of the largest budgets, from all trials that have ended in `out`.

    Bundled rows of trials that are not there stay, so that a sweep may take several sittings, on several machines.
    """
    trials = sweeps.read_spec(FOLDER / study.spec)
    rows = {trial: finished(trial, trial_folder(out, trial)) for trial in trials}
    ended = {trial: row for trial, row in rows.items() if row is not None}
    if not ended:
        raise InputError(f"no trial of {study.spec} has ended in {out}: run the sweep first")
    rows |= _bundled(study, [trial for trial in trials if trial not in ended])
    table = evidence.named(pd.DataFrame([row for row in rows.values() if row is not None]), study)
    places = {"budget": None, "clip": list(dict.fromkeys(trial.clip for trial in trials))}
    places |= {"point": list(study.points), "seed": None}
    table = table.sort_values(list(places), key=lambda c: c.map(places[c.name].index) if places[c.name] else c)
    write_results(FOLDER, table, study.results)
    first = [trial for trial in ended if trial.seed == min(trial.seed for trial in trials)]
    largest = {(trial.clip, trial.point): trial for trial in sorted(first, key=lambda trial: trial.budget or 0)}
    for trial in largest.values():
        _write_samples_of(trial, out, study)
    print(f"{len(table)} of {len(trials)} trials are in {FOLDER / study.results}, {len(ended)} of them from {out}")


def _bundled(study: Study, trials: list[sweeps.Trial]) -> dict[sweeps.Trial, Row]:
    """The bundled rows that answer trials, under the names that these have now."""
    file = FOLDER / study.results
    known = {row["trial"]: row for row in sweeps.read_results(file).to_dict("records")} if file.exists() else {}
    found = {trial: answer(known[trial.name], trial) for trial in trials if trial.name in known}
    return {trial: row for trial, row in found.items() if row is not None}


def _write_samples_of(trial: sweeps.Trial, out: Path, study: Study) -> None:
    """Those of smaller budgets go."""
    file = evidence.sample_file(trial.clip, trial.point, study, trial.budget)
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        model = load_model(trial_folder(out, trial) / "run", device="cpu")
        write_samples(file, evidence.grid(model.sample(math.prod(evidence.GRID), seed=trial.seed)), model.fps)
    for smaller in evidence.sample_files(trial.clip, trial.point, study)[:-1]:
        smaller.unlink()


def collect_many(out: Path) -> None:
    """Put the rows of all systems in `out` in the place of bundled ones of the same data; draw their sheet."""
    found = {file.parent.name: sweeps.read_results(file) for file in sorted(out.glob("*/tables.parquet"))}
    if not found:
        raise InputError(f"no comparison has ended in {out}: run python -m hpvae_nb table1 first")
    ours = pd.concat([found[system] for system in SYSTEMS if system in found], ignore_index=True)
    data = ours["data"].iloc[0]
    bundled = evidence.many_rows()
    others = bundled[bundled["data"] != data]
    write_results(FOLDER, pd.concat([others, ours], ignore_index=True) if len(others) else ours, evidence.MANY)
    write_bytes(many_sheet(data), many_page.sheet(out, [system for system in SYSTEMS if system in found]))
    print(f"{len(ours)} rows of {', '.join(found)} on {data} are in {FOLDER / evidence.MANY}")


def many_sheet(data: str) -> Path:
    return PAGE.with_name(f"{PAGE.stem}_many_{data}.webp")


def write_samples(file: Path, made: Tensor, fps: float) -> None:
    """A grid of clips as a video, of images as a picture that is small and not quite exact."""
    if made.ndim == 4:
        show.save_video(file, made, fps, width=made.shape[-1])
    else:
        write_bytes(file, show.webp(show.to_uint8(made)[None], fps, quality=80))


def page() -> str:
    """Every claim, what does not reproduce first, in Markdown: of clips, then of images, and of these some figures."""
    text = f"# The evidence\n\n{WORDS.strip()}\n{over_budgets()}"
    text += "\n## At 100 steps a scale, all alike\n\nBoth clips together have six trainings, and decide.\n\n"
    text += f"{claims.table(evidence.rows())}\n"
    rows = evidence.rows(IMAGES)
    names = evidence.clips(rows)
    images = f"The same of images ([specification](../data/evidence/{IMAGES.spec})). All {len(names)} together decide."
    text += f"\n## Images\n\n{images}\n\n{claims.table(rows, claims.IMAGE_CLAIMS)}\n"
    text += f"\n![Each measure over M; every seed is a dot, other methods are lines]({PAGE.stem}_images.png)\n"
    for name in names[:SHOWN]:
        text += f"\n![{name}: the image, and below it four samples of each of some points]({PAGE.stem}_{name}.png)\n"
    return text + tables()


def over_budgets() -> str:
    """The claims at each budget, of clips and of images; what has no rows yet is left out."""
    text = ""
    for study in measured_over_budgets():
        asked, what = OF_BUDGETS[study]
        spec = f"[Specification](../data/evidence/{study.spec})."
        text += f"\n## Over budgets, of {what}\n\n{BUDGET_WORDS.strip()}\n{spec}\n"
        text += f"\n{claims.budget_table(evidence.rows(study), asked)}\n"
        picture = f"{PAGE.stem}_{Path(study.spec).stem}.png"
        text += f"\n![Each finding over the budget; every clip is a line]({picture})\n"
    return text


def measured_over_budgets() -> list[Study]:
    """Those that have rows."""
    return [study for study in OF_BUDGETS if (FOLDER / study.results).exists()]


def tables() -> str:
    """Tables 1 and 2, where there are rows of them."""
    rows = evidence.many_rows()
    if rows.empty:
        return ""
    text = f"\n## Many clips or one\n\n{many_page.WORDS.strip()}\n"
    for data in rows["data"].unique():
        of_data = many_page.chosen(rows, data=data)
        text += f"\n### {data}\n\n{many_page.overview(of_data)}\n\n{many_page.costs(of_data)}\n"
        text += f"\n![{many_page.SHEET_WORDS}]({many_sheet(data).name})\n"
    points = many_page.as_points(rows)
    asked = claims.answerable(points, claims.TABLE_CLAIMS)
    return f"{text}\n### Findings\n\n{many_page.CLAIM_WORDS}\n\n{claims.table(points, asked)}\n"


def figures() -> dict[str, Figure]:
    """Figures 5 and 7 of the paper, of our images: by the name of the file beside the page."""
    rows = evidence.rows(IMAGES)
    found = {"images": tradeoff(rows, ("diversity", *evidence.IMAGE_REALISM))}
    for study in measured_over_budgets():
        asked, _ = OF_BUDGETS[study]
        found[Path(study.spec).stem] = over_budgets_figure(evidence.rows(study), asked)
    return found | {name: sheet(name) for name in evidence.clips(rows)[:SHOWN]}


def sheet(image: str) -> Figure:
    """Figure 7: the image, as large as samples are, and below it four samples of each of some points."""
    made = {point: list(evidence.samples(image, point, IMAGES)) for point in OF_SHEETS}
    real = resize(load_image(image).video, tuple(made[evidence.WHOLE][0].shape[-2:]), antialias=True)
    rows = [("the image", [real, *[None] * (math.prod(evidence.GRID) - 1)]), *made.items()]
    return show.grid(rows, width=1.6, colors=[show.REAL, *[show.RANDOM] * len(made)])


def check(out: Path, study: Study, clip: str, seed: int) -> bool:
    """Print every number of one clip and seed beside the bundled one; whether enough of them came back."""
    bundled = evidence.rows(study)
    trials = sweeps.select(sweeps.read_spec(FOLDER / study.spec), {"clip": clip, "seed": seed})
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
        choices = [*STUDIES, "tables"] if name == "collect" else STUDIES
        command.add_argument("--spec", choices=choices, default="spec", help="which specification it is of")
    command.add_argument("--clip", default="pedestrians")
    command.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    try:
        if wanted.command == "check":
            return 0 if check(wanted.out, STUDIES[wanted.spec], wanted.clip, wanted.seed) else 1
        if wanted.command == "collect" and wanted.spec == "tables":
            collect_many(wanted.out)
            return 0
        if wanted.command == "collect":
            collect(wanted.out, STUDIES[wanted.spec])
            return 0
        write_bytes(PAGE, page().encode())
        for name, figure in figures().items():
            show.save_figure(PAGE.with_name(f"{PAGE.stem}_{name}.png"), figure)
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
