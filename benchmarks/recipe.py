"""What each change of the training recipe is worth, at equal processor seconds: docs/recipe.md.

    python benchmarks/recipe.py measure --clip koi          # all recipes and seeds: some two hours of one processor
    python benchmarks/recipe.py measure --clip pedestrians  # beside it, in another process
    python benchmarks/recipe.py page

A second run goes on where the first was stopped. Trainings keep to one thread, so that the row of one does not depend
on what runs on the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core.blocks import SampleNorm
from hpvae_nb.core.resampling import upsample
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.metrics import METRICS, Metric
from hpvae_nb.metrics.diversity import lightness
from hpvae_nb.metrics.table import by_name
from hpvae_nb.model import Model
from hpvae_nb.recipe.presets import preset
from hpvae_nb.studies import sweeps
from hpvae_nb.studies.intervals import mean_change
from hpvae_nb.studies.sweeps.results import collect, read_results, trial_folder, write_results
from hpvae_nb.studies.tables import markdown
from hpvae_nb.training import windows
from hpvae_nb.training.trainer import Trainer

PAGE = Path(__file__).parent.parent / "docs" / "recipe.md"
ROWS = PAGE.with_suffix("")
CLIPS = ("koi", "pedestrians")
SEEDS = (0, 1, 2)
SAMPLES = 16
FEW = 3  # pairs; with fewer, an interval says nothing
BORDER = 4  # px
WINDOW = 8_000  # voxels, of which the normalisation is tried
WHOLE_SHARE = 0.1  # of a scale's steps, the last
STATISTICS_EVERY = 5  # steps
AVERAGED = 0.97  # of the averaged weights kept in a step: an average over some thirty steps


# What no setting does, tried here


@contextmanager
def longer_vae_scales() -> Iterator[None]:
    """Three steps at VAE scales for one at GAN scales."""
    given = Trainer._vae_step

    def several(self: Any) -> dict[str, float]:
        return [given(self) for _ in range(3)][-1]

    with mock.patch.object(Trainer, "_vae_step", several):
        yield


@contextmanager
def whole_at_the_end() -> Iterator[None]:
    """The last tenth of each scale's steps sees whole clips."""
    given = Trainer._windows

    def windows_or_whole(self: Any, window: Any) -> Any:
        end = self.iteration >= (1 - WHOLE_SHARE) * self.config.iterations
        return given(self, self.shapes[self.scale] if end else window)

    with mock.patch.object(Trainer, "_windows", windows_or_whole):
        yield


@contextmanager
def frame_statistics() -> Iterator[None]:
    """In windows, G normalises by statistics of a whole clip, taken anew every few steps."""
    given, forward = Trainer._windows, SampleNorm.forward
    state = {"collect": False, "use": False}

    def normalise(self: Any, x: Tensor) -> Tensor:
        if state["collect"]:
            var, mean = torch.var_mean(x.float(), (0, *range(2, x.ndim)), correction=0)
            self.frame = mean, var
        if state["use"] and x.requires_grad:  # what is frozen below keeps to its own
            return F.batch_norm(x, *self.frame, self.weight, self.bias, False, 0.0, self.eps)
        return forward(self, x)

    def of_frames(self: Any, window: Any) -> Any:
        if self.iteration % STATISTICS_EVERY == 0:
            entry = self.pool.random[int(torch.randint(self.pool.size, (), generator=self.generator))]
            noise = torch.randn(entry.shape, generator=self.generator)
            state["collect"] = True
            with torch.no_grad():
                self.network.refine_up(self.scale, entry, self.network.amplitudes[self.scale] * noise)
            state["collect"] = False
        state["use"] = True
        made = given(self, window)
        state["use"] = False
        return made

    with mock.patch.object(Trainer, "_windows", of_frames), mock.patch.object(SampleNorm, "forward", normalise):
        yield


# What is tried


