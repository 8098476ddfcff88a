"""What a number was measured on: which code, which device, how much memory."""

import functools
import hashlib
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

_PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_version() -> str:
    """The package's version and the first digits of a checksum over its sources: equal code has an equal one."""
    from hpvae_nb import __version__

    checksum = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        checksum.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    return f"{__version__}+{checksum.hexdigest()[:12]}"


@functools.cache
def commit() -> str | None:
    """The commit of the checkout that the package lies in, with `-dirty` where files were changed since; else None."""
    git = functools.partial(subprocess.run, cwd=_PACKAGE, check=True, capture_output=True, encoding="utf-8")
    try:
        git(["git", "ls-files", "--error-unmatch", "__init__.py"])
        return git(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # there is no git, or no checkout
        return None


def device_name(device: torch.device) -> str:
    """Such as "NVIDIA H100 80GB HBM3" or "AMD EPYC 7B13 (1 thread)"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{cpu_name()} ({threads} thread{'s' if threads > 1 else ''})"


def cpu_name() -> str:
    """The processor's model, as the system tells it."""
    models = _lines("/proc/cpuinfo", "model name")
    return models[0] if models else platform.processor() or platform.machine()


def peak_memory(device: torch.device) -> Callable[[], float | None]:
    """Starts to watch; the function that comes back tells the most bytes held since.

    On a GPU those of tensors, on a CPU those of the whole process. None where the system does not tell (Linux does).
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return lambda: float(torch.cuda.max_memory_allocated(device))
    try:
        Path("/proc/self/clear_refs").write_bytes(b"5")  # Linux, proc(5): resets the peak of the resident set
    except OSError:
        return lambda: None
    return lambda: max((1024.0 * int(peak.split()[0]) for peak in _lines("/proc/self/status", "VmHWM")), default=None)


def _lines(file: str, start: str) -> list[str]:
    """What stands behind the colon, in lines that begin so."""
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(start)]
