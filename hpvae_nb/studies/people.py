"""The user study of table 3, by anybody: people rate clips without knowing which method made them.

`Study` is one rater's session. Its answers lie in one small file, which `hpvae_nb.studies.opinions` reads.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError, check_whole, whole
from hpvae_nb.io.clips import load_clip
from hpvae_nb.io.images import load_image
from hpvae_nb.recipe.presets import preset
from hpvae_nb.studies import evidence, opinions

OURS = "HP-VAE-GAN"
POINTS = {  # of the evidence, whose samples are rated
    "video": {OURS: evidence.WHOLE, "SinGAN": "SinGAN", "ConSinGAN": "ConSinGAN", "VGPNN": "VGPNN"},
    "image": {OURS: evidence.WHOLE, "SinGAN": "SinGAN", "ConSinGAN": "ConSinGAN", "GPNN": "GPNN"},
}
PRESETS = {"video": "laptop", "image": "laptop-image"}  # of the evidence, for the real one as it was trained on
MOST = 9  # new clips on a page, beyond which nobody looks at each


@dataclass(frozen=True)
class Item:
    """What one page of a study shows.

    Attributes:
        clip: name of the real one.
        method: who made the new ones; the rater is not told.
        real: a clip `c t h w` or an image `c h w` in [-1, 1].
        samples: new ones of the same shape, `n c t h w` or `n c h w`; the paper shows 5.
        fps: frames per second of clips.
    """

    clip: str
    method: str
    real: Tensor
    samples: Tensor
    fps: float = 24


def bundled(kind: str = "video") -> list[Item]:
    """A study ready to be run, of the samples that the evidence keeps: 8 pages of clips, or 20 of images.

    Clips: pedestrians and bunny, with HP-VAE-GAN (M = 3), SinGAN, ConSinGAN and VGPNN. Images: five, with GPNN in place
    of VGPNN. A page has 4 new ones, where the paper has 5: the evidence keeps 4 of a training, and a method with more
    than the others would be known by it.

    Args:
        kind: `"video"` or `"image"`.

    Raises:
        InputError: another kind.
    """
    if kind not in POINTS:
        raise InputError(f"kind is {kind!r}, but there are bundled studies of {' and '.join(map(repr, POINTS))}")
    study = evidence.CLIPS if kind == "video" else evidence.IMAGES
    items = []
    for name in evidence.clips(evidence.rows(study)):
        clip = load_clip(name) if kind == "video" else load_image(name)
        for method, point in POINTS[kind].items():
            samples = evidence.samples(name, point, study)
            seen = clip.video[:, : samples.shape[2]] if kind == "video" else clip.video
            real = resize(seen, samples.shape[-2:], antialias=preset(PRESETS[kind]).antialias)
            items.append(Item(name, method, real, samples, clip.fps))
    return items


def williams(count: int) -> list[list[int]]:
    """Orders of `count` things, such that over all of them each stands equally often at each place.

    Each also comes equally often directly after each other, so that what was seen just before cancels out too.

    Source: Williams 1949, "Experimental designs balanced for the estimation of residual effects of treatments".

    Returns:
        `count` orders of the numbers from 0, or twice as many if it is odd.
    """
    check_whole("count", count)
    first = [(place + 1) // 2 if place % 2 else (count - place // 2) % count for place in range(count)]
    square = [[(number + shift) % count for number in first] for shift in range(count)]
    return square + [line[::-1] for line in square] if count % 2 and count > 1 else square


def ordered(items: Sequence[Item], rater: str | int) -> list[Item]:
    """The order in which a rater sees the items; the same for the same rater, in whatever order the items come.

    As many rounds as there are clips: in each, every method once, in an order of `williams`, with another clip each;
    the next round takes the next order. The clips are shuffled. Raters with consecutive numbers begin with consecutive
    orders, so that as many raters as orders, or twice as many and so on, are balanced exactly; names draw by chance.
    """
    clips, methods = (sorted({getattr(item, name) for item in items}) for name in ("clip", "method"))
    known = {(item.clip, item.method): item for item in items}
    dice = random.Random(rater_id(rater))
    dice.shuffle(clips)
    orders = williams(len(methods))
    first = dice.randrange(len(orders)) if isinstance(rater, str) else rater
    return [
        known[clips[(turn + method) % len(clips)], methods[method]]
        for turn in range(len(clips))
        for method in orders[(first + turn) % len(orders)]
    ]


def rater_id(rater: str | int) -> str:
    """What stands for a rater in files: a number as it is, of a name 12 digits that don't show it.

    Who guesses the name can still find that it is the one, so let raters invent one.

    Raises:
        InputError: neither a whole number of at least 0 nor a name.
    """
    if isinstance(rater, str) and rater.strip():
        return hashlib.sha256(rater.strip().casefold().encode()).hexdigest()[:12]
    if (number := whole(rater)) is not None and number >= 0:
        return str(number)
    raise InputError(f"rater is {rater!r}, but a number from 0 or an invented name is needed: such as 'blue heron'")


class Study:
    """One rater's session; the same rater goes on where it was left.

    Attributes:
        items: in this rater's order.
        answers: for each, how real and how diverse, from 1 to 5; 0 for no answer yet.
        kind: `"video"` or `"image"`.
        file: where the answers are. It holds names of clips and methods, the answers, and of the rater only what
            `rater_id` makes of the name.
    """

    def __init__(self, items: Sequence[Item], folder: str | Path, rater: str | int) -> None:
        """Begin, or go on.

        Args:
            items: each clip with each method once, as many samples everywhere; all clips, or all images.
            folder: for the rater's file; made if need be.
            rater: a name that the rater invents, or a number from 0. Numbers balance the orders exactly.

        Raises:
            InputError: items that are not so; no name; a file of this rater that is damaged, or of another study.
        """
        _check(items)
        self.kind = "video" if items[0].real.ndim == 4 else "image"
        self.rater = rater_id(rater)
        self.items = ordered(items, rater)
        self.file = Path(folder) / f"{self.kind}_{self.rater}.json"
        self.answers = [[0] * len(opinions.QUESTIONS) for _ in items]
        if self.file.exists():
            self._resume()

    def view(self) -> Any:
        """The pages to rate, as a `hpvae_nb.lab.rating.Rating`; each answer is saved at once."""
        from hpvae_nb.lab.rating import Page, Question, Rating

        pages = [Page(item.real, item.samples, item.fps) for item in self.items]
        questions = [Question(text.format(kind=self.kind), *ends) for text, *ends in opinions.QUESTIONS.values()]
        return Rating(pages, questions, self.answers, self.save)

    def save(self, answers: Sequence[Sequence[int]]) -> None:
        """Take answers, two for each page, and write them; errors of `hpvae_nb.io.checkpoint.write_bytes`."""
        self.answers = [list(given) for given in answers]
        names = [(item.clip, item.method) for item in self.items]
        opinions.write(self.file, opinions.Answered(self.rater, self.kind, names, self.answers))

    def _resume(self) -> None:
        """Take the answers that there are."""
        kept = opinions.read_file(self.file)
        if kept.names != [(item.clip, item.method) for item in self.items]:
            raise InputError(
                f"{self.file} holds {len(kept.names)} pages of another study than this one of {len(self.items)}: "
                "choose another folder, or another name"
            )
        self.answers = kept.answers

    def __repr__(self) -> str:
        done = sum(all(given) for given in self.answers)
        return f"Study({self.kind}, {done} of {len(self.items)} pages rated, {self.file.name})"


def _check(items: Sequence[Item]) -> None:
    """Raise InputError unless items can be shown blind and in balanced order."""
    if not items:
        raise InputError("there is no item, but a study needs at least one: take people.bundled()")
    pairs = {(item.clip, item.method) for item in items}
    clips, methods = ({pair[k] for pair in pairs} for k in (0, 1))
    if len(pairs) != len(items) or len(pairs) != len(clips) * len(methods):
        what = f"{len(items)} items of {len(clips)} clips and {len(methods)} methods"
        raise InputError(f"there are {what}, but each clip needs each method exactly once: add or leave out items")
    first = items[0]
    for item in items:
        count, *shape = item.samples.shape
        if not 1 <= count <= MOST or count != len(first.samples):
            raise InputError(
                f"{item.method} has {count} samples of {item.clip} and {first.method} {len(first.samples)} of "
                f"{first.clip}, but all need the same number, from 1 to {MOST}, or it would tell them apart"
            )
        if shape != list(item.real.shape):
            raise InputError(
                f"{item.method}'s samples of {item.clip} are {tuple(shape)} and the real one is "
                f"{tuple(item.real.shape)}, but a size would tell methods apart: bring them to one by resize"
            )
        if item.real.ndim != first.real.ndim:
            raise InputError(f"{item.clip} is an image where {first.clip} is none, or so: make a study of each kind")
