"""How sure a study is, by how many raters and clips it has, and how moody the raters are."""

from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.render import dots_and_bars, subplots
from hpvae_nb.lab.show import RANDOM
from hpvae_nb.lessons.l17_ask_people.experiment import MOOD, TASTE, opinions_of
from hpvae_nb.studies import opinions

MARGINS = {"left": 0.18, "right": 0.98, "bottom": 0.23, "top": 0.97}  # to find them anew takes a third of the time
MOST = (60, 25)  # raters and clips on the sliders; the paper has 50 and 25


def study_picture(raters: int, clips: int, mood: float = MOOD) -> tuple[Figure, str]:
    """Intervals of the realness that made-up raters see, and whether the first method is ahead of the second."""
    answers = opinions_of(raters, clips, mood=mood)
    draws = opinions.resampled(answers, 500)
    lows, highs = np.percentile(draws, [2.5, 97.5], axis=0)
    figure, axis = subplots(figsize=(6, 2.2), layout=None, gridspec_kw=MARGINS)
    at = np.arange(len(TASTE))
    dots_and_bars(axis, answers.mean((0, 1)), lows, highs, at, color=RANDOM)
    axis.plot([taste[0] for taste in TASTE.values()], at, "|", color="black", markersize=16)
    axis.set(xlim=(1, 5), xlabel="realness; black: what the raters think in the mean", ylim=(len(TASTE) - 0.5, -0.5))
    axis.set_yticks(at, TASTE)
    low, high = np.percentile(draws[:, 0] - draws[:, 1], [2.5, 97.5])
    first, second, *_ = TASTE
    verdict = "is ahead of" if low > 0 else "is behind" if high < 0 else "may be ahead of or behind"
    words = f"{raters} raters, {clips} clips: {first} {verdict} {second}, by {low:.1f} to {high:.1f}."
    return figure, words


def raters_view() -> Any:
    """A study's intervals by its size."""
    return live(
        study_picture,
        picture_width="560px",
        raters=widgets.IntSlider(12, 2, MOST[0], description="raters", **WIDE),
        clips=widgets.IntSlider(2, 1, MOST[1], description="clips", **WIDE),
        mood=widgets.FloatSlider(MOOD, min=0, max=2, step=0.1, description="mood of single answers", **WIDE),
    )
