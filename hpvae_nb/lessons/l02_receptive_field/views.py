"""Receptive fields with sliders (lesson 2)."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from hpvae_nb.lab.live import live
from hpvae_nb.lessons.l02_receptive_field import figures
from hpvae_nb.lessons.l02_receptive_field.experiment import border_share


def field_picture(
    copies: Sequence[Tensor], kernel: int, depth: int, scale: int, figure: Figure | None = None
) -> tuple[Figure, str]:
    """What `field_view` shows, and a sentence about it."""
    t, h, w = copies[scale].shape[1:]
    r = 1 + depth * (kernel - 1)
    words = (
        f"{depth} layers of kernel {kernel}: r = {r}. The clip has {t} frames of {w} x {h} px at scale {scale}; "
        f"{100 * border_share((h, w), (r, r)):.0f} % of its pixels see beyond an edge of the frame."
    )
    return figures.field_figure(copies[scale], (r, r, r), (t // 2, h // 2, w // 2), figure=figure), words


def field_view(copies: Sequence[Tensor]) -> Any:
    """Sliders for kernel, depth and scale above the field they give, in space and in time, in a clip `c t h w`.

    `copies` are the clip at each scale, coarsest first.
    """
    last = len(copies) - 1
    sheet = figures.field_figure(copies[0], (1, 1, 1), (0, 0, 0))
    return live(
        lambda **values: field_picture(copies, **values, figure=sheet),
        kernel=widgets.IntSlider(3, 1, 7, step=2, description="kernel"),
        depth=widgets.IntSlider(5, 1, 10, description="depth (layers)"),
        scale=widgets.IntSlider(last, 0, last, description="scale n"),
    )


def latent_picture(
    video: Tensor,
    encoder: nn.Module,
    generator: nn.Module,
    frame: int,
    row: int,
    column: int,
    figure: Figure | None = None,
) -> tuple[Figure, str]:
    """What `latent_view` shows, and a sentence about it."""
    return figures.latent_figure(video, encoder, generator, (frame, row, column), figure=figure), (
        "Left: what one latent sees of the clip. Middle: the latents that shape its patch. Right: the patch, and what "
        f"the latent sways. Upper row: frame {frame}; lower row: row {row} through time."
    )


def latent_view(video: Tensor, encoder: nn.Module, generator: nn.Module) -> Any:
    """The paper's figure 3 with sliders for the latent's place: E, G^0, and a clip `c t h w` at the encoder's scale."""
    frames, height, width = video.shape[1:]
    sheet = figures.latent_figure(video, encoder, generator, (0, 0, 0))
    return live(
        lambda **values: latent_picture(video, encoder, generator, **values, figure=sheet),
        frame=widgets.IntSlider(frames // 2, 0, frames - 1, description="frame"),
        row=widgets.IntSlider(height // 2, 0, height - 1, description="row (px)"),
        column=widgets.IntSlider(width // 2, 0, width - 1, description="column (px)"),
    )
