"""Inpainting: a region is drawn anew to fit its border, in space and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import reduce
from torch import Tensor

from hpvae_nb.applications.given import as_batch, as_given, blend, checked_mask, resized, soft_mask, working_size
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import check_whole
from hpvae_nb.io.clips import Clip

if TYPE_CHECKING:
    import hpvae_nb.model

INPAINT = 12  # ours: beyond twice the blur, so that nothing of what the region held shows through its soft edge


def inpaint(
    model: hpvae_nb.model.Model,
    clip: Tensor | Clip,
    mask: Tensor,
    *,
    tries: int = 8,
    grow: float | None = None,
    blur: float | None = None,
    seed: int = 0,
    noise: float | Sequence[float] = 1.0,
) -> Tensor:
    """A region is drawn anew, to fit its border; what it held before does not matter.

    Ours: z is the encoder's mean outside of the region and fresh inside; after each scale, what lies outside is put
    back, so that the next one draws on beside it. Of several z, the one is taken that fits best around the region at
    the coarsest scale.

    Args:
        clip, mask, grow, blur: as in `harmonize`, but the mask grows by 12 pixels at 250.
        tries: latent maps to choose from.
        seed: of latent maps and noise; another one, another filling.
        noise: as in `paint_to_image`.

    Returns:
        Like `clip`, and equal to it wherever the grown and blurred mask is 0.

    Raises:
        InputError: as `harmonize`, and `tries` below 1.
    """
    check_whole("tries", tries)
    given, lead = as_batch(model, "clip", clip)
    hole = checked_mask(mask, given)
    soft = soft_mask(hole, grow, blur, INPAINT)
    size = working_size(model, given)
    known = resized(_without(given, hole), size)
    masks = [resized(soft, shape).expand(len(known), -1, *shape) for shape in model.sizes(size)[: model.scales]]
    each = zip(known.split(1), *(mask.split(1) for mask in masks), strict=True)
    made = torch.cat([_inpainted(model, one, own, size, tries, seed, noise) for one, *own in each])
    made = resized(made, tuple(given.shape[2:])).clamp(-1, 1)
    return as_given(torch.where(hole, made, blend(given, made, soft)), lead)


def _inpainted(
    model: hpvae_nb.model.Model,
    known: Tensor,
    masks: list[Tensor],
    size: Shape,
    tries: int,
    seed: int,
    noise: float | Sequence[float],
) -> Tensor:
    """One picture at the finest scale; its region and the rest, as soft masks at each scale, are `1 1 t h w`."""
    kept = [resized(known, tuple(mask.shape[2:])) for mask in masks]
    mu, _ = model.encode(known, size=size)
    fresh = normal_maps(tuple(mu.shape[1:]), seed, range(tries), 0)
    drawn = model.decode(torch.where(masks[0] > 0.5, fresh, mu), noise=0.0, size=size, scales=1)
    edge = masks[0] * (1 - masks[0])
    misfit = reduce(edge * (drawn - kept[0]).square(), "k c ... -> k", "sum")
    x = torch.lerp(kept[0], drawn[misfit.argmin()][None], masks[0])
    for n in range(1, len(masks)):
        x = model.refine(x, n - 1, seed=seed, noise=noise, size=size, scales=n + 1)
        x = torch.lerp(kept[n], x, masks[n])
    return x


def _without(x: Tensor, hole: Tensor) -> Tensor:
    """The mean colour of the rest in place of the region, so that nothing of it is left."""
    known = (~hole).float()
    mean = reduce(x * known, "b c ... -> b c", "sum") / reduce(known, "n 1 ... -> n 1", "sum")
    return torch.where(hole, mean.view(*mean.shape, *(1 for _ in hole.shape[2:])), x)
