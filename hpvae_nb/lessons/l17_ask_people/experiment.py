"""Raters that are made up, with opinions that are known: what a study ought to find."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from hpvae_nb.studies import opinions
from hpvae_nb.studies.people import Study

TASTE = {  # invented: realness and diversity as the made-up raters see them, in the mean
    "HP-VAE-GAN": (3.8, 3.6),
    "SinGAN": (3.3, 2.7),
    "ConSinGAN": (3.0, 2.0),
    "VGPNN": (2.4, 3.1),
}
STRICT, LIKED, MOOD = 0.5, 0.35, 0.6  # standard deviations: of raters, of clips with a method, of single answers
TIRED, CONTRAST = 0.1, 0.3  # what an answer loses from place to place, and gains by what came before being worse


def opinions_of(
    raters: int, clips: int, seed: int = 0, *, mood: float = MOOD, question: int = 0, fine: bool = False
) -> np.ndarray:
    """Answers of made-up raters, `rater clip method` with the methods of `TASTE`.

    A rater is more or less strict on all pages; a method does better on some clips than on others, for all raters; and
    every answer has a mood of its own. The same rater or clip is the same however many there are.

    Args:
        mood: the standard deviation of the last.
        question: 0 realness, 1 diversity.
        fine: leave the answers as they are, and not rounded to 1 to 5.
    """
    means = np.array([taste[question] for taste in TASTE.values()])
    strict, liked, moods = (np.random.default_rng([seed, question, part]) for part in range(3))
    answers = means + STRICT * strict.standard_normal((raters, 1, 1))
    answers = answers + LIKED * liked.standard_normal((clips, len(means)))
    answers = answers + mood * moods.standard_normal((raters, 100, len(means)))[:, :clips]
    return answers if fine else np.clip(np.rint(answers), 1, opinions.BEST)


def table(raters: int, clips: int, seed: int = 0, *, mood: float = MOOD) -> pd.DataFrame:
    """The same to both questions, as `opinions.read` gives them of a folder."""
    both = [opinions_of(raters, clips, seed, mood=mood, question=question) for question in (0, 1)]
    methods = list(TASTE)
    rows = [
        (str(r), "video", f"clip {c}", methods[m], m, *(float(answers[r, c, m]) for answers in both))
        for r, c, m in np.ndindex(both[0].shape)
    ]
    return pd.DataFrame(rows, columns=["rater", "kind", "clip", "method", "place", *opinions.QUESTIONS])


def fill(study: Study, number: int, clips: Sequence[str]) -> None:
    """Let the made-up rater of this number answer all of a study's pages."""
    methods = list(TASTE)
    both = [opinions_of(number + 1, len(clips), question=question)[number] for question in (0, 1)]
    places = [(clips.index(item.clip), methods.index(item.method)) for item in study.items]
    study.save([[int(answers[place]) for answers in both] for place in places])


def seen_in_order(truth: Mapping[str, float], orders: Iterable[Sequence[str]]) -> dict[str, float]:
    """Mean scores that come out, if raters tire and compare each page with the one before.

    Args:
        truth: what each method would get alone.
        orders: the methods in the order of each rater.
    """
    got: dict[str, list[float]] = {name: [] for name in truth}
    for order in orders:
        for place, name in enumerate(order):
            better = truth[name] - truth[order[place - 1]] if place else 0.0
            got[name].append(truth[name] + CONTRAST * better - TIRED * place)
    return {name: float(np.mean(scores)) for name, scores in got.items()}


def widths(counts: Sequence[int], clips: int, *, repeats: int = 8, draws: int = 300) -> list[float]:
    """How wide the interval of a mean opinion score is, for each number of raters, in the mean over studies."""
    found = []
    for count in counts:
        draw = [opinions.resampled(opinions_of(count, clips, seed), draws, seed) for seed in range(repeats)]
        low, high = np.percentile(draw, [2.5, 97.5], axis=1)
        found.append(float((high - low).mean()))
    return found
