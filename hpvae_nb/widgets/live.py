"""Controls above a picture: how a plain function becomes an interactive view."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from typing import Any

from hpvae_nb.errors import require, sentence

Drawing = Callable[..., bytes | tuple[bytes, str]]
"""Takes the controls' values by name; returns a picture, or a picture and a sentence about it."""


def live(function: Drawing, picture_format: str = "png", **controls: Any) -> Any:
    """Draw `function` anew whenever one of its controls moves.

    A change that comes while a picture is being drawn waits, and only the newest of those that wait is drawn: fast
    dragging never leaves a queue of old pictures to sit through. When `function` raises, its message stands below the
    last picture that worked. Each call makes a view of its own, so a cell can be run any number of times.

    Args:
        function: called with the value of every control, by name.
        picture_format: of the bytes it returns, such as `"png"` or `"webp"`.
        controls: ipywidgets with a `value`, named like the arguments of `function`.

    Returns:
        A box whose `children` are the controls in their order, the picture, and a line of text.
    """
    widgets = require("ipywidgets", "interactive views")
    picture = widgets.Image(format=picture_format, layout=widgets.Layout(max_width="100%"))
    text = widgets.HTML()
    waiting, drawing = threading.Event(), threading.Lock()

    def draw() -> None:
        try:
            result = function(**{name: control.value for name, control in controls.items()})
        except Exception as error:  # whatever goes wrong must be seen in the view: a callback's output is not
            text.value = f'<span role="alert">No picture for these values. {html.escape(sentence(error))}</span>'
            return
        picture.value, words = result if isinstance(result, tuple) else (result, "")
        text.value = html.escape(words)

    def redraw(_: Any = None) -> None:
        waiting.set()
        while waiting.is_set() and drawing.acquire(blocking=False):
            try:
                waiting.clear()
                draw()
            finally:
                drawing.release()

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return widgets.VBox([*controls.values(), picture, text])
