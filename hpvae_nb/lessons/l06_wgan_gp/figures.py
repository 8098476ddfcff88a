"""What a critic learns: a toy critic of points in the plane, and the patch critic's map (equations 10 and 11)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from hpvae_nb.errors import InputError, require
from hpvae_nb.lab.render import COLOR_BAR, ON_TOP, emptied, paint
from hpvae_nb.lab.show import RANDOM, REAL, to_uint8

Reading = Literal["outside", "inside"]
"""Where the -1 of equation (10) stands: outside the norm (Gulrajani et al.), or inside, as the paper prints it."""

EDGE, GRID = 3.2, 48  # the plane is drawn from -EDGE to EDGE, at GRID x GRID points


def toy_points(count: int = 256, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A ring of real points and a blob of fake ones inside it, each `b c` with c = 2."""
    generator = torch.Generator().manual_seed(seed)
    angle = torch.rand(count, generator=generator) * 2 * math.pi
    radius = 2 + 0.1 * torch.randn(count, generator=generator)
    real = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    fake = 0.35 * torch.randn(count, 2, generator=generator) + torch.tensor([0.6, 0.3])
    return real, fake


def toy_critic(seed: int = 0, width: int = 48) -> nn.Module:
    """A small network from points `b 2` to scores `b 1`; the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [(2, width), (width, width), (width, width)]
        hidden = [part for a, b in layers for part in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        return nn.Sequential(*hidden, nn.Linear(width, 1))


def slopes(critic: nn.Module, x: Tensor, *, create_graph: bool = False) -> Tensor:
    """The critic's gradient at each of the points `b 2`, the same shape."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=create_graph)
    return gradient


@dataclass(frozen=True)
class Snapshot:
    """A toy critic at one moment of its training: scores and steepness over the plane, and two numbers.

    `surface` and `steepness` are `y x` maps; `distance` is E[D(real)] - E[D(fake)]; `slope` is the mean norm of the
    gradient on blends of real and fake.
    """

    step: int
    surface: Tensor
    steepness: Tensor
    distance: float
    slope: float


def train_toy(
    real: Tensor, fake: Tensor, weight: float, *, reading: Reading = "outside", steps: int = 200, every: int = 10
) -> list[Snapshot]:
    """Train a toy critic by equation (10) on fixed points, and look at it every few steps.

    Args:
        real: `b 2`.
        fake: `b 2`, the same number.
        weight: lambda, at least 0.
        reading: of the penalty's norm.
        steps: updates; seconds for a few hundred.
        every: steps between snapshots; the first is of the untrained critic.
    """
    critic, generator = toy_critic(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.5, 0.9))
    history = []
    for step in range(steps + 1):
        epsilon = torch.rand(len(real), 1, generator=generator)
        gradient = slopes(critic, epsilon * real + (1 - epsilon) * fake, create_graph=True)
        outside = (gradient.norm(dim=1) - 1).square()
        penalty = (outside if reading == "outside" else (gradient - 1).norm(dim=1).square()).mean()
        distance = critic(real).mean() - critic(fake).mean()
        if step % every == 0:
            history.append(_look(critic, step, distance.item(), gradient.norm(dim=1).mean().item()))
        optimizer.zero_grad()
        (weight * penalty - distance).backward()
        optimizer.step()
    return history


def _look(critic: nn.Module, step: int, distance: float, slope: float) -> Snapshot:
    line = torch.linspace(-EDGE, EDGE, GRID)
    y, x = torch.meshgrid(line, line, indexing="ij")
    plane = torch.stack([x.flatten(), y.flatten()], dim=1)
    with torch.no_grad():
        surface = critic(plane).reshape(GRID, GRID)
    return Snapshot(step, surface, slopes(critic, plane).norm(dim=1).reshape(GRID, GRID), distance, slope)


def transport_cost(real: Tensor, fake: Tensor) -> float:
    """The Wasserstein-1 distance of two equally large sets of points `b 2`: the mean step of the cheapest pairing."""
    if len(real) != len(fake):
        raise InputError(f"{len(real)} real and {len(fake)} fake points cannot be paired: take equally many")
    optimize = require("scipy.optimize", "pairing points", "scipy")
    steps = torch.cdist(real, fake)
    rows, columns = optimize.linear_sum_assignment(steps.numpy())
    return steps[rows, columns].mean().item()


