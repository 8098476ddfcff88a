"""Space-time patches: cut and put back, as rows of a matrix, the nearest of them, a clip made of chosen ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from einops import pack, rearrange, reduce
from torch import Tensor

from hpvae_nb.core.latents import dice
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError, require

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Shaped

_BLOCK = 2**20  # distances computed at a time: what stays in a processor's cache (measured: 3 times faster than 2**24)
_BALLOTS = 2**24  # votes counted at a time: bounds memory, whatever the size of a clip
_PROBED = 16  # cells of the approximate index looked into; measured: 99 of 100 neighbours are then the true ones


def cut(video: Shaped[Tensor, "c t h w"], size: int | Shape) -> Shaped[Tensor, "k c a b d"]:
    """Tiles without overlap, `c t h w` to `k c a b d`: cubes of side `size`, or of the shape (a, b, d).

    Every side of the clip must be a multiple of the tile's.
    """
    a, b, d = _sides(size)
    return rearrange(video, "c (t a) (h b) (w d) -> (t h w) c a b d", a=a, b=b, d=d)


def put_back(tiles: Shaped[Tensor, "k c a b d"], t: int, h: int, w: int) -> Shaped[Tensor, "c T H W"]:
    """The inverse of `cut`, for t tiles in time, h down and w across."""
    return rearrange(tiles, "(t h w) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w)


def tiled(video: Shaped[Tensor, "c t h w"], size: int | Shape) -> tuple[Shaped[Tensor, "c T H W"], Shape]:
    """The clip `c t h w` without what does not fill a tile at its ends; and how many tiles it has along each axis.

    Raises:
        InputError: when not even one tile fits.
    """
    sides = _sides(size)
    t, h, w = counts = tuple(length // max(1, side) for length, side in zip(video.shape[1:], sides, strict=True))
    if min(*sides, *counts) < 1:
        raise InputError(
            f"a tile of {size} does not fit into {tuple(video.shape[1:])}: choose 1..{min(video.shape[1:])}"
        )
    a, b, d = sides
    return video[:, : t * a, : h * b, : w * d], counts


def shuffled(video: Shaped[Tensor, "c t h w"], size: int | Shape, seed: int = 0) -> Shaped[Tensor, "c T H W"]:
    """The clip `c t h w` with its tiles in random order; what does not fill a tile is cut off at the ends.

    A tile as long as the clip, (T, b, d), leaves time alone: the order is then the same in all frames.

    Raises:
        InputError: when not even one tile fits.
    """
    whole, counts = tiled(video, size)
    tiles = cut(whole, size)
    order = torch.randperm(len(tiles), generator=dice(seed))
    return put_back(tiles[order], *counts)


def _sides(size: int | Shape) -> Shape:
    return (size, size, size) if isinstance(size, int) else size


def overlapping(video: Shaped[Tensor, "c t h w"], size: int) -> Shaped[Tensor, "k c a a a"]:
    """Every patch that lies inside the clip, one for each place: `c t h w` to `k c size size size`."""
    return rearrange(patch_rows(video, (size,) * 3), "k (c a b d) -> k c a b d", a=size, b=size, d=size)


def patch_at(video: Shaped[Tensor, "c t h w"], site: tuple[int, int, int], size: int) -> Shaped[Tensor, "c b d"]:
    """The patch of one frame whose first corner is at (frame, row, column): `c size size`."""
    frame, row, column = site
    return video[:, frame, row : row + size, column : column + size]


def distance_maps(video: Float[Tensor, "c t h w"], patches: Float[Tensor, "k c b d"]) -> Float[Tensor, "k t y x"]:
    """Mean squared difference between each patch and what lies at each place of each frame.

    It writes (x - p)^2 as x^2 - 2 x p + p^2, so that the middle term is a convolution and no patch is ever copied.

    Args:
        video: `c t h w`.
        patches: of one frame each, `k c b d`.

    Returns:
        `k t h w`, one value for each first corner: h = H - b + 1, w = W - d + 1.
    """
    frames = rearrange(video, "c t h w -> t c h w")
    squares = F.conv2d(reduce(frames**2, "t c h w -> t 1 h w", "sum"), torch.ones(1, 1, *patches.shape[2:]))
    products = rearrange(F.conv2d(frames, patches), "t k h w -> k t h w")
    own = reduce(patches**2, "k c b d -> k 1 1 1", "sum")
    return (squares[:, 0] - 2 * products + own).clamp(min=0) / patches[0].numel()


def patch_grid(shape: Shape, patch: Shape) -> Shape:
    """How many patches of `patch` voxels lie in `shape` along each axis, at stride 1 and without padding."""
    return tuple(length - side + 1 for length, side in zip(shape, patch, strict=True))


def patch_rows(video: Shaped[Tensor, "*b c t h w"], patch: Shape) -> Shaped[Tensor, "k d"]:
    """Every patch of a clip or several as a row: `(b t' h' w') (c kt kh kw)`; `patch_grid` says (t', h', w')."""
    video, _ = pack([video], "* c t h w")
    for axis, side in enumerate(patch, start=2):
        video = video.unfold(axis, side, 1)
    return rearrange(video, "b c t h w kt kh kw -> (b t h w) (c kt kh kw)")


def principal_axes(rows: Float[Tensor, "k d"], count: int) -> Float[Tensor, "d n"]:
    """The `count` directions in which the rows differ most, `dimensions count`, orthonormal.

    Distances between rows projected onto them are at most the true ones, and nearly so where little variance is left.
    """
    centred = rows - rows.mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)  # ascending
    return axes[:, -count:]


