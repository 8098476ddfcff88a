"""A clip as patches: cut, shuffled, put back, and found again elsewhere in the same clip (section 3.1; lesson 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.render import COLOR_BAR, ON_TOP, emptied, paint
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8

QUERY = "black"
COLORS = {"in this frame": REAL, "in another frame": RECONSTRUCTED, "in a smaller copy": RANDOM}
FARTHEST = 60  # percent; from here on a map of differences is white
SMALLER = 0.75  # the size of the smaller copy, as a part of the clip's


def cut(video: Tensor, size: int) -> Tensor:
    """Tiles without overlap: `c t h w` to `k c size size size`. Every side must be a multiple of `size`."""
    return rearrange(video, "c (t a) (h b) (w d) -> (t h w) c a b d", a=size, b=size, d=size)


def put_back(tiles: Tensor, t: int, h: int, w: int) -> Tensor:
    """The inverse of `cut`, for t tiles in time, h down and w across."""
    return rearrange(tiles, "(t h w) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w)


def shuffled(video: Tensor, size: int, seed: int = 0) -> Tensor:
    """The clip with its cubic tiles in random order; what does not fill a tile is cut off at the ends.

    Raises:
        InputError: when not even one tile fits.
    """
    if size < 1 or size > min(video.shape[1:]):
        raise InputError(f"a tile of {size} does not fit into {tuple(video.shape[1:])}: choose 1..{min(video.shape)}")
    t, h, w = (length // size for length in video.shape[1:])
    tiles = cut(video[:, : t * size, : h * size, : w * size], size)
    order = torch.randperm(len(tiles), generator=torch.Generator().manual_seed(seed))
    return put_back(tiles[order], t, h, w)


def overlapping(video: Tensor, size: int) -> Tensor:
    """Every patch that lies inside the clip, one for each place: `c t h w` to `k c size size size`."""
    sites = video.unfold(1, size, 1).unfold(2, size, 1).unfold(3, size, 1)  # c t h w a b d
    return rearrange(sites, "c t h w a b d -> (t h w) c a b d")


def patch_at(video: Tensor, site: tuple[int, int, int], size: int) -> Tensor:
    """The patch of one frame whose first corner is at (frame, row, column): `c size size`."""
    frame, row, column = site
    return video[:, frame, row : row + size, column : column + size]


def distance_maps(video: Tensor, patches: Tensor) -> Tensor:
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
    return resize(video[None], (height, width), antialias=True)[0]


def find(video: Tensor, site: tuple[int, int, int], size: int) -> dict[str, Found]:
    """The nearest patch in the same frame (without overlap), in other frames and in a smaller copy of the clip."""
    maps = _candidates(video, [site], size)
    sources = {"in a smaller copy": smaller(video)}
    return {name: _best(sources.get(name, video), distances[0], size) for name, distances in maps.items()}


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
    return {
        "in this frame": same,
        "in another frame": elsewhen,
        "in a smaller copy": distance_maps(smaller(video), patches),
    }


def _best(source: Tensor, distances: Tensor, size: int) -> Found:
    frame, row, column = (int(i) for i in torch.unravel_index(distances.argmin(), distances.shape))
    site = (frame, row, column)
    return Found(site, float(percent(distances[site])), patch_at(source, site, size))


def recurrence(video: Tensor, other: Tensor, size: int, count: int = 200, seed: int = 0) -> dict[str, Tensor]:
    """How near the nearest patch is, for random patches with something in them, in several places to look.

    Source: Zontak and Irani 2011, "Internal statistics of a single natural image", ask this of photographs.

    Args:
        video: the clip that the patches come from, `c t h w`.
        other: another clip of the same shape, to look in for comparison.
        size: of the patches, in pixels.
        count: of the patches, drawn from the half that varies most.

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


def tiles_figure(video: Tensor, size: int, frame: int = 0, seed: int = 0) -> Any:
    """One frame cut into tiles, drawn apart, beside the same frame after all tiles of the clip were shuffled."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    t, h, w = (length // size for length in video.shape[1:])
    tiles = cut(video[:, : t * size, : h * size, : w * size], size)
    apart = F.pad(tiles, (1, 1, 1, 1), value=1.0)  # a white frame around each tile
    spread = rearrange(apart, "(t h w) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w)
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
    pictures = [(spread, f"{h} x {w} tiles of {size} x {size} px"), (shuffled(video, size, seed), "tiles shuffled")]
    for axis, (picture, title) in zip(axes, pictures, strict=True):
        axis.imshow(to_uint8(picture[:, frame]))
        axis.set(title=title, xticks=[], yticks=[])
    return figure


def shuffled_figure(video: Tensor, size: int, frame: int = 6) -> Any:
    """A frame of the clip and of its shuffled version."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    mixed = shuffled(video, size)
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.9), layout="constrained")
    for axis, picture, title in zip(axes, (video, mixed), ("the clip", f"tiles of {size} shuffled"), strict=True):
        axis.imshow(to_uint8(picture[:, min(frame, picture.shape[1] - 1)]))
        axis.set(title=title, xticks=[], yticks=[])
    return figure


