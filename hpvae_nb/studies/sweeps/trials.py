"""A sweep's specification, and the trials it stands for."""

import dataclasses
import difflib
import hashlib
import inspect
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hpvae_nb.baselines import make_method
from hpvae_nb.errors import InputError, keep_whole
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.images import load_still
from hpvae_nb.machine import PRECISIONS
from hpvae_nb.metrics import METRICS, applicable
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset

_DEFAULTS = Config().to_dict()
_ARGUMENTS = [name for name in inspect.signature(Model.sample).parameters if name not in ("self", "n", "seed")]
_APART = ("samples", "metrics", "ways", "point", "budget")  # of one training there may be several
_LABEL = 80  # characters of a folder's name; what does not fit is in the digest behind it


@dataclass(frozen=True)
class Trial:
    """One training, and how it is measured.

    Attributes:
        clip: a bundled clip's name, a video file, or a folder of numbered images. Where `config.dims` is 2, a picture
            or a folder of different ones.
        config: the recipe.
        method: a name in `hpvae_nb.baselines.METHODS`.
        seed: of training and sampling.
        samples: how many clips are made to be measured, at least 2; 50 in the paper.
        metrics: names in `hpvae_nb.metrics.METRICS`, of those that are of clips, or of images; all of them if none is
            given.
        settings: of the method's own, as pairs; in a specification a mapping, such as `{stages: 2}`.
        frames, start, fps: the stretch of the clip, as `load_clip` takes them.
        device, precision: as `train` takes them.
        ways: other ways to sample the trained model, each as pairs of arguments of `Model.sample`, measured by the same
            metrics; in a specification a list of mappings, such as `[{pull: 0.5}, {noise: 2}]`.
        point, budget: what a study calls it, such as "no freezing", and the budget that the study counts it to, in
            steps a scale; names of trials and folders depend on neither.

    Raises:
        InputError: on construction, for an unknown method or metric, or a value out of range.
    """

    clip: str
    config: Config
    method: str = "hpvae"
    seed: int = 0
    samples: int = 50
    metrics: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    frames: int | None = 13
    start: int = 0
    fps: float | None = None
    device: str = "auto"
    precision: str = "auto"
    ways: tuple[tuple[tuple[str, Any], ...], ...] = ()
    point: str | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        make_method(self.method, dict(self.settings))
        known = applicable(self.config.dims)
        for name in self.metrics:
            if name not in METRICS:
                raise InputError(f"there is no metric {name!r}; there are {', '.join(known)}")
            if name not in known:
                images = "images (dims: 2)" if self.config.dims == 2 else "clips (dims: 3)"
                raise InputError(f"{name} is not measured of {images}; there are {', '.join(known)}")
        if not self.metrics:
            object.__setattr__(self, "metrics", known)
        keep_whole(self, "seed", 0)
        keep_whole(self, "samples", 2)
        for name in (name for way in self.ways for name, _ in way):
            if name not in _ARGUMENTS:
                raise InputError(f"there is no way to sample by {name!r}; there are {', '.join(_ARGUMENTS)}")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}, but must be one of {', '.join(PRECISIONS)}")

    def load(self) -> Clip:
        """The clip, or the picture or pictures, with the errors of `load_clip` and `load_still`."""
        if self.config.dims == 2:
            return load_still(self.clip)
        return load_clip(self.clip, frames=self.frames, start=self.start, fps=self.fps)

    @property
    def changes(self) -> dict[str, Any]:
        """The settings in which its recipe differs from the preset of that name."""
        usual = preset(self.config.preset).to_dict()
        return {name: value for name, value in self.config.to_dict().items() if value != usual[name]}

    @property
    def name(self) -> str:
        """For people and for folders: what was varied, then a digest of all that decides how the training goes."""
        parts = [Path(self.clip).stem, self.method, self.config.preset]
        varied = [*self.settings, *self.changes.items(), ("seed", self.seed)]
        parts += [f"{name}={value}" for name, value in varied]
        identity = {k: v for k, v in dataclasses.asdict(self).items() if k not in _APART}
        # Settings at their defaults are left out, so that results keep their names when there is a new setting.
        identity["config"] = {k: v for k, v in self.config.to_dict().items() if v != _DEFAULTS[k]}
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]
        return f"{re.sub(r'[^a-zA-Z0-9_.=-]+', '-', '_'.join(parts))[:_LABEL]}_{digest}"


