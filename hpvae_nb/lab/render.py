"""Figures: how they are begun, what is drawn into many of them, and how they become bytes or a described picture.

In what follows, `axis` is a matplotlib axis.
"""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from hpvae_nb.errors import InputError, require

# Colour-blind safe (Okabe and Ito 2008), beside those of real, reconstructed and random in `show`.
VAE_COLOR, GAN_COLOR = "#56B4E9", "#CC79A7"
KIND_COLORS = {"VAE": VAE_COLOR, "GAN": GAN_COLOR}  # of scales, by what `Config.kind` calls them

# For titles: without a place of their own, matplotlib looks for one at every drawing, for a third of the time it takes.
ON_TOP = {"y": 1.0}
COLOR_BAR = "<colorbar>"  # matplotlib's own label for axes that hold one
ABOVE, BELOW = (str.maketrans("0123456789", digits) for digits in ("⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"))
FAR = 1e4  # where the bar of an interval ends that has no end


class DetachedFigure(Figure):
    """A figure that pyplot knows nothing of; as the last line of a notebook's cell it shows itself.

    pyplot would show what a thread has half drawn in whatever cell is running, and keep all figures until closed.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return png(self)


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """A `DetachedFigure` and its axes, as `plt.subplots` makes them; `layout` is `"constrained"` if not given."""
    figure = DetachedFigure(figsize=figsize, layout=options.pop("layout", "constrained"))
    return figure, figure.subplots(rows, columns, **options)


def png(figure: Figure, *, dpi: int = 100, quick: bool = False) -> bytes:
    """A matplotlib figure as PNG; the figure is closed, so that no notebook shows it a second time.

    Args:
        dpi: pixels per inch of its size.
        quick: for views that follow a slider: fewer pixels, margins as they are, and a somewhat larger file; drawing is
            then twice as fast. Otherwise, margins are trimmed or widened to what is drawn.
    """
    buffer = io.BytesIO()
    how: dict[str, Any] = {"dpi": dpi, "bbox_inches": "tight"}
    if quick:
        how = {"dpi": 80, "pil_kwargs": {"compress_level": 1}}
    figure.savefig(buffer, format="png", facecolor="white", **how)
    plt.close(figure)
    return buffer.getvalue()


def photo(figure: Figure, *, dpi: int = 100) -> bytes:
    """A matplotlib figure full of photographs as WebP, which takes a tenth of a PNG's bytes and is not quite exact."""
    buffer = io.BytesIO()
    how: dict[str, Any] = {"dpi": dpi, "bbox_inches": "tight", "pil_kwargs": {"quality": 85}}
    figure.savefig(buffer, format="webp", facecolor="white", **how)
    plt.close(figure)
    return buffer.getvalue()


def emptied(figure: Any) -> Any:
    """A figure that was drawn before, ready to be drawn into again: its axes stay, and so do images in them.

    Laying out axes takes about half of a figure's time, and leaves behind what the garbage collector must stop for.
    """
    for axis in figure.axes:
        for artist in (*axis.patches, *axis.lines, *axis.collections, *axis.texts):
            if axis.get_label() != COLOR_BAR:
                artist.remove()
    return figure


def paint(axis: Any, picture: Any, **options: Any) -> Any:
    """`axis.imshow`, or a new picture for the image that is there already; a colour bar follows it.

    Without an `extent`, the picture has always the same shape; later, only `extent`, `vmin` and `vmax` count.
    """
    if not axis.images:
        return axis.imshow(picture, **options)
    image = axis.images[0]
    image.set_data(picture)
    if "extent" in options:
        image.set_extent(options["extent"])
    if "vmin" in options:
        image.set_clim(options["vmin"], options["vmax"])
    return image


def outline(
    axis: Any, corner: tuple[float, float], size: tuple[float, float], color: str, *, rim: str = "white", **style: Any
) -> None:
    """A box around pixels, with a rim that sets it off from any ground.

    Args:
        corner: row and column of its first pixel.
        size: rows and columns.
        style: `linestyle` and `label`.
    """
    (top, left), (height, width), label = corner, size, style.pop("label", None)
    for edge, thick, name in ((rim, 4, None), (color, 2, label)):
        look: dict[str, Any] = {"fill": False, "edgecolor": edge, "linewidth": thick, "label": name}
        axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, **look, **style))


def bare(axis: Any) -> None:
    """Without ticks and frame."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def dots_and_bars(axis: Any, means: ArrayLike, lows: ArrayLike, highs: ArrayLike, at: ArrayLike, **style: Any) -> None:
    """A dot for each mean, and a bar from its low to its high end, at these heights; `style` is of `Axes.errorbar`."""
    low, high = (np.clip(ends, -FAR, FAR) for ends in (lows, highs))
    reach = np.abs([low, high] - np.array(means))
    axis.errorbar(means, at, xerr=reach, **{"fmt": "o", "elinewidth": 2, **style})


def percent_axis(axis: Any, ticks: Sequence[int], *, straight: float) -> None:
    """Changes in percent from left to right: straight up to so many, and logarithmic beyond, with a line at 0."""
    axis.axvline(0, color="black", linewidth=1)
    axis.set_xscale("symlog", linthresh=straight)
    axis.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks], fontsize=8)


def raised(name: str) -> str:
    """A network or clip with its scale above it: `G2` as `G²`."""
    return name.translate(ABOVE)


def scale_title(axis: Any, scale: int, kind: str) -> None:
    """The title of what stands for a scale, on the colour of its kind, `"VAE"` or `"GAN"`."""
    box = {"facecolor": KIND_COLORS[kind], "edgecolor": "none", "pad": 2}
    axis.set_title(f"scale {scale} ({kind})", fontsize=9, bbox=box)


def address(picture: bytes) -> str:
    """A PNG or WebP picture as the address that a page shows it by, without a file."""
    kind = "png" if picture.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def described(figure: Any, text: str, *, dpi: int = 100) -> Any:
    """A figure for a notebook cell to end in, with a description for those who cannot see it.

    Args:
        figure: a matplotlib figure, or a picture's bytes (PNG or WebP).
        text: what it shows, in a sentence; becomes the picture's `alt`.

    Raises:
        InputError: when there is no text.
    """
    if not text.strip():
        raise InputError("the description is empty: say in a sentence what the figure shows")
    data = figure if isinstance(figure, bytes) else png(figure, dpi=dpi)
    display = require("IPython.display", "showing figures in notebooks", "ipython")
    return display.HTML(f'<img alt="{html.escape(text)}" src="{address(data)}" style="max-width: 100%">')