def nearest(
    queries: Float[Tensor, "q d"], keys: Float[Tensor, "k d"], weights: Float[Tensor, "k"] | None = None
) -> tuple[Int[Tensor, "q"], Float[Tensor, "q"]]:
    """For each query the key of least squared distance, by looking at all of them, a block at a time.

    Args:
        queries: `q d`.
        keys: `k d`.
        weights: `k`; distances are multiplied by them before they are compared.

    Returns:
        Index into `keys`, `q`, the first of equals; and the (weighted) squared distance, `q`.
    """
    middle = keys.mean(0)  # the squares below cancel; the smaller they are, the less is lost
    queries, columns = queries - middle, (keys - middle).T.contiguous()
    lengths = columns.square().sum(0)
    size = max(1, _BLOCK // len(keys))
    buffer = torch.empty(size, len(keys), device=keys.device)  # one for all blocks: fresh memory would cost more
    indices, distances = [], []
    for block in queries.split(size):
        found = torch.addmm(lengths, block, columns, alpha=-2, out=buffer[: len(block)])
        own = block.square().sum(1)
        if weights is not None:
            found.add_(own[:, None]).clamp_(min=0).mul_(weights)
        best, index = found.min(1)
        indices.append(index)
        distances.append(best if weights is not None else (best + own).clamp(min=0))
    return torch.cat(indices), torch.cat(distances)


def approximate_search(keys: Float[Tensor, "k d"]) -> Callable[[Tensor], Tensor]:
    """An index of cells: a function from queries `q d` to keys that are mostly the nearest, `q`. On the CPU.

    Source: faiss's IndexIVFFlat; Jégou et al. 2011, "Product quantization for nearest neighbor search", the
    non-exhaustive search.

    Raises:
        ImportError: when faiss is missing.
    """
    faiss = require("faiss", "patch neighbours in clips of this size", "faiss-cpu")
    cells = min(len(keys), round(4 * math.sqrt(len(keys))))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(keys.shape[1]), keys.shape[1], cells)
    index.cp.min_points_per_centroid = 1  # it warns of few points otherwise, which do no harm here
    index.nprobe = min(cells, _PROBED)
    index.train(keys.cpu().numpy())
    index.add(keys.cpu().numpy())

    def search(queries: Tensor) -> Tensor:
        _, found = index.search(queries.cpu().numpy(), 1)
        return torch.from_numpy(found[:, 0]).to(keys.device)

    return search


def vote(
    values: Float[Tensor, "b c t h w"], corners: Int[Tensor, "t1 h1 w1"], patch: Shape
) -> Float[Tensor, "1 c T H W"]:
    """A clip in which each voxel is the median of what the chosen patches that cover it say, channel by channel.

    Of an even number of votes the lower middle one wins, so every value is one of `values`.

    Args:
        values: `b c t h w`, where the patches are taken from.
        corners: for each patch of the new clip, `t' h' w'`, which patch of `values` it is: a row of `patch_rows`.

    Returns:
        `1 c T H W`, with T = t' + kt - 1 and so on.
    """
    first = _first_voxels(values.shape, patch).to(values.device)[corners]  # t' h' w'
    height, width = values.shape[-2:]
    voxels = rearrange(values, "b c t h w -> c (b t h w)")
    t, h, w = corners.shape
    full = [length + side - 1 for length, side in zip((t, h, w), patch, strict=True)]
    ballots_of_a_frame = math.prod(patch) * len(voxels) * full[1] * full[2]
    step = max(1, _BALLOTS // ballots_of_a_frame)
    parts = []
    for start in range(0, full[0], step):
        stop = min(start + step, full[0])
        ballots = values.new_full((math.prod(patch), len(voxels), stop - start, *full[1:]), math.nan)
        for ballot, (a, b, d) in zip(ballots, itertools.product(*map(range, patch)), strict=True):
            low, high = max(start, a), min(stop, a + t)  # the frames here that a patch's frame a can fall on
            if low < high:
                places = first[low - a : high - a] + (a * height + b) * width + d
                ballot[:, low - start : high - start, b : b + h, d : d + w] = voxels[:, places]
        parts.append(ballots.nanmedian(0).values)
    return rearrange(torch.cat(parts, dim=1), "c t h w -> 1 c t h w")


def _first_voxels(shape: torch.Size, patch: Shape) -> Tensor:
    """For each row of `patch_rows`, the place of the patch's first voxel among all voxels `(b t h w)`."""
    batch, _, *sides = shape
    places = torch.arange(batch * math.prod(sides)).reshape(batch, *sides)
    t, h, w = patch_grid(tuple(sides), patch)
    return places[:, :t, :h, :w].flatten()
