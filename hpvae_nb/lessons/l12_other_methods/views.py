"""VGPNN's noise and seed on sliders: the clip, a sample made on the spot, and its numbers."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import beside, film, pixels
from hpvae_nb.lessons.l12_other_methods import figures
from hpvae_nb.lessons.l12_other_methods.experiment import NoisePoint
from hpvae_nb.metrics import novelty, survival
from hpvae_nb.model import Model

WIDTH = 768  # pixels of the picture
SEEDS = 20


def copies_view(make: Callable[[float, bool], Model], measured: Sequence[NoisePoint], fps: float) -> widgets.VBox:
    """The clip beside a sample of VGPNN, below the curves of diversity, novelty and survival over sigma.

    Args:
        make: from sigma, and whether completeness is on, to a model that samples in a moment.
        measured: the points of the curves; their sigmas are those to choose from.
    """
    panels = {point.sigma: pixels(figures.noise_curves(measured, chosen=point.sigma), WIDTH) for point in measured}

    def draw(sigma: float, seed: int, completeness: bool) -> tuple[bytes, str]:
        model = make(sigma, completeness)
        sample, real = model.sample(1, seed=seed), model.reconstruct()
        words = (
            f"σ = {sigma:g}, seed {seed}, completeness {'on' if completeness else 'off'}; left the clip, right the "
            f"sample: novelty {novelty(sample, real[0]):.2f}, survival {survival(sample, real[0]):.2f}"
        )
        return film(panels[sigma], beside([real[0], sample[0]], WIDTH), fps=fps), words

    sigmas = [(f"{sigma:g}", sigma) for sigma in sorted(panels)]
    return live(
        draw,
        "webp",
        idle=lambda sigma, **_: {} if sigma else dict.fromkeys(("seed", "completeness"), "noise of σ = 0 is none"),
        sigma=widgets.SelectionSlider(options=sigmas, value=max(panels), description="noise σ"),
        seed=widgets.IntSlider(0, 0, SEEDS - 1, description="seed"),
        completeness=widgets.Checkbox(False, description="completeness"),
    )