HEAD = """# What a change of the recipe is worth

The preset `laptop`, 64 pixels, changed in one thing or a few, and given as many iterations as take about as long:
some 80 to 100 processor seconds; and the preset `laptop-128`, some 150. Changes are paired by clip and seed; the
interval is Student's, at 95 %, of logarithms of ratios, and a bold one lies wholly on one side of 0. An arrow says
which way is better; without one, neither is by itself. *Border* is how much more samples vary in their outermost 4
pixels than inside, over that of the clip; *window gap* is how far G's output in a window is from its output there in
the whole clip, in root mean squares. Written by `python benchmarks/recipe.py page`."""

READING = """## What follows

**At 64 pixels windows and a pool do not pay.** With them nothing is surely nearer to the clip than *before*, and most
differences are smaller than those between seeds. A whole clip is small there: a window of 8000 voxels saves less than
half of a step, and its normalisation and its borders cost something. So `laptop` keeps whole clips and constant
rates.

**Averaged weights** are the one change that is surely better: than *new* by SVFID and NNFDIST, than *before* by
NNFDIST. At a scale's end G^n gets a running mean of its weights over some thirty steps, in place of rates that fall.
That is no setting yet: the models that come with the package were trained before it was known.

**At 128 pixels** a window saves two thirds of a step. One seed a clip decides nothing by numbers, although *new* had
three quarters of the seconds of *before*; by eye its ground is cleaner and its shapes are whole. So `laptop-128` and
`laptop-256` have windows, a pool and falling rates.

**Borders.** With windows, G learns that zeros may lie beside anything, and draws rows of things along the borders of
a picture. Padding by the outermost sites ends that: samples are surely more diverse and more novel, and surely less
near to the clip. By eye it is right for the pond, whose fish then lie anywhere and swim out of the picture, and wrong
for the walkers, who are cut in two by the upper and lower border, which is what the column *border* shows. So
`padding` is a setting: zeros in every preset, `replicate` in `make demo` and in the models of koi and balloons.

**Normalisation.** What G makes of a window is far from what it makes of the same place in the whole clip, since
statistics differ: see *window gap*. Training with windows alone, or with the cosine, surely makes that less.
Statistics of whole clips, kept for a few steps (*frame*), came out worse on both clips, whole clips at the end of
each scale (*end*) no better where they were tried.

**Diversity** is surely touched neither by windows nor by the pool; the richest of several windows raises it, and so
does the padding.

**Not taken up**: a rarer penalty and the richest of several windows, which are surely worse by SVFID; smaller and
larger windows; after one training a clip, more steps at VAE scales and M = 2. The last scales trained together were
not tried, since a pool keeps what frozen scales make; nor were several optimiser steps a gradient.

Trainings ran beside others on a shared machine, and seconds vary with what those did. Iterations were fixed beforehand:
*before* and *rates* came to have more seconds than the others, and so if anything too many iterations."""


@dataclass(frozen=True)
class Variant:
    """A recipe: a preset changed, with as many iterations as take about as long as the others of that preset do."""

    says: str
    iterations: int
    changes: dict[str, Any] = field(default_factory=dict)
    patch: Callable[[], AbstractContextManager[None]] = nullcontext
    preset: str = "laptop"


BEFORE = {"window": None, "pool": None, "lr": 5e-4, "critic_lr": None, "cosine": False}
FALLING = {"lr": 8e-4, "critic_lr": 5e-4, "cosine": True}
RATES = {**BEFORE, **FALLING}
POOL = {**BEFORE, "pool": 24}
WINDOWS = {**POOL, "window": WINDOW}
COSINE = {**WINDOWS, "cosine": True}
NEW = {**WINDOWS, **FALLING}

