"""Which networks learn at which scale, with the scale on a slider."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l05_hierarchy.experiment import PASSED, TRAINED, UNTOUCHED, gradient_flow
from hpvae_nb.lessons.l05_hierarchy.figures import flow_diagram
from hpvae_nb.recipe.config import Config


def flow_picture(config: Config, scale: int) -> tuple[bytes, str]:
    """What `flow_view` shows: the diagram of one scale, and the same in a sentence."""
    flow = gradient_flow(config, scale)
    listed = {state: ", ".join(name for name in flow if flow[name] == state) for state in (TRAINED, PASSED, UNTOUCHED)}
    words = "; ".join(f"{state}: {names}" for state, names in listed.items() if names)
    kind = config.kind(scale)
    picture = png(flow_diagram(flow, config), quick=True)
    return picture, f"Scale {scale} ({kind}). {words[0].upper()}{words[1:]}."


def flow_view(config: Config) -> Any:
    """The gradient-flow diagram with sliders for the scale n and for M, the number of VAE scales.

    Args:
        config: a small one answers quickly; the diagram is the same.
    """
    return live(
        lambda scale, levels: flow_picture(config.replace(vae_levels=levels), scale),
        scale=widgets.IntSlider(0, 0, config.scales - 1, description="scale being trained, n", **WIDE),
        levels=widgets.IntSlider(config.vae_levels, 1, config.scales, description="number of VAE scales, M", **WIDE),
    )
