"""What the reader gives: pictures and masks, checked, at the sizes that a model works with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from einops import pack, rearrange, unpack
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize, upsample
from hpvae_nb.errors import InputError, require
from hpvae_nb.io.clips import Clip

if TYPE_CHECKING:
    import hpvae_nb.model

Lead = list[tuple[int, ...] | list[int]]
LONGER_SIDE = 250  # pixels of SinGAN's pictures, for which its code gives discs and blurs
BLUR = 5  # pixels there: standard deviation of a mask's soft edge
_SITES = {2: "h w", 3: "t h w"}
_CUT = 3.0  # standard deviations at which that edge ends


def as_batch(model: hpvae_nb.model.Model, what: str, given: Tensor | Clip) -> tuple[Tensor, Lead]:
    """A picture or a batch of them, as a checked batch; and the leading axes it had, for `as_given`.

    Args:
        what: how to call it in errors.
        given: `3 h w` (`3 t h w` for clips) in [-1, 1], or a batch of such.

    Raises:
        InputError: another shape, or values that are none of a picture.
    """
    dims, x = model.config.dims, given.video if isinstance(given, Clip) else given
    if not isinstance(x, Tensor) or x.ndim not in (dims + 1, dims + 2) or len(x) == 0:
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"{what} is {got}, but must be '3 {_SITES[dims]}', or a batch of such")
    batch, lead = pack([x], f"* c {_SITES[dims]}")
    return torch.stack([Clip(one, name=what).video for one in batch]), lead


def as_given(batch: Tensor, lead: Lead) -> Tensor:
    """The inverse of `as_batch`."""
    (x,) = unpack(batch, lead, f"* c {_SITES[batch.ndim - 2]}")
    return x


def working_size(model: hpvae_nb.model.Model, given: Tensor) -> Shape:
    """The size at which things in `given` are as large as in the training picture: as many pixels, in its own shape."""
    trained, sides = model.shapes[-1][-2:], given.shape[-2:]
    factor = math.sqrt(math.prod(trained) / math.prod(sides))
    size = tuple(max(1, round(factor * side)) for side in sides)
    same = max(abs(a - b) for a, b in zip(size, trained, strict=True)) <= 1
    return (*given.shape[2:-2], *(trained if same else size))


def resized(x: Tensor, shape: Shape) -> Tensor:
    """`b c t h w` or `b c h w` at (T, H, W) or (H, W): averaged where it shrinks, ↑ where it grows; nearest frames."""
    if len(shape) == 3 and x.shape[2] != shape[0]:
        x = x[:, :, torch.linspace(0, x.shape[2] - 1, shape[0]).round().long()]
    if x.shape[-1] < shape[-1]:
        return upsample(x, shape)
    return resize(x, shape[-2:], antialias=True) if tuple(x.shape[-2:]) != tuple(shape[-2:]) else x


def checked_mask(mask: Tensor | np.ndarray, given: Tensor) -> Tensor:
    """True inside, for each site of a batch: `n 1 h w`, or `n 1 t h w` of clips; n is 1 where all have the same mask.

    Args:
        mask: `h w`, `t h w`, or one for each of the batch, `b h w` or `b t h w`; `h w` is for all frames of a clip. 1
            or True inside, 0 or False outside.

    Raises:
        InputError: another size, other values, nothing or everything inside.
    """
    sites = tuple(given.shape[2:])
    mask = torch.from_numpy(mask) if isinstance(mask, np.ndarray) else mask
    if not isinstance(mask, Tensor) or tuple(mask.shape) not in (sites, sites[-2:], (len(given), *sites)):
        got = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise InputError(f"mask is {got}, but the picture is {sites}: give one value for each of its pixels")
    if not bool(((mask >= 0) & (mask <= 1)).all()):
        low, high = mask.min().item(), mask.max().item()
        raise InputError(f"mask has values from {low:g} to {high:g}, but must be 1 inside and 0 outside")
    count = len(given) if mask.ndim > len(sites) else 1
    inside = rearrange((mask.float() > 0.5).expand(count, *sites), "n ... -> n 1 ...")
    for one in inside:
        if not one.any() or one.all():
            holds, way = ("everything", "leave out") if one.any() else ("nothing", "mark")
            raise InputError(f"mask holds {holds}: {way} at least one pixel")
    return inside


def soft_mask(inside: Tensor, grow: float | None, blur: float | None, usual: float) -> Tensor:
    """A mask grown by a disc, with a soft edge, frame by frame.

    Source: SinGAN's code, whose discs and blur are for pictures of 250 pixels; here they grow with the longer side.

    Args:
        inside: boolean, `... h w`.
        grow: radius of the disc in pixels; if not given, `usual` at 250 pixels.
        blur: standard deviation of a Gaussian in pixels, which ends at three of them; if not given, 5 at 250 pixels.

    Returns:
        float32 of the same shape: 1 inside, 0 outside, between them along the edge.

    Raises:
        InputError: a negative number of pixels.
        ImportError: when scikit-image is missing.
    """
    unit = max(inside.shape[-2:]) / LONGER_SIDE
    grow, blur = usual * unit if grow is None else grow, BLUR * unit if blur is None else blur
    for name, value in {"grow": grow, "blur": blur}.items():
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} is {value!r}, but must be a number of pixels, at least 0")
    morphology = require("skimage.morphology", "growing masks", "scikit-image")
    filters = require("skimage.filters", "blurring masks", "scikit-image")
    frames, lead = pack([inside], "* h w")
    disc = morphology.disk(round(grow))
    grown = (morphology.dilation(frame.numpy(), disc).astype(np.float32) for frame in frames)
    soft = np.stack([filters.gaussian(frame, blur, truncate=_CUT) for frame in grown])
    (mask,) = unpack(torch.from_numpy(soft), lead, "* h w")
    return mask


def blend(given: Tensor, made: Tensor, soft: Tensor) -> Tensor:
    """(1 - m) given + m made: `given`, bit for bit, where the mask is 0."""
    return torch.where(soft > 0, torch.lerp(given, made, soft), given)