VARIANTS = {
    "before": Variant("whole clips, all drawn anew, constant rates", 125, BEFORE),
    "rates": Variant("before, with the rates of new", 125, RATES),
    "pool": Variant("before, with a pool of 24", 118, POOL),
    "windows": Variant(f"pool, with windows of {WINDOW} voxels", 200, WINDOWS),
    "cosine": Variant("windows, with rates that fall along a cosine", 200, COSINE),
    "new": Variant("cosine, with rates of 8e-4 for G and 5e-4 for D", 200, NEW),
    "whole": Variant("new, with whole clips", 118, {**NEW, "window": None}),
    "small": Variant("new, with windows of 4000 voxels", 285, {**NEW, "window": 4_000}),
    "large": Variant("new, with windows of 12000 voxels", 162, {**NEW, "window": 12_000}),
    "penalty": Variant("new, with a penalty at every 4th step", 245, {**NEW, "penalty_every": 4}),
    "choices": Variant("new, with the richest of 4 windows", 189, {**NEW, "window_choices": 4}),
    "averaged": Variant(
        "new, with averaged weights, without the cosine", 198, {**NEW, "cosine": False, "average": AVERAGED}
    ),
    "vae": Variant("new, with three times as many steps at VAE scales", 154, NEW, longer_vae_scales),
    "two": Variant("new, with M = 2", 195, {**NEW, "vae_levels": 2}),
    "end": Variant("new, with whole clips in the last tenth of the steps", 187, NEW, whole_at_the_end),
    "frame": Variant("new, normalised by statistics of whole clips", 190, NEW, frame_statistics),
    "borders": Variant("new, padded by the outermost sites, not zeros", 138, {**NEW, "padding": "replicate"}),
    "before 128": Variant("at 128 pixels, as before", 76, BEFORE, preset="laptop-128"),
    "new 128": Variant("at 128 pixels, the preset: new, with windows of 12000 voxels", 218, preset="laptop-128"),
    "borders 128": Variant("the same, as borders", 151, {"padding": "replicate"}, preset="laptop-128"),
}
BASES = {"before": "laptop", "new": "laptop", "before 128": "laptop-128"}


# Measures of this page alone


def border(samples: Tensor, real: Tensor, model: Model) -> float:
    """How much more samples vary in the outermost pixels than inside, over that of the clip; 1 is like the clip."""

    def ratio(video: Tensor) -> float:
        light = lightness(video)
        inside = np.zeros(light.shape[-2:], bool)
        inside[BORDER:-BORDER, BORDER:-BORDER] = True
        return float(light[..., ~inside].std() / light[..., inside].std())

    return sum(map(ratio, samples)) / len(samples) / ratio(real)


def window_gap(samples: Tensor, real: Tensor, model: Model) -> float:
    """RMS by which G^N's output in a window differs from its output there in the whole clip, over that of the latter.

    Where no padding reaches, the only difference is whose statistics normalise.
    """
    config, scale, shape = model.config.replace(window=WINDOW), model.config.scales - 1, model.shapes[-1]
    reach = 1 + config.generator_layers
    window, network = windows.window_shape(config, shape), model.network
    generator = torch.Generator().manual_seed(0)
    found = []
    with torch.no_grad():
        for sample in samples[:8]:
            given = upsample(upsample(sample[None], model.shapes[-2]), shape)
            whole = network.refine_up(scale, given, None) - given
            where = windows.place(shape, window, generator)
            at = (slice(None), slice(None), *where)
            part = network.refine_up(scale, given[at], None) - given[at]
            inner = (..., slice(reach, -reach), slice(reach, -reach))
            found.append(((part - whole[at])[inner].square().mean() / whole[at][inner].square().mean()).sqrt().item())
    return sum(found) / len(found)


OWN_METRICS = by_name(
    Metric("border", "border", "of the clip's", 0, border),
    Metric("window_gap", "window gap", "of the whole clip's", -1, window_gap),
)
_OF_ALL = ("svfid_efficientnet", "nnfdist", "survival", "diversity", "novelty", "reconstruction_error")
MEASURED = {name: METRICS[name] for name in _OF_ALL} | OWN_METRICS
TITLES = {name: f"{metric.title}{metric.arrow}" for name, metric in MEASURED.items()}
SLOW = ("nnfdist", "novelty")  # with four times the patches of 64 pixels


def measure(clip: str, out: Path, seeds: Sequence[int], names: Sequence[str], iterations: int | None) -> None:
    """Train and measure what has no row yet."""
    METRICS.update(OWN_METRICS)
    for seed in seeds:
        for name in names:
            variant = VARIANTS[name]
            config = preset(variant.preset, iterations=iterations or variant.iterations, **variant.changes)
            asked = tuple(name for name in MEASURED if variant.preset == "laptop" or name not in SLOW)
            trial = sweeps.Trial(clip=clip, config=config, seed=seed, samples=SAMPLES, metrics=asked, device="cpu")
            with variant.patch():
                row = sweeps.run_trial(trial, trial_folder(out / name, trial))
            ended = row["error"] or row["unmeasured"] or f"{row['processor_seconds']:.0f} s"
            print(f"{clip} seed {seed} {name}: {ended}", flush=True)


