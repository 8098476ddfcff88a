"""M on a slider: samples and numbers move together."""

from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import beside, film, pixels
from hpvae_nb.lessons.l09_diversity_and_realism import figures
from hpvae_nb.lessons.l09_diversity_and_realism.experiment import Point

WIDTH = 768  # pixels of the picture
BESIDE = 4  # samples


def levels_view(clips: Mapping[str, Sequence[Point]], fps: float) -> widgets.VBox:
    """Samples of the model with M VAE levels, below the curves of diversity and realism over M.

    `clips` are the measured models of each clip, by its name; all of the same sizes.
    """
    found = {clip: {point.levels: point for point in points} for clip, points in clips.items()}
    levels = sorted(found[next(iter(clips))])
    panels = {chosen: pixels(figures.curves(clips, chosen=chosen), WIDTH) for chosen in levels}

    def draw(clip: str, levels: int, sample: int) -> tuple[bytes, str]:
        point = found[clip][levels]
        samples = point.samples[sample : sample + BESIDE]
        words = (
            f"{clip}, M = {levels}: diversity {point.diversity:.2f}, {point.distance:.3g}; "
            f"samples {sample} to {sample + BESIDE - 1}"
        )
        return film(panels[levels], beside(samples, WIDTH), fps=fps), words

    count = min(len(point.samples) for points in clips.values() for point in points)
    return live(
        draw,
        "webp",
        clip=widgets.ToggleButtons(options=list(clips), description="clip"),
        levels=widgets.SelectionSlider(options=levels, description="M"),
        sample=widgets.IntSlider(0, 0, count - BESIDE, description="samples"),
    )
