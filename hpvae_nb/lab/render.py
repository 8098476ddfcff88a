"""From a matplotlib figure to bytes, or to a picture that says in words what it shows."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from hpvae_nb.errors import InputError, require

# Colour-blind safe (Okabe and Ito 2008), beside those of real, reconstructed and random in `show`.
VAE_COLOR, GAN_COLOR = "#56B4E9", "#CC79A7"

# For titles: without a place of their own, matplotlib looks for one at every drawing, for a third of the time it takes.
ON_TOP = {"y": 1.0}
COLOR_BAR = "<colorbar>"  # matplotlib's own label for axes that hold one


def png(figure: Any, *, dpi: int = 100, tight: bool = True) -> bytes:
    """A matplotlib figure as PNG; the figure is closed, so that no notebook shows it a second time.

    Args:
        figure: a matplotlib figure.
        dpi: pixels per inch of its size.
        tight: trim or widen the margins to what is drawn, and compress well; without it, drawing is twice as fast, and
            the file somewhat larger.
    """
    buffer = io.BytesIO()
    more: dict[str, Any] = {"bbox_inches": "tight"} if tight else {"pil_kwargs": {"compress_level": 1}}
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", **more)
    require("matplotlib.pyplot", "drawing figures", "matplotlib").close(figure)
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

    Args:
        axis: of matplotlib.
        picture: as for `imshow`, always of the same shape if no `extent` is given.
        options: of `imshow`; later, only `extent`, `vmin` and `vmax` count.
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
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    display = require("IPython.display", "showing figures in notebooks", "ipython")
    return display.HTML(f'<img alt="{html.escape(text)}" src="{source}" style="max-width: 100%">')
