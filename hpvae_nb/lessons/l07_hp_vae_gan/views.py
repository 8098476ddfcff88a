"""Equation (9) with a slider for each thing that is random in it."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from hpvae_nb.lab.finer import by_scale
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.show import animation
from hpvae_nb.model import Model


def noise_picture(
    model: Model, plan: int, draw: int, strength: float, *, width: int = 256, scales: int | None = None
) -> bytes:
    """A sample as a looping WebP picture; what `noise_view` shows.

    Args:
        model: a trained model with GAN scales.
        plan: seed of z, at least 0.
        draw: seed of the noise z_n.
        strength: multiplies the noise amplitudes of all GAN scales; 1 is what the model was trained with.
        width: in pixels.
        scales: drawn with this many, and enlarged; with all of them, if not given.
    """
    clip = model.decode(model.latent(1, seed=plan), noise=strength, seed=draw, scales=scales)[0]
    return animation(clip, model.fps, width=width, like=model.shapes[model.scales - 1])


def noise_view(model: Model) -> Any:
    """Sliders for the plan z, for the noise z_n and for its strength, above the clip they make.

    Returns:
        A widget whose `children` are the three sliders, the picture and a line of text.
    """

    def picture(plan: int, draw: int, strength: float, scales: int | None = None) -> tuple[bytes, str]:
        words = f"plan {plan}, noise {draw}, {strength:g} times as strong as in training"
        return noise_picture(model, plan, draw, strength, scales=scales), words

    return live(
        picture,
        "webp",
        stages=by_scale(model),
        picture_width="512px",
        plan=widgets.IntSlider(0, 0, 20, description="plan: seed of z", **WIDE),
        draw=widgets.IntSlider(0, 0, 20, description="noise: seed of zₙ", **WIDE),
        strength=widgets.FloatSlider(1, min=0, max=20, step=1, description="strength of noise", **WIDE),
    )
