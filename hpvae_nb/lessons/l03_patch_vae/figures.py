"""Figures of the patch-VAE lesson: KL of a Gaussian, what one model makes, several models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.core.losses import kl_divergence, reconstruction
from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
from hpvae_nb.metrics import diversity
from hpvae_nb.model import Model

KL_RANGE = (0.01, 100.0)  # nats a patch; one colour scale for all models, so that their maps can be compared
KL_LABEL = "KL of the patch (nats)"


@dataclass(frozen=True)
class Look:
    """What a patch-VAE makes at scale 0 of its own clip.

    Attributes:
        real, reconstructed: x^0 and G^0(mu), `c t h w` in [-1, 1].
        kl: nats for each patch, `t h w`.
        random: G^0(z) for z ~ N(0, I), `b c t h w`.
    """

    real: Tensor
    reconstructed: Tensor
    kl: Tensor
    random: Tensor

    @property
    def error(self) -> float:
        """Root mean squared error of the reconstruction; the values it compares span 2."""
        return reconstruction(self.reconstructed, self.real).sqrt().item()

    @property
    def nats(self) -> float:
        """Mean KL of a patch."""
        return self.kl.mean().item()

    @property
    def diversity(self) -> float:
        """Of the random samples, relative to the clip's own contrast."""
        return diversity(self.random, self.real)


def look(model: Model, *, samples: int = 20, seed: int = 0) -> Look:
    """Reconstruct the training clip at scale 0, measure each patch's KL, and draw random samples.

    Raises:
        InputError: when the model came without its training clip.
    """
    if model.coarse is None:
        raise InputError("this model came without its training clip, so there is nothing to reconstruct")
    kl = kl_divergence(*model.encode(model.coarse), "sites")[0]
    return Look(model.coarse[0], model.reconstruct(scales=1)[0], kl, model.sample(samples, seed=seed, scales=1))


def kl_landscape() -> Any:
    """KL[N(mu, sigma) || N(0, 1)] for every mu and sigma, with its one minimum marked; a matplotlib figure."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    mu, sigma = torch.linspace(-3, 3, 121), torch.linspace(0.1, 3, 117)
    height = kl_divergence(
        mu[None, None].expand(117, 1, 121), 2 * sigma[:, None, None].log().expand(117, 1, 121), "sites"
    )
    figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    lines = axis.contour(
        mu.numpy(), sigma.numpy(), height.numpy(), levels=[0.05, 0.25, 0.5, 1, 2, 3, 4, 6], cmap="viridis"
    )
    axis.clabel(lines, fmt=lambda level: f"{level:g}", fontsize=8)
    axis.plot(0, 1, "k*", markersize=12)
    axis.set(xlabel="mean μ", ylabel="standard deviation σ", title="KL (nats) of N(μ, σ) from N(0, 1); 0 at the star")
    return figure


def vae_sheet(model: Model, *, samples: int = 3, seed: int = 0) -> Any:
    """A scale-0 model at one look: real, reconstruction and KL map on the left, random samples on the right.

    Args:
        model: one that knows its training clip.
        samples: random samples, at most 3.
        seed: of these.

    Returns:
        A matplotlib figure.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    seen = look(model, samples=samples, seed=seed)
    frames = seen.real.shape[1]
    figure = plt.figure(figsize=(12, 2.6))
    left, right = figure.add_gridspec(1, 2, left=0.09, right=0.93, wspace=0.17, top=0.88, bottom=0.04)
    places = [part.subgridspec(3, frames, wspace=0.04, hspace=0.06) for part in (left, right)]
    heat = None
    rows = [
        ("real", REAL, seen.real),
        ("reconstructed", RECONSTRUCTED, seen.reconstructed),
        ("KL map", "black", seen.kl),
    ]
    rows_right = [(f"random {i + 1}", RANDOM, sample) for i, sample in enumerate(seen.random[:3])]
    for place, lines in zip(places, (rows, rows_right), strict=True):
        for i, (label, color, clip) in enumerate(lines):
            for frame in range(frames):
                axis = figure.add_subplot(place[i, frame])
                if clip.ndim == 3:
                    heat = _heat(axis, clip[frame])
                else:
                    axis.imshow(to_uint8(clip[:, frame]))
                _bare(axis, f"frame {frame}" if i == 0 else "")
                if frame == 0:
                    _label(axis, label, color)
    figure.colorbar(heat, cax=figure.add_axes((0.945, 0.08, 0.012, 0.76)), label=KL_LABEL)
    return figure


def compare(models: Mapping[str, Model], *, samples: int = 4, frame: int = 1, seed: int = 0) -> Any:
    """One row a model: one frame of the reconstruction, of the KL map, and of several random samples.

    Args:
        models: by the label of their row.
        samples: how many columns of random samples.
        frame: which frame of scale 0 is shown.
        seed: of the samples, the same for all models.

    Returns:
        A matplotlib figure.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(
        len(models),
        2 + samples,
        figsize=(12, 12 / (2 + samples) * 0.57 * len(models) + 0.5),
        squeeze=False,
        gridspec_kw={"wspace": 0.05, "hspace": 0.07, "left": 0.12, "right": 0.93},
    )
    heat = None
    titles = ["reconstructed", "KL map", *(f"random {i + 1}" for i in range(samples))]
    for row, (label, model) in zip(axes, models.items(), strict=True):
        seen = look(model, samples=samples, seed=seed)
        row[0].imshow(to_uint8(seen.reconstructed[:, frame]))
        heat = _heat(row[1], seen.kl[frame])
        for axis, sample in zip(row[2:], seen.random, strict=True):
            axis.imshow(to_uint8(sample[:, frame]))
        for axis in row:
            _bare(axis, "")
        _label(row[0], label, "black")
    for axis, title, color in zip(axes[0], titles, [RECONSTRUCTED, "black"] + [RANDOM] * samples, strict=True):
        axis.set_title(title, color=color, fontsize=9, fontweight="bold")
    figure.colorbar(heat, cax=figure.add_axes((0.94, 0.13, 0.012, 0.73)), label=KL_LABEL)
    return figure


def oddness(clip: Tensor) -> Tensor:
    """How far each site's colour is from the mean colour of its row, over all times: `c t h w` to `t h w`."""
    return (clip - reduce(clip, "c t h w -> c 1 h 1", "mean")).square().sum(dim=0).sqrt()


def kl_against_oddness(kl: Tensor, real: Tensor) -> Any:
    """A scatter of all K patches: how unusual a site's colour is, and what the patch costs. Both `t h w` and `c t h w`.

    Returns:
        A matplotlib figure.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    axis.scatter(
        oddness(real).flatten().numpy(),
        kl.flatten().numpy(),
        s=14,
        c=((rearrange(real, "c t h w -> (t h w) c") + 1) / 2).numpy(),
        edgecolors="0.3",
        linewidths=0.3,
    )
    axis.set(
        yscale="log",
        xlabel="distance from the mean colour of its row (values span 2 a channel)",
        ylabel=KL_LABEL,
        title="one dot a patch, in the colour of its centre",
    )
    return figure


def _heat(axis: Any, values: Tensor) -> Any:
    colors = require("matplotlib.colors", "drawing figures", "matplotlib")
    return axis.imshow(values.clamp(*KL_RANGE).numpy(), cmap="magma", norm=colors.LogNorm(*KL_RANGE))


def _bare(axis: Any, title: str) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=9)


def _label(axis: Any, text: str, color: str) -> None:
    axis.set_ylabel(text, rotation=0, ha="right", va="center", color=color, fontsize=9, fontweight="bold")
