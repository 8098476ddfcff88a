"""A choice of ablation and clip: samples of the whole and of the ablated model, above their numbers over seeds."""

from collections.abc import Sequence

import ipywidgets as widgets
import pandas as pd

from hpvae_nb.lab.live import live
from hpvae_nb.lab.show import beside, film, pixels, titled
from hpvae_nb.lessons.l11_ablations import figures
from hpvae_nb.lessons.l11_ablations.experiment import COLUMNS, POINTS
from hpvae_nb.metrics import METRICS
from hpvae_nb.studies import evidence, intervals

WIDTH = 768  # pixels of the picture


def ablation_view(rows: pd.DataFrame, fps: float, points: Sequence[str] = POINTS) -> widgets.VBox:
    """Four samples of the whole method, four of a point of the evidence, and both methods' numbers for each seed.

    Raises:
        InputError: a clip lacks rows or samples of a point.
    """
    clips = evidence.clips(rows)
    films, charts, words = {}, {}, {}
    for clip in clips:
        for point in (evidence.WHOLE, *points):
            title = "the whole method" if point == evidence.WHOLE else point
            films[clip, point] = titled(f"{clip}: {title}", beside(evidence.samples(clip, point), WIDTH))
        for point in points:
            pairs = {METRICS[metric].title: figures.pair(rows, clip, point, metric) for metric in COLUMNS}
            charts[clip, point] = pixels(figures.slopes([pairs]), WIDTH)
            changes = {METRICS[metric].title: evidence.changes(rows, clip, point, metric) for metric in COLUMNS}
            said = (f"{title} {intervals.interval(change):+.0f} %" for title, change in changes.items())
            words[clip, point] = f"{clip}, {point}: " + "; ".join(said)

    def draw(clip: str, point: str) -> tuple[bytes, str]:
        parts = (films[clip, evidence.WHOLE], films[clip, point], charts[clip, point])
        return film(*parts, fps=fps), words[clip, point]

    return live(
        draw,
        "webp",
        clip=widgets.ToggleButtons(options=clips, description="clip"),
        point=widgets.ToggleButtons(options=list(points), description="taken out"),
    )
