"""One folder a lesson, named as its notebook: `checks` of its exercises, `figures`, interactive `views`."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any


def names() -> list[str]:
    """All lessons in order, named as their notebooks, such as `"06_wgan_gp"`."""
    return sorted(found.name.removeprefix("l") for found in pkgutil.iter_modules(__path__) if found.ispkg)


def views() -> dict[str, Callable[..., Any]]:
    """Every lesson's interactive views by name: the functions called `..._view` in its `views`.

    Raises:
        ImportError: ipywidgets is missing.
    """
    found: dict[str, Callable[..., Any]] = {}
    for name in names():
        module = importlib.import_module(f"{__name__}.l{name}.views")
        found |= {
            key: function
            for key, function in vars(module).items()
            if key.endswith("_view") and function.__module__ == module.__name__
        }
    return found
