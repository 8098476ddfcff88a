"""A clip made worse step by step, beside what cheap metrics say of it (lesson 10)."""

from collections.abc import Mapping

import ipywidgets as widgets
from torch import Tensor

from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import film, pixels
from hpvae_nb.lessons.l10_metrics import figures
from hpvae_nb.lessons.l10_metrics.experiment import Step, said

WIDTH = 768  # pixels of the picture


def strength_view(found: Mapping[str, Mapping[float, Step]], honest: Step, real: Tensor, fps: float) -> widgets.VBox:
    """A choice of what is done to the clip and a slider for how much, above the clip and what metrics say of it.

    Args:
        found: kind -> strength -> step, as `hpvae_nb.lessons.l10_metrics.experiment.steps` gives them.
        honest: the step of a trained model's sample, to compare with.
    """
    strengths = list(found[next(iter(found))])
    sheet = figures.strength_curves(found[next(iter(found))], honest, strengths[0])

    def draw(kind: str, strength: float) -> tuple[bytes, str]:
        step = found[kind][strength]
        panel = pixels(figures.strength_curves(found[kind], honest, strength, figure=sheet), WIDTH)
        clips = figures.clip_sample_and_map(step, real, WIDTH)
        return film(clips, panel, fps=fps), f"{kind}, strength {strength:g}: {said(step)}"

    return live(
        draw,
        "webp",
        kind=widgets.ToggleButtons(options=list(found), description="done to it"),
        strength=widgets.SelectionSlider(options=strengths, description="how much"),
    )
