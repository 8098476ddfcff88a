"""Stills of views: what is read of them where there is no kernel, as on a code-hosting page, or on paper."""

import html
import io
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageSequence

from hpvae_nb.lab.line import Line
from hpvae_nb.lab.render import address
from hpvae_nb.lab.show import webp
from hpvae_nb.lab.uploads import Upload

MARK = '<div class="still">'  # what every still begins with
QUALITY = 80  # of pictures: all together are a fifth as large, and letters in figures stay sharp
PATIENCE = 60  # seconds in which a view has drawn its finest picture
ONLY_NAMED = widgets.Button | widgets.Play | Upload
CHOICES = widgets.Dropdown | widgets.SelectionSlider | widgets.ToggleButtons


def stills() -> dict[str, str]:
    """A `still` of every view that the kernel knows, by its model's id; each has drawn its finest picture before."""
    look_up = widgets.widget_serialization["from_json"]
    known = {name: look_up(f"IPY_MODEL_{name}", None) for name in widgets.Widget.get_manager_state()["state"]}
    inner = {part for view in known.values() if isinstance(view, widgets.Box) for part in view.children}
    views = {name: view for name, view in known.items() if isinstance(view, widgets.DOMWidget) and view not in inner}
    return {name: still(view) for name, view in views.items()}


def still(view: Any) -> str:
    """A view as it stands, as HTML that needs neither kernel nor script.

    Boxes keep their order; a control becomes a line `name: value`, a button its name. Pictures, which may move, become
    smaller files, whose `alt` is the sentence that a screen reader says of them; lines of text stay. The brush and the
    rating page show what they show of themselves.
    """
    if hasattr(view, "wait"):
        view.wait(PATIENCE)
    return f"{MARK}{_part(view)}<div><small>A still: run the notebook, and its controls work.</small></div></div>"


def _part(view: Any) -> str:
    if isinstance(view, widgets.Box):
        style = ' style="display: flex; flex-wrap: wrap; gap: 8px"' if isinstance(view, widgets.HBox) else ""
        return f"<div{style}>{''.join(map(_part, view.children))}</div>"
    if isinstance(view, anywidget.AnyWidget) and not isinstance(view, Line | Upload):
        data, _ = view._repr_mimebundle_() or ({}, {})
        return str(data.get("text/html", ""))
    return f"<div>{_line(view)}</div>"


def _line(view: Any) -> str:
    if isinstance(view, widgets.Image):
        return _picture(view) if view.value else ""
    if isinstance(view, widgets.HTML | Line):
        return str(view.value)
    if isinstance(view, ONLY_NAMED):
        return f"[{html.escape(view.description)}]"
    return html.escape(": ".join(filter(None, [view.description, _value(view)])))


def _value(view: Any) -> str:
    if isinstance(view, CHOICES):
        return str(view.label)
    if isinstance(view, widgets.Checkbox):
        return "on" if view.value else "off"
    if isinstance(view, widgets.IntProgress | widgets.FloatProgress):
        return f"{view.value:g} of {view.max:g}"
    return f"{view.value:g}" if isinstance(view.value, float) else str(view.value)


def _picture(view: Any) -> str:
    width = f"width: {view.layout.width}; " if view.layout.width else ""
    source = address(_smaller(bytes(view.value)))
    return f'<img alt="{html.escape(view.tooltip or "")}" src="{source}" style="{width}max-width: 100%">'


def _smaller(picture: bytes) -> bytes:
    """The same, moving or not, in a file that is smaller if one can be had."""
    image = Image.open(io.BytesIO(picture))
    frames = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)])
    return min(picture, webp(frames, 1000 / image.info.get("duration", 1000), quality=QUALITY), key=len)
