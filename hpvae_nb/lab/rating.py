"""A page to rate clips on: in a notebook, a real one in a loop beside new ones, and questions to answer from 1 to 5.

All that the browser gets is pictures, questions and numbers, so that nothing on the page tells which method is rated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError, check_whole, sentence
from hpvae_nb.lab.render import described
from hpvae_nb.lab.show import enlarge, frame_at, still, to_uint8, webp

BEST = 5  # answers go from 1 to this; 0 stands for none
SMALL = 160  # pixels of width up to which clips are sent at twice the size: lossy files keep colour at half of it
QUALITY = 85  # of clips; at twice the size a third of the bytes of a lossless file, and 2 of 255 levels off
WIDE = 640  # pixels of the picture that a saved notebook shows

Answers = list[list[int]]
"""For each page, an answer to each question, from 1 to 5; 0 where there is none yet."""


@dataclass(frozen=True)
class Page:
    """What is shown together.

    Attributes:
        real: a clip `c t h w` or an image `c h w` in [-1, 1].
        new: several of the same shape, `n c t h w` or `n c h w`.
        fps: frames per second of clips.
    """

    real: Tensor
    new: Tensor
    fps: float = 24


@dataclass(frozen=True)
class Question:
    """A question, and what its lowest and highest answer mean."""

    text: str
    low: str
    high: str


class Rating(anywidget.AnyWidget):
    """The widget that shows the pages, one after the other.

    Attributes:
        answers: as `Answers`.
        page: the number of the page that is shown, from 0.
    """

    _esm = Path(__file__).with_name("rating.js")
    _css = Path(__file__).with_name("rating.css")
    answers = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    page = traitlets.Int().tag(sync=True)
    _media = traitlets.List(traitlets.Bytes()).tag(sync=True)  # WebP, each once
    _pages = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)  # numbers of media, the real one first
    _questions = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    _best = traitlets.Int(BEST).tag(sync=True)
    _saved = traitlets.Int().tag(sync=True)
    _failure = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        pages: Sequence[Page],
        questions: Sequence[Question],
        answers: Answers | None = None,
        save: Callable[[Answers], Any] = lambda _: None,
    ) -> None:
        """Show pages and questions.

        Args:
            pages: in the order in which they are shown.
            questions: asked on each page.
            answers: those that there are already; the first page that lacks one is shown first.
            save: called with all answers after each; what it raises is said on the page.

        Raises:
            InputError: no page or question, or answers that don't fit.
        """
        if not pages or not questions:
            what = f"there are {len(pages)} pages and {len(questions)} questions"
            raise InputError(f"{what}, but at least one of each is needed: give such as [Page(real, new)]")
        self._save, self._first = save, pages[0]
        answers = answers or [[0] * len(questions) for _ in pages]
        media, numbers = _media(pages)
        super().__init__(
            answers=answers,
            page=next((k for k, given in enumerate(answers) if not all(given)), 0),
            _media=media,
            _pages=numbers,
            _questions=[[question.text, question.low, question.high] for question in questions],
            _saved=_count(answers),
        )
        self.observe(self._tell, names="answers")

    def answer(self, page: int, question: int, value: int) -> None:
        """Do what a click on a number does.

        Args:
            page, question: numbers from 0.
            value: from 1 to 5.

        Raises:
            InputError: no such page, question or value.
        """
        for name, number, count in (("page", page, len(self._pages)), ("question", question, len(self._questions))):
            check_whole(name, number, 0)
            if number >= count:
                raise InputError(f"{name} is {number}, but there are {count}, counted from 0: give a number below that")
        check_whole("value", value, 1, f" and at most {BEST}")
        changed = [list(given) for given in self.answers]
        changed[page][question] = value
        self.answers = changed

    def __repr__(self) -> str:
        return f"Rating({len(self._pages)} pages, {_count(self.answers)} answers)"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """With a picture of the first page, which a saved notebook shows where there is neither kernel nor widget."""
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        row = torch.cat([frame_at(clip) for clip in (self._first.real, *self._first.new)], -1)
        text = f"A page to rate: at the left the real one, beside it {len(self._first.new)} new ones"
        return {**data, "text/html": described(still(enlarge(row, WIDE)), text).data}, metadata

    @traitlets.validate("answers")
    def _fitting(self, proposal: Any) -> Answers:
        answers: Answers = proposal["value"]
        questions = len(self._questions)
        if len(answers) != len(self._pages) or any(len(given) != questions for given in answers):
            wanted = f"{questions} numbers for each of {len(self._pages)} pages"
            raise InputError(f"answers are {answers}, but {wanted} are wanted: start from a new widget's")
        strange = [value for given in answers for value in given if not 0 <= value <= BEST]
        if strange:
            raise InputError(f"an answer is {strange[0]}, but must lie between 1 and {BEST}, or be 0 for none")
        return answers

    def _tell(self, _: Any) -> None:
        try:
            self._save(self.answers)
        except Exception as error:
            self._failure = f"Not saved: {sentence(error)}"
            raise
        self._failure, self._saved = "", _count(self.answers)


def _count(answers: Answers) -> int:
    return sum(bool(value) for given in answers for value in given)


def _media(pages: Sequence[Page]) -> tuple[list[bytes], list[list[int]]]:
    """All pictures as bytes, equal ones once, and for each page the numbers of its own."""
    known: dict[bytes, int] = {}
    numbers = [
        [known.setdefault(_encoded(clip, page.fps), len(known)) for clip in (page.real, *page.new)] for page in pages
    ]
    return list(known), numbers


def _encoded(clip: Tensor, fps: float) -> bytes:
    if clip.ndim == 3:
        return webp(to_uint8(clip)[None], fps)
    height, width = clip.shape[-2:]
    large = resize(clip, (2 * height, 2 * width)) if width <= SMALL else clip
    return webp(to_uint8(large), fps, quality=QUALITY)
