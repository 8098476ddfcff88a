"""Two plain errors: of a reconstruction, and of guessing each frame from the one before."""

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.inputs import checked_pair

RADIUS = 4  # px, at 36 px of height
BLOCK = 7


def reconstruction_error(reconstruction: Tensor, real: Tensor) -> float:
    """Mean squared difference of a reconstruction from what it should be: equation (7), as the released code has it.

    Args:
        reconstruction: `3 t h w` (or `3 h w`) in [-1, 1], such as `model.reconstruct()[0]`.
        real: the same shape, such as `hpvae_nb.lab.show.real_at_last_scale(model, clip)`.

    Returns:
        0 to 4.

    Raises:
        InputError: the shapes differ.
    """
    if reconstruction.shape != real.shape:
        shapes = f"{tuple(reconstruction.shape)} and {tuple(real.shape)}"
        raise InputError(f"reconstruction and clip are {shapes}, but must agree: take the clip at the last scale")
    return (reconstruction.float() - real.float()).square().mean().item()


def temporal_consistency(samples: Tensor, real: Tensor | Clip) -> float:
    """How badly frames follow from the frames before them, relative to the training clip.

    Each 7x7 block of a frame is looked for in the frame before, up to 4 px away (more in larger frames, in proportion);
    the mean squared rest is the error. 1: as predictable as the clip; more: flicker, jumps, things that dissolve; less:
    a still or blurred clip, which is no merit.

    Source: the warping error of Lai et al. 2018, "Learning blind video temporal consistency", with block
    matching (Jain and Jain 1981) in place of optical flow and of its mask of occlusions.

    Args:
        samples, real: as for `svfid`, of at least two frames: an image follows from nothing.

    Returns:
        The mean over samples of the ratio, at least 0.

    Raises:
        InputError: as `svfid`, and for a clip that stands still.
    """
    samples, clip = checked_pair(samples, real)
    if min(samples.shape[2], clip.shape[1]) < 2:
        raise InputError("temporal consistency needs at least two frames, but one was given: use a video")
    reference = matching_error(clip)
    if reference < 1e-8:
        raise InputError("the real clip stands still, so there is no motion to compare with")
    return sum(map(matching_error, samples)) / len(samples) / reference


def matching_error(clip: Tensor) -> float:
    """What is left of each frame of `3 t h w` when its blocks are taken from the frame before: mean squared rest."""
    radius = max(1, round(RADIUS * clip.shape[-2] / 36))
    before, after = (rearrange(part, "c t h w -> t c h w") for part in (clip[:, :-1], clip[:, 1:]))
    height, width = after.shape[-2:]
    padded = F.pad(before, (radius,) * 4, mode="replicate")
    best = torch.full_like(after[:, :1], torch.inf)
    for down in range(2 * radius + 1):
        for right in range(2 * radius + 1):
            moved = padded[:, :, down : down + height, right : right + width]
            rest = reduce((after - moved).square(), "t c h w -> t 1 h w", "mean")
            block = F.avg_pool2d(rest, BLOCK, stride=1, padding=BLOCK // 2, count_include_pad=False)
            best = torch.minimum(best, block)
    return best.mean().item()