def expected(weight: float, cost: float) -> tuple[float, float]:
    """Slope and distance that maximise s * W - lambda * (s - 1)^2, the toy's objective at an even slope s."""
    slope = 1 + cost / (2 * weight)
    return slope, slope * cost


def points_figure(real: Tensor, fake: Tensor, pairs: int = 0) -> Any:
    """Both sets of points; with `pairs`, that many lines of the cheapest pairing."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    if pairs:
        optimize = require("scipy.optimize", "pairing points", "scipy")
        for i, j in list(zip(*optimize.linear_sum_assignment(torch.cdist(real, fake).numpy()), strict=True))[:pairs]:
            axis.plot(*zip(real[i].tolist(), fake[j].tolist(), strict=True), color="grey", lw=0.6, zorder=0)
    _scatter(axis, real, fake)
    axis.legend(loc="upper right", fontsize=9)
    return figure


def _scatter(axis: Any, real: Tensor, fake: Tensor) -> None:
    axis.scatter(*real.T.numpy(), s=10, color=REAL, edgecolors="white", linewidths=0.3, label="real")
    axis.scatter(*fake.T.numpy(), s=12, color=RANDOM, marker="^", edgecolors="white", linewidths=0.3, label="fake")
    axis.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


def surface_figure(snapshots: Mapping[str, Snapshot], real: Tensor, fake: Tensor, *, figure: Any = None) -> Any:
    """For each named snapshot the critic's score and its steepness over the plane.

    Each score has its own range of colours, that of the ground near the points, and lines of equal height; steepness is
    white where it is 1.

    Args:
        snapshots: one row each, by name.
        real: `b 2`.
        fake: `b 2`.
        figure: an earlier one of these, with as many rows, to draw into; that is quicker.
    """
    figure = _surface_axes(len(snapshots)) if figure is None else emptied(figure)
    axes = [axis for axis in figure.axes if axis.get_label() != COLOR_BAR]
    for left, right, (name, shot) in zip(axes[::2], axes[1::2], snapshots.items(), strict=True):
        area = {"extent": (-EDGE, EDGE, -EDGE, EDGE), "origin": "lower", "interpolation": "bilinear"}
        low, high = torch.quantile(shot.surface[_near()], torch.tensor([0.01, 0.99])).tolist()
        score = paint(left, shot.surface.numpy(), cmap="cividis", vmin=low, vmax=high, **area)
        left.contour(
            shot.surface,
            levels=torch.linspace(low, high, 14).tolist(),
            colors="white",
            linewidths=0.5,
            extent=area["extent"],
        )
        steep = paint(right, shot.steepness.numpy(), cmap="PuOr_r", vmin=0, vmax=2, **area)
        for axis, picture, title in ((left, score, "score D"), (right, steep, "steepness ‖∇D‖")):
            _scatter(axis, real, fake)
            axis.set_title(f"{name}: {title}", fontsize=10, **ON_TOP)
            if picture.colorbar is None:
                figure.colorbar(picture, ax=axis, shrink=0.9, extend="max" if axis is right else "both")
    return figure


def _surface_axes(rows: int) -> Any:
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, _ = plt.subplots(rows, 2, figsize=(9.4, 3.9 * rows), squeeze=False)
    edge = {"top": 1 - 0.3 / (3.9 * rows), "bottom": 0.3 / (3.9 * rows)}
    figure.subplots_adjust(wspace=0.12, hspace=0.2, left=0.04, right=0.98, **edge)
    return figure


def _near() -> Tensor:
    """The grid points within reach of the toy's points, as a `y x` mask."""
    line = torch.linspace(-EDGE, EDGE, GRID)
    return line[:, None].square() + line[None].square() < 2.6**2


