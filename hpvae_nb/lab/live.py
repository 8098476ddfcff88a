"""Controls above a picture: how a plain function becomes an interactive view."""

import functools
import html
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import traitlets
from matplotlib.figure import Figure

from hpvae_nb.errors import sentence
from hpvae_nb.lab.finer import Rest, Stages, Stepwise
from hpvae_nb.lab.line import Line
from hpvae_nb.lab.render import png

PATIENCE = 60.0  # seconds for a picture that has been put back
SOON = 0.1  # seconds after which a picture that is still being drawn is announced
# Of a control with a long description.
WIDE = {"layout": {"width": "34em", "max_width": "100%"}, "style": {"description_width": "14em"}}

Drawn = bytes | Figure
Drawing = Callable[..., Drawn | tuple[Drawn, str]]
"""Takes the controls' values by name; returns a picture, or a picture and a sentence about it."""


def message(words: str, *, alert: bool = False) -> str:
    """Words as HTML that a screen reader says when they appear; at once, if it is an alert."""
    return f'<span role="{"alert" if alert else "status"}">{html.escape(words)}</span>'


BUSY = message("Drawing ...")


def live(
    function: Drawing,
    picture_format: str = "png",
    *,
    stages: Stages | None = None,
    picture_width: str | None = None,
    idle: Callable[..., Mapping[str, str]] | None = None,
    **controls: Any,
) -> Any:
    """Draw `function` anew whenever one of its controls moves.

    A change that comes while a picture is being drawn waits, and only the newest of those that wait is drawn: fast
    dragging never leaves a queue of old pictures to sit through. Where drawing takes longer than a tenth of a second,
    the line of text says so. When `function` raises, its message stands below the last picture that worked. Each call
    makes a view of its own, so a cell can be run any number of times.

    With `stages`, a picture that takes too long to follow a control is drawn with fewer scales first, and with all of
    them when the controls have rested for a moment. That happens in a thread, so the kernel stays free, and a new move
    puts an end to it.

    Args:
        function: called with the value of every control, by name. With `stages`, it must also take `scales`, how many
            to draw with (all, if not given), and be able to run in two threads at once.
        picture_format: of the bytes it returns, such as `"webp"`; figures become `"png"`.
        stages: what drawing with 1, 2, ... scales takes.
        picture_width: such as `"448px"`, to which the browser enlarges the picture, faster than we could.
        idle: takes the controls' values by name; returns the controls that have no effect now, each with the reason.
            They are greyed, and the line of text says why.
        controls: ipywidgets with a `value`, named like the arguments of `function`.

    Returns:
        A box whose `children` are the controls in their order, the picture, and a line of text: the sentence, which is
        also what a screen reader says of the picture. Its `wait(seconds)` waits until the finest picture is there, and
        says whether it is. Its `redraw()` draws anew, when something has changed that is no control. Its `controls` are
        those given, by name; `moved` moves them for a while.
    """
    picture = image(picture_format, max_width="100%", width=picture_width)
    text = Line()
    waiting, drawing = threading.Event(), threading.Lock()
    steps, rest = Stepwise(functools.partial(_drawn, function), stages), Rest()

    def draw() -> None:
        move = rest.move
        values = {name: control.value for name, control in controls.items()}
        reasons = idle(**values) if idle else {}
        for name, control in controls.items():
            control.disabled = name in reasons
        idleness = "".join(f" “{controls[name].description}” has no effect: {why}." for name, why in reasons.items())
        show = functools.partial(_show, picture, text, values, idleness)
        try:
            with announced(text):
                result, name = steps.soon(values)
        except Exception as error:  # whatever goes wrong must be seen in the view: a callback's output is not
            _fail(text, error)
            rest.settle(move)
            return
        show(result, name)
        if name:
            rest.then(move, lambda: steps.finest(values), show, functools.partial(_fail, text, what="finer picture"))
        else:
            rest.settle(move)

    def redraw(_: Any = None) -> None:
        rest.moved()
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
    view = widgets.VBox([*controls.values(), picture, text])
    for part in (view, picture):
        part.observe(lambda _: rest.stop(), names="comm")  # which goes when it is closed
    view.wait, view.redraw, view.controls = rest.over.wait, redraw, controls
    return view


@contextmanager
def moved(view: Any, **values: Any) -> Iterator[None]:
    """A view with other values of its controls, for the length of a `with` block; then it is as it was before.

    Cells that try a view do it in such a block, so that a reader finds the view as it was first shown.

    Args:
        view: with `controls` by name, and `wait`, as `live` makes it.
        values: of its controls. Others may be moved within the block; all are put back.
    """
    before = {name: control.value for name, control in view.controls.items()}
    try:
        for name, value in values.items():
            view.controls[name].value = value
        yield
    finally:
        for name, value in before.items():
            view.controls[name].value = value
        view.wait(PATIENCE)


def _drawn(function: Drawing, **values: Any) -> tuple[bytes, str]:
    result = function(**values)
    picture, words = result if isinstance(result, tuple) else (result, "")
    return picture if isinstance(picture, bytes) else png(picture, quick=True), words


def _show(
    picture: Any, text: Any, values: Mapping[str, Any], idleness: str, result: tuple[bytes, str], name: str = ""
) -> None:
    """A drawing's picture and words, and what has no effect on it; `name` says what it is short of the finest."""
    picture.value, words = result
    words = f"{words.removesuffix('.')}.{idleness}" if words and idleness else words + idleness
    said = words or "Picture for " + ", ".join(f"{key} = {value}" for key, value in values.items())
    picture.tooltip = said + (f" ({name})" if name else "")
    text.value = html.escape(words) + (f" <small>({html.escape(name)})</small>" if name else "")


def _fail(text: Any, error: Exception, what: str = "picture") -> None:
    text.value = message(f"No {what} for these values. {sentence(error)}", alert=True)


def image(image_format: str, **layout: Any) -> Any:
    """An image widget whose `tooltip` is what a screen reader says of it.

    Images of ipywidgets have no `alt`. Their tooltip becomes the picture's `title`, which names a picture as well; but
    the browser's side asks for an empty description first, and images have none. `layout` is such as `width="256px"`.
    """
    picture = widgets.Image(format=image_format, layout=widgets.Layout(**layout))
    picture.add_traits(description=traitlets.Unicode("").tag(sync=True))
    return picture


@contextmanager
def announced(text: Any) -> Iterator[None]:
    """Let a line of text say that something is being drawn, once that has taken more than a moment."""
    timer = threading.Timer(SOON, setattr, (text, "value", BUSY))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # or it could still speak up after the result