def rows_of(out: Path) -> pd.DataFrame:
    found = {name: collect(out / name) for name in VARIANTS}
    measured = {name: rows for name, rows in found.items() if len(rows)}  # empty ones make floats of counts
    rows = pd.concat(measured, names=["variant"]).reset_index("variant")
    return rows[rows["error"].isna()]


# The page


def page(rows: pd.DataFrame) -> str:
    """What was tried, and the tables, in Markdown."""
    machines = sorted(set(rows["device"] + ", " + rows["precision"] + ", PyTorch " + rows["torch"]))
    where = f"Clips {', '.join(CLIPS)}; {SAMPLES} samples each; {'; '.join(machines)}."
    names = [name for name in VARIANTS if name in set(rows["variant"])]
    tried = pd.DataFrame([(name, VARIANTS[name].says) for name in names], columns=["recipe", "what it is"])
    parts = [f"{HEAD}\n\n{where}", markdown(tried)]
    for base, of_preset in BASES.items():
        others = [name for name in names if name != base and VARIANTS[name].preset == of_preset]
        if others:
            parts.append(f"## Change from *{base}*, in percent\n\n{changes(rows, base, others)}")
    parts += [f"## Means over the seeds\n\n{means(rows, names)}", READING]
    return "\n\n".join(parts) + "\n"


def changes(rows: pd.DataFrame, base: str, others: Sequence[str]) -> str:
    """Mean change from one recipe over clips and seeds, and its 95 % interval, of logarithms of ratios."""
    by_pair = rows.set_index(["variant", "clip", "seed"])[list(MEASURED)]
    lines = []
    for name in others:
        found, usual = by_pair.loc[name].align(by_pair.loc[base], join="inner")
        cells = {TITLES[metric]: change(found[metric], usual[metric]) for metric in MEASURED}
        lines.append({"recipe": name, "pairs": len(found), **cells})
    return markdown(pd.DataFrame(lines))


def change(found: Sequence[float] | pd.Series, usual: Sequence[float] | pd.Series) -> str:
    """From the usual values to those that were found instead, each beside its own."""
    a, b = np.array(found), np.array(usual)
    if np.isnan([a, b]).any():
        return ""
    if min(a.min(), b.min()) <= 0:
        return "from or to 0"
    mean = mean_change(100 * (a / b - 1))
    if len(a) < FEW:
        return f"{mean.mean:+.0f}"
    return f"**{mean:+.0f}**" if mean.low * mean.high > 0 else f"{mean:+.0f}"


def means(rows: pd.DataFrame, names: Sequence[str]) -> str:
    groups = rows.groupby(["clip", "variant"])
    found = groups[list(MEASURED)].mean().map(lambda mean: "" if np.isnan(mean) else f"{mean:.3g}")
    found.insert(0, "seeds", groups.size())
    found.insert(1, "iterations", groups["iterations"].first())
    found.insert(2, "processor s", groups["processor_seconds"].mean().map("{:.0f}".format))
    shown = found.reindex([(clip, name) for clip in CLIPS for name in names if (clip, name) in found.index])
    return markdown(shown.reset_index(names=["clip", "recipe"]).rename(columns=TITLES))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("measure", "page"):
        command = commands.add_parser(name)
        command.add_argument("--out", type=Path, default=Path("runs/recipe"), help="folder of the trainings")
        if name == "measure":
            command.add_argument("--clip", choices=CLIPS, required=True)
            command.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
            command.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
            command.add_argument("--iterations", type=int, help="for a quick look: in place of each recipe's own")
    wanted = parser.parse_args()
    if wanted.command == "measure":
        measure(wanted.clip, wanted.out, wanted.seeds, wanted.variants, wanted.iterations)
    else:
        ROWS.mkdir(exist_ok=True)
        write_results(ROWS, rows_of(wanted.out))
        write_bytes(PAGE, page(read_results(ROWS)).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
