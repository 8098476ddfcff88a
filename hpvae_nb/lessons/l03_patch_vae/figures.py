"""Figures of the patch-VAE lesson: KL of a Gaussian, what one model makes, several models side by side."""

from collections.abc import Mapping

import torch
from einops import rearrange
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.core.losses import kl_divergence
from hpvae_nb.lab.render import subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, WIDE, grid
from hpvae_nb.lessons.l03_patch_vae.experiment import look, oddness
from hpvae_nb.model import Model

KL_LABEL = "KL of the patch (nats)"
KL_LEAST, KL_MOST = 0.01, 100.0  # nats a patch; one colour scale for all models, so that their maps can be compared
HEAT = {"cmap": "magma", "norm": LogNorm(KL_LEAST, KL_MOST)}


def kl_landscape() -> Figure:
    """KL[N(mu, sigma) || N(0, 1)] for every mu and sigma, with its one minimum marked."""
    mu, sigma = torch.linspace(-3, 3, 121), torch.linspace(0.1, 3, 117)
    means, logvars = torch.meshgrid(mu, 2 * sigma.log(), indexing="xy")
    height = kl_divergence(means[:, None], logvars[:, None], "sites")
    figure, axis = subplots(figsize=(6.5, 3.4))
    levels = [0.05, 0.25, 0.5, 1, 2, 3, 4, 6]
    lines = axis.contour(mu.numpy(), sigma.numpy(), height.numpy(), levels=levels, cmap="viridis")
    axis.clabel(lines, fmt=lambda level: f"{level:g}", fontsize=8)
    axis.plot(0, 1, "k*", markersize=12)
    axis.set(xlabel="mean μ", ylabel="standard deviation σ", title="KL (nats) of N(μ, σ) from N(0, 1); 0 at the star")
    return figure


def vae_sheet(model: Model, *, samples: int = 3, seed: int = 0) -> Figure:
    """A scale-0 model at one look: real, reconstruction and KL map on the left, up to 3 random samples on the right."""
    seen = look(model, samples=samples, seed=seed)
    left = [list(seen.real.unbind(1)), list(seen.reconstructed.unbind(1)), list(_clamped(seen.kl))]
    right = [list(sample.unbind(1)) for sample in seen.random[:3]]
    frames = len(left[0])
    right += [[None] * frames] * (3 - len(right))
    rows = [
        (label, [*pictures, None, *others])
        for label, pictures, others in zip(("real", "reconstructed", "KL map"), left, right, strict=True)
    ]
    numbers = [f"frame {frame}" for frame in range(frames)]
    width = WIDE / (2 * frames + 1)
    colors = [REAL, RECONSTRUCTED, "black"]
    figure = grid(rows, [*numbers, "", *numbers], width=width, colors=colors, heat=HEAT, bar=KL_LABEL)
    for i, axis in zip(range(samples), figure.axes[frames + 1 :: 2 * frames + 1], strict=False):
        axis.set_ylabel(f"random {i + 1}", rotation=0, ha="right", va="center", color=RANDOM, fontsize=10)
    return figure


def compare(models: Mapping[str, Model], *, samples: int = 4, frame: int = 1, seed: int = 0) -> Figure:
    """One labelled row a model: one frame of the reconstruction, of the KL map, and of several random samples."""
    looks = {label: look(model, samples=samples, seed=seed) for label, model in models.items()}
    rows = [
        (label, [seen.reconstructed[:, frame], _clamped(seen.kl)[frame], *seen.random[:, :, frame]])
        for label, seen in looks.items()
    ]
    titles = ["reconstructed", "KL map", *(f"random {i + 1}" for i in range(samples))]
    figure = grid(rows, titles, width=WIDE / len(titles), heat=HEAT, bar=KL_LABEL)
    for axis, color in zip(figure.axes, [RECONSTRUCTED, "black"] + [RANDOM] * samples, strict=False):
        axis.title.set(color=color, fontweight="bold")
    return figure


def kl_against_oddness(kl: Tensor, real: Tensor) -> Figure:
    """A scatter of all K patches `t h w` of a clip `c t h w`: how unusual a site's colour is, and its patch's cost."""
    figure, axis = subplots(figsize=(6.5, 3.4))
    colors = (rearrange(real, "c t h w -> (t h w) c") + 1) / 2
    axis.scatter(oddness(real).flatten(), kl.flatten(), s=14, c=colors.numpy(), edgecolors="0.3", linewidths=0.3)
    axis.set(yscale="log", ylabel=KL_LABEL, title="one dot a patch, in the colour of its centre")
    axis.set_xlabel("distance from the mean colour of its row (values span 2 a channel)")
    return figure


def _clamped(kl: Tensor) -> Tensor:
    return kl.clamp(KL_LEAST, KL_MOST)
