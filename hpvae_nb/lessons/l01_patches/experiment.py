"""Where a clip's patches come again: in the same frame, in other frames, in a smaller copy, elsewhere (section 3.1)."""

from dataclasses import dataclass

import torch
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.core.patches import distance_maps, patch_at
from hpvae_nb.core.resampling import resize

SMALLER = 0.75  # the size of the smaller copy, as a part of the clip's


@dataclass(frozen=True)
class Found:
    """Where a patch was found again: its first corner (frame, row, column), and how far off it is."""

    site: tuple[int, int, int]
    difference: float  # root mean squared, in percent of the range of values
    patch: Tensor  # c size size


def percent(mean_squared: Tensor) -> Tensor:
    """Root mean squared difference in percent of the range, which is 2: from -1 to 1."""
    return 50 * mean_squared.sqrt()


def smaller(video: Tensor) -> Tensor:
    """The clip at `SMALLER` times its height and width."""
    height, width = (round(length * SMALLER) for length in video.shape[-2:])
    return resize(video, (height, width), antialias=True)


def find(video: Tensor, site: tuple[int, int, int], size: int) -> dict[str, Found]:
    """The nearest patch in the same frame (without overlap), in other frames and in a smaller copy of the clip."""
    found = {}
    for name, (distances,) in _candidates(video, [site], size).items():
        frame, row, column = (int(i) for i in torch.unravel_index(distances.argmin(), distances.shape))
        patch = patch_at(smaller(video) if name == "in a smaller copy" else video, (frame, row, column), size)
        found[name] = Found((frame, row, column), float(percent(distances.min())), patch)
    return found


def _candidates(video: Tensor, sites: list[tuple[int, int, int]], size: int) -> dict[str, Tensor]:
    """Distance maps `k t h w` of the patches at `sites`, infinite where a find would not count."""
    patches = torch.stack([patch_at(video, site, size) for site in sites])
    here = distance_maps(video, patches)
    elsewhen = here.clone()
    same = torch.full_like(here, torch.inf)
    for k, (frame, row, column) in enumerate(sites):
        elsewhen[k, frame] = torch.inf
        same[k, frame] = here[k, frame]
        same[k, frame, max(0, row - size + 1) : row + size, max(0, column - size + 1) : column + size] = torch.inf
    small = distance_maps(smaller(video), patches)
    return {"in this frame": same, "in another frame": elsewhen, "in a smaller copy": small}


def recurrence(video: Tensor, other: Tensor, size: int, count: int = 200, seed: int = 0) -> dict[str, Tensor]:
    """How near the nearest patch is, for random patches of a clip `c t h w`, drawn from the half that varies most.

    Source: Zontak and Irani 2011, "Internal statistics of a single natural image", ask this of photographs.

    Args:
        other: another clip of the same shape, to look in for comparison.

    Returns:
        For each place to look, the root mean squared differences in percent of the range, in rising order.
    """
    generator = torch.Generator().manual_seed(seed)
    frames = video.unfold(2, size, 1).unfold(3, size, 1)
    variety = reduce(frames.var(dim=(-1, -2)), "c t h w -> t h w", "mean")
    busy = torch.nonzero(variety > variety.median())
    chosen = busy[torch.randperm(len(busy), generator=generator)[:count]]
    sites = [(int(t), int(h), int(w)) for t, h, w in chosen]
    patches = torch.stack([patch_at(video, site, size) for site in sites])
    mixed = rearrange(video, "c t h w -> c (t h w)")
    mixed = mixed[:, torch.randperm(mixed.shape[1], generator=generator)].reshape(video.shape)
    maps = _candidates(video, sites, size)
    maps |= {"in another clip": distance_maps(other, patches), "in shuffled pixels": distance_maps(mixed, patches)}
    return {name: percent(reduce(m, "k t h w -> k", "min")).sort().values for name, m in maps.items()}
