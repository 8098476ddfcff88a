"""Coarse while a control moves, the finest when it rests: for clips that take too long to follow a slider."""

import itertools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Timer
from time import perf_counter
from typing import Any

from torch.overrides import TorchFunctionMode

from hpvae_nb.core.resampling import Shape, shapes_for_output
from hpvae_nb.model import Model

AIM = 0.15  # seconds that a drawing may take which follows a control: half of what is felt as an answer
REST = 0.4  # seconds without a move, after which the finest is drawn
SMALL = 2**16  # voxels; clips of smaller models (64 px, not 128) are never drawn coarse, however busy the machine is


@dataclass(frozen=True)
class Stage:
    """What it takes to draw with the scales up to one.

    Attributes:
        work: in any unit, all scales below included.
        name: what is said of a picture that goes no further.
    """

    work: float
    name: str


Stages = Callable[..., Sequence[Stage]]
"""Takes the controls' values by name; returns the stages of drawing with 1, 2, ... scales, up to the finest."""


def by_scale(model: Model, stages: Stages | None = None) -> Stages | None:
    """For `live`: these stages, or those of a whole clip; None for a small model, whose clips are drawn at once."""
    if math.prod(model.shapes[model.scales - 1]) <= SMALL:
        return None
    return stages or (lambda **_: scale_stages(model))


def scale_stages(
    model: Model, *, size: Shape | None = None, start: int = 0, scales: int | None = None, times: int = 1
) -> list[Stage]:
    """Work in voxels, which is what a convolution takes its time for.

    Args:
        size: (T, H, W) of the finest scale, if not the training size.
        start: the lowest scale that is drawn.
        scales: the finest that is drawn is the last of so many.
        times: how many clips.
    """
    shapes = model.shapes if size is None else shapes_for_output(model.shapes, size)
    shapes = shapes[: model.scales if scales is None else scales]
    voxels = [times * math.prod(shape) if n >= start else 0 for n, shape in enumerate(shapes)]
    works = itertools.accumulate(voxels)
    return [Stage(work, f"coarse, {shape[-1]} px") for work, shape in zip(works, shapes, strict=True)]


class Stepwise:
    """Draws what is there in time, and measures how much that is.

    The last finest picture tells how long a unit of work takes here, and so, how many scales there is time for. The
    first picture of a view, which nobody waits for with a hand on a slider, is the finest.
    """

    def __init__(self, function: Callable[..., Any], stages: Stages | None) -> None:
        self._function, self._stages = function, stages
        self._pace = 0.0  # seconds for a unit of work; as long as nothing is known, there is time for everything

    def soon(self, values: Mapping[str, Any]) -> tuple[Any, str]:
        """The finest that can be drawn in time, and what to say of it: nothing, if it is the finest there is."""
        stages = self._stages(**values) if self._stages else []
        within = sum(self._pace * stage.work <= AIM for stage in stages)
        if within == len(stages):
            return self.finest(values), ""
        scales = max(1, within)
        return self._function(**values, scales=scales), stages[scales - 1].name

    def finest(self, values: Mapping[str, Any]) -> Any:
        """The picture with all scales."""
        work = self._stages(**values)[-1].work if self._stages else 0  # asked before: what is drawn may be kept
        begun = perf_counter()
        result = self._function(**values)
        if work:
            self._pace = (perf_counter() - begun) / work
        return result


class Rest:
    """What is drawn once the controls have rested for a moment: in a thread of its own, which leaves the kernel free.

    Every move outdates it. Whatever is being drawn then is given up, and never shown.
    """

    def __init__(self) -> None:
        self.over = threading.Event()  # nothing waits, and nothing is being drawn
        self._moves = 0
        self._timer: Timer | None = None
        self._moment, self._drawing = threading.RLock(), threading.Lock()

    def moved(self) -> None:
        """From now on, only what is asked for with the new `move` counts."""
        with self._moment:
            self._moves += 1
            if self._timer:
                self._timer.cancel()
            self.over.clear()

    def stop(self) -> None:
        """Nothing that was asked for is wanted any more."""
        with self._moment:
            self.moved()
            self.over.set()

    @property
    def move(self) -> int:
        """The last move's number."""
        return self._moves

    def settle(self, move: int) -> None:
        """After this move nothing is left to be drawn."""
        with self._moment:
            if move == self._moves:
                self.over.set()

    def then(
        self, move: int, draw: Callable[[], Any], show: Callable[[Any], None], fail: Callable[[Exception], None]
    ) -> None:
        """Once there was no other move for a moment, `show` what `draw` returns, or tell `fail` what it raised."""

        def run() -> None:
            try:
                with self._drawing, given_up(partial(self._outdated, move)):
                    answer = partial(show, draw())
            except Outdated:
                return
            except Exception as error:
                answer = partial(fail, error)
            with self._moment:
                if not self._outdated(move):
                    with suppress(Exception):  # the view was closed in this moment, and nothing is left to show it in
                        answer()
                    self.over.set()

        with self._moment:
            if not self._outdated(move):
                self._timer = Timer(REST, run)
                self._timer.start()

    def _outdated(self, move: int) -> bool:
        return move != self._moves or not threading.main_thread().is_alive()  # at the end, nobody waits for a picture


class Outdated(Exception):
    """Nobody wants any more what is being computed."""


class given_up(TorchFunctionMode):
    """Raise `Outdated` from the next function of PyTorch, in this thread, that is called when `outdated()` is true."""

    def __init__(self, outdated: Callable[[], bool]) -> None:
        super().__init__()
        self.outdated = outdated

    def __enter__(self) -> Any:
        self.check()
        return super().__enter__()

    def check(self) -> None:
        if self.outdated():
            raise Outdated

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.check()
        return func(*args, **(kwargs or {}))
