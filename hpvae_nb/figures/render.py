"""From a matplotlib figure to bytes, or to a picture that says in words what it shows."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from hpvae_nb.errors import InputError, require

# Colour-blind safe (Okabe and Ito 2008), beside those of real, reconstructed and random in `show`.
VAE_COLOR, GAN_COLOR = "#56B4E9", "#CC79A7"


def png(figure: Any, *, dpi: int = 100, tight: bool = True) -> bytes:
    """A matplotlib figure as PNG; the figure is closed, so that no notebook shows it a second time.

    Args:
        figure: a matplotlib figure.
        dpi: pixels per inch of its size.
        tight: trim or widen the margins to what is drawn; without it, drawing is twice as fast.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight" if tight else None, facecolor="white")
    require("matplotlib.pyplot", "drawing figures", "matplotlib").close(figure)
    return buffer.getvalue()


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
