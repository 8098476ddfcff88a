"""Published weights of networks, from a file or an address, read without running anything that a file contains."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from hpvae_nb.errors import InputError
from hpvae_nb.io.download import download_clip
from hpvae_nb.io.video_files import PathLike, natural


def load_weights(source: PathLike, sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
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
        safe = path.suffix == ".safetensors"
        content: Any = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file, or one that wants to run code, provokes
        why = f"is not readable as weights alone ({type(error).__name__})"
        raise InputError(f"{path} {why}: fetch it again, or save its state_dict() as .safetensors") from error
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
    expected = network.state_dict()
    first = next(iter(expected))
    prefix = next((name.removesuffix(first) for name in weights if name.endswith("." + first)), "")
    for name in expected:
        if prefix + name not in weights and not name.endswith("num_batches_tracked"):
            raise InputError(f"{source} has no weight {name!r}: it belongs to another network")
    try:
        network.load_state_dict({name: weights.get(prefix + name, own) for name, own in expected.items()})
    except RuntimeError as error:  # which names the shapes
        raise InputError(f"{source} belongs to another network: {error}") from error


def fill_in_order(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Give a network's convolutions the file's convolutions in turn: published copies name them differently.

    Args:
        network: its convolutions stand in the order of computation, each with a bias.
        weights: convolutions are the tensors of five axes, in natural order of their names, each with a bias.

    Raises:
        InputError: another number of convolutions, other shapes, or no bias.
    """
    names = sorted((name for name, value in weights.items() if value.ndim == 5), key=natural)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d)]
    found, wanted = [tuple(weights[name].shape) for name in names], [tuple(layer.weight.shape) for layer in layers]
    if found != wanted:
        raise InputError(f"{source} belongs to another network: its convolutions are {found}, not {wanted}")
    for layer, name in zip(layers, names, strict=True):
        bias = weights.get(name.removesuffix("weight") + "bias")
        if layer.bias is None or bias is None or bias.shape != layer.bias.shape:
            raise InputError(f"{source} has no fitting bias for {name!r}: it belongs to another network")
        layer.weight.data.copy_(weights[name])
        layer.bias.data.copy_(bias)
