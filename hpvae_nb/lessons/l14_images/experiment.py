"""Trainings on pictures in which one thing was chosen otherwise, and where a few samples of each are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from einops import rearrange
from torch import Tensor

from hpvae_nb.baselines import make_method
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import data_dir
from hpvae_nb.io.images import load_image
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset
from hpvae_nb.training.events import fit

SAMPLES = 3  # of each, side by side in its file


@dataclass(frozen=True)
class Choice:
    """One training.

    Attributes:
        picture: a bundled one.
        preset: the recipe, of which `changes` replaces settings.
        method: by its name in `hpvae_nb.baselines.METHODS`, with `settings` of its own.
    """

    picture: str
    preset: str = "laptop-image"
    changes: Mapping[str, Any] = field(default_factory=dict)
    method: str = "hpvae"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """All settings."""
        return preset(self.preset, **self.changes)

    def train(self) -> Model:
        """On one thread, so that the weights do not depend on how many there are."""
        method = make_method(self.method, self.settings)
        return fit(load_image(self.picture), self.config, method=method, seed=0, device="cpu", threads=1)


CHOICES = {
    "coffee_coarse24": Choice("coffee", changes={"coarse_size": 24}),
    "coffee_m3": Choice("coffee", changes={"vae_levels": 3}),
    "parasols_coarse16": Choice("parasols"),
    "parasols_m1": Choice("parasols", "laptop-texture", {"vae_levels": 1}),
    "astronaut": Choice("astronaut"),
    "hubble": Choice("hubble_deep_field", "laptop-texture"),
    "hubble_coarse16": Choice("hubble_deep_field"),
    "hubble_short": Choice("hubble_deep_field", "laptop-texture", {"coarse_iterations": 80, "iterations": 40}),
    "coffee_singan": Choice("coffee", method="singan"),
    "coffee_consingan": Choice("coffee", method="consingan"),
    "coffee_gpnn": Choice("coffee", method="gpnn", settings={"sigma": 3, "iterations": 5}),
}
"""By the names of their files; the bundled models `coffee` and `parasols` are what they differ from."""


def sample_file(name: str) -> Path:
    """Where samples of a choice are, or would be."""
    return data_dir() / "choices" / f"{name}.webp"


def samples(name: str) -> Tensor:
    """Samples of one of `CHOICES`, of seed 0, `b 3 h w` in [-1, 1]; from a file that keeps them not quite exactly.

    Raises:
        InputError: for a name that is none of them.
    """
    if name not in CHOICES:
        raise InputError(f"there is no choice {name!r}; all: {', '.join(CHOICES)}")
    return rearrange(load_image(sample_file(name)).video, "c h (b w) -> b c h w", b=SAMPLES)
