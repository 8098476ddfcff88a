"""Tables 1 and 2, run: a system that learns many clips, its samples, and our models of the clips nearest to them.

Everything goes on where it was interrupted. A folder serves one data set: systems share the models of ours in it.
"""

import json
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hpvae_nb.baselines import make_system
from hpvae_nb.baselines.many import ManyClips
from hpvae_nb.errors import InputError, TrainingError, keep_whole
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_folders import write_set
from hpvae_nb.io.clip_sets import ClipSet, as_pixels
from hpvae_nb.model import Model, load_model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset
from hpvae_nb.rendered.sets import load_set
from hpvae_nb.studies import many_tables
from hpvae_nb.studies.protocol import neighbours, resized
from hpvae_nb.studies.sweeps import Trial, run_sweep
from hpvae_nb.studies.sweeps.results import read_results, trial_folder, write_results
from hpvae_nb.training.events import Event, follow, train

SETS = 3  # of samples on each side, for the interval of a FID
OURS = "laptop-32"
CLAIM = "comparison.json"
Watch = Callable[[Generator[Event, None, Model]], Model]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        system: a name in `hpvae_nb.baselines.SYSTEMS`.
        data: what both learn from: as `load_set` takes it, a name or a folder in UCF-101's layout.
        samples: of the system, at least 2; 50 in the paper. Each gets a neighbour, and a clip of ours.
        seed: of trainings and samples.
        theirs: the system's recipe (`recipe`), which says the clips' size and length; its small one if not given.
        ours: the recipe of our models.
        count: training clips, of a folder taken evenly; all if not given.
        device, precision, threads: as `train` takes them. Our models take one thread each.

    Raises:
        InputError: on construction, for an unknown system or a value out of range.
    """

    system: str
    data: str
    samples: int = 50
    seed: int = 0
    theirs: Config | None = None
    ours: Config = field(default_factory=lambda: preset(OURS))
    count: int | None = None
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        make_system(self.system)
        keep_whole(self, "samples", 2)
        keep_whole(self, "seed", 0)

    @property
    def recipe(self) -> Config:
        """The system's."""
        return self.theirs or make_system(self.system)[1]

    @property
    def method(self) -> ManyClips:
        """The system, with its small variant's settings where its recipe is made of the small one."""
        method, usual = make_system(self.system)
        return method if self.recipe.preset == usual.preset else make_system(self.system, full=True)[0]

    @property
    def name(self) -> str:
        """Of the data, for tables: a folder's own name."""
        return Path(self.data).resolve().name

    @property
    def options(self) -> dict[str, Any]:
        """What all trainings share."""
        return {"seed": self.seed, "device": self.device, "precision": self.precision}

    def load(self, split: str) -> ClipSet:
        """The clips to learn from (`"train"`) or to be held against (`"test"`); errors of `load_set`."""
        size, frames = self.recipe.fine_size, self.recipe.frames
        count = self.count if split == "train" else None
        return load_set(self.data, split, size=size, frames=frames, count=count)


@dataclass(frozen=True)
class Made:
    """What there is to be measured, all `3 t h w` in [-1, 1].

    Attributes:
        train, test: the real clips.
        pairs: of each sample the two nearest training clips, by index; those of the first of `theirs`.
        theirs: sets of the system's samples, each of another seed.
        ours: as many sets, of our models of the first neighbours, in the order of the samples.
        one: as many sets, each of our model of one neighbour alone.
        seconds: processor seconds of the system's training, and of all of ours together.
    """

    train: ClipSet
    test: ClipSet
    pairs: list[tuple[int, int]]
    theirs: list[Tensor]
    ours: list[Tensor]
    one: list[Tensor]
    seconds: tuple[float, float]


