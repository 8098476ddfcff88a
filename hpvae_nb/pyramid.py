"""The space-time pyramid: which sizes a clip has at each scale, and the clip at each of them (section 3.2)."""

from __future__ import annotations

import math
import warnings

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.clips import Clip
from hpvae_nb.config import Config
from hpvae_nb.errors import InputError

Shape = tuple[int, ...]
"""A site grid: (T, H, W) of a video, (H, W) of an image."""

INTERPOLATION = {2: "bilinear", 3: "trilinear"}


def sampling_rate(config: Config, scale: int) -> int:
    """The rate omega at `scale` (0..N): every omega-th frame is kept.

    Source: section 3.2, "chosen by linearly indexing between the possible values of Omega".
    """
    last = config.scales - 1
    return config.sampling_rates[scale * (len(config.sampling_rates) - 1) // last if last else -1]


def side_length(config: Config, scale: int) -> int:
    """Length in pixels of the sized side (height or width) at `scale`.

    Source: appendix A.1 (a fixed step, capped) where `config.step` is set; else even steps from coarse to fine, as in
    the released code, and in its order of operations: where it rounds up, the last bit of a product matters (32 px
    become 33 at its scale 0).
    """
    last = config.scales - 1
    if config.step is not None:
        length = min(config.coarse_size * config.step**scale, config.fine_size)
    elif last == 0:
        length = config.fine_size
    else:
        shrink = math.pow(config.coarse_size / config.fine_size, 1 / last)
        length = math.pow(shrink, last - scale) * config.fine_size
    return round(length) if config.rounding == "nearest" else math.ceil(length)


def scale_shapes(config: Config, clip: Clip) -> list[Shape]:
    """(T, H, W) of the clip at every scale, coarsest first; (H, W) for an image.

    Source: section 3.2 and appendix A.1. T = LCM(Omega) / omega + 1, so that first and last frame stay in place.

    Raises:
        InputError: the clip has too few frames, is smaller than the coarsest scale, or has a shape so long that its
            short side vanishes.
    """
    check_clip(config, clip)
    height, width = clip.size
    shapes = planned_shapes(config, height / width)
    if min(shapes[0][-2:]) < 2:
        raise InputError(
            f"a {width}x{height} clip would be {shapes[0][-1]}x{shapes[0][-2]} at the coarsest scale, "
            f"but both sides need 2 px: crop it, or raise coarse_size above {config.coarse_size}"
        )
    return shapes


def planned_shapes(config: Config, aspect: float) -> list[Shape]:
    """The same for any clip whose height is `aspect` times its width."""
    other = round if config.rounding == "nearest" else int
    shapes: list[Shape] = []
    for scale in range(config.scales):
        side = side_length(config, scale)
        size = (side, other(side / aspect)) if config.sized_side == "height" else (other(side * aspect), side)
        time = ((config.frames - 1) // sampling_rate(config, scale) + 1,) if config.dims == 3 else ()
        shapes.append((*time, *size))
    return shapes


def check_clip(config: Config, clip: Clip) -> None:
    """Refuse a clip that cannot make this pyramid; warn when its finest scale would be an enlargement.

    Raises:
        InputError: naming the value, the limit and the way out.
    """
    if clip.dims != config.dims:
        kind = {2: "an image", 3: "a video"}
        raise InputError(
            f"{clip.name!r} is {kind[clip.dims]}, but the configuration is for {kind[config.dims]}: "
            f"use preset({config.preset!r}, dims={clip.dims})"
        )
    if clip.frames < config.frames:
        raise InputError(
            f"{clip.name!r} has {clip.frames} frames, but sampling rates {config.sampling_rates} need "
            f"{config.frames}: load more frames, or set sampling_rates to values with a smaller LCM"
        )
    height, width = clip.size
    side = height if config.sized_side == "height" else width
    if side < config.coarse_size:
        raise InputError(
            f"{clip.name!r} is {width}x{height} px, but the coarsest scale needs a {config.sized_side} of "
            f"{config.coarse_size}: use a larger clip or a smaller coarse_size"
        )
    fine = side_length(config, config.scales - 1)
    if side < fine:
        warnings.warn(
            f"{clip.name!r} has a {config.sized_side} of {side} px and is enlarged to {fine} px for the finest scale; "
            f"fine_size={side} would train on real pixels only",
            stacklevel=3,
        )


def resize(video: Tensor, size: Shape, *, antialias: bool = False) -> Tensor:
    """Bilinear resizing in space alone, frame by frame.

    Args:
        video: `b c t h w` or `b c h w`.
        size: (H, W) in pixels.
        antialias: average over the pixels that a smaller one covers, instead of picking between two.
    """
    frames = video if video.ndim == 4 else rearrange(video, "b c t h w -> (b t) c h w")
    scaled = F.interpolate(frames, size=size, mode="bilinear", align_corners=False, antialias=antialias)
    return scaled if video.ndim == 4 else rearrange(scaled, "(b t) c h w -> b c t h w", b=len(video))


def upsample(video: Tensor, shape: Shape) -> Tensor:
    """The paper's ↑: to `shape` in space and time, corners aligned so that first and last frame keep their place.

    Source: section 3.2, figure 4. `b c t h w` to `b c T H W` (or `b c h w` to `b c H W`).
    """
    if tuple(video.shape[2:]) == tuple(shape):
        return video
    return F.interpolate(video, size=shape, mode=INTERPOLATION[len(shape)], align_corners=True)


def real_samples(config: Config, clip: Clip, scale: int, shape: Shape) -> Tensor:
    """x^n: the clip's training samples at `scale`, `b c t h w` (`b c h w` for an image).

    Source: section 3.1, "we can cut the video to multiple fixed-sized samples" of LCM(Omega) + 1 frames; with
    `config.every_window`, one from every start frame, as the released code draws them. Then section 3.2: every
    omega-th frame, bilinearly resized.

    Args:
        shape: this scale's entry of `scale_shapes`.
    """
    small = resize(clip.video[None], shape[-2:], antialias=config.antialias)
    if config.dims == 2:
        return small
    step = 1 if config.every_window else config.frames
    samples = rearrange(small[0].unfold(1, config.frames, step), "c b h w t -> b c t h w")
    return samples[:, :, :: sampling_rate(config, scale)].contiguous()


def samples_per_step(config: Config, clip: Clip) -> int:
    """Training samples in one step: `config.batch`, or all there are if fewer."""
    if config.dims == 2:
        return 1
    starts = clip.frames - config.frames + 1
    return min(config.batch, starts if config.every_window else clip.frames // config.frames)


def coarsest(config: Config, video: Tensor, shape: Shape) -> Tensor:
    """x^0 of any full-rate clip: every omega-th frame, bilinearly resized (section 3.2).

    Args:
        video: `b c t h w` (`b c h w` for images), t a multiple of omega plus 1.
        shape: of scale 0.

    Raises:
        InputError: when the last frame would not keep its place.
    """
    if config.dims == 3:
        rate = sampling_rate(config, 0)
        if (video.shape[2] - 1) % rate or video.shape[2] <= rate:
            raise InputError(
                f"the clip has {video.shape[2]} frames, but scale 0 keeps every {rate}th with both ends: "
                f"use a multiple of {rate} plus 1, such as {config.frames}"
            )
        video = video[:, :, ::rate]
    return resize(video, shape[-2:], antialias=config.antialias)


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
    if not all(isinstance(length, int) for length in output):
        raise InputError(f"size is {output}, but must be whole numbers, as in {finest}")
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
