"""MoCoGAN's content and motion, each on a slider of its own."""

from typing import Any

import ipywidgets as widgets
import torch

from hpvae_nb.lab import show
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lessons.l16_many_videos_or_one.experiment import as_category, content_kept, crossed
from hpvae_nb.model import Model

LONGEST = 3  # times the trained length
SEEDS = 20  # of contents and of motions


def mixed(model: Model, content: int, motion: int, category: int, frames: int) -> torch.Tensor:
    """A clip `3 t h w` of MoCoGAN: the content of one seed, the motion of another, so many frames of it."""
    size = (frames, *model.shapes[0][1:])
    still, moving = (model.latent(1, seed=seed, size=size) for seed in (content, motion))
    return crossed(model, as_category(model, still, category), moving)[0, 0]


def content_motion_view(model: Model) -> Any:
    """A clip of a trained MoCoGAN, by what it shows, how that moves, of which category, and for how long."""
    length, categories = model.shapes[0][0], model.network.categories

    def picture(content: int, motion: int, category: int, frames: int) -> tuple[bytes, str]:
        clip = mixed(model, content, motion, category, frames)
        found = content_kept(clip[None])
        hue = f"its hue wanders by {found['within']:.0f}°" if found["there"] else "nothing bright is in it"
        words = f"Content {content}, motion {motion}, category {category}, {frames} frames: {hue}."
        return show.animation(clip, model.fps, width=128), words

    def slider(name: str, least: int, most: int, value: int) -> Any:
        return widgets.IntSlider(value, least, most, description=name, **WIDE)

    return live(
        picture,
        "webp",
        picture_width="256px",
        content=slider("content z_C", 0, SEEDS, 0),
        motion=slider("motion z_M", 0, SEEDS, 0),
        category=slider("category z_A", 0, categories - 1, 0),
        frames=slider("frames", length // 2, LONGEST * length, length),
    )
