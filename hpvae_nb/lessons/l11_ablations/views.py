"""A choice of ablation and clip: samples of the whole and of the ablated model, above their numbers over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from einops import repeat
from torch import Tensor

from hpvae_nb.errors import require
from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import to_uint8, webp
from hpvae_nb.lessons.l09_diversity_and_realism.figures import pixels, strip
from hpvae_nb.lessons.l11_ablations import figures
from hpvae_nb.studies import evidence
from hpvae_nb.studies.sweeps.results import Row

WIDTH = 768  # pixels of the picture


def ablation_view(rows: Sequence[Row], fps: float, points: Sequence[str] = figures.POINTS) -> Any:
    """Four samples of the whole method, four without one of its parts, and both methods' numbers for each seed.

    Args:
        rows: of `hpvae_nb.studies.evidence.rows`.
        fps: frames per second of the samples.
        points: what can be chosen, of `hpvae_nb.studies.evidence.POINTS`.

    Returns:
        A widget whose `children` are a choice of clip, a choice of point, the picture and a line of text.

    Raises:
        InputError: a clip lacks rows or samples of a point.
    """
    widgets = require("ipywidgets", "interactive views")
    clips = evidence.clips(rows)
    films, charts, words = {}, {}, {}
    for clip in clips:
        for point in (evidence.WHOLE, *points):
            title = "the whole method" if point == evidence.WHOLE else point
            films[clip, point] = _labelled(f"{clip}: {title}", evidence.samples(clip, point))
        for point in points:
            found = {evidence.label(metric): figures.pair(rows, clip, point, metric) for metric in figures.METRICS}
            charts[clip, point] = to_uint8(pixels(figures.slopes([found]), WIDTH))
            changes = (f"{name} {evidence.interval(figures.change(pair)):+.0f} %" for name, pair in found.items())
            words[clip, point] = f"{clip}, {point}: " + "; ".join(changes)

    def draw(clip: str, point: str) -> tuple[bytes, str]:
        above, below = films[clip, evidence.WHOLE], films[clip, point]
        still = repeat(charts[clip, point], "h w c -> t h w c", t=len(above))
        return webp(np.concatenate([above, below, still], axis=1), fps), words[clip, point]

    return live(
        draw,
        "webp",
        clip=widgets.ToggleButtons(options=clips, description="clip"),
        point=widgets.ToggleButtons(options=list(points), description="taken out"),
    )


def _labelled(title: str, samples: Tensor) -> np.ndarray:
    """Samples `b c t h w` side by side as frames `t h w c`, below a line of text."""
    beside = to_uint8(strip(samples, WIDTH))
    image, draw = (require(f"PIL.{name}", "pictures", "Pillow") for name in ("Image", "ImageDraw"))
    line = image.new("RGB", (WIDTH, 18), "white")
    draw.Draw(line).text((4, 3), title, fill="black")
    still = repeat(np.asarray(line), "h w c -> t h w c", t=len(beside))
    return np.concatenate([still, beside], axis=1)
