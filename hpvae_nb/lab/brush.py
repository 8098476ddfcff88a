"""A brush: on a picture in a notebook, paint a mask or a rough picture, or drag a copied region to another place.

What was done is a list of actions. `brush.js` draws it in the browser and this module in Python, by one rule and pixel
by pixel, so that what is seen is what arrives.
"""

import math
import reprlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from einops import rearrange
from matplotlib.colors import to_hex
from PIL import Image
from torch import Tensor

from hpvae_nb.errors import InputError, check_whole, sentence
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import described
from hpvae_nb.lab.show import colour as pixel
from hpvae_nb.lab.show import enlarge, still, to_uint8

MODES = {"mask": "Paint a mask", "paint": "Paint on the picture", "move": "Copy a region to another place"}
TINT = "#ff00aa"  # of a mask; rare in pictures of the world
WIDE = 640  # pixels that a picture's longer side has on the screen, or nearly; small ones are enlarged
MOST_PIXELS = 2**22  # beyond, drawing no longer follows the hand, and nothing here is made for such pictures
MOST_COLOURS = 24  # of a palette, by what fits beside the other buttons

Point = tuple[float, float]


class Brush(anywidget.AnyWidget):
    """The widget that `brush` returns.

    Attributes:
        actions: what was done, in order; what can be seen follows from it. A stroke has `points` (x, y), a `size` and a
            `colour`, or `erase`; a copy has a `box` (top, left, bottom, right) and the (top, left) `to` which it went;
            the third kind is `clear`. A list that was kept can be given back.
        palette: colours of the picture, the most frequent first.
        mode: `"mask"`, `"paint"` or `"move"`.
    """

    _esm = Path(__file__).with_name("brush.js")
    _css = Path(__file__).with_name("brush.css")
    actions = traitlets.List(traitlets.Dict()).tag(sync=True)
    palette = traitlets.List(traitlets.Unicode()).tag(sync=True)
    mode = traitlets.Unicode().tag(sync=True)
    _name = traitlets.Unicode().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)  # h w c
    _shape = traitlets.List(traitlets.Int()).tag(sync=True)  # h w
    _scale = traitlets.Int().tag(sync=True)
    _tint = traitlets.Unicode(TINT).tag(sync=True)
    _working = traitlets.Bool(False).tag(sync=True)
    _failure = traitlets.Unicode().tag(sync=True)

    def __init__(self, picture: Tensor, **traits: Any) -> None:
        self._original = picture
        self._callbacks: list[Callable[[Brush], Any]] = []
        super().__init__(_picture=to_uint8(picture).tobytes(), _shape=list(picture.shape[1:]), **traits)

    @property
    def mask(self) -> Tensor:
        """What was painted on, or where copies lie: a bool tensor `h w`."""
        return self._drawn()[1]

    @property
    def painting(self) -> Tensor:
        """The picture with colours and copies on it, `3 h w` in [-1, 1]; elsewhere, its values are as they were.

        In mode `"mask"` it is the picture itself.
        """
        return self._drawn()[0]

    def on_change(self, callback: Callable[["Brush"], Any]) -> None:
        """Call `callback(view)` after each stroke or copy, undo and clear, wherever it came from.

        What it raises is also said below the picture: nobody sees what a browser's event raises in the kernel.
        """
        self._callbacks.append(callback)

    def stroke(self, points: Sequence[Point], size: float = 9, colour: Any = None, *, erase: bool = False) -> None:
        """Do what a stroke of mouse or finger does.

        It covers every pixel whose centre is at most half of `size` away from the line through the points.

        Args:
            points: pixels (x, y) of the picture, from 0 at the left and at the top; one makes a dot. They may lie
                beyond its border.
            size: of the brush, in pixels, at least 1.
            colour: in mode `"paint"`, a name or `"#rrggbb"` as matplotlib knows it, or three values in [-1, 1]; it is
                kept with 8 bits a channel. The first of the palette if not given.
            erase: take away what was painted, instead.

        Raises:
            InputError: not such points, size or colour; a stroke that leaves the picture untouched; another mode.
        """
        if self.mode == "move":
            raise InputError("strokes are for the modes 'mask' and 'paint': in mode 'move', call copy(box, to)")
        if colour is not None and (self.mode == "mask" or erase):
            raise InputError(f"colour is {colour!r}, but masks and erasers have none: use mode 'paint' without erase")
        if not isinstance(size, Real) or isinstance(size, bool) or not 1 <= size < math.inf:
            raise InputError(f"size is {size!r}, but a brush is at least 1 pixel wide: give such as size=9")
        line = _points(points)
        height, width = self._shape
        if not covered(line, size, self._shape).any():
            raise InputError(
                f"the stroke from {line[0]} leaves the {width} x {height} pixels of the picture untouched: give points "
                f"(x, y) with x from 0 to {width - 1} and y from 0 to {height - 1}"
            )
        action: dict[str, Any] = {"points": line, "size": float(size)}
        if erase:
            action["erase"] = True
        elif self.mode == "paint":
            action["colour"] = self.palette[0] if colour is None else _hex(colour)
        self.actions = [*self.actions, action]

    def copy(self, box: Sequence[int], to: Sequence[int]) -> None:
        """Do what dragging a region does in mode `"move"`: its copy comes to lie at another place.

        Args:
            box: (top, left, bottom, right) in pixels, the last two exclusive.
            to: (top, left) of the copy; what reaches beyond the picture is cut off.

        Raises:
            InputError: not such a box, or not inside the picture; a copy outside it; another mode.
        """
        if self.mode != "move":
            raise InputError(f"copies are for the mode 'move', but this is {self.mode!r}: call stroke(points)")
        height, width = self._shape
        size = f"the picture has {width} x {height} pixels"
        top, left, bottom, right = _whole("box", box, "(top, left, bottom, right)")
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            raise InputError(f"box is {box}, but {size}: give (top, left, bottom, right) inside it, the last exclusive")
        row, column = _whole("to", to, "(top, left)")
        if not (top - bottom < row < height and left - right < column < width):
            raise InputError(f"to is {to}, where nothing of the copy is seen: {size}, give (top, left) inside it")
        self.actions = [*self.actions, {"box": [top, left, bottom, right], "to": [row, column]}]

    def undo(self) -> None:
        """Take back the last stroke, copy or clear, if there is one."""
        self.actions = self.actions[:-1]

    def clear(self) -> None:
        """Take everything off the picture; `undo` brings it back."""
        if self.actions:
            self.actions = [*self.actions, {"clear": True}]

    def __repr__(self) -> str:
        height, width = self._shape
        return f"Brush({self.mode!r}, {width} x {height} pixels, {int(self.mask.sum())} of them painted)"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """With a picture, which a saved notebook shows where there is neither kernel nor widget."""
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        painting, mask = self._drawn()
        if self.mode == "mask":
            painting = torch.where(mask, (painting + pixel(TINT)[:, 0]) / 2, painting)
        height, width = self._shape
        text = f"{self._name}, {width} x {height} pixels, of which {int(mask.sum())} are painted"
        shown = described(still(enlarge(painting, self._scale * width)), text)
        return {**data, "text/html": shown.data}, metadata

    @traitlets.observe("actions")
    def _tell(self, _: Any) -> None:
        if not self._callbacks:
            return
        self._working, self._failure = True, ""
        try:
            for callback in self._callbacks:
                callback(self)
        except Exception as error:
            self._failure = sentence(error)
            raise
        finally:
            self._working = False

    def _drawn(self) -> tuple[Tensor, Tensor]:
        """Painting and mask after all actions; `apply` in `brush.js` is the same."""
        painting, mask = self._original.clone(), torch.zeros(*self._shape, dtype=torch.bool)
        for action in self.actions:
            if "clear" in action:
                painting, mask = self._original.clone(), torch.zeros_like(mask)
            elif "box" in action:
                (top, left, bottom, right), (row, column) = action["box"], action["to"]
                up, back = max(0, -row), max(0, -column)  # what is cut off
                part = painting[:, top + up : bottom, left + back : right].clone()
                place = (slice(row + up, row + bottom - top), slice(column + back, column + right - left))
                height, width = mask[place].shape
                painting[:, *place] = part[:, :height, :width]
                mask[place] = True
            else:
                under = torch.from_numpy(covered(action["points"], action["size"], mask.shape))
                mask = mask & ~under if "erase" in action else mask | under
                if "erase" in action:
                    painting = torch.where(under, self._original, painting)
                elif "colour" in action:
                    painting = torch.where(under, pixel(action["colour"])[:, 0], painting)
        return painting, mask


