"""A brush beside what an application makes of its strokes, and a living picture with sliders (lesson 15)."""

from typing import Any

import ipywidgets as widgets
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.steering import there_and_back
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.brush import Brush, brush
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.show import real_at_last_scale, still, to_uint8, webp
from hpvae_nb.model import Model

MODES = {"paint_to_image": "paint", "harmonize": "paint", "edit": "move", "inpaint": "mask"}
"""The applications that begin with a brush, and what it does there."""

FRAMES, FPS = 16, 12
SCALE = 2  # pixels of the screen for each of the picture: brush and result fit beside each other
NARROW = {"layout": {"width": "26em"}, "style": {"description_width": "8em"}}  # so that they do on most screens
SEEDS = 20


def redrawn(model: Model, call: str, canvas: Brush, *, seed: int = 0, **options: Any) -> Tensor:
    """What an application makes of a brush's painting and mask; the picture itself while nothing is painted.

    Args:
        call: a name in `MODES`.
        options: of the application, such as `start`.
    """
    if not canvas.mask.any():
        return canvas.painting
    given = (canvas.painting,) if call == "paint_to_image" else (canvas.painting, canvas.mask)
    made: Tensor = getattr(model, call)(*given, seed=seed, **options)
    return made


def workbench(model: Model, picture: Clip, call: str = "edit") -> Any:
    """A brush on a picture, and beside it what an application makes of it after each stroke.

    Args:
        model: of images.
        picture: the one it was trained on, or one of the same shape; it is reduced to the finest scale.
        call: a name in `MODES`.

    Returns:
        A box, whose `brush` can be painted on from Python as well, and whose `view` is the result below its controls.

    Raises:
        InputError: an application without a brush.
    """
    if call not in MODES:
        raise InputError(f"call is {call!r}, but a brush begins one of {', '.join(map(repr, MODES))}: choose one")
    canvas = brush(real_at_last_scale(model, picture), MODES[call], scale=SCALE)

    def draw(seed: int, **options: int) -> tuple[bytes, str]:
        made = still(redrawn(model, call, canvas, seed=seed, **options))
        if not canvas.mask.any():
            return made, "Nothing is painted yet, so nothing is changed: this is the picture itself."
        way = "Fresh z where it is painted" if call == "inpaint" else "Drawn anew from scale {start}".format(**options)
        return made, f"{way}, seed {seed}; {int(canvas.mask.sum())} pixels are painted."

    last = model.scales - 2
    start = widgets.IntSlider(min(2, last), 0, last, description="start scale, n", **NARROW)
    seed = widgets.IntSlider(0, 0, SEEDS - 1, description="seed", **NARROW)
    controls = {"seed": seed} if call == "inpaint" else {"start": start, "seed": seed}
    view = live(draw, picture_width=f"{SCALE * model.shapes[-1][-1]}px", **controls)
    canvas.on_change(lambda _: view.redraw())
    box = widgets.HBox([canvas, view], layout=widgets.Layout(flex_flow="row wrap"))
    box.brush, box.view, box.controls, box.wait = canvas, view, view.controls, view.wait
    return box


def living_view(model: Model) -> Any:
    """The training picture, alive, by alpha, beta and a seed."""

    def picture(alpha: float, beta: float, seed: int) -> tuple[bytes, str]:
        frames = rearrange(model.animate(FRAMES, alpha, beta, seed=seed), "c t h w -> t c 1 h w")
        loop = there_and_back(frames)
        words = f"{FRAMES} frames there and back, with α = {alpha:g} and β = {beta:g}, seed {seed}."
        return webp(to_uint8(loop), FPS, quality=70), words

    return live(
        picture,
        "webp",
        picture_width="448px",
        idle=lambda beta, **_: {"alpha": "at β = 1 z stays where it is"} if beta == 1 else {},
        alpha=widgets.FloatSlider(0.03, min=0, max=0.5, step=0.01, description="pull to the picture, α", **WIDE),
        beta=widgets.FloatSlider(0.8, min=0, max=1, step=0.05, description="smoothness, β", **WIDE),
        seed=widgets.IntSlider(0, 0, SEEDS - 1, description="seed", **WIDE),
    )
