"""A slider for beta that trains the patch-VAE of scale 0 anew while the reader watches."""

import html
from functools import partial
from typing import Any

import ipywidgets as widgets

from hpvae_nb.errors import sentence
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.background import Background, Pause
from hpvae_nb.lab.line import Line
from hpvae_nb.lab.live import image, message
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l03_patch_vae.experiment import first_scale, look
from hpvae_nb.lessons.l03_patch_vae.figures import vae_sheet
from hpvae_nb.model import Model

PICTURES = 5  # while one training runs
PAUSE = 0.1  # seconds: while a slider is dragged, only the last value is worth starting


def beta_picture(model: Model) -> tuple[bytes, str]:
    """What `beta_view` shows of a model: `vae_sheet`, and the same in a sentence."""
    seen = look(model)
    words = (
        f"β = {model.config.beta:g}: a patch costs {seen.nats:.2g} nats, the reconstruction is off by "
        f"{seen.error:.2g} (root mean square), random samples have diversity {seen.diversity:.2f}."
    )
    return png(vae_sheet(model)), words


def beta_view(clip: Clip, model: Model) -> Any:
    """A slider for beta, a bar that shows how far the training is, and the pictures of the model as it learns.

    Moving the slider ends a training that still runs and starts another. It goes on in the background, so the slider
    stays alive. At the model's own beta there is nothing to train.

    Args:
        clip: to train on.
        model: shown first; its configuration is trained again with other values of beta.

    Returns:
        A box whose `children` are slider, progress bar, picture and a line of text. Its `training` is the `Background`
        that the slider started last; `controls` and `wait` are as those of `live`.
    """
    steps = model.config.iterations
    slider = widgets.FloatLogSlider(
        model.config.beta, base=10, min=-3, max=2, step=0.5, description="weight of the KL, β",
        layout={"width": "480px"}, style={"description_width": "initial"}, readout_format=".2g",
    )  # fmt: skip
    bar = widgets.IntProgress(steps, 0, steps, description="progress", layout={"width": "480px"})
    picture = image("png", max_width="100%")
    text = Line()
    box = widgets.VBox([slider, bar, picture, text])

    def draw(shown: tuple[bytes, str]) -> None:
        picture.value, picture.tooltip = shown
        text.value = html.escape(picture.tooltip)

    def restart(change: Any) -> None:
        beta = change["new"]
        Background.stop_any()
        if beta == model.config.beta:
            draw(beta_picture(model))
            bar.value = steps
            return

        def retrain(pause: Pause) -> None:
            pause(PAUSE)
            for event in first_scale(clip, model.config.replace(beta=beta)):
                training.show(partial(setattr, bar, "value", event.iteration))
                if event.iteration % max(1, steps // PICTURES) == 0:
                    training.show(partial(draw, beta_picture(event.model)))
                pause()

        def failed(error: Exception) -> None:
            text.value = message(f"No model for β = {beta:g}. {sentence(error)}", alert=True)
            bar.value = steps

        def changed() -> None:
            if training.error:
                training.show(partial(failed, training.error))

        bar.value = 0
        text.value = html.escape(f"β = {beta:g}: training ...")
        training = box.training = Background(retrain, changed)
        training.start()

    draw(beta_picture(model))
    slider.observe(restart, names="value")
    box.training = Background(lambda pause: None, lambda: None)
    box.controls, box.wait = {"beta": slider}, lambda seconds: box.training.wait(seconds)
    return box