def brush(
    picture: Clip | Tensor, mode: str = "mask", *, palette: int = 5, scale: int | None = None, frame: int = 0
) -> Brush:
    """Show a picture to paint on with mouse, finger or keyboard, or from Python.

    Args:
        picture: an image, or a video of which one frame is shown; a tensor `c h w` or `c t h w` in [-1, 1].
        mode: `"mask"` marks pixels, `"paint"` colours them, `"move"` drags copies of regions to other places.
        palette: how many colours to take from the picture, from 1 to 24; fewer, if it has no more.
        scale: pixels of the screen for each of the picture. If not given, as many as make it about 640 wide or high.
        frame: which one of a video is shown.

    Returns:
        A widget whose `mask` and `painting` are there at any time. `on_change` tells of new ones; `stroke`, `copy`,
        `undo` and `clear` do what the hand can do.

    Raises:
        InputError: no picture, or one of more than 4 million pixels; another mode, palette, scale or frame.
    """
    clip = picture if isinstance(picture, Clip) else Clip(picture, name="picture")
    if not isinstance(mode, str) or mode not in MODES:
        raise InputError(f"mode is {mode!r}, but a brush has the modes {', '.join(map(repr, MODES))}: choose one")
    check_whole("frame", frame, 0)
    if frame >= clip.frames:
        raise InputError(
            f"frame is {frame}, but {clip.name} has {clip.frames}, counted from 0: give a number below that"
        )
    height, width = clip.size
    if height * width > MOST_PIXELS:
        raise InputError(
            f"{clip.name} has {width} x {height} pixels, more than {MOST_PIXELS}: load_image(path, size=512) reduces it"
        )
    check_whole("palette", palette)
    if palette > MOST_COLOURS:
        raise InputError(f"palette is {palette}, but at most {MOST_COLOURS} colours fit on the screen: give fewer")
    if scale is None:
        scale = max(1, WIDE // max(height, width))
    check_whole("scale", scale, advice=", pixels of the screen for each of the picture")
    image = clip.video if clip.dims == 2 else clip.video[:, frame]
    name = f"{MODES[mode]}: {clip.name}"
    return Brush(image.cpu(), mode=mode, palette=frequent_colours(image, palette), _scale=scale, _name=name)


def frequent_colours(image: Tensor, count: int) -> list[str]:
    """Colours `"#rrggbb"` that stand for those of an image `c h w` in [-1, 1], the most frequent first.

    Pillow takes colours far from each other and improves them by k-means, so that a few vivid pixels have their own.
    """
    few = Image.fromarray(to_uint8(image)).quantize(count, Image.Quantize.MAXCOVERAGE, kmeans=1)
    colours, times = rearrange(np.array(few.getpalette()), "(n c) -> n c", c=3), np.bincount(np.asarray(few).ravel())
    return [to_hex(colours[index] / 255) for index in np.argsort(-times, kind="stable") if times[index]]


def covered(points: Sequence[Sequence[float]], size: float, shape: Sequence[int]) -> np.ndarray:
    """The pixels of a stroke, as a bool array `h w`: their centres are at most `size / 2` from the line.

    Args:
        points: (x, y); the centre of the first pixel is (0, 0).
        shape: (h, w).
    """
    found = np.zeros(shape, dtype=bool)
    for (x, y), (to_x, to_y) in pairwise([points[0], *points]):
        rows, columns = _near(y, to_y, size, shape[0]), _near(x, to_x, size, shape[1])
        right, down = np.arange(columns.start, columns.stop) - x, np.arange(rows.start, rows.stop)[:, None] - y
        dx, dy = to_x - x, to_y - y
        square = dx * dx + dy * dy
        along = np.clip((right * dx + down * dy) / square, 0, 1) if square else 0
        right, down = right - along * dx, down - along * dy
        found[rows, columns] |= 4 * (right * right + down * down) <= size * size
    return found


def _near(a: float, b: float, size: float, length: int) -> slice:
    """Pixels of an axis that a line from a to b may touch."""
    first, last = math.ceil(min(a, b) - size / 2), math.floor(max(a, b) + size / 2)
    return slice(min(max(0, first), length), max(0, min(last + 1, length)))


def _points(points: Any) -> list[list[float]]:
    try:
        line = [[float(x), float(y)] for x, y in points]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"points are {reprlib.repr(points)}, but pairs (x, y) are wanted: give such as [(10, 20)]"
        ) from error
    if not line or not all(math.isfinite(at) for point in line for at in point):
        raise InputError(
            f"points are {reprlib.repr(points)}, but at least one finite (x, y) is wanted: give such as [(10, 20)]"
        )
    return line


def _whole(name: str, value: Any, wanted: str) -> list[int]:
    """As many whole numbers as are wanted."""
    numbers = list(value) if isinstance(value, Sequence) else []
    if len(numbers) != wanted.count(",") + 1 or not all(isinstance(number, Integral) for number in numbers):
        raise InputError(f"{name} is {value!r}, but {wanted} is wanted: give whole numbers of pixels")
    return [int(number) for number in numbers]


def _hex(colour: Any) -> str:
    """A colour of matplotlib, or three values in [-1, 1], as `"#rrggbb"`."""
    wanted = "give a name, '#rrggbb' or three values in [-1, 1]"
    try:
        if isinstance(colour, str):
            return to_hex(colour)
        red, green, blue = ((float(value) + 1) / 2 for value in colour)
        return to_hex((red, green, blue))
    except (TypeError, ValueError) as error:
        raise InputError(f"colour is {colour!r}, which is none: {wanted}") from error
