"""Files that survive crashes and hold no code: safetensors, with a JSON description in their header.

One file holds both tensors and description, so the two can never disagree. It is written to a temporary name, synced
and renamed: whoever reads the final name finds the old file or the new one, never half of either.
"""

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from hpvae_nb.errors import CheckpointError, InputError
from hpvae_nb.io.hold import LOCK

FORMAT = 1
_KEY = "hpvae_nb"
_STEPS = "-step"
_PICKLES = {b"PK": "a zip archive, as torch.save writes it"} | {bytes([0x80, p]): "a pickle" for p in range(2, 6)}


def write(path: Path, kind: str, tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write tensors and their description to `path`, atomically.

    Args:
        kind: what it is, such as `"model"`; `read` asks for the same.
        description: plain JSON values.

    Raises:
        CheckpointError: when the file cannot be written (a full disk, a folder without permission); what was at
            `path` before is untouched.
    """
    header = json.dumps({"format": FORMAT, "kind": kind, **description})
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata={_KEY: header}))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file under a temporary name, sync it, and rename it to `path`, with the errors of `write`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
        if os.name != "nt":  # Windows cannot open a folder to sync it
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):  # where its folder cannot exist, it is not there either
            temporary.unlink()
        what = f"could not write {path} ({len(content) / 1e6:.1f} MB): {error.strerror or error}"
        raise CheckpointError(f"{what}; nothing was changed: make room or choose another folder") from error


def _replace(temporary: Path, path: Path) -> None:
    """Rename over what is there, which Windows refuses while a reader or a virus scanner has it open for a moment."""
    for pause in (0.05, 0.5, 2.0):
        try:
            return os.replace(temporary, path)
        except PermissionError:
            time.sleep(pause)
    os.replace(temporary, path)


def contents(folder: Path) -> list[Path]:
    """What is in a folder to write to, less leftovers and lock; nothing where there is none, InputError for a file."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out is {folder}, which is a file: name a folder")
    return sorted(set(folder.iterdir()) - {*leftovers(folder), folder / LOCK}) if folder.exists() else []


def leftovers(folder: Path) -> list[Path]:
    """Temporary files of writers that were killed while they wrote."""
    return list(folder.glob(".*.tmp"))


def read(path: Path, *kinds: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote as any of these kinds: the tensors, and the description.

    Raises:
        CheckpointError: when the file is missing, truncated, of a later format or another kind, or of a format that
            can carry code, which is refused without being opened.
    """
    return _read(path, kinds, tensors=True)


def describe(path: Path, *kinds: str) -> dict[str, Any]:
    """The description alone, without reading the tensors; errors as of `read`."""
    return _read(path, kinds, tensors=False)[1]


def _read(path: Path, kinds: tuple[str, ...], tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not os.path.isfile(path):  # Path.is_file may raise
        raise CheckpointError(f"there is no file {path}, or it may not be read")
    try:
        with open(path, "rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    # The first eight bytes of safetensors are the length of its header, which may look like a pickle's first two; then
    # comes the header's brace.
    if start[:2] in _PICKLES and start[8:] != b"{":
        what = f"{path} is {_PICKLES[start[:2]]}, which can run code when opened, and was not opened"
        way = "for weights of the released code use load_released or `python -m hpvae_nb import-released`"
        raise CheckpointError(f"{what}; {way}")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_KEY)
            # Copied: the file stays open as long as a tensor lies in it, and Windows replaces no open file.
            names = file.keys() if tensors else ()
            values = {name: file.get_tensor(name).clone() for name in names}
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or truncated ({error}); use an earlier copy") from error
    if header is None:
        raise CheckpointError(f"{path} is a safetensors file, but not one that hpvae_nb wrote")
    try:
        description = json.loads(header)
        version, found = int(description["format"]), description["kind"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} has a description that cannot be read ({error}); use an earlier copy") from error
    if version > FORMAT:
        raise CheckpointError(f"{path} has format {version}, but this version reads up to {FORMAT}: upgrade hpvae_nb")
    if found not in kinds:
        raise CheckpointError(f"{path} holds a {found}, but a {kinds[0]} was wanted")
    return values, description


def pack(prefix: str, state: dict[str, Tensor], *, compact: bool = False) -> dict[str, Tensor]:
    """A state dict under a common prefix.

    Compact, it has a quarter of the size: matrices and kernels as 8-bit whole numbers times a float16 step for each
    output channel, the rest in float16.
    """
    if not compact:
        return {f"{prefix}/{name}": value for name, value in state.items()}
    packed = {}
    for name, value in state.items():
        if value.ndim < 2:
            packed[f"{prefix}/{name}"] = value.half()
            continue
        step = (value.abs().flatten(1).amax(1) / 127).clamp_min(2**-24).half()  # the smallest float16 above 0
        packed[f"{prefix}/{name}"] = (value / _per_channel(step, value)).round().clamp(-127, 127).to(torch.int8)
        packed[f"{prefix}{_STEPS}/{name}"] = step
    return packed


def unpack(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict that `pack` put under `prefix`; what was stored compactly comes back in float32."""
    start = f"{prefix}/"
    state = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
    for name, value in state.items():
        if value.dtype == torch.int8:
            state[name] = value * _per_channel(tensors[f"{prefix}{_STEPS}/{name}"], value)
    return state


def pack_optimizer(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of its steps, under a common prefix."""
    state = optimizer.state_dict()["state"]
    return {f"{prefix}/{i}/{name}": value for i, entry in state.items() for name, value in entry.items()}


def unpack_optimizer(prefix: str, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `pack_optimizer`, into an optimiser of the same parameters; its learning rates stay its own."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in unpack(prefix, tensors).items():
        index, entry = name.split("/")
        state.setdefault(int(index), {})[entry] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _per_channel(step: Tensor, weight: Tensor) -> Tensor:
    return step.float().reshape(-1, *[1] * (weight.ndim - 1))
