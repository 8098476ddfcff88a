"""Equation (9) with a slider for each thing that is random in it."""

from typing import Any

import ipywidgets as widgets

from hpvae_nb.lab.finer import by_scale
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.show import animation
from hpvae_nb.model import Model


def noise_view(model: Model) -> Any:
    """Sliders for the plan z, for the noise z_n of GAN scales and for its strength, above the clip they make.

    Clips of a large model come coarse first.
    """

    def picture(plan: int, draw: int, strength: float, scales: int | None = None) -> tuple[bytes, str]:
        clip = model.decode(model.latent(1, seed=plan), noise=strength, seed=draw, scales=scales)[0]
        words = f"plan {plan}, noise {draw}, {strength:g} times as strong as in training"
        return animation(clip, model.fps, like=model.shapes[model.scales - 1]), words

    return live(
        picture,
        "webp",
        stages=by_scale(model),
        idle=lambda strength, **_: {} if strength else {"draw": "noise of strength 0 is none"},
        picture_width="512px",
        plan=widgets.IntSlider(0, 0, 20, description="plan: seed of z", **WIDE),
        draw=widgets.IntSlider(0, 0, 20, description="noise: seed of zₙ", **WIDE),
        strength=widgets.FloatSlider(1, min=0, max=20, step=1, description="strength of noise", **WIDE),
    )
