"""Extractors by name."""

from __future__ import annotations

import os

from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.metrics import networks
from hpvae_nb.metrics.features import Extractor, PatchFeatures

WITH_WEIGHTS = {"c3d": networks.c3d, "inception": networks.inception}
NAMES = ("patches", "efficientnet-lite0", *networks.VIDEO_NETWORKS, *WITH_WEIGHTS)


def make_extractor(
    extractor: str | Extractor,
    clip: Tensor | None = None,
    weights: str | os.PathLike[str] | None = None,
    sha256: str | None = None,
) -> Extractor:
    """The extractor of a name, or the one given.

    Args:
        extractor: `"patches"` needs nothing; `"efficientnet-lite0"` two small packages; `"r3d_18"`, `"mc3_18"` and
            `"r2plus1d_18"` torchvision; `"c3d"` and `"inception"` a file of weights. Or an object with a `name`.
        clip: the training clip, `3 t h w`, that patches are learned from; networks need none.
        weights: for a network, a file or an address.
        sha256: of that file; needed for an address.

    Raises:
        InputError: an unknown name, no clip or no weights where they are needed, or weights without a use.
        ImportError: an optional package is missing.
    """
    if not isinstance(extractor, str):
        return extractor
    if extractor in WITH_WEIGHTS:
        if weights is None:
            raise InputError(f"{extractor} needs its published weights: give their file, as in {extractor}('file.pt')")
        return WITH_WEIGHTS[extractor](weights, sha256)
    if extractor in networks.VIDEO_NETWORKS:
        return networks.torchvision_video(extractor, weights, sha256)
    if extractor not in NAMES:
        raise InputError(f"there is no extractor {extractor!r}: choose one of {', '.join(NAMES)}")
    if weights is not None:
        raise InputError(f"{extractor} takes no weights: leave them out, or choose {' or '.join(WITH_WEIGHTS)}")
    if extractor != "patches":
        return networks.efficientnet_lite0()
    if clip is None:
        raise InputError("patches are learned from the training clip: give it")
    return PatchFeatures(clip)
