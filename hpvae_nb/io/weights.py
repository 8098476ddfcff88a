"""Published weights of networks, from a file or an address, read without running anything that a file contains."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import download_clip


def load_weights(source: str | os.PathLike[str], sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
    """Tensors by name, from a local file or, checked and kept, from an address.

    Args:
        source: a `.safetensors` file, anything `torch.save` wrote (read with `weights_only`), or an http(s) address.
        sha256: checksum of the file, 64 hexadecimal digits; needed for an address.

    Returns:
        The tensors, and the first eight digits of the file's checksum, by which scores name it.

    Raises:
        InputError: no such file; not readable as weights; another checksum; an address without one.
        ImportError: an address, and `pooch` is missing.
    """
    if "://" in str(source):
        if sha256 is None:
            raise InputError(f"{source} comes without a checksum: give sha256=, so that what arrives can be trusted")
        path = download_clip(str(source), sha256)
    else:
        path = Path(source).expanduser()
        if not path.is_file():
            raise InputError(f"there is no file {str(path)!r}: give the path of the network's published weights")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise InputError(f"{path} has the checksum {found}, not {sha256.lower()}: fetch it again")
    return _tensors(path), found[:8]


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file, or one that wants to run code, provokes
        raise InputError(
            f"{path} is not readable as weights alone ({type(error).__name__}): fetch it again, or save the network's "
            "state_dict() as .safetensors"
        ) from error
    while isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]  # training checkpoints wrap it
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path} holds more than tensors by name: save the network's state_dict() alone")
    return content


def fill(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Give a network the weights of the same names, whatever stands before the names in the file; others are left out.

    Raises:
        InputError: a weight is missing or has another shape.
    """
    prefix = _prefix(network, weights)
    expected = network.state_dict()
    for name, own in expected.items():
        found = weights.get(prefix + name)
        if found is None and not name.endswith("num_batches_tracked"):
            raise InputError(f"{source} has no weight {name!r}: it belongs to another network")
        if found is not None and found.shape != own.shape:
            raise InputError(
                f"{name} in {source} is {tuple(found.shape)}, but {tuple(own.shape)} is wanted: it belongs to another "
                "network"
            )
    network.load_state_dict({name: weights.get(prefix + name, own) for name, own in expected.items()})


def _prefix(network: nn.Module, weights: dict[str, Tensor]) -> str:
    """What stands before the network's names in the file, such as `module.`."""
    first = next(iter(network.state_dict()))
    return next((name.removesuffix(first) for name in weights if name.endswith("." + first)), "")


def fill_in_order(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Give a network's convolutions the file's convolutions in turn: published copies name them differently.

    Args:
        network: its convolutions stand in the order of computation, each with a bias.
        weights: convolutions are the tensors of five axes, ordered by name, numbers by value; each has a bias by the
            same name. Everything else is left out.

    Raises:
        InputError: another number of convolutions, other shapes, or no bias.
    """
    names = sorted(
        (name for name, value in weights.items() if value.ndim == 5),
        key=lambda name: [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", name)],
    )
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d)]
    shapes = [tuple(weights[name].shape) for name in names]
    if shapes != [tuple(layer.weight.shape) for layer in layers]:
        raise InputError(
            f"{source} holds convolutions of {shapes}, but {[tuple(layer.weight.shape) for layer in layers]} are "
            "wanted: it belongs to another network"
        )
    for layer, name in zip(layers, names, strict=True):
        bias = weights.get(name.removesuffix("weight") + "bias")
        if layer.bias is None or bias is None or bias.shape != layer.bias.shape:
            raise InputError(f"{source} has no fitting bias for {name!r}: it belongs to another network")
        layer.weight.data.copy_(weights[name])
        layer.bias.data.copy_(bias)
