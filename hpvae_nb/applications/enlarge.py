"""Super-resolution: the last generator once more, and once more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from hpvae_nb.applications.given import as_batch, as_given
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip

if TYPE_CHECKING:
    import hpvae_nb.model

LARGEST = 8  # times each side: 64 times the pixels


def enlarge(model: hpvae_nb.model.Model, image: Tensor | Clip, factor: float) -> Tensor:
    """A picture at `factor` times its size, by the last generator, applied again and again.

    Source: SinGAN's super-resolution: G^N without noise, once for each of the steps by which the pyramid grows at its
    fine end. Bicubic interpolation came closer to the truth on two pictures of three; a model trained for nothing else,
    without a critic and with a last step as large as `factor`, on the third (docs/enlarging.md).

    Args:
        image: `3 h w` (`3 t h w`: each frame grows, their number stays) in [-1, 1], as large as the finest scale or
            nearly so; or a batch of them.
        factor: above 1, at most 8.

    Returns:
        The same with height and width times `factor`, rounded.

    Raises:
        InputError: as `paint_to_image`; a factor out of range.
    """
    x, lead = as_batch(model, "image", image)
    if not (isinstance(factor, int | float) and 1 < factor <= LARGEST):
        raise InputError(f"factor is {factor!r}, but must be above 1 and at most {LARGEST}")
    if model.scales < 2:
        raise InputError("this model has one scale, and none that enlarges: train it further")
    *_, below, last = model.shapes[: model.scales]
    steps = max(1, round(math.log(factor) / math.log(last[-1] / below[-1])))
    *time, height, width = x.shape[2:]
    for k in range(1, steps + 1):
        grown = factor ** (k / steps)
        x = model.finest(x, (*time, round(height * grown), round(width * grown)))
    return as_given(x, lead)
