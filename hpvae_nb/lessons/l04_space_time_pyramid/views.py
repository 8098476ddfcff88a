"""The space-time pyramid with sliders: which frames are kept, and what upsampling leaves to the generators."""

import math
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lessons.l04_space_time_pyramid.experiment import kept
from hpvae_nb.lessons.l04_space_time_pyramid.figures import kept_frames, what_is_missing
from hpvae_nb.recipe.config import Config

RATES = {"4, 3, 2, 1 (paper)": (4, 3, 2, 1), "2, 1": (2, 1), "3, 1": (3, 1), "4, 2, 1": (4, 2, 1), "5, 2, 1": (5, 2, 1)}


def kept_frames_view(clip: Clip) -> Any:
    """Figure 4 with the slice's length and the set of rates to choose; the clip has at least 5 frames."""

    def picture(rates: tuple[int, ...], frames: int) -> tuple[Figure, str]:
        lost = [rate for rate in rates if kept(frames, rate)[-1] != frames - 1]
        words = f"lost by every {' and every '.join(map(str, lost))}" if lost else "kept by every rate"
        shortest = f"The shortest slice for these rates has {math.lcm(*rates) + 1} frames."
        return kept_frames(clip, rates, frames), f"Frame {frames - 1}, the last, is {words}. {shortest}"

    return live(
        picture,
        rates=widgets.Dropdown(options=list(RATES.items()), description="sampling rates Ω", **WIDE),
        frames=widgets.IntSlider(12, 5, min(25, clip.frames), description="frames in the slice", **WIDE),
    )


def what_is_missing_view(config: Config, clip: Clip) -> Any:
    """What interpolation gives to the generator of a scale from 1 on, what it should become, and the difference."""

    def picture(scale: int, moment: int, aligned: bool) -> tuple[Figure, str]:
        ends = "aligned" if aligned else "not aligned"
        words = f"Scale {scale} near frame {moment}; corners {ends}. Grey in the third picture means: equal."
        return what_is_missing(config, clip, scale, moment, aligned=aligned), words

    return live(
        picture,
        scale=widgets.IntSlider(2, 1, config.scales - 1, description="scale n", **WIDE),
        moment=widgets.IntSlider(6, 0, config.frames - 1, description="moment (frames)", **WIDE),
        aligned=widgets.Checkbox(True, description="corners aligned", **WIDE),
    )
