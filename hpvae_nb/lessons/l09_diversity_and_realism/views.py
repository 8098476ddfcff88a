"""M on a slider: samples and numbers move together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from einops import repeat

from hpvae_nb.errors import require
from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import to_uint8, webp
from hpvae_nb.lessons.l09_diversity_and_realism import figures
from hpvae_nb.lessons.l09_diversity_and_realism.figures import Point

WIDTH = 768  # pixels of the picture
BESIDE = 4  # samples


def levels_view(clips: Mapping[str, Sequence[Point]], fps: float) -> Any:
    """Samples of the model with M VAE levels, below the curves of diversity and realism over M.

    Args:
        clips: the measured models of each clip, by the clip's name; all of the same sizes.
        fps: frames per second of the samples.

    Returns:
        A widget whose `children` are a choice of clip, the M slider, a slider over the samples, the picture and a line
        of text.
    """
    widgets = require("ipywidgets", "interactive views")
    found = {clip: {point.levels: point for point in points} for clip, points in clips.items()}
    first = next(iter(clips))

    panels = {levels: to_uint8(figures.pixels(figures.curves(clips, chosen=levels), WIDTH)) for levels in found[first]}

    def draw(clip: str, levels: int, sample: int) -> tuple[bytes, str]:
        point = found[clip][levels]
        beside = to_uint8(figures.strip(point.samples[sample : sample + BESIDE], WIDTH))
        still = repeat(panels[levels], "h w c -> t h w c", t=len(beside))
        words = (
            f"{clip}, M = {levels}: diversity {point.diversity:.2f}, {point.distance:.3g}; "
            f"samples {sample} to {sample + BESIDE - 1}"
        )
        return webp(np.concatenate([still, beside], axis=1), fps), words

    count = min(len(point.samples) for points in clips.values() for point in points)
    return live(
        draw,
        "webp",
        clip=widgets.ToggleButtons(options=list(clips), description="clip"),
        levels=widgets.SelectionSlider(options=sorted(found[first]), value=sorted(found[first])[0], description="M"),
        sample=widgets.IntSlider(0, 0, count - BESIDE, description="samples"),
    )
