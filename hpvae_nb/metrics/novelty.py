"""Where a sample's patches come from: the nearest patches of the training clip, and numbers that expose copying."""

import math
import zlib
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.patches import nearest, patch_grid, patch_rows
from hpvae_nb.core.resampling import Shape, resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.inputs import checked_pair

COARSE = 18  # px: the height at which layouts are compared; half the laptop preset's
LARGE_PATCH = (3, COARSE // 2, COARSE // 2)  # voxels, at that height
NNF_PATCH = (3, 3, 3)


@dataclass(frozen=True)
class Matches:
    """For every patch of a sample the closest patch of the training clip.

    Attributes:
        distance: mean squared difference, at least 0, `t h w` with a value for each first corner.
        place: first corner of the closest patch as (frame, row, column) of the clip, `t h w 3`.
    """

    distance: Tensor
    place: Tensor


def nearest_patches(sample: Tensor, real: Tensor | Clip, patch: Shape = (3, 5, 5)) -> Matches:
    """The closest patch of the training clip, for every patch of a sample, by looking at all of them.

    Cost grows with the square of the number of voxels: about 4 s for 13x36x64 on one processor core.

    Args:
        sample: `3 t h w` (or `3 h w`) in [-1, 1].
        real: the training clip, a `Clip` or a tensor of the same axes at the sample's scale.
        patch: voxels in time, height and width; of an image the last two count.

    Returns:
        Distances and places of T - a + 1 by H - b + 1 by W - d + 1 patches; for images there is one frame.

    Raises:
        InputError: other shapes, values that are not finite, or a patch that does not fit into both.
    """
    samples, clip = checked_pair(sample[None], real)
    size = (1, *patch[-2:]) if sample.ndim == 3 else tuple(patch)
    return _matches(samples[0], clip, size)


def _matches(sample: Tensor, clip: Tensor, patch: Shape) -> Matches:
    """The same for what was checked."""
    shapes = tuple(sample.shape[1:]), tuple(clip.shape[1:])
    if len(patch) != 3 or min(patch) < 1 or any(s > n for shape in shapes for s, n in zip(patch, shape, strict=True)):
        both = " and ".join(map(str, shapes))
        raise InputError(f"a patch of {tuple(patch)} does not fit into {both}: give sizes from 1, such as (3, 5, 5)")
    index, squared = nearest(patch_rows(sample, patch), patch_rows(clip, patch))
    corners = torch.stack(torch.unravel_index(index, patch_grid(shapes[1], patch)), dim=-1)
    t, h, _ = patch_grid(shapes[0], patch)
    distance = rearrange(squared / (3 * math.prod(patch)), "(t h w) -> t h w", t=t, h=h)
    return Matches(distance, rearrange(corners, "(t h w) c -> t h w c", t=t, h=h))


def novelty(samples: Tensor, real: Tensor | Clip) -> float:
    """How far large parts of the samples are from anything in the training clip, relative to the clip's own variety.

    0: every part half as high as the frame is a copy from somewhere in the clip, as it is or moved; 1: it is as far
    from its nearest part of the clip as parts of the clip drawn at random are from each other. Small patches must
    recur, or the sample would not look real; large ones that recur are memorised. Measured at a height of 18 px, on
    parts of 3 frames by 9 by 9 px. A low value is bad, but a high one is no merit by itself: noise is novel.

    Source: this project, after the nearest-neighbour checks for memorisation in Nikankin et al. 2022, section 7.2.

    Args:
        samples, real: as for `svfid`, images included.

    Returns:
        The mean over samples and parts, at least 0.

    Raises:
        InputError: as `svfid`, and for a clip whose parts are all alike.
    """
    samples, clip = checked_pair(samples, real)
    samples, clip = coarse(samples), coarse(clip)
    patch = (min(LARGE_PATCH[0], samples.shape[2], clip.shape[1]), *LARGE_PATCH[1:])
    # Two rows drawn at random differ by twice the variance.
    variety = 2 * patch_rows(clip, patch).var(0).mean().item()
    if variety < 1e-6:
        raise InputError("all parts of the real clip are alike, so there is nothing to measure novelty against")
    distances = (_matches(sample, clip, patch).distance.mean().item() for sample in samples)
    return sum(distances) / len(samples) / variety


def coarse(video: Tensor) -> Tensor:
    """A clip, or several, at the height of 18 px at which layouts are compared."""
    width = max(COARSE // 2, round(video.shape[-1] * COARSE / video.shape[-2]))
    return resize(video, (COARSE, width), antialias=True)


def nnfdiv(matches: Matches) -> float:
    """How broken up the nearest-neighbour field is: its size after compression, relative to its size before.

    Source: Nikankin et al. 2022 (SinFusion), section 7.2: ZLIB's compression ratio of the field. As in the authors'
    evaluation code, what is compressed is the offset of each 3x3x3 patch's nearest neighbour from the patch itself,
    axis by axis, as bytes that wrap around. A clip copied as a whole has one offset everywhere and compresses to almost
    nothing, moved or not. They search approximately (PatchMatch), here all patches are looked at, so a field is as
    broken up as it is; their normalisation of the published numbers differs from the code, as its authors note.

    Args:
        matches: `nearest_patches(sample, real, patch=(3, 3, 3))`; of an image the two axes that it has count.

    Returns:
        About 0 (one offset) to 1 (as good as random).
    """
    t, h, w = matches.distance.shape
    here = torch.stack(torch.meshgrid(torch.arange(t), torch.arange(h), torch.arange(w), indexing="ij"))
    offsets = rearrange(matches.place.cpu(), "t h w c -> c t h w") - here
    if t == 1 and not offsets[0].any():
        offsets = offsets[1:]  # of an image: zeros of a time that it lacks would count as order
    field = (offsets % 256).to(torch.uint8).contiguous().numpy().tobytes()
    return len(zlib.compress(field)) / len(field)


def nnfdist(matches: Matches) -> float:
    """How far patches are from their nearest neighbours: the mean squared difference.

    Source: Nikankin et al. 2022 (SinFusion), section 7.2: mean squared error between 3x3x3 patches and their nearest
    neighbours, averaged. Here of values in [-1, 1], so from 0 to 4; the published numbers' range of values could not
    be checked. Arguments as in `nnfdiv`.
    """
    return matches.distance.mean().item()


def nearest_field(samples: Tensor, real: Tensor | Clip) -> tuple[float, float]:
    """`nnfdiv` and `nnfdist` on 3x3x3 patches, each averaged over the samples; about 2 s a sample of 13x36x64.

    Images, `b 3 h w`, have patches of 3x3. Arguments and errors as in `nearest_patches`, of a batch of samples.
    """
    samples, clip = checked_pair(samples, real)
    patch = NNF_PATCH if samples.shape[2] > 1 else (1, *NNF_PATCH[1:])
    fields = [_matches(sample, clip, patch) for sample in samples]
    return sum(map(nnfdiv, fields)) / len(fields), sum(map(nnfdist, fields)) / len(fields)
