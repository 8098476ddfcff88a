"""The evidence: the bundled rows of two sweeps, of clips and of images, and samples to look at.

Three clips, three seeds and twelve points, each a training of HP-VAE-GAN with one setting changed, or of another
method, at several budgets: `data/evidence/spec.yaml`. Five images, three seeds and eight points:
`data/evidence/images.yaml`. A specification names each point and its budget, the mean number of steps a scale, and
every row carries both. Rows that were measured again can be held against the bundled ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import data_dir, load_clip
from hpvae_nb.io.images import load_image
from hpvae_nb.model import Model, load_model
from hpvae_nb.studies.intervals import prediction
from hpvae_nb.studies.sweeps.results import read_results

LEVELS = ("M = 1", "M = 2", "M = 3", "M = 5", "M = 7")
WHOLE = "M = 3"  # the method as the paper uses it
ABLATIONS = ("no freezing", "decoder r = 1", "encoder r = 1")
PAPER_BUDGET = 20_000  # steps a scale; A.1
METHODS = ("PatchVAE", "SinGAN", "ConSinGAN", "VGPNN")
POINTS = (*LEVELS, *ABLATIONS, *METHODS)
IMAGE_POINTS = (*LEVELS, "SinGAN", "ConSinGAN", "GPNN")
REALISM = ("svfid", "svfid_efficientnet")  # columns with a distance to the training clip
IMAGE_REALISM = ("sifid", "sifid_efficientnet")
SAME = 0.01  # relative, on the same kind of processor with the same PyTorch: there the very numbers come back
MAY_MISS = 0.1  # of the numbers from another machine: of the 95 % that should lie within, some may not
CLIP_BUDGET = "clip_budget.parquet"  # of lesson 16, written by data/clip_budget.py
SYSTEMS = "systems"  # folder of small trained systems
MANY = "tables.parquet"  # of many clips or one: its rows are no sweep's
GRID = (2, 2)  # samples above and beside each other in a file
ENLARGED = 2  # times, in a file: video files keep colour at half the size


@dataclass(frozen=True)
class Study:
    """One sweep of the evidence, and what is kept of it.

    Attributes:
        spec: the file with its specification.
        results: the file with its rows.
        points: names that a row may bear, in the order of tables.
        samples: how the names of its sample files end.
    """

    spec: str
    results: str
    points: tuple[str, ...]
    samples: str


CLIPS = Study("spec.yaml", "results.parquet", POINTS, ".mp4")
IMAGES = Study("images.yaml", "images.parquet", IMAGE_POINTS, ".webp")
BUDGETS = Study("budgets.yaml", "budgets.parquet", POINTS, ".mp4")
IMAGE_BUDGETS = Study("image_budgets.yaml", "image_budgets.parquet", IMAGE_POINTS, ".webp")
STUDIES = {Path(study.spec).stem: study for study in (CLIPS, IMAGES, BUDGETS, IMAGE_BUDGETS)}


def folder() -> Path:
    """Where specifications, rows and samples lie: in `hpvae_nb.io.clips.data_dir`, with its errors."""
    return data_dir() / "evidence"


def rows(study: Study = CLIPS, budget: int | None = None) -> pd.DataFrame:
    """The bundled rows, each with its `point` and `budget`; of one budget, as `at` takes them, or of all.

    Raises:
        InputError: as `read_results` and `at`.
    """
    found = named(read_results(folder() / study.results), study)
    return found if budget is None else at(found, budget)


def budgets(rows: pd.DataFrame) -> list[int]:
    """The budgets of the rows, lowest first; none of rows that have none."""
    return sorted(map(int, rows["budget"].dropna().unique())) if "budget" in rows else []


def at(rows: pd.DataFrame, budget: int) -> pd.DataFrame:
    """The rows of one budget, and those of points that have none, as they do not train.

    Raises:
        InputError: no row has that budget.
    """
    if budget not in budgets(rows):
        raise InputError(f"there is no row of the budget {budget}: budgets are {budgets(rows)}")
    return rows[(rows["budget"] == budget) | rows["budget"].isna()]


def system(name: str, data: str) -> Model:
    """A small model that learned a rendered set of clips, on the CPU in float32.

    Args:
        name: in `hpvae_nb.baselines.SYSTEMS`; or `"ours"`, which learned the first clip of the set alone.
        data: `"shapes"` or `"balloons"`.

    Raises:
        InputError: there is no such model.
    """
    file = system_file(name, data)
    if not file.exists():
        there = ", ".join(sorted(path.stem for path in file.parent.glob("*.safetensors"))) or "none"
        raise InputError(f"there is no trained {name!r} of {data!r}: choose of {there}")
    return load_model(file, device="cpu", precision="float32")


def system_file(name: str, data: str) -> Path:
    """Where it lies."""
    return folder() / SYSTEMS / f"{name}_{data}.safetensors"


def clip_budget() -> pd.DataFrame:
    """What the same seconds buy with ever more clips to learn from, measured once by `data/clip_budget.py`.

    Columns: `learner` (mocogan, ours; real: unseen clips), `clips` learned from, `measure`, `value`, and the processor
    `seconds` of the training. Errors of `read_results`.
    """
    return read_results(folder() / CLIP_BUDGET)


def many_rows() -> pd.DataFrame:
    """The bundled rows of tables 1 and 2, as `hpvae_nb.studies.many_tables` describes them; errors of `read_results`.

    Without any, where the file is not there yet.
    """
    file = folder() / MANY
    return read_results(file) if file.exists() else pd.DataFrame(columns=["system", "data"])


def named(rows: pd.DataFrame, study: Study = CLIPS) -> pd.DataFrame:
    """The rows as they are, if each says which of the study's points it is of: none is taken for another by mistake.

    Raises:
        InputError: a row without a name, or with another.
    """
    strange = rows[~rows["point"].isin(study.points)] if "point" in rows else rows
    if len(strange):
        row = strange.iloc[0]
        what = f"{row['trial']} is of the point {row.get('point')!r}, but points are {', '.join(study.points)}"
        home = f"data/evidence/{study.spec}, and a new name in hpvae_nb/studies/evidence.py"
        raise InputError(f"{what}: name it in {home}")
    return rows


def values(rows: pd.DataFrame, clip: str, point: str, metric: str) -> pd.Series:
    """A metric of one point on one clip, for each seed in order; the seeds are the index.

    Raises:
        InputError: there is no such row.
    """
    chosen = rows[(rows["clip"] == clip) & (rows["point"] == point)]
    if chosen.empty:
        known = ", ".join(rows["point"].unique())
        raise InputError(f"there is no row of {point!r} on {clip!r}: points are {known}")
    return chosen.set_index("seed")[metric].sort_index()


def changes(rows: pd.DataFrame, clip: str, point: str, metric: str, base: str = WHOLE) -> pd.Series:
    """The change of a metric from one point to another in percent, for each seed that both have; errors of `values`."""
    return 100 * (values(rows, clip, point, metric) / values(rows, clip, base, metric) - 1).dropna()


def clips(rows: pd.DataFrame, points: Sequence[str] = ()) -> list[str]:
    """The clips that the rows are about, in their order; where points are given, those that have rows of all."""
    found = rows["clip"].unique().tolist()
    return [clip for clip in found if not points or set(points) <= set(rows["point"][rows["clip"] == clip])]


def sample_file(clip: str, point: str, study: Study = CLIPS, budget: int | None = None) -> Path:
    """The file with four samples of a point's first seed, two above two; without a budget of those that have none."""
    name = f"{clip}_{point.replace(' = ', '').replace(' ', '_').lower()}"
    return folder() / "samples" / f"{name}{'' if budget is None else f'_{budget}'}{study.samples}"


