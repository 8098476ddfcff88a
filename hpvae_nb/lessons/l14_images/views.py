"""Models of pictures with sliders: what is drawn, at which size, and what lies between two pictures."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core.resampling import Shape, resize, shapes_for_output
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.finer import Stage, scale_stages
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.show import still
from hpvae_nb.model import Model

SEEDS = 99  # the last seed on a slider
SIDES = (96, 384, 16)  # pixels: least and most height and width on a slider, and its step
SHOWN: dict[str, Any] = {"picture_width": f"{2 * SIDES[1]}px"}  # all at one scale, or none would look wider

Trained = Mapping[str, tuple[Model, Clip]]
"""Models of pictures by name, each with the picture it was trained on."""


def size_picture(
    model: Model, picture: Clip, *, seed: int, start: int, height: int, width: int, scales: int | None = None
) -> tuple[bytes, str]:
    """What `image_size_view` shows, and a sentence about it.

    Args:
        start: the lowest scale that is drawn; below it stands the training picture, stretched to the size.
        scales: draw with so many, enlarged as if they were all.
    """
    size = (height, width)
    shapes = shapes_for_output(model.shapes, size)
    if start == 0:
        made = model.sample(1, seed=seed, size=size, scales=scales)
        rows, columns = shapes[0]
        words = f"Drawn from seed {seed} at {height} x {width} px, from {rows} x {columns} latent vectors."
    else:
        below = min(start, scales or start)  # so far, nothing may be drawn
        made = resize(picture.batch, shapes[below - 1], antialias=True)
        if scales is None or scales > start:
            made = model.refine(made, start - 1, seed=seed, size=size, scales=scales)
        above = f"scales {start} to {model.scales - 1} are drawn, with noise of seed {seed}"
        words = f"The picture, stretched, stands for scale {start - 1}; {above}."
    return _still(made[0], shapes[model.scales - 1]), words


def image_size_view(trained: Trained) -> Any:
    """Which picture's model draws, from which seed and lowest scale, and how high and wide."""
    last = min(model.scales for model, _ in trained.values()) - 1

    def draw(picture: str, scales: int | None = None, **values: int) -> tuple[bytes, str]:
        model, real = trained[picture]
        return size_picture(model, real, scales=scales, **values)

    def stages(picture: str, seed: int, start: int, height: int, width: int) -> list[Stage]:
        return scale_stages(trained[picture][0], size=(height, width), start=start)

    return live(
        draw,
        **SHOWN,
        stages=stages,
        picture=_names(trained),
        seed=_seed("seed", 1),
        start=widgets.IntSlider(0, 0, last, description="lowest scale drawn, n", **WIDE),
        height=widgets.IntSlider(128, *SIDES, description="height (px), H", **WIDE),
        width=widgets.IntSlider(192, *SIDES, description="width (px), W", **WIDE),
    )


def image_way_view(trained: Trained) -> Any:
    """Which picture's model draws, two seeds, and a place on the way from the one to the other."""

    def draw(picture: str, a: int, b: int, way: float) -> tuple[bytes, str]:
        model = trained[picture][0]
        first, last = (model.latent(1, seed=seed) for seed in (a, b))
        z = model.interpolate(first, last, 11)[[round(10 * way)]]
        return _still(model.decode(z, seed=0)[0], model.shapes[-1]), f"{way:.0%} of the way from seed {a} to seed {b}."

    def idle(a: int, b: int, way: float, **_: str) -> dict[str, str]:
        if a == b:
            return {"way": "both seeds are the same"}
        return {"b": "the way has not begun"} if way == 0 else {"a": "the way is at its end"} if way == 1 else {}

    return live(
        draw,
        **SHOWN,
        idle=idle,
        picture=_names(trained),
        a=_seed("from seed, a", 1),
        b=_seed("to seed, b", 4),
        way=widgets.FloatSlider(0.5, min=0, max=1, step=0.1, description="way from a to b, t", **WIDE),
    )


def _names(trained: Trained) -> Any:
    return widgets.ToggleButtons(options=list(trained), description="picture")


def _seed(description: str, value: int) -> Any:
    return widgets.IntSlider(value, 0, SEEDS, description=description, **WIDE)


def _still(picture: Tensor, shape: Shape) -> bytes:
    """A picture `c h w` as PNG, as large as one of `shape` would be, and white beside it up to the greatest width."""
    sized = F.interpolate(picture[None], shape, mode="nearest-exact")[0]
    return still(F.pad(sized, (0, SIDES[1] - shape[1]), value=1.0))
