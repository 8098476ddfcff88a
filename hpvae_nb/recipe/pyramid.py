"""The space-time pyramid: which sizes a clip has at each scale, and the clip at each of them (section 3.2)."""

import math
import warnings

from einops import rearrange
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.recipe.config import Config


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
            f"{clip.name!r} of {width}x{height} px would be {shapes[0][-1]}x{shapes[0][-2]} at the coarsest scale, "
            f"but both sides need 2 px: crop it, or raise coarse_size above {config.coarse_size}"
        )
    return shapes


def planned_shapes(config: Config, aspect: float) -> list[Shape]:
    """The same for any clip whose height is `aspect` times its width."""
    other = round if config.rounding == "nearest" else int
    tall = config.sized_side == "height" or (config.sized_side == "longer" and aspect > 1)
    shapes: list[Shape] = []
    for scale in range(config.scales):
        side = side_length(config, scale)
        size = (side, other(side / aspect)) if tall else (other(side * aspect), side)
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
        given = "a set of images" if clip.still else kind[clip.dims]
        way = "use preset('laptop-image'), or set dims=2"
        if config.dims == 2:
            way = "use load_image for its first frame, load_images for different pictures, or set dims=3"
        raise InputError(f"{clip.name!r} is {given}, but the configuration is for {kind[config.dims]}: {way}")
    if clip.frames < config.frames:
        raise InputError(
            f"{clip.name!r} has {clip.frames} frames, but sampling rates {config.sampling_rates} need "
            f"{config.frames}: load more frames, or set sampling_rates to values with a smaller LCM"
        )
    height, width = clip.size
    side = {"height": height, "width": width, "longer": max(height, width)}[config.sized_side]
    sized = {"longer": "longer side"}.get(config.sized_side, config.sized_side)
    if side < config.coarse_size:
        raise InputError(
            f"{clip.name!r} is {width}x{height} px, but the coarsest scale needs a {sized} of "
            f"{config.coarse_size}: use a larger {'clip' if clip.dims == 3 else 'picture'} or a smaller coarse_size"
        )
    fine = side_length(config, config.scales - 1)
    if side < fine:
        warnings.warn(
            f"{clip.name!r} has a {sized} of {side} px and is enlarged to {fine} px for the finest scale; "
            f"fine_size={side} would train on real pixels only",
            stacklevel=3,
        )


def real_samples(config: Config, clip: Clip, scale: int, shape: Shape) -> Tensor:
    """x^n: the clip's training samples at `scale`, `b c t h w` (`b c h w` for images: each is a sample).

    Source: section 3.1, "we can cut the video to multiple fixed-sized samples" of LCM(Omega) + 1 frames; with
    `config.every_window`, one from every start frame, as the released code draws them. Then section 3.2: every
    omega-th frame, bilinearly resized.

    Args:
        shape: this scale's entry of `scale_shapes`.
    """
    small = resize(clip.batch, shape[-2:], antialias=config.antialias)
    if config.dims == 2:
        return small
    step = 1 if config.every_window else config.frames
    samples = rearrange(small.unfold(2, config.frames, step), "1 c b h w t -> b c t h w")
    return samples[:, :, :: sampling_rate(config, scale)].contiguous()


def samples_per_step(config: Config, clip: Clip) -> int:
    """Training samples in one step: `config.batch`, or all there are if fewer."""
    if config.dims == 2:
        return min(config.batch, len(clip.batch))
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
