"""All methods by name, so that whoever compares them need not know which is which.

`hpvae` is this package's own. `singan` and `consingan` are GANs at every scale, with 3D convolutions, as the paper
compares (section 4.2); `patch_vae` is the other patch-VAE of figure 9 (d); `vgpnn` copies patches and learns nothing.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import hpvae_nb
from hpvae_nb.baselines import consingan, gan, patch_vae, singan, vgpnn
from hpvae_nb.baselines.trainer import KIND, MethodTrainer, Recipe, events, model_file, open_run
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import CheckpointError, InputError
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import choose_device
from hpvae_nb.recipe.config import Config, from_dict
from hpvae_nb.training.events import Event


@dataclass(frozen=True)
class _Trained:
    """What makes up a method that is trained."""

    settings: type[Any]
    network: type[Any]
    model: type[Any]
    trainer: type[MethodTrainer]


_TRAINED = {
    "singan": _Trained(singan.Settings, singan.SinGan, gan.GanModel, gan.GanTrainer),
    "consingan": _Trained(consingan.Settings, consingan.ConSinGan, gan.GanModel, gan.GanTrainer),
    "patch_vae": _Trained(patch_vae.Settings, patch_vae.PatchVae, patch_vae.PatchVaeModel, patch_vae.PatchVaeTrainer),
}


def methods() -> list[str]:
    """Names that `train`, `fit` and `load_model` know."""
    return ["hpvae", *_TRAINED, "vgpnn"]


def train(
    name: str,
    clip: Clip,
    config: Config,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | torch.device = "auto",
    precision: str = "auto",
    checkpoint_every: int = 100,
) -> Generator[Event, None, Any]:
    """Train a method on one clip, yielding an event after each step, as `hpvae_nb.train` does.

    Stopping is safe, and a stopped run goes on from its checkpoint in `out`, for every trained method. VGPNN yields one
    event and has nothing to resume.

    Args:
        name: one of `methods()`.
        config: scales, sizes, layers, channels, iterations, objective and optimiser, as far as the method has them.
        settings: of the method's own, such as `{"stages": 2}`; its `Settings` lists them with their defaults.
        seed, out, resume, device, precision, checkpoint_every: as in `hpvae_nb.train`.

    Returns:
        A model with `sample(n, seed=)`, `reconstruct()`, `save(path)`, `shapes`, `scales`, `config`, `fps`, `name` and
        `facts` (the generator's return value; `fit` gives it directly, and each event has it).

    Raises:
        InputError: for an unknown method or setting, or as `hpvae_nb.train`.
        TrainingError, CheckpointError: as `hpvae_nb.train`.
    """
    own = _settings(name, settings or {})
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r}, but must be a whole number of at least 0")
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is {checkpoint_every}, but must be at least 1")
    if name == "hpvae":
        options: dict[str, Any] = {"device": device, "precision": precision, "checkpoint_every": checkpoint_every}
        return hpvae_nb.train(clip, config, seed=seed, out=out, resume=resume, **options)
    if resume and out is None:
        raise InputError("resume=True needs out, the folder of the run to go on with")
    recipe = Recipe(config, name, own)
    if name == "vgpnn":
        model = vgpnn.prepare(clip, config, own, choose_device(device))
        return vgpnn.events(model, open_run(recipe, out, clip, seed, resume))
    parts = _TRAINED[name]
    trainer = parts.trainer(name, own, clip, config, seed, choose_device(device), precision)
    trainer.put(lambda: parts.network(config, trainer.shapes[0], own), parts.model)
    return events(trainer, open_run(recipe, out, clip, seed, resume), checkpoint_every)


def fit(name: str, clip: Clip, config: Config, **options: Any) -> Any:
    """`train` to the end. Arguments, result and errors as in `train`."""
    steps = train(name, clip, config, **options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def load_model(name: str, path: str | Path, *, device: str | torch.device = "auto", precision: str = "auto") -> Any:
    """Read a model that a method's `save` wrote. No code in the file is ever run.

    Args:
        name: the method.
        path: the file, or a folder that holds `model.safetensors`.

    Raises:
        InputError: for an unknown method.
        CheckpointError: when the file is missing, damaged, or of another method.
    """
    _settings(name, {})
    if name == "hpvae":
        return hpvae_nb.load_model(path, device=device, precision=precision)
    file = model_file(path)
    tensors, described = checkpoint.read(file, KIND)
    if described["method"] != name:
        raise CheckpointError(f"{file} holds a model of {described['method']}, but one of {name} was wanted")
    try:
        config, own = from_dict(described["config"]), _settings(name, described["settings"])
        shapes: list[Shape] = [tuple(shape) for shape in described["shapes"]]
        about = {key: described[key] for key in ("fps", "name", "facts")}
        if name == "vgpnn":
            return vgpnn.Vgpnn(tensors["finest"].to(choose_device(device)), config, shapes, own, **about)
        parts = _TRAINED[name]
        with torch.random.fork_rng(devices=[]):  # fresh weights, soon replaced, from nobody's random numbers
            network = parts.network(config, shapes[0], own)
            for _ in described["amplitudes"][1:]:
                network.grow()
        network.load_state_dict(checkpoint.unpack("network", tensors))
        network.amplitudes = list(described["amplitudes"])
    except (KeyError, RuntimeError, InputError) as error:
        raise CheckpointError(f"{file} does not hold together as a model: {error}") from error
    network.requires_grad_(False)
    return parts.model(network, shapes, coarse=tensors.get("coarse"), **about).to(device, precision)


def _settings(name: str, values: Mapping[str, Any]) -> Any:
    """The method's own settings, checked; None for `hpvae`, which has none."""
    if name not in methods():
        near = difflib.get_close_matches(name, methods(), n=1, cutoff=0.0)[0]
        raise InputError(f"there is no method {name!r}; the nearest is {near!r}, all: {', '.join(methods())}")
    kind = vgpnn.Settings if name == "vgpnn" else _TRAINED[name].settings if name in _TRAINED else None
    known = [field.name for field in dataclasses.fields(kind)] if kind is not None else []
    for key in values:
        if key not in known:
            has = f"its own are {', '.join(known)}" if known else "it has none of its own"
            raise InputError(
                f"{name} has no setting {key!r}; {has}; what all methods share is set in the configuration"
            )
    return kind(**values) if kind is not None else None