def compare(
    what: Comparison,
    out: str | Path,
    *,
    weights: str | Path | None = None,
    serial: bool = False,
    watch: Watch = lambda events: follow(events, lambda event: None),
    say: Say = lambda line: None,
) -> pd.DataFrame:
    """Train, sample, find neighbours, train on each of them, measure: the rows of tables 1 and 2.

    Source: section 4.1, tables 1 and 2, appendices A.2 and A.3. Called again it goes on; what is measured stays.

    Args:
        out: folder of this data set, for all systems, one after another: `SYSTEM/` of each, `clips/` with the
            neighbours, and `ours/`, a sweep's folder with our models of them.
        weights: folder with weights of networks to measure with, as in `many_tables.extractors`.
        serial: our models one after another, without Ray.
        watch: goes through the events of the system's training to its model, such as with a progress bar.
        say: is told what comes next.

    Returns:
        The rows as `many_tables` describes them, also in `OUT/SYSTEM/tables.parquet`.

    Raises:
        InputError: values or a folder that don't fit, or another comparison in `out`.
        TrainingError: a training of ours failed.
        ImportError: an optional package is missing.
    """
    out = Path(out)
    home = out / what.system
    extractors = many_tables.extractors(weights)
    clips, test = what.load("train"), what.load("test")
    claim = _claim(home, what, clips)
    file = home / "tables.parquet"
    rows = read_results(file) if file.exists() else pd.DataFrame({"extractor": []})
    known = set(rows["extractor"])
    mosaic = many_tables.mosaic(clips)
    wanted = [each for each in extractors if many_tables.name_of(each) not in known]
    if not wanted:
        return rows
    say(f"{what.system} learns {len(clips)} clips of {what.name}, in {home / 'run'}")
    run: dict[str, Any] = {"out": home / "run", "resume": True, "threads": what.threads}
    events = train(clips, what.recipe, method=what.method, **run, **what.options)
    checkpoint.write_bytes(home / CLAIM, claim)  # now that nothing was refused
    made = _make(what, out, clips, test, watch(events), serial, say)
    _keep(home / "clips.safetensors", made)
    for extractor in wanted:
        say(f"measuring {2 * SETS * what.samples} clips and more with {many_tables.name_of(extractor)}")
        found = many_tables.measure(made, extractor, mosaic).assign(system=what.system, data=what.name, seed=what.seed)
        rows = pd.concat([rows, found], ignore_index=True) if len(rows) else found
        write_results(home, rows, file.name)
    return rows


def _claim(home: Path, what: Comparison, clips: ClipSet) -> bytes:
    """What a system's folder is a comparison of, to be written into it; other rows than its own don't mix with them."""
    is_of = {"samples": what.samples, "seed": what.seed, "clips": clips.identity(), "settings": what.method.settings}
    is_of |= {"theirs": what.recipe.to_dict(), "ours": what.ours.to_dict()}
    is_of, file = json.loads(json.dumps(is_of)), home / CLAIM
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        if other := [name for name in is_of if found.get(name) != is_of[name]]:
            raise InputError(f"{home} holds a comparison with other {', '.join(other)}: choose another folder")
    elif set(checkpoint.contents(home)) - {home / "run"}:
        raise InputError(f"{home} is not empty and holds no comparison: choose another folder")
    return json.dumps(is_of, indent=1).encode()


def _make(what: Comparison, out: Path, clips: ClipSet, test: ClipSet, system: Model, serial: bool, say: Say) -> Made:
    theirs = [system.sample(what.samples, seed=what.seed + number) for number in range(SETS)]
    pairs = neighbours(theirs[0], (clips[i][0] for i in range(len(clips))), clips.names, where=what.name)
    uses = Counter(first for first, _ in pairs)  # in the order in which they come
    say(f"{what.samples} samples have {len(uses)} different first neighbours; ours learns each, in {out / 'ours'}")
    models = _models(what, out, clips.take(list(uses)), serial)
    ours, one = [], []
    for number in range(SETS):
        seed = what.seed + number
        fresh = {first: iter(models[i].sample(uses[first], seed=seed)) for i, first in enumerate(uses)}
        ours.append(torch.stack([resized(next(fresh[first]), clips.shape) for first, _ in pairs]))
        alone = models[number % len(models)].sample(what.samples, seed=seed)
        one.append(torch.stack([resized(clip, clips.shape) for clip in alone]))
    spent = [sum(model.facts.get("processor_seconds", 0.0) for model in group) for group in ([system], models)]
    return Made(clips, test, pairs, theirs, ours, one, (spent[0], spent[1]))


def _models(what: Comparison, out: Path, clips: ClipSet, serial: bool) -> list[Model]:
    """Our model of each clip. What it is measured by here is of no use but to the sweep: a cheap one will do."""
    files = write_set(clips, out / "clips")
    common: dict[str, Any] = {"config": what.ours, "samples": 2, "metrics": ("diversity",), **what.options}
    common["frames"] = clips.shape[0]
    trials = [Trial(clip=str(file), **common) for file in files]
    rows = run_sweep(trials, out / "ours", serial=serial)
    failed = rows[rows["trial"].isin([trial.name for trial in trials]) & rows["error"].notna()].to_dict("records")
    if failed:
        what_went_wrong = f"{failed[0]['trial']}: {failed[0]['error']}"
        raise TrainingError(f"{len(failed)} of {len(trials)} trainings of ours failed ({what_went_wrong}): try again")
    return [load_model(trial_folder(out / "ours", trial) / "run", device="cpu") for trial in trials]


def _keep(file: Path, made: Made) -> None:
    """The clips of table 1, to be looked at."""
    firsts = [first for first, _ in made.pairs]
    tensors = {"theirs": as_pixels(made.theirs[0]), "first": made.train.pixels[firsts], "ours": as_pixels(made.ours[0])}
    checkpoint.write(file, "clips", tensors, {"fps": made.train.fps})
