"""A training's folder: what it is a run of, its last checkpoint, and its model."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

from hpvae_nb.errors import CheckpointError, InputError
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.io.clips import Clip
from hpvae_nb.io.hold import Hold
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.many import SetTrainer
from hpvae_nb.training.trainer import Trainer

Event = TypeVar("Event")
Result = TypeVar("Result")


class Run:
    """The folder `out` of `train`: `run.json` says what it is a run of; beside it the last checkpoint and the model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoint.safetensors"
        self.hold = Hold(folder)

    @classmethod
    def open(
        cls, out: str | Path, clip: Clip | ClipSet, config: Config, method: Method, seed: int, *, resume: bool
    ) -> Run:
        """Claim a folder for a run, or take up the run that is there.

        Raises:
            InputError: when the folder holds another run, or this one and `resume` is False.
            CheckpointError: when it cannot be written.
        """
        folder = Path(out)
        named = {} if method.name == HpVaeGan.name else {"method": method.name, "settings": method.settings}
        identity = {
            "format": checkpoint.FORMAT,
            "clip": clip.identity(),
            "seed": seed,
            "config": config.to_dict() | named,
        }
        identity = json.loads(json.dumps(identity))
        described = folder / "run.json"
        others = checkpoint.contents(folder)
        if not described.exists():
            if others:
                raise InputError(f"{folder} is not empty and holds no run of this package: choose an empty folder")
            checkpoint.write_bytes(described, json.dumps(identity, indent=1).encode())
            return cls(folder)
        try:
            found = json.loads(described.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{described} cannot be read ({error}): choose another folder") from error
        # A run begun before a setting existed had what is now that setting's default.
        found["config"] = json.loads(json.dumps(Config().to_dict())) | found.get("config", {})
        if difference := _first_difference(found, identity):
            raise InputError(f"{folder} holds another run ({difference}): choose another folder")
        if not resume:
            raise InputError(f"{folder} already holds this run: resume it with resume=True, or choose another folder")
        return cls(folder)

    def alone(self, events: Generator[Event, None, Result]) -> Generator[Event, None, Result]:
        """The events, with the folder held from the first of them to the last, or to where they are closed.

        Raises:
            InputError: with the first event, when another training holds it.
        """
        with self.hold:
            for leftover in checkpoint.leftovers(self.folder):
                leftover.unlink(missing_ok=True)
            return (yield from events)

    def restore(self, trainer: Trainer | SetTrainer) -> None:
        """Bring a fresh trainer to the last checkpoint, if there is one; it may be damaged (CheckpointError)."""
        if self.checkpoint.exists():
            trainer.restore(*checkpoint.read(self.checkpoint, "checkpoint"))

    def save(self, trainer: Trainer | SetTrainer) -> None:
        """Write a checkpoint of a settled trainer; CheckpointError when a later training has taken the folder over."""
        if self.hold.lost:
            raise CheckpointError(f"a later training goes on in {self.folder}: this one stops, and wrote nothing there")
        tensors, values = trainer.state()
        checkpoint.write(self.checkpoint, "checkpoint", tensors, values)

    def reached(self) -> dict[str, Any] | None:
        """What the last checkpoint says of itself, such as its `scale` and `iteration`; None if there is none."""
        return checkpoint.describe(self.checkpoint, "checkpoint") if self.checkpoint.exists() else None

    def last_good(self) -> str:
        """Where the last checkpoint is, in words."""
        values = self.reached()
        if values is None:
            return "no checkpoint was written yet"
        place = f"scale {values['scale']}, iteration {values['iteration']}"
        return f"the last good checkpoint is {self.checkpoint}, {place}"


def _first_difference(found: Any, wanted: Any, name: str = "") -> str | None:
    """Where two JSON values differ, in words."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        start = f"{name}." if name else ""
        each = (_first_difference(found.get(key), wanted.get(key), start + key) for key in wanted | found)
        return next(filter(None, each), None)
    return None if found == wanted else f"its {name} is {found!r}, not {wanted!r}"
