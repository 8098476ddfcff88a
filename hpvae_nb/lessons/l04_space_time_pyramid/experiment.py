"""Which frames a sampling rate keeps, and which moments interpolation between them shows (section 3.2, figure 4)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core.resampling import Shape, upsample


def kept(frames: int, rate: int) -> range:
    """Numbers of the frames that are left when every `rate`-th of `frames` is kept."""
    return range(0, frames, rate)


def stretched(video: Tensor, shape: Shape, *, aligned: bool) -> Tensor:
    """`b c t h w` linearly interpolated to `shape`, with corners aligned: first and last site, in space and time, keep
    their places; or with half a site left at all ends (PyTorch's `align_corners=False`)."""
    return upsample(video, shape) if aligned else F.interpolate(video, shape, mode="trilinear", align_corners=False)


def shown_times(coarse: int, frames: int, *, aligned: bool) -> Tensor:
    """The moment that each of `frames` interpolated frames shows, in frames from 0 to `frames - 1`."""
    moments = torch.linspace(0, frames - 1, coarse).reshape(1, 1, -1, 1, 1)
    return stretched(moments, (frames, 1, 1), aligned=aligned).flatten()
