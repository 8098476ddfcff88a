"""The methods HP-VAE-GAN is compared with, on the same clips and pyramids, with the same events and `sample` call.

`SinGan` and `ConSinGan` are GANs at every scale, with 3D convolutions, as the paper compares (section 4.2), and with 2D
ones for images; `PatchVae` is the other patch-VAE of figure 9 (d). Three learn nothing: `Vgpnn` copies patches, `Gpnn`
is the method for images that it grew from, and `PatchDenoiser` averages patches. Each is a `hpvae_nb.method.Method`:
`hpvae_nb.fit(clip, config, method=SinGan())`.

`MoCoGan` and its like learn a set of many clips, as the systems of the paper's tables 1 and 2 do. A small one:
`method, config = make_system("mocogan")`, then `hpvae_nb.fit(hpvae_nb.load_set("shapes"), config, method=method)`.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from hpvae_nb.baselines.consingan import ConSinGan
from hpvae_nb.baselines.denoiser import PatchDenoiser
from hpvae_nb.baselines.many import ManyClips
from hpvae_nb.baselines.mocogan import MoCoGan
from hpvae_nb.baselines.patch_vae import PatchVae
from hpvae_nb.baselines.singan import SinGan
from hpvae_nb.baselines.tgan import TGan
from hpvae_nb.baselines.tgan_v2 import TGanV2
from hpvae_nb.baselines.vgpnn import Gpnn, Vgpnn
from hpvae_nb.errors import InputError
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset

_OF_ONE: tuple[type[Method], ...] = (HpVaeGan, SinGan, ConSinGan, PatchVae, Vgpnn, Gpnn, PatchDenoiser)

METHODS: dict[str, type[Method]] = {kind.name: kind for kind in _OF_ONE}
"""All methods that learn one clip, by name, so that whoever compares them need not know which is which."""

SYSTEMS: dict[str, type[ManyClips]] = {kind.name: kind for kind in (MoCoGan, TGan, TGanV2)}
"""Those that learn a set of clips."""

__all__ = [
    "METHODS",
    "SYSTEMS",
    "ConSinGan",
    "Gpnn",
    "MoCoGan",
    "PatchDenoiser",
    "PatchVae",
    "SinGan",
    "TGan",
    "TGanV2",
    "Vgpnn",
    "make_method",
    "make_system",
]


def make_method(name: str, settings: Mapping[str, Any] | None = None) -> Method:
    """The method of a name in `METHODS` or `SYSTEMS`.

    Args:
        settings: its own, such as `{"stages": 2}`: the fields of its class.

    Raises:
        InputError: for an unknown method or setting, or a value out of range.
    """
    kinds = METHODS | SYSTEMS
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1, cutoff=0.0)[0]
        raise InputError(f"there is no method {name!r}; the nearest is {near!r}, all: {', '.join(kinds)}")
    known = [field.name for field in dataclasses.fields(kinds[name])]
    for key in settings or {}:
        if key not in known:
            has = f"its own are {', '.join(known)}" if known else "it has none of its own"
            raise InputError(f"{name} has no setting {key!r}; {has}; what methods share is set in the configuration")
    return kinds[name](**(settings or {}))


def make_system(name: str, *, full: bool = False) -> tuple[ManyClips, Config]:
    """A method in `SYSTEMS` and its recipe, as `fit` takes them.

    Args:
        full: the published sizes, for a GPU, in place of the small ones, which a CPU trains in minutes at 32 px.

    Raises:
        InputError: for an unknown name.
    """
    if name not in SYSTEMS:
        near = difflib.get_close_matches(name, SYSTEMS, n=1, cutoff=0.0)[0]
        raise InputError(f"there is no system {name!r}; the nearest is {near!r}, all: {', '.join(SYSTEMS)}")
    kind, recipe = SYSTEMS[name], name.replace("_", "-")
    return (kind(), preset(recipe)) if full else (kind(**kind.small), preset(f"{recipe}-small"))
