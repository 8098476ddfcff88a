"""A clip as patches, drawn: as tiles apart and shuffled, and one patch found again elsewhere (section 3.1).

Clips are `c t h w` in [-1, 1], sizes of patches in pixels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.core.patches import cut, distance_maps, patch_at, put_back, shuffled, tiled
from hpvae_nb.lab.render import COLOR_BAR, ON_TOP, DetachedFigure, emptied, outline, paint, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, WIDE, grid, to_uint8
from hpvae_nb.lessons.l01_patches.experiment import Found, find, percent

QUERY = "black"
COLORS = {"in this frame": REAL, "in another frame": RECONSTRUCTED, "in a smaller copy": RANDOM}
FARTHEST = 60  # percent; from here on a map of differences is white


def tiles_figure(video: Tensor, size: int, frame: int = 0, seed: int = 0) -> Figure:
    """One frame cut into tiles, drawn apart, beside the same frame after all tiles of the clip were shuffled."""
    whole, (t, h, w) = tiled(video, size)
    apart = F.pad(cut(whole, size), (1, 1, 1, 1), value=1.0)  # a white frame around each tile
    pictures = [put_back(apart, t, h, w)[:, frame], shuffled(video, size, seed)[:, frame]]
    return grid([("", pictures)], [f"{h} x {w} tiles of {size} x {size} px", "tiles shuffled"], width=WIDE / 2)


def shuffled_figure(video: Tensor, size: int, frame: int = 6) -> Figure:
    """A frame of the clip and of its shuffled version."""
    pictures = [clip[:, min(frame, clip.shape[1] - 1)] for clip in (video, shuffled(video, size))]
    return grid([("", pictures)], ["the clip", f"tiles of {size} shuffled"], width=WIDE / 2)


def find_figure(
    video: Tensor, site: tuple[int, int, int], size: int, found: dict[str, Found] | None = None, *, figure: Any = None
) -> Figure:
    """A patch in its frame, how far every other place of the frame is from it, and the patch found again.

    Args:
        site: first corner of the patch, as (frame, row, column).
        found: what `find` returns; found now if not given.
        figure: an earlier one of these, for the same clip, to draw into; that is quicker.
    """
    found = found or find(video, site, size)
    here = percent(distance_maps(video[:, site[0] : site[0] + 1], patch_at(video, site, size)[None]))[0, 0]
    figure = _find_axes() if figure is None else emptied(figure)
    axes = {axis.get_label(): axis for axis in figure.axes}
    paint(axes["frame"], to_uint8(video[:, site[0]]))
    axes["frame"].set_title(f"frame {site[0]}: the patch, and its nearest", **ON_TOP)
    outline(axes["frame"], site[1:], (size, size), QUERY)
    outline(axes["frame"], found["in this frame"].site[1:], (size, size), REAL, linestyle="dashed")
    colors: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": FARTHEST}
    shown = paint(axes["map"], here.numpy(), extent=_extent(here, size), **colors)
    axes["map"].set_title("how far each place is from the patch", **ON_TOP)
    axes["map"].set(xlim=axes["frame"].get_xlim(), ylim=axes["frame"].get_ylim())
    if not axes[COLOR_BAR].has_data():
        figure.colorbar(shown, cax=axes[COLOR_BAR], label="difference (% of range)", extend="max")
    crops = [("the patch", patch_at(video, site, size), QUERY)]
    for name, match in found.items():
        when = f" ({match.site[0]})" if name == "in another frame" else ""
        crops.append((f"{name}{when}\n{match.difference:.1f} % off", match.patch, COLORS[name]))
    for number, (title, patch, color) in enumerate(crops):
        axis = axes[str(number)]
        paint(axis, to_uint8(patch), extent=(0, 1, 1, 0))
        axis.set_title(title, color=color, fontsize=9, **ON_TOP)
    return figure


def _find_axes() -> Figure:
    figure: Any = DetachedFigure(figsize=(10, 5))
    axes = figure.subplot_mosaic(
        [["frame"] * 6 + ["map"] * 6, ["0"] * 3 + ["1"] * 3 + ["2"] * 3 + ["3"] * 3],
        height_ratios=[3, 1.7],
        gridspec_kw={"left": 0.01, "right": 0.91, "top": 0.94, "bottom": 0.02, "wspace": 0.3, "hspace": 0.2},
    )
    for axis in axes.values():
        axis.set_axis_off()
    figure.add_axes((0.92, 0.46, 0.012, 0.44), label=COLOR_BAR)
    return figure


def _extent(distances: Tensor, size: int) -> tuple[float, float, float, float]:
    """Puts each value of a map of first corners at its patch's centre."""
    margin = (size - 1) / 2 - 0.5
    height, width = distances.shape
    return margin, margin + width, margin + height, margin


def recurrence_figure(measured: dict[str, Tensor]) -> Figure:
    """Which part of the patches has a neighbour within a given difference, for each place to look."""
    styles = {"in another clip": ("0.35", "dashed"), "in shuffled pixels": ("0.6", "dotted")}
    figure, axis = subplots(figsize=(7, 3.6))
    for marker, (name, values) in zip("os^vD", measured.items(), strict=True):
        color, line = styles.get(name, (COLORS.get(name, "black"), "solid"))
        part = 100 * torch.arange(1, len(values) + 1) / len(values)
        marks = {"marker": marker, "markevery": len(values) // 6, "markersize": 5}
        axis.plot(values, part, color=color, linestyle=line, label=name, **marks)
    axis.set(xlabel="difference to the nearest patch (RMS, % of range)", ylabel="patches that have one (%)")
    axis.set_ylim(0, 102)
    axis.legend(title="looked for", fontsize=9)
    return figure


def scales_figure(clips: list[Tensor], size: int) -> Figure:
    """The middle frame of each clip with a box of `size` px at its centre: the same box covers ever less."""
    titles = [f"{clip.shape[-1]} x {clip.shape[-2]} px" for clip in clips]
    figure = grid([("", [clip[:, clip.shape[1] // 2] for clip in clips])], titles, width=WIDE / len(clips))
    for axis, clip in zip(figure.axes, clips, strict=True):
        height, width = clip.shape[-2:]
        outline(axis, ((height - size) // 2, (width - size) // 2), (size, size), RANDOM)
    return figure
