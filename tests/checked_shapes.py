"""Imported before the package: from then on, the core's annotated shapes are held against every tensor that passes.

Those annotations are imported for type checkers alone, so that the package needs no library for them.
"""

import importlib.util
import typing

import einops  # noqa: F401  (these come first: they are not to be switched on)
import filelock  # noqa: F401
import numpy  # noqa: F401
import safetensors.torch  # noqa: F401
import torch  # noqa: F401

if importlib.util.find_spec("beartype") and importlib.util.find_spec("jaxtyping"):  # not on a bare GPU box
    from beartype import BeartypeConf, FrozenDict, beartype
    from jaxtyping import install_import_hook

    # Tensors alone: of wrong numbers the package says itself what is wrong with them.
    plain = FrozenDict(dict.fromkeys((int, float, str), object))
    check = beartype(conf=BeartypeConf(hint_overrides=plain))

    typing.TYPE_CHECKING = True
    with install_import_hook("hpvae_nb.core", f"{__name__}.check"):
        import hpvae_nb  # noqa: F401
    typing.TYPE_CHECKING = False
