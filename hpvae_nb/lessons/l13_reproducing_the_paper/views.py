"""Findings to choose from, with samples and numbers of both sides; and one training of the evidence, run again."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd
import torch
from einops import rearrange

from hpvae_nb.errors import sentence
from hpvae_nb.lab.background import Background, Pause
from hpvae_nb.lab.live import live, message
from hpvae_nb.lab.show import animation
from hpvae_nb.metrics import METRICS
from hpvae_nb.studies import claims, evidence, sweeps

WIDTH = 640  # pixels of the picture
FPS = 12.0  # half the clips' own, to look closely


def findings_view(rows: pd.DataFrame) -> widgets.VBox:
    """Samples of both sides of a finding above each other, and below what was measured for each seed.

    The table is that of `hpvae_nb.studies.evidence.rows`.
    """
    samples = functools.cache(evidence.samples)

    def draw(finding: int, clip: str) -> tuple[bytes, str]:
        claim = claims.CLAIMS[finding]
        ends = (claim.points[0], claim.points[-1])
        both = torch.cat([samples(clip, point) for point in ends])
        numbers = [evidence.values(rows, clip, point, claim.metric).map("{:.3g}".format) for point in ends]
        sides = [f"{point}: {', '.join(seeds)}" for point, seeds in zip(ends, numbers, strict=True)]
        found = claim.found(rows, clip)
        change = f"{found:+.0f} % {'a level' if claim.points == evidence.LEVELS else ''}".strip()
        words = f"{claim.title} on {clip}. Above {sides[0]}; below {sides[1]}. Change {change}: "
        picture = rearrange(both, "(a b) c t h w -> c t (a h) (b w)", a=2)
        return animation(picture, FPS, width=WIDTH), f"{words}same direction: {claim.verdict(found)}"

    names = [(f"{claim.says} ({claim.title})", i) for i, claim in enumerate(claims.CLAIMS)]
    return live(
        draw,
        "webp",
        finding=widgets.Dropdown(options=names, value=0, description="finding", layout=widgets.Layout(width="420px")),
        clip=widgets.ToggleButtons(options=evidence.clips(rows), description="clip"),
    )


def rerun_panel(rows: pd.DataFrame, trials: Sequence[sweeps.Trial], folder: Path) -> widgets.VBox:
    """Train one point of the evidence again, measure it, and hold every number against the bundled one.

    Training goes on in the background, and in `folder`; stopped, it goes on from its last checkpoint.

    Args:
        rows: the bundled ones.
        trials: to choose from.
        folder: for the training.

    Returns:
        A widget whose `children` are the choice, the buttons Start and Stop, a bar, and the result; `training` is the
        `Background` that trains.
    """
    points = rows.set_index("trial")["point"]
    options = [
        (f"{trial.clip}, {points[trial.name]}, seed {trial.seed}", trial) for trial in trials if trial.name in points
    ]
    choice = widgets.Dropdown(options=options, description="training", layout={"width": "420px"})
    start, stop = widgets.Button(description="Start"), widgets.Button(description="Stop", disabled=True)
    bar, text = widgets.FloatProgress(min=0, max=1, description="trained"), widgets.HTML()
    box = widgets.VBox([choice, widgets.HBox([start, stop]), bar, text])

    def run(pause: Pause) -> None:
        trial = choice.value

        def tell(share: float) -> None:
            box.training.show(lambda: setattr(bar, "value", share))
            pause()

        row = sweeps.run_trial(trial, folder / trial.name, tell)
        tell(1)
        box.training.show(lambda: setattr(text, "value", _compared(row, rows)))

    def changed() -> None:
        box.training.show(draw)

    def draw() -> None:
        running = box.training.state == "running"
        start.disabled, stop.disabled, choice.disabled = running, not running, running
        if running:
            text.value = message("Training ...")
        elif box.training.state == "stopped":
            text.value = message("Stopped; Start goes on.")
        elif box.training.error:
            text.value = message(sentence(box.training.error), alert=True)

    box.training = Background(run, changed)
    start.on_click(lambda _: box.training.start())
    stop.on_click(lambda _: box.training.stop())
    return box


def _compared(row: dict[str, Any], rows: pd.DataFrame) -> str:
    """A table of the numbers, bundled and again."""
    found = evidence.compare(pd.DataFrame([row]), rows)
    shown = pd.DataFrame(
        {
            "measure": found["metric"].map(lambda name: METRICS[name].title),
            "bundled": found["bundled"].map("{:.4g}".format),
            "again": found["again"].map("{:.4g}".format),
            "": found["within"].map({True: "as expected", False: "outside"}),
        }
    )
    return shown.to_html(index=False, border=0)
