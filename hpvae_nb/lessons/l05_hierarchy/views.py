"""Which networks learn at which scale, with the scale on a slider."""

from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lessons.l05_hierarchy.experiment import PASSED, TRAINED, UNTOUCHED, gradient_flow
from hpvae_nb.lessons.l05_hierarchy.figures import flow_diagram
from hpvae_nb.recipe.config import Config


def flow_view(config: Config) -> Any:
    """The gradient-flow diagram with sliders for the scale n and for M, the number of VAE scales.

    A small configuration answers quickly; the diagram is the same.
    """

    def picture(scale: int, levels: int) -> tuple[Figure, str]:
        chosen = config.replace(vae_levels=levels)
        flow = gradient_flow(chosen, scale)
        names = {state: ", ".join(k for k in flow if flow[k] == state) for state in (TRAINED, PASSED, UNTOUCHED)}
        words = "; ".join(f"{state}: {listed}" for state, listed in names.items() if listed)
        return flow_diagram(flow, chosen), f"Scale {scale} ({chosen.kind(scale)}). {words[0].upper()}{words[1:]}."

    return live(
        picture,
        scale=widgets.IntSlider(0, 0, config.scales - 1, description="scale being trained, n", **WIDE),
        levels=widgets.IntSlider(config.vae_levels, 1, config.scales, description="number of VAE scales, M", **WIDE),
    )
