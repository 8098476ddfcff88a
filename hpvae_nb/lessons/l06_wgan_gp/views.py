"""Critics with sliders: the toy critic's surface over training, and the patch critic's map over the frames of clips."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lessons.l06_wgan_gp.experiment import Snapshot, score_map
from hpvae_nb.lessons.l06_wgan_gp.figures import maps_figure, surface_figure


def toy_view(histories: Mapping[float, Sequence[Snapshot]], real: Tensor, fake: Tensor) -> Any:
    """Lambda and the training step on sliders, below a button that plays the training.

    Args:
        histories: lambda to the snapshots that `train_toy` returned for it and these points `b 2`.
    """
    shots = next(iter(histories.values()))
    last, every = shots[-1].step, shots[1].step - shots[0].step
    options = [(f"{weight:g}", weight) for weight in histories]
    weight = widgets.SelectionSlider(options=options, value=options[-1][1], description="penalty weight λ", **WIDE)
    step = widgets.IntSlider(last, 0, last, every, description="training step", **WIDE)
    play = widgets.Play(value=last, min=0, max=last, step=every, interval=300, description="play the training")
    widgets.jslink((play, "value"), (step, "value"))
    sheet = surface_figure({"": shots[0]}, real, fake)

    def picture(weight: float, step: int) -> tuple[Figure, str]:
        shot = min(histories[weight], key=lambda shot: abs(shot.step - step))
        words = f"Distance {shot.distance:.3g}; mean slope between real and fake {shot.slope:.3g}."
        return surface_figure({f"λ = {weight:g}, step {shot.step}": shot}, real, fake, figure=sheet), words

    view = live(picture, weight=weight, step=step)
    view.children = (play, *view.children)
    return view


def critic_map_view(critic: nn.Module, clips: Mapping[str, Tensor]) -> Any:
    """The scores of D^n of a video model for each named clip, `c t h w` in [-1, 1], with the frame on a slider."""
    maps = {name: score_map(critic, clip) for name, clip in clips.items()}
    frames = min(clip.shape[1] for clip in clips.values())
    sheet = maps_figure(clips, maps, 0)

    def picture(frame: int) -> tuple[Figure, str]:
        best = max(maps, key=lambda name: float(maps[name][frame].mean()))
        words = f"Frame {frame}: the highest mean score goes to {best!r}."
        return maps_figure(clips, maps, frame, figure=sheet), words

    slider = widgets.IntSlider(0, 0, frames - 1, description="frame", layout={"width": "30em"})
    return live(picture, frame=slider)
