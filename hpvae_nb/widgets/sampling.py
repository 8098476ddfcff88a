"""Sampling with a slider."""

from __future__ import annotations

from typing import Any

import torch

from hpvae_nb.errors import require
from hpvae_nb.model import Model
from hpvae_nb.show import animation


def sample_picture(model: Model, seed: int, *, count: int = 3, width: int = 256) -> bytes:
    """A looping WebP picture of `count` samples side by side; what `seed_view` shows.

    Args:
        model: a trained model.
        seed: of the samples, at least 0.
        count: how many, side by side.
        width: of each, in pixels.
    """
    samples = torch.cat([clip for clip in model.sample(count, seed=seed)], dim=-1)
    return animation(samples, model.fps, width=count * width)


def seed_view(model: Model, *, count: int = 3, seeds: int = 100) -> Any:
    """A slider for the seed above the samples it gives; arrow keys move it.

    Args:
        model: a trained model.
        count: samples side by side.
        seeds: the slider runs from 0 to this, exclusive.

    Returns:
        A widget, with the slider and the picture as its `children`.
    """
    widgets = require("ipywidgets", "interactive views")
    slider = widgets.IntSlider(0, 0, seeds - 1, description="seed", continuous_update=True)
    picture = widgets.Image(format="webp", layout=widgets.Layout(max_width="100%"))

    def show(change: Any) -> None:
        picture.value = sample_picture(model, change["new"], count=count)

    slider.observe(show, names="value")
    show({"new": slider.value})
    return widgets.VBox([slider, picture])