def strip_figure(patches: Tensor, titles: list[str]) -> Any:
    """Patches `k c h w` in a row, each under its title."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, len(patches), figsize=(1.5 * len(patches), 1.8), layout="constrained", squeeze=False)
    for axis, patch, title in zip(axes[0], patches, titles, strict=True):
        axis.imshow(to_uint8(patch))
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=8)
    return figure


def find_figure(
    video: Tensor,
    site: tuple[int, int, int],
    size: int,
    found: dict[str, Found] | None = None,
    *,
    figure: Any = None,
) -> Any:
    """A patch in its frame, how far every other place of the frame is from it, and the patch found again.

    Args:
        video: `c t h w` in [-1, 1].
        site: first corner of the patch, as (frame, row, column).
        size: of the patch, in pixels.
        found: what `find` returns; found now if not given.
        figure: an earlier one of these, for the same clip, to draw into; that is quicker.

    Returns:
        A matplotlib figure.
    """
    found = found or find(video, site, size)
    here = percent(distance_maps(video[:, site[0] : site[0] + 1], patch_at(video, site, size)[None]))[0, 0]
    figure = _find_axes() if figure is None else emptied(figure)
    axes = {axis.get_label(): axis for axis in figure.axes}
    paint(axes["frame"], to_uint8(video[:, site[0]]))
    axes["frame"].set_title(f"frame {site[0]}: the patch, and its nearest", **ON_TOP)
    _box(axes["frame"], site, size, QUERY, "solid")
    _box(axes["frame"], found["in this frame"].site, size, REAL, "dashed")
    colors: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": FARTHEST}
    shown = paint(axes["map"], here.numpy(), extent=_extent(here, size), **colors)
    axes["map"].set_title("how far each place is from the patch", **ON_TOP)
    axes["map"].set(xlim=axes["frame"].get_xlim(), ylim=axes["frame"].get_ylim())
    if not axes[COLOR_BAR].has_data():
        figure.colorbar(shown, cax=axes[COLOR_BAR], label="difference (% of range)", extend="max")
    crops = [("the patch", patch_at(video, site, size), QUERY)]
    for name, one in found.items():
        when = f" ({one.site[0]})" if name == "in another frame" else ""
        crops.append((f"{name}{when}\n{one.difference:.1f} % off", one.patch, COLORS[name]))
    for number, (title, patch, color) in enumerate(crops):
        axis = axes[str(number)]
        paint(axis, to_uint8(patch), extent=(0, 1, 1, 0))
        axis.set_title(title, color=color, fontsize=9, **ON_TOP)
    return figure


def _find_axes() -> Any:
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplot_mosaic(
        [["frame"] * 6 + ["map"] * 6, ["0"] * 3 + ["1"] * 3 + ["2"] * 3 + ["3"] * 3],
        figsize=(10, 5),
        height_ratios=[3, 1.7],
        gridspec_kw={"left": 0.01, "right": 0.91, "top": 0.94, "bottom": 0.02, "wspace": 0.3, "hspace": 0.2},
    )
    for axis in axes.values():
        axis.set_axis_off()
    figure.add_axes((0.92, 0.46, 0.012, 0.44), label=COLOR_BAR)
    return figure


def _box(axis: Any, site: tuple[int, int, int], size: int, color: str, style: str) -> None:
    patches = require("matplotlib.patches", "drawing figures", "matplotlib")
    corner = (site[2] - 0.5, site[1] - 0.5)
    for width, edge in ((3.5, "white"), (2.0, color)):
        axis.add_patch(
            patches.Rectangle(corner, size, size, fill=False, edgecolor=edge, linewidth=width, linestyle=style)
        )


def _extent(distances: Tensor, size: int) -> tuple[float, float, float, float]:
    """Puts each value of a map of first corners at its patch's centre."""
    margin = (size - 1) / 2 - 0.5
    height, width = distances.shape
    return margin, margin + width, margin + height, margin


def recurrence_figure(measured: dict[str, Tensor]) -> Any:
    """Which part of the patches has a neighbour within a given difference, for each place to look."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    styles = {"in another clip": ("0.35", "dashed"), "in shuffled pixels": ("0.6", "dotted")}
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for marker, (name, values) in zip("os^vD", measured.items(), strict=True):
        color, line = styles.get(name, (COLORS.get(name, "black"), "solid"))
        part = 100 * torch.arange(1, len(values) + 1) / len(values)
        axis.plot(
            values,
            part,
            color=color,
            linestyle=line,
            marker=marker,
            markevery=len(values) // 6,
            markersize=5,
            label=name,
        )
    axis.set(
        xlabel="difference to the nearest patch (RMS, % of range)", ylabel="patches that have one (%)", ylim=(0, 102)
    )
    axis.legend(title="looked for", fontsize=9)
    return figure


def scales_figure(clips: list[Tensor], size: int) -> Any:
    """The middle frame of each clip with a box of `size` px at its centre: the same box covers ever less."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, len(clips), figsize=(2.6 * len(clips), 2.1), layout="constrained", squeeze=False)
    for axis, clip in zip(axes[0], clips, strict=True):
        height, width = clip.shape[-2:]
        axis.imshow(to_uint8(clip[:, clip.shape[1] // 2]))
        corner = (0, (height - size) // 2, (width - size) // 2)
        _box(axis, corner, size, RANDOM, "solid")
        axis.set_title(f"{width} x {height} px", fontsize=9)
        axis.set(xticks=[], yticks=[])
    return figure
