"""Sampling with a slider."""

from __future__ import annotations

from typing import Any

import torch

from hpvae_nb.errors import require
from hpvae_nb.model import Model
from hpvae_nb.show import animation
from hpvae_nb.widgets.live import live


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


def seed_view(model: Model, *, count: int = 1, seeds: int = 100) -> Any:
    """A slider for the seed above the samples it gives; arrow keys move it.

    Args:
        model: a trained model.
        count: samples side by side; more take longer than the tenth of a second that a slider should.
        seeds: the slider runs from 0 to this, exclusive.

    Returns:
        A widget whose `children` are the slider, the picture and a line of text.
    """
    widgets = require("ipywidgets", "interactive views")

    def draw(seed: int) -> tuple[bytes, str]:
        what = "a clip" if count == 1 else f"{count} clips side by side"
        return sample_picture(model, seed, count=count), f"{what}, drawn from seed {seed}"

    view = live(draw, "webp", seed=widgets.IntSlider(0, 0, seeds - 1, description="seed"))
    view.children[-2].layout.width = f"{448 * count}px"  # the browser enlarges faster than we could
    return view
