"""What goes wrong, said in one sentence: the value, the limit and the way out."""

import importlib
from numbers import Integral
from types import ModuleType


class InputError(ValueError):
    """Something the caller gave cannot work; the message names it, the limit, and what to do instead."""


class CheckpointError(RuntimeError):
    """A saved model or run cannot be read or written; nothing was executed and nothing half-written stays."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the scale, the iteration and the last good checkpoint."""


def sentence(error: Exception) -> str:
    """What to tell a reader of an error: this package's own are sentences already, of others the kind is named too."""
    own = (InputError, CheckpointError, TrainingError)
    return str(error) if isinstance(error, own) else f"{type(error).__name__}: {error}"


def whole(value: object) -> int | None:
    """A whole number of any kind, NumPy's too, as Python's; None for anything else, also for True and False."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def check_whole(name: str, value: object, least: int = 1, advice: str = "") -> int:
    """The whole number `value`, called `name`, as Python's own; InputError unless it is at least `least`."""
    number = whole(value)
    if number is None or number < least:
        raise InputError(f"{name} is {value!r}, but must be a whole number of at least {least}{advice}")
    return number


def keep_whole(owner: object, name: str, least: int = 1) -> None:
    """`check_whole` of a field of a frozen dataclass, which from then on holds Python's own number."""
    object.__setattr__(owner, name, check_whole(name, getattr(owner, name), least))


def require(module: str, purpose: str, install: str | None = None) -> ModuleType:
    """Import an optional package at the moment it is needed.

    Args:
        purpose: completes the sentence "needed for ...".
        install: its name for pip, where that differs from the import name.

    Raises:
        ImportError: when the package is missing, with the command that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = install or module.split(".")[0]
        raise ImportError(f"the package {package!r} is needed for {purpose}: pip install {package}") from error
