"""What a training keeps beside its networks, whatever it learns from: where it stands, its losses, and its time."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.errors import TrainingError
from hpvae_nb.recipe.config import Config

_AVERAGED_AT_FIRST = 10  # steps that an average is over
_RECORDS = 100  # of losses, about, that are kept of a scale


class Record:
    """The part of a trainer that writes down.

    Attributes:
        config, seed, device, precision: what is trained by.
        scale, iteration: steps made at this scale.
        settled: False while a step is being made; only a settled state may be saved.
        history: for each scale, up to about a hundred records of its losses.
        seconds: spent training, over all sessions of a resumed run; processor_seconds: all threads' computing in it.
        threads: of the CPU, on which its steps are to be computed; on others, sums are rounded otherwise.
    """

    config: Config
    seed: int
    device: torch.device
    precision: str
    scale: int
    iteration: int

    def __init__(self) -> None:
        self.scale, self.iteration, self.settled = 0, 0, True
        self.history: list[list[dict[str, float]]] = []
        self.seconds = self.processor_seconds = 0.0
        self.threads = torch.get_num_threads()

    @property
    def planned(self) -> int:
        """Steps of this scale."""
        return self.config.steps(self.scale)

    @property
    def kept(self) -> float:
        """Of a running average of weights, in this step; it soon forgets what a scale starts with."""
        return min(self.config.average, self.iteration / (self.iteration + _AVERAGED_AT_FIRST))

    @property
    def facts(self) -> dict[str, Any]:
        """For the model."""
        about = {"seed": self.seed, "device": self.device.type, "precision": self.precision}
        return about | {"torch": torch.__version__}

    def stepped(self, terms: dict[str, float]) -> None:
        """One more step was made; now and then its losses are kept."""
        self.iteration += 1
        if (self.iteration - 1) % max(1, self.planned // _RECORDS) == 0:
            self.history[self.scale].append({"iteration": self.iteration, **terms})
        self.settled = True

    def finite_values(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """The losses as numbers.

        Raises:
            TrainingError: one is not finite.
        """
        numbers = torch.stack([term.detach().float() for term in terms.values()]).tolist()
        values = dict(zip(terms, numbers, strict=True))
        if not all(map(math.isfinite, numbers)):
            bad = ", ".join(f"{name} {value}" for name, value in values.items() if not math.isfinite(value))
            raise TrainingError(f"{bad} at scale {self.scale}, iteration {self.iteration + 1}")
        return values

    def written(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "config": self.config.to_dict(),
            "seed": self.seed,
            "scale": self.scale,
            "iteration": self.iteration,
            "history": self.history,
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "threads": self.threads,
            "random_device": self.device.type,
            "precision": self.precision,
        }

    def take_up(self, values: dict[str, Any]) -> None:
        """What `written` gave, of the same configuration and seed; a warning says where the run goes on otherwise."""
        was, now = (values["precision"], values["random_device"]), (self.precision, self.device.type)
        if was != now:
            before, here = (f"{number} on {device}" for number, device in (was, now))
            warnings.warn(f"this run was in {before} and goes on in {here}: its weights will differ", stacklevel=5)
        self.scale, self.iteration, self.history = values["scale"], values["iteration"], values["history"]
        self.seconds = values["seconds"]
        self.processor_seconds = values.get("processor_seconds", 0.0)  # of no account in runs from before it was kept
        self.threads = values.get("threads", self.threads)

    def take_up_random(self, generator: torch.Generator, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Random numbers go on where they were; those of another kind of device start anew."""
        if values["random_device"] == self.device.type:
            generator.set_state(tensors["random"])
        else:
            generator.manual_seed(self.seed + self.config.steps_below(self.scale) + self.iteration)
