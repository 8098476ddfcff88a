"""A clip made worse step by step, beside what cheap metrics say of it (lesson 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from einops import repeat
from torch import Tensor

from hpvae_nb.errors import require
from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import webp
from hpvae_nb.lessons.l10_metrics import figures
from hpvae_nb.lessons.l10_metrics.figures import Step

WIDTH = 768  # pixels of the picture


def strength_view(found: Mapping[str, Mapping[float, Step]], honest: Step, real: Tensor, fps: float) -> Any:
    """A choice of what is done to the clip and a slider for how much, above the clip and what metrics say of it.

    Args:
        found: kind -> strength -> step, as `hpvae_nb.lessons.l10_metrics.figures.steps` gives them.
        honest: the step of a trained model's sample, to compare with.
        real: the clip, `3 t h w` in [-1, 1].
        fps: frames per second.

    Returns:
        A widget whose `children` are the choice, the slider, the picture and a line of text.
    """
    widgets = require("ipywidgets", "interactive views")
    first = next(iter(found))
    sheet = figures.strength_figure(found[first], honest, next(iter(found[first])))

    def draw(kind: str, strength: float) -> tuple[bytes, str]:
        step = found[kind][strength]
        panel = figures.drawn(figures.strength_figure(found[kind], honest, strength, figure=sheet), WIDTH)
        clips = figures.beside(step, real, WIDTH)
        still = repeat(panel, "h w c -> t h w c", t=len(clips))
        numbers = ", ".join(f"{metric} {figures.digits(value)}" for metric, value in step.values.items())
        return webp(np.concatenate([clips, still], axis=1), fps), f"{kind}, strength {strength:g}: {numbers}"

    return live(
        draw,
        "webp",
        kind=widgets.ToggleButtons(options=list(found), description="done to it"),
        strength=widgets.SelectionSlider(options=list(found[first]), description="how much"),
    )