def sample_files(clip: str, point: str, study: Study = CLIPS) -> list[Path]:
    """All that there are of a point, the largest budget's last."""
    alone = sample_file(clip, point, study)
    several = alone.parent.glob(f"{alone.stem}_*{study.samples}")
    of_budgets = {
        int(number): file for file in several if (number := file.stem.removeprefix(f"{alone.stem}_")).isdigit()
    }
    return [alone] * alone.exists() + [of_budgets[budget] for budget in sorted(of_budgets)]


def grid(samples: Tensor) -> Tensor:
    """Four samples `4 c t h w` (images `4 c h w`) as one, enlarged: what a sample file holds."""
    beside = rearrange(samples, "(a b) c ... h w -> c ... (a h) (b w)", a=GRID[0])
    return beside.repeat_interleave(ENLARGED, -1).repeat_interleave(ENLARGED, -2)


def samples(clip: str, point: str, study: Study = CLIPS) -> Tensor:
    """Four samples of a point's first seed at its largest budget: `4 3 t h w` (images `4 3 h w`) in [-1, 1].

    They come from a video file, or from one of pictures that keeps as little, so that numbers measured on them differ a
    little from those in the rows.

    Raises:
        InputError: there are none.
    """
    files = sample_files(clip, point, study)
    if not files:
        raise InputError(f"there are no samples of {point!r} on {clip!r} in {folder() / 'samples'}")
    file = files[-1]
    whole = load_image(file).video if study is IMAGES else load_clip(file, frames=None).video
    a, b = GRID
    return reduce(whole, "c ... (a h k) (b w l) -> (a b) c ... h w", "mean", a=a, b=b, k=ENLARGED, l=ENLARGED)


def compare(again: pd.DataFrame, bundled: pd.DataFrame) -> pd.DataFrame:
    """Every metric of every row in `again`, which has a row of the same trial in `bundled`.

    The same processor and PyTorch give the same numbers, to one percent. Others round differently, and a training that
    rounds differently ends elsewhere, as with another seed: there a number may lie where a further seed's would, with
    95 % confidence (Student's prediction interval from the bundled seeds).

    Returns:
        A row for each number: its `point` and `metric`; the `bundled` number, and the one that came `again`; from where
        to where it may lie (`low`, `high`), and whether it lies `within`.

    Raises:
        InputError: a row that failed, or that has no bundled counterpart.
    """
    known = bundled.set_index("trial")
    found = []
    for row in again.to_dict("records"):
        if isinstance(row["error"], str):
            raise InputError(f"{row['trial']} failed: {row['error']}")
        if row["trial"] not in known.index:
            raise InputError(f"{row['trial']} is not among the bundled rows: run trials of their specification")
        old = known.loc[row["trial"]]
        alike = all(row[name] == old[name] for name in ("device", "torch", "precision"))
        for metric in old["metrics"]:
            if pd.isna(old[metric]):
                continue
            if alike:
                low, high = (old[metric] + side * SAME * abs(old[metric]) for side in (-1, 1))
            else:
                further = prediction(values(bundled, old["clip"], old["point"], metric))
                low, high = further.low, further.high
            number = row.get(metric, math.nan)
            found.append((old["point"], metric, old[metric], number, low, high, low <= number <= high))
    return pd.DataFrame(found, columns=["point", "metric", "bundled", "again", "low", "high", "within"])


def reproduced(comparisons: pd.DataFrame) -> bool:
    """Whether enough of the numbers came back."""
    return len(comparisons) > 0 and bool((~comparisons["within"].astype(bool)).mean() <= MAY_MISS)