_OWN = [field.name for field in dataclasses.fields(Trial) if field.name != "config"]
_SETTINGS = [field.name for field in dataclasses.fields(Config)]


def read_spec(path: str | Path) -> list[Trial]:
    """The trials of a YAML file, as `expand` reads them.

    Raises:
        InputError: the file cannot be read, is no YAML, or `expand` refuses it.
    """
    try:
        spec = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    try:
        return expand(spec)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def expand(spec: Mapping[str, Any]) -> list[Trial]:
    """All trials of a specification, each once, in its order.

    Keys are fields of `Trial` and of `Config`, and `preset` (`"laptop"` if not given). A value in a list is varied, and
    lists are crossed with each other; a setting that is a list itself goes into a list (`sampling_rates: [[2, 1]]`).
    `runs` is a list of such mappings, each of which is crossed by itself with what stands outside, and may have `runs`
    of its own; `metrics` and `ways` are lists that are not crossed. With `dims: 2`, or a preset for images, `clip`
    names pictures.

    Raises:
        InputError: for an unknown key, a value out of range, or one training with two points' names, before anything
            is run.
    """
    if not isinstance(spec, Mapping):
        raise InputError(f"a specification is a mapping such as {{clip: [pedestrians], seed: [0, 1]}}, not {spec!r}")
    trials = list(dict.fromkeys(trial for grid in _grids(spec) for trial in _grid(grid)))
    points: dict[str, str | None] = {}
    for trial in trials:
        if points.setdefault(trial.name, trial.point) != trial.point:
            raise InputError(f"{points[trial.name]!r} and {trial.point!r} are one training, {trial.name}: change one")
    return trials


def _grids(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each mapping of `runs` together with what stands outside of it."""
    shared = dict(spec)
    grids = shared.pop("runs", None)
    if grids is None:
        yield shared
        return
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, Mapping) for grid in grids):
        raise InputError(f"runs is {grids!r}, but must be a list of mappings such as {{vae_levels: [1, 3]}}")
    for grid in grids:
        yield from _grids({**shared, **grid})


def select(trials: list[Trial], wanted: Mapping[str, Any]) -> list[Trial]:
    """Those with the wanted values, such as `{"clip": "bunny", "seed": 0}`, of any key of a specification.

    Raises:
        InputError: for an unknown key, or when none is left.
    """
    values = {key: _plain(value) for key, value in wanted.items()}
    for key in values:
        _known(key)

    def fits(trial: Trial) -> bool:
        return all(getattr(trial if k in _OWN else trial.config, k) == value for k, value in values.items())

    chosen = list(filter(fits, trials))
    if not chosen:
        said = ", ".join(f"{key}={value}" for key, value in wanted.items())
        raise InputError(f"none of the {len(trials)} trials has {said}: ask for values that stand in the specification")
    return chosen


def _known(key: str) -> None:
    if key not in _OWN and key not in _SETTINGS:
        near = difflib.get_close_matches(str(key), ["runs", *_OWN, *_SETTINGS], n=1, cutoff=0.0)[0]
        raise InputError(f"there is no key {key!r} in a specification; the nearest is {near!r}")


def _grid(grid: dict[str, Any]) -> list[Trial]:
    for key in grid:
        _known(key)
    if "clip" not in grid:
        raise InputError("the specification names no clip: add such as clip: [pedestrians, bunny]")
    whole: dict[str, Any] = {name: tuple(map(_plain, grid.pop(name))) for name in ("metrics", "ways") if name in grid}
    axes = {key: value if isinstance(value, list) else [value] for key, value in grid.items()}
    trials = []
    for values in itertools.product(*axes.values()):
        chosen = {key: _plain(value) for key, value in zip(axes, values, strict=True)}
        config = preset(chosen.pop("preset", "laptop"), **{k: v for k, v in chosen.items() if k in _SETTINGS})
        trials.append(Trial(config=config, **whole, **{k: v for k, v in chosen.items() if k in _OWN}))
    return trials


def _plain(value: Any) -> Any:
    """Mappings as pairs, lists as tuples, so that trials can be compared; and YAML takes 1e-4 for text."""
    if isinstance(value, Mapping):
        return tuple((key, _plain(entry)) for key, entry in value.items())
    if isinstance(value, list):
        return tuple(_plain(entry) for entry in value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    return value
