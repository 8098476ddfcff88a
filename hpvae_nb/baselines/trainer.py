"""What the trained methods share: the trainer of the package with another network in it, and their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.events import Event, drive
from hpvae_nb.training.run import Run
from hpvae_nb.training.trainer import Trainer, seeded

KIND = "baseline"


class MethodTrainer(Trainer):
    """A `Trainer` of another method's network: same clip, pyramid, optimisers, checkpoints and clock.

    Its steps see whole clips and make anew what they are given: windows and pools are not for these networks.

    Attributes:
        method: its name.
        settings: its own frozen dataclass; everything else is the configuration's.
    """

    network: Any
    model: Any

    def __init__(self, method: str, settings: Any, clip: Clip, config: Config, *basics: Any) -> None:
        super().__init__(clip, config.replace(window=None, pool=None), *basics)
        self.method, self.settings = method, settings

    def put(self, build: Callable[[], nn.Module], model: Callable[..., Any]) -> None:
        """Put this method's network, initialised from the seed, and its model in place of HP-VAE-GAN's."""
        with seeded(self.seed, 0):
            self.network = build().to(self.device)
        facts = {**self.model.facts, "method": self.method, "settings": dataclasses.asdict(self.settings)}
        self.model = model(
            self.network,
            self.shapes,
            coarse=self.reals_0.cpu(),
            fps=self.clip.fps,
            name=self.clip.name,
            facts=facts,
            precision=self.precision,
        )


@dataclass(frozen=True)
class Recipe:
    """What a run is a run of, for its folder to remember: configuration, method, and the method's own settings."""

    config: Config
    method: str
    settings: Any

    def to_dict(self) -> dict[str, Any]:
        return {**self.config.to_dict(), "method": self.method, "settings": dataclasses.asdict(self.settings)}


def open_run(recipe: Recipe, out: str | Path | None, clip: Clip, seed: int, resume: bool) -> Run | None:
    """The run's folder, if there is one. Errors as in `hpvae_nb.train`."""
    return None if out is None else Run.open(out, clip, cast(Config, recipe), seed, resume=resume)


def events(trainer: MethodTrainer, run: Run | None, checkpoint_every: int) -> Generator[Event, None, Any]:
    """The events of a training, with checkpoints in the run's folder, as `hpvae_nb.train` makes them."""
    if run is not None:
        run.restore(trainer)
    return drive(trainer, run, checkpoint_every)


def save(path: str | Path, model: Any, tensors: dict[str, Tensor], **more: Any) -> Path:
    """Write a method's model as one safetensors file; a folder gets `model.safetensors`. Returns the file's path.

    Raises:
        CheckpointError: when it cannot be written; nothing half-written stays.
    """
    file = model_file(path)
    description = {
        "method": model.facts["method"],
        "settings": model.facts["settings"],
        "config": model.config.to_dict(),
        "shapes": model.shapes,
        "fps": model.fps,
        "name": model.name,
        "facts": model.facts,
        **more,
    }
    checkpoint.write(file, KIND, tensors, description)
    return file


def model_file(path: str | Path) -> Path:
    """Where a model is, in a folder or by its own name."""
    return Path(path) / "model.safetensors" if Path(path).is_dir() else Path(path)
