"""Sampling with a slider."""

from typing import Any

import ipywidgets as widgets
import torch

from hpvae_nb.lab.finer import by_scale
from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import animation
from hpvae_nb.model import Model


def sample_picture(model: Model, seed: int, *, count: int = 3, width: int = 256, scales: int | None = None) -> bytes:
    """A looping WebP picture of `count` samples side by side, each `width` pixels wide; what `seed_view` shows.

    They are drawn with so many `scales`, and enlarged; with all of them, if not given.
    """
    samples = torch.cat(list(model.sample(count, seed=seed, scales=scales)), dim=-1)
    *rest, columns = model.shapes[model.scales - 1]
    return animation(samples, model.fps, width=count * width, like=(*rest, count * columns))


def seed_view(model: Model, *, count: int = 1, seeds: int = 100) -> Any:
    """A slider for the seed above the samples it gives; arrow keys move it.

    Samples of a large model come coarse first, and whole when the slider rests.

    Args:
        count: samples side by side; more take longer than the tenth of a second that a slider should.
        seeds: the slider runs from 0 to this, exclusive.
    """

    def draw(seed: int, scales: int | None = None) -> tuple[bytes, str]:
        what = "a clip" if count == 1 else f"{count} clips side by side"
        return sample_picture(model, seed, count=count, scales=scales), f"{what}, drawn from seed {seed}"

    slider = widgets.IntSlider(0, 0, seeds - 1, description="seed")
    return live(draw, "webp", stages=by_scale(model), picture_width=f"{448 * count}px", seed=slider)
