"""A video's size in space and time: resizing, the paper's ↑, and the shapes of outputs of any size (section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from einops import pack, rearrange, unpack
from torch import Tensor

from hpvae_nb.errors import InputError, whole

if TYPE_CHECKING:
    from jaxtyping import Float

Shape = tuple[int, ...]
"""A site grid: (T, H, W) of a video, (H, W) of an image."""

INTERPOLATION = {2: "bilinear", 3: "trilinear"}


def resize(video: Float[Tensor, "... h w"], size: Shape, *, antialias: bool = False) -> Float[Tensor, "... y x"]:
    """Bilinear resizing in space alone, picture by picture: of clips, images, and batches of either.

    Args:
        size: (H, W) in pixels.
        antialias: average over the pixels that a smaller one covers, instead of picking between two.
    """
    pictures, lead = pack([video], "* h w")
    pictures = rearrange(pictures, "n h w -> n 1 h w")
    scaled = F.interpolate(pictures, size=tuple(size), mode="bilinear", align_corners=False, antialias=antialias)
    (scaled,) = unpack(rearrange(scaled, "n 1 h w -> n h w"), lead, "* h w")
    return scaled


def upsample(video: Float[Tensor, "..."], shape: Shape) -> Float[Tensor, "..."]:
    """The paper's ↑: to `shape` in space and time, corners aligned so that first and last frame keep their place.

    Source: section 3.2, figure 4. `b c t h w` to `b c T H W`, and the same without b; images without t.
    """
    if tuple(video.shape[-len(shape) :]) == tuple(shape):
        return video
    axes = "* c t h w" if len(shape) == 3 else "* c h w"
    batch, lead = pack([video], axes)
    (larger,) = unpack(F.interpolate(batch, size=shape, mode=INTERPOLATION[len(shape)], align_corners=True), lead, axes)
    return larger


def shapes_for_output(trained: list[Shape], output: Shape) -> list[Shape]:
    """Shapes at every scale for an output of another size than the trained one.

    Every scale keeps its ratio to the finest: heights and widths in proportion, time by intervals (T - 1), so that end
    frames stay in place. Source: section 4.2 (trained at 256x192, generated at 1024x256).

    Raises:
        InputError: when the coarsest scale would lose a dimension.
    """
    finest = trained[-1]
    if len(output) == len(finest) - 1:
        output = (finest[0], *output)
    if len(output) != len(finest):
        raise InputError(f"size is {output}, but must be {_axes(finest)}, as in {finest}")
    if any(whole(length) is None for length in output):
        raise InputError(f"size is {output}, but must be whole numbers, as in {finest}")
    output = tuple(map(int, output))
    if tuple(output) == tuple(finest):
        return list(trained)
    shapes = [_proportional(shape, finest, output) for shape in trained[:-1]] + [tuple(output)]
    if min(output) < 1 or any(length < 1 for length in shapes[0]) or (len(finest) == 3 and shapes[0][0] < 2):
        raise InputError(f"size {output} is too small: its coarsest scale would be {shapes[0]}; trained was {finest}")
    return shapes


def shapes_for_latent(trained: list[Shape], latent: Shape) -> list[Shape]:
    """Shapes at every scale for a latent map of another size than the trained one; the inverse of the above."""
    if tuple(latent) == tuple(trained[0]):
        return list(trained)
    finest = _proportional(trained[-1], trained[0], latent)
    return [tuple(latent), *shapes_for_output(trained, finest)[1:]] if len(trained) > 1 else [tuple(latent)]


def _axes(shape: Shape) -> str:
    return "(T, H, W) or (H, W)" if len(shape) == 3 else "(H, W)"


def _proportional(shape: Shape, of: Shape, to: Shape) -> Shape:
    """What `shape` becomes when `of` becomes `to`."""
    space = tuple(round(n * b / a) for n, a, b in zip(shape[-2:], of[-2:], to[-2:], strict=True))
    if len(shape) == 2:
        return space
    return (round((shape[0] - 1) * (to[0] - 1) / (of[0] - 1)) + 1, *space)
