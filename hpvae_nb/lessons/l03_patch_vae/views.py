"""A slider for beta that trains the patch-VAE of scale 0 anew while the reader watches."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Generator
from typing import Any

from hpvae_nb.errors import require, sentence
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.live import image
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l03_patch_vae.figures import look, vae_sheet
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.events import Event, train

PICTURES = 5  # while one training runs


def beta_picture(model: Model) -> tuple[bytes, str]:
    """What `beta_view` shows of a model: a PNG of `vae_sheet`, and the same in a sentence."""
    seen = look(model)
    words = (
        f"β = {model.config.beta:g}: a patch costs {seen.nats:.2g} nats, the reconstruction is off by "
        f"{seen.error:.2g} (root mean square), random samples have diversity {seen.diversity:.2f}."
    )
    return png(vae_sheet(model)), words


def first_scale(clip: Clip, config: Config, *, seed: int = 0) -> Generator[Event, None, None]:
    """The events of `train` at scale 0, and no more."""
    for event in train(clip, config, seed=seed):
        yield event
        if event.scale_done:
            return


def beta_view(clip: Clip, model: Model) -> Any:
    """A slider for beta, a bar that shows how far the training is, and the pictures of the model as it learns.

    Moving the slider ends a training that still runs and starts another. In a notebook training takes turns with the
    kernel's other work, so the slider stays alive; where no event loop runs, the new model is there when the change
    returns.

    Args:
        clip: to train on.
        model: shown first; its configuration is trained again with other values of beta.

    Returns:
        A box whose `children` are slider, progress bar, picture and a line of text.
    """
    widgets = require("ipywidgets", "interactive views")
    steps = model.config.iterations
    wide = widgets.Layout(width="480px")
    slider = widgets.FloatLogSlider(
        model.config.beta, base=10, min=-3, max=2, step=0.5, description="weight of the KL, β", layout=wide,
        style={"description_width": "initial"}, readout_format=".2g",
    )  # fmt: skip
    bar = widgets.IntProgress(steps, 0, steps, description="trained", layout=wide)
    picture = image("png", max_width="100%")
    text = widgets.HTML()
    running: list[asyncio.Task[None]] = []

    def draw(current: Model) -> None:
        picture.value, words = beta_picture(current)
        picture.tooltip = words
        text.value = html.escape(words)

    async def retrain(beta: float) -> None:
        try:
            await asyncio.sleep(0.1)  # while a slider is dragged, only the last value is worth starting
            for event in first_scale(clip, model.config.replace(beta=beta)):
                if event.iteration % max(1, steps // PICTURES) == 0:
                    draw(event.model)
                bar.value = event.iteration
                await asyncio.sleep(0)
        except Exception as error:  # a callback's output is seen by nobody
            text.value = f'<span role="alert">No model for β = {beta:g}. {html.escape(sentence(error))}</span>'
            bar.value = steps

    def restart(change: Any) -> None:
        for task in running:
            task.cancel()
        running.clear()
        bar.value = 0
        text.value = html.escape(f"β = {change['new']:g}: training ...")
        try:
            running.append(asyncio.get_running_loop().create_task(retrain(change["new"])))
        except RuntimeError:
            asyncio.run(retrain(change["new"]))

    draw(model)
    slider.observe(restart, names="value")
    return widgets.VBox([slider, bar, picture, text])


async def settled(view: Any) -> None:
    """Wait until the training that a view's slider started has come to its end."""
    bar = view.children[1]
    while bar.value < bar.max:
        await asyncio.sleep(0.02)