def training_figure(histories: Mapping[float, Sequence[Snapshot]], cost: float) -> Any:
    """Distance and slope over training for several lambda, with the values that `expected` gives as dashed lines."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.4), layout="constrained")
    shades = plt.get_cmap("viridis")(torch.linspace(0, 0.85, len(histories)).numpy())
    for (weight, shots), shade, mark in zip(histories.items(), shades, "osD^v", strict=False):
        style = {"color": shade, "marker": mark, "ms": 4, "markevery": 4, "label": f"λ = {weight:g}"}
        steps = [shot.step for shot in shots]
        for axis, values in zip(axes, ([s.slope for s in shots], [s.distance for s in shots]), strict=True):
            axis.plot(steps, values, **style)
        if weight:
            for axis, value in zip(axes, expected(weight, cost), strict=True):
                axis.axhline(value, color=shade, ls="--", lw=0.9)
    for axis, title in zip(axes, ("mean slope on blends", "E[D(real)] - E[D(fake)]"), strict=True):
        axis.set(title=title, xlabel="step", yscale="log", ylim=(0.03, 1e4))
    axes[1].axhline(cost, color="black", lw=0.9, ls=":")
    axes[1].text(0, cost * 0.5, "W", fontsize=9)
    axes[0].legend(fontsize=8)
    return figure


def shuffled_blocks(video: Tensor, size: int, *, seed: int = 0) -> Tensor:
    """`b c t h w` cut into blocks of `size` x `size` pixels, in an order that is the same in all frames.

    Rows and columns that fill no block are cut off.
    """
    rows, columns = video.shape[-2] // size, video.shape[-1] // size
    cut = video[..., : rows * size, : columns * size]
    blocks = rearrange(cut, "b c t (i h) (j w) -> b c t (i j) h w", h=size, w=size)
    order = torch.randperm(rows * columns, generator=torch.Generator().manual_seed(seed))
    return rearrange(blocks[:, :, :, order], "b c t (i j) h w -> b c t (i h) (j w)", i=rows)


def score_map(critic: nn.Module, video: Tensor) -> Tensor:
    """The critic's map of one clip `c t h w` in [-1, 1]: scores `t h w`, one for each r-sized patch."""
    with torch.no_grad():
        return critic(video[None].to(next(critic.parameters()).device))[0, 0].cpu()


def maps_figure(clips: Mapping[str, Tensor], maps: Mapping[str, Tensor], frame: int, *, figure: Any = None) -> Any:
    """One frame of each named clip, above the critic's scores; one colour scale for all maps.

    Args:
        clips: `c t h w` each, all of the same shape.
        maps: `t h w` each, by the same names.
        frame: which is shown.
        figure: an earlier one of these, for the same clips, to draw into; that is quicker.
    """
    figure = _maps_axes(clips) if figure is None else emptied(figure)
    axes = [axis for axis in figure.axes if axis.get_label() != COLOR_BAR]
    everything = torch.cat([scores.flatten() for scores in maps.values()])
    low, high = torch.quantile(everything, torch.tensor([0.02, 0.98])).tolist()
    for top, bottom, (name, clip) in zip(axes[: len(clips)], axes[len(clips) :], clips.items(), strict=True):
        paint(top, to_uint8(clip[:, frame]))
        picture = paint(bottom, maps[name][frame].numpy(), cmap="viridis", vmin=low, vmax=high)
        bottom.set_title(f"mean score {maps[name].mean():+.2f}", fontsize=9, **ON_TOP)
    if picture.colorbar is None:
        bar = next(axis for axis in figure.axes if axis.get_label() == COLOR_BAR)
        figure.colorbar(picture, cax=bar, label="score (more real ↑)")
    return figure


def _maps_axes(clips: Mapping[str, Tensor]) -> Any:
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    tall = max(clip.shape[-2] / clip.shape[-1] for clip in clips.values())
    width, height = 2.9 * len(clips) + 0.9, 5.8 * tall + 0.6  # inches; of these 0.9 for the bar, 0.6 for titles
    space = {"wspace": 0.03, "hspace": 0.1 / tall, "left": 0.005, "right": 1 - 0.9 / width, "bottom": 0.02}
    space["top"] = 1 - 0.3 / height
    figure, axes = plt.subplots(2, len(clips), figsize=(width, height), squeeze=False, gridspec_kw=space)
    named = {"real": REAL, "random sample": RANDOM}
    for axis, name in zip(axes[0], clips, strict=True):
        axis.set_title(name, fontsize=10, color=named.get(name, "black"), weight="bold", **ON_TOP)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.add_axes((1 - 0.8 / width, 0.05, 0.14 / width, 0.36), label=COLOR_BAR)
    return figure
