"""The line of text below a view, which also makes the view's sliders fit for keys and screen readers."""

from pathlib import Path

import anywidget
import traitlets


class Line(anywidget.AnyWidget):
    """Text below controls and a picture, in one `VBox` with them.

    Handles of ipywidgets' sliders have a role but no name: the line names each as its slider's description says, with
    "from" or "to" where there are two. And it keeps the notebook from taking the arrow keys that move a slider, as
    Notebook 7 does.

    Attributes:
        value: HTML; whoever sets it escapes what is none.
    """

    _esm = Path(__file__).with_name("line.js")
    value = traitlets.Unicode().tag(sync=True)
