"""Whether what is rare in the clip lives on in the samples."""

from torch import Tensor

from hpvae_nb.core.patches import nearest, patch_rows, principal_axes
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.metrics.inputs import checked_pair

PATCH = (1, 7, 7)  # things, however they move
RARE = 0.05  # part of all patches that counts as salient
COMMON = 0.5  # part that counts as background
NEARER = 0.5  # a salient patch lives where something is at most this much as far from it as the background


def survival(samples: Tensor, real: Tensor | Clip) -> float:
    """What share of the clip's rare, salient patches lives on in a sample, on average.

    Salient are the 5 % of 7x7 patches that are most distinct: largest in the sum of absolute values along the principal
    axes of all patches, each divided by its spread (Margolin, Tal and Zelnik-Manor 2013, "What makes a patch
    distinct?", without their division into regions). Such a patch lives on if something in the sample is
    at most half as far from it as the nearest of the clip's common patches (the less distinct half) is. So a sample of
    background alone scores 0, however much its pixels vary: diversity can be high because the content is gone.

    Source: this project. A copy of the clip scores 1, moved or not; noise scores 0.

    Args:
        samples, real: as for `svfid`, images included.

    Returns:
        A share from 0 to 1.

    Raises:
        InputError: as `svfid`, and for a flat clip.
    """
    samples, clip = checked_pair(samples, real)
    if min(*samples.shape[-2:], *clip.shape[-2:]) < PATCH[1]:
        raise InputError(f"patches of {PATCH[1]} px do not fit into samples of {tuple(samples.shape)}: use larger ones")
    rows = patch_rows(clip, PATCH)
    order = distinctness(rows).argsort()
    common, salient = rows[order[: int(COMMON * len(rows))]], rows[order[-max(1, int(RARE * len(rows))) :]]
    _, without = nearest(salient, common)
    if without.max() < 1e-6:
        raise InputError("the real clip is the same everywhere, so nothing in it is rare")
    shares = []
    for sample in samples:
        _, found = nearest(salient, patch_rows(sample, PATCH))
        shares.append((found.sqrt() <= NEARER * without.sqrt()).float().mean().item())
    return sum(shares) / len(shares)


def distinctness(rows: Tensor) -> Tensor:
    """How far each patch is from the mean one: sum of |coordinate| / spread along the principal axes, `k d` to `k`."""
    centred = rows - rows.mean(0)
    along = centred @ principal_axes(rows, rows.shape[1])
    spread = along.std(0)
    return (along.abs() / spread.clamp(min=0.01 * spread.max())).sum(1)
