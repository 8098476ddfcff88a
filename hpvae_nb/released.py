"""Weights written by the paper's released code, as a `Model`."""

import ast
import math
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.errors import CheckpointError
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import planned_shapes


def load_released(folder: str | Path) -> Model:
    """Read an experiment folder of the released code: `netG.pth`, `args.txt` and, where there is one, `Noise_Amps.pth`.

    The files are pickles; they are opened with `weights_only=True`, which builds tensors and plain values and runs
    nothing else. The model computes in float32, as that code does. It has no training clip, so `reconstruct` wants one.

    Returns:
        A `Model` at the scale that was reached.

    Raises:
        CheckpointError: a file is missing or damaged, carries more than weights, or fits no known architecture.
    """
    folder = Path(folder)
    arguments = read_arguments(folder / "args.txt")
    saved = _load(folder / "netG.pth")
    try:
        state, scale, amplitudes = saved["state_dict"], saved["scale"], saved.get("noise_amps")
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder / 'netG.pth'} lacks {error}: no generator of the released code") from error
    if (folder / "Noise_Amps.pth").exists():
        amplitudes = _load(folder / "Noise_Amps.pth")["data"]
    if amplitudes is None or len(amplitudes) <= scale:
        raise CheckpointError(f"{folder} holds no noise amplitudes for {scale + 1} scales: add its Noise_Amps.pth")
    config = config_of(arguments, state)
    try:
        aspect, fps = float(arguments["ar"]), float(arguments.get("org_fps", 24))
        shapes = planned_shapes(config, aspect)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(f"ar or org_fps in {folder / 'args.txt'} is no number to work with: {error}") from error
    if not 0 <= scale < config.scales:
        raise CheckpointError(f"{folder / 'netG.pth'} is at scale {scale}, but args.txt plans {config.scales} scales")
    network = make_hierarchy(config)
    for _ in range(scale):
        network.grow()
    try:
        network.load_state_dict(translate(state, network))
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{folder / 'netG.pth'} does not fit its args.txt: {error}") from error
    network.amplitudes = [0.0, *(float(amplitude) for amplitude in amplitudes[1 : scale + 1])]
    network.requires_grad_(False)
    name = Path(str(arguments.get("video_path", arguments.get("image_path", "released")))).stem
    facts = {"imported from": "released code"}
    return Model(network, shapes, config, coarse=None, fps=fps, name=name, facts=facts, precision="float32")


def literal(text: str) -> Any:
    """The value of a Python literal; other text as it is."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()


def read_arguments(path: Path) -> dict[str, Any]:
    """The lines `name: value` of an `args.txt`, values as Python literals where they are."""
    try:
        pairs = [line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    arguments = {name.strip(): literal(value) for name, _, value in pairs}
    missing = [name for name in ("vae_levels", "img_size", "min_size", "ar") if name not in arguments]
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}, which the sizes of all scales depend on")
    return arguments


def config_of(arguments: dict[str, Any], state: dict[str, Tensor]) -> Config:
    """The `released` preset with what this experiment changed: widths and depths by its weights, sizes by its text."""
    try:
        head = state["decoder.head.conv.weight"]
        return preset(
            "released",
            dims=head.ndim - 2,
            channels=head.shape[0],
            latent=head.shape[1],
            kernel=head.shape[-1],
            encoder_layers=sum(name.endswith("conv.weight_orig") for name in state),
            generator_layers=2 + sum(name.startswith("decoder.block") and name.endswith("conv.bias") for name in state),
            vae_levels=arguments["vae_levels"],
            coarse_size=arguments["min_size"],
            fine_size=arguments["img_size"],
            scales=_last_scale(arguments) + 1,
            sampling_rates=tuple(arguments.get("sampling_rates", (4, 3, 2, 1))),
        )
    except (KeyError, AttributeError, TypeError, ValueError) as error:  # an InputError is a ValueError
        raise CheckpointError(f"weights and args.txt make no model of the released code: {error}") from error


def _last_scale(arguments: dict[str, Any]) -> int:
    """The index of the finest scale, by the released code's rule: as many steps of about 0.75 as fit, made even."""
    size, smallest = arguments["img_size"], arguments["min_size"]
    factor = arguments.get("scale_factor_init", 0.75)
    steps = math.ceil(math.log(smallest / size, factor)) + 1
    unreached = math.ceil(math.log(min(arguments.get("max_size", size), size) / size, factor))
    return steps - unreached


def translate(state: dict[str, Tensor], network: Hierarchy) -> dict[str, Tensor]:
    """The released code's state dict under this package's names, without running statistics, which it never uses."""
    unused = ("running_mean", "running_var", "num_batches_tracked")
    named = {_our_name(name): value for name, value in state.items() if not name.endswith(unused)}
    missing = sorted(set(network.state_dict()) - set(named))
    if missing:
        raise KeyError(f"{len(missing)} weights are missing, the first is {missing[0]}")
    return named


_SPECTRAL = {
    "weight_orig": "parametrizations.weight.original",
    "weight_u": "parametrizations.weight.0._u",
    "weight_v": "parametrizations.weight.0._v",
    "bias": "bias",
}


def _our_name(name: str) -> str:
    parts = name.split(".")
    if parts[:2] == ["encode", "features"]:  # encode.features.conv_block_1.conv.weight_orig
        return f"encoder.trunk.{parts[2].rsplit('_', 1)[-1]}.0.{_SPECTRAL[parts[4]]}"
    if parts[0] == "encode":  # encode.mu.conv.weight
        return f"encoder.to_{parts[1]}.{parts[3]}"
    if parts[0] == "decoder":
        scale, rest = 0, parts[1:]
    elif parts[0] == "body":
        scale, rest = int(parts[1]) + 1, parts[2:]
    else:
        raise KeyError(f"{name} is no weight of the released generator")
    if rest[0] == "tail":
        return f"generators.{scale}.tail.{rest[1]}"
    layer = 0 if rest[0] == "head" else int(rest[0].removeprefix("block")) + 1
    return f"generators.{scale}.body.{layer}.{['conv', 'norm'].index(rest[1])}.{rest[2]}"


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} carries more than weights, and was refused: nothing in it was run") from error
    except (RuntimeError, EOFError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or truncated ({error})") from error
