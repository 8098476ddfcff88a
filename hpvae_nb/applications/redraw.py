"""Paint-to-image, harmonisation and editing: a given picture enters the hierarchy at some scale, and is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.applications.given import (
    as_batch,
    as_given,
    blend,
    checked_mask,
    resized,
    soft_mask,
    working_size,
)
from hpvae_nb.core.networks import RGB
from hpvae_nb.errors import InputError, check_whole, require, whole
from hpvae_nb.io.clips import Clip

if TYPE_CHECKING:
    import hpvae_nb.model

HARMONIZE, EDIT = 7, 20  # SinGAN's code: radius of the disc by which masks grow, in pixels at 250
_KMEANS = 3  # rounds by which Pillow betters its palette


def paint_to_image(
    model: hpvae_nb.model.Model,
    painting: Tensor | Clip,
    start: int = 1,
    *,
    palette: int | None = None,
    project: bool = False,
    seed: int = 0,
    noise: float | Sequence[float] = 1.0,
) -> Tensor:
    """A rough painting becomes a picture like the training one.

    Source: figure 8; SinGAN, which enters the painting at a coarse scale. `project` is ours.

    Args:
        painting: `3 h w` (`3 t h w` for clips) in [-1, 1], of any size; or a batch of them. It is worked on at the size
            at which it has as many pixels as the training picture.
        start: 0..N-1; the scale whose output the painting stands in for. Low: more is changed; high: less.
        palette: first map each pixel to the nearest of so many colours of the training picture, found by k-means.
        project: let E read the painting, and scale `start`, a VAE scale, draw what it read. So all that goes on is made
            of patches that the model knows; what it does not know, such as a pasted object, is lost.
        seed: of the noise at the scales above.
        noise: factor of its amplitudes, as in `Model.decode`.

    Returns:
        Like `painting`, of its size, on the CPU.

    Raises:
        InputError: a scale that does not exist, a shape of another kind, values outside [-1, 1].
    """
    _check_start(model, start, project)
    given, lead = as_batch(model, "painting", painting)
    if palette is not None:
        given = _in_palette(model, given, palette)
    return as_given(_redrawn(model, given, start, project, seed, noise), lead)


def harmonize(
    model: hpvae_nb.model.Model,
    composite: Tensor | Clip,
    mask: Tensor,
    start: int = 1,
    *,
    grow: float | None = None,
    blur: float | None = None,
    project: bool = False,
    seed: int = 0,
    noise: float | Sequence[float] = 1.0,
) -> Tensor:
    """A pasted object takes on the colours and texture of the place.

    Source: figure 8; SinGAN: the composite enters at scale `start`; then, with m the mask grown and blurred,
    (1 - m) composite + m output.

    Args:
        composite: `3 h w` (`3 t h w` for clips) in [-1, 1], of any size; or a batch of them.
        mask: `h w` (`t h w`, or `h w` for all frames), 1 or True where the object is; or one for each of a batch.
        start, project, seed, noise: as in `paint_to_image`.
        grow: pixels by which the mask grows; if not given, SinGAN's 7 at 250 pixels of the longer side.
        blur: standard deviation of its edge, in pixels; if not given, SinGAN's 5, likewise.

    Returns:
        Like `composite`, and equal to it wherever the grown and blurred mask is 0.

    Raises:
        InputError: as `paint_to_image`; a mask of another size, or one that holds nothing or everything.
    """
    return _healed(model, composite, mask, start, grow, blur, HARMONIZE, project, seed, noise)


def edit(
    model: hpvae_nb.model.Model,
    composite: Tensor | Clip,
    mask: Tensor,
    start: int = 1,
    *,
    grow: float | None = None,
    blur: float | None = None,
    project: bool = False,
    seed: int = 0,
    noise: float | Sequence[float] = 1.0,
) -> Tensor:
    """Regions that were moved, copied or cut heal at their edges. Arguments, results and errors as in `harmonize`.

    Source: figure 8; SinGAN, whose disc is larger here: 20 pixels at 250. `mask` is 1 where something was changed.
    """
    return _healed(model, composite, mask, start, grow, blur, EDIT, project, seed, noise)


def _check_start(model: hpvae_nb.model.Model, start: int, project: bool) -> None:
    last, levels = model.scales - 1, model.network.vae_levels
    if whole(start) is None or not 0 <= start < last:
        raise InputError(f"start is {start!r}, but must be a scale below the last: 0..{last - 1}")
    if project and start >= levels:
        ways = f"start at one of 0..{levels - 1}, or leave out project" if levels else "leave out project"
        raise InputError(f"start is {start}, but only VAE scales draw what E reads: {ways}")


def _healed(
    model: hpvae_nb.model.Model,
    composite: Tensor | Clip,
    mask: Tensor,
    start: int,
    grow: float | None,
    blur: float | None,
    usual: float,
    project: bool,
    seed: int,
    noise: float | Sequence[float],
) -> Tensor:
    """`harmonize`, with a disc of `usual` pixels at 250 where `grow` is not given."""
    _check_start(model, start, project)
    given, lead = as_batch(model, "composite", composite)
    soft = soft_mask(checked_mask(mask, given), grow, blur, usual)
    return as_given(blend(given, _redrawn(model, given, start, project, seed, noise), soft), lead)


def _redrawn(
    model: hpvae_nb.model.Model, given: Tensor, start: int, project: bool, seed: int, noise: float | Sequence[float]
) -> Tensor:
    """A batch as the hierarchy draws it from scale `start` on, at its own size."""
    size = working_size(model, given)
    small = resized(given, size)
    if project:
        mu, _ = model.encode(small, size=size)
        x = model.decode(mu, noise=0.0, size=size, scales=start + 1)
    else:
        x = resized(small, model.sizes(size)[start])
    made = model.refine(x, start, seed=seed, noise=noise, size=size)
    return resized(made, tuple(given.shape[2:])).clamp(-1, 1)


def _in_palette(model: hpvae_nb.model.Model, given: Tensor, count: int) -> Tensor:
    """Every pixel in the nearest of so many colours of the training picture, as the model keeps it."""
    check_whole("palette", count, 2)
    pillow = require("PIL.Image", "finding a palette", "pillow")
    known = rearrange(model.reconstruct()[0], "c ... h w -> (... h) w c")
    as_bytes = ((known + 1) * 127.5).round().to(torch.uint8).numpy()
    entries = pillow.fromarray(as_bytes).quantize(count, kmeans=_KMEANS).getpalette()[: RGB * count]
    colours = rearrange(torch.tensor(entries) / 127.5 - 1, "(k c) -> k c", c=RGB)
    pixels = rearrange(given, "b c ... -> b ... c")
    nearest = torch.cdist(pixels.flatten(end_dim=-2), colours).argmin(1)
    return rearrange(colours[nearest].view(pixels.shape), "b ... c -> b c ...")
