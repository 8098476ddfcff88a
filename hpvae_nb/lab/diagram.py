"""Architectures, drawn from live networks: every size in a label was read from a module (lessons 3, 5 and 7).

A network is grown to the last scale that is to be drawn, and each of its scales has a shape (T, H, W).
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from torch import nn

from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.networks import Encoder, Generator
from hpvae_nb.core.receptive_field import convolutions, receptive_field
from hpvae_nb.core.resampling import Shape
from hpvae_nb.lab.render import BELOW, KIND_COLORS, VAE_COLOR, DetachedFigure, raised
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED

CRITIC_COLOR = "#F0E442"
PLAIN, BOLD = {"fontsize": 13}, {"fontsize": 14, "fontweight": "bold"}
DASHED = {"color": "black", "linewidth": 1.2, "linestyle": "--"}
LOSSES = (
    r"VAE scale: minimise $\mathrm{Recon}(\bar x^n, x^n) + \mathrm{Recon}(\bar x^0, x^0) + \beta_{vae} \mathrm{KL}$",
    r"GAN scale: $G^n$ minimises $\mathrm{Recon}(\bar x^n, x^n) - \beta_{adv} D^n(\bar x^n_{rand})$,",
    r"                  $D^n$ maximises $D^n(x^n) - D^n(\bar x^n_{rand}) - \lambda \cdot \mathrm{penalty}$",
)
Point = tuple[float, float]


def patch_vae_diagram(encoder: Encoder, generator: Generator, shape: Shape) -> Figure:
    """The patch-VAE of scale 0, from the clip to its reconstruction, with the losses of equation (5)."""
    axis, y = _canvas(13, 5.5), 3.1
    (first, *_, to_mu), (*_, last) = convolutions(encoder), convolutions(generator)
    clips = (0.9, "x⁰", first.in_channels, REAL), (12.2, "x̄⁰", last.out_channels, RECONSTRUCTED)
    for x, text, channels, color in clips:
        _clip(axis, (x, y), shape, shape, color)
        axis.text(x, 2.05, f"{text}\n{times((channels, *shape))}", ha="center", **BOLD)
    _network(axis, (3.05, y), "E: trunk", encoder.trunk)
    for up, head, text in ((1.0, encoder.to_mu, "μ"), (-1.0, encoder.to_logvar, "log σ²")):
        _box(axis, (5.55, y + up), (1.5, 1.1), "\n".join([text, summary(head, "\n")]), VAE_COLOR)
        _arrow(axis, (4.25, y), (4.8, y + up))
        _arrow(axis, (6.3, y + up), (6.95, y + up / 3))
    vectors = f"z′ = μ + ε σ\n{times((to_mu.out_channels, *shape))}\nK = {times(shape)}\n= {math.prod(shape)} vectors"
    _box(axis, (7.85, y), (1.8, 1.4), vectors, "white")
    _network(axis, (10.1, y), "G⁰", generator)
    for start, end in ((1.6, 1.85), (8.75, 8.9), (11.3, 11.5)):
        _arrow(axis, (start, y), (end, y))
    axis.text(3.05, 4.5, f"one latent vector sees\n{times(receptive_field(encoder))} sites of x⁰", ha="center", **PLAIN)
    shaped = f"one site of x̄⁰ is shaped by\n{times(receptive_field(generator))} latent vectors"
    axis.text(10.1, 4.5, shaped, ha="center", **PLAIN)
    axis.text(7.85, 5.0, "ε ~ N(0, I)", ha="center", **PLAIN)
    _arrow(axis, (7.85, 4.9), (7.85, 3.8))
    axis.text(7.85, 1.1, "for a new clip:\nz ~ N(0, I)", ha="center", color=RANDOM, **BOLD)
    _arrow(axis, (7.85, 1.65), (7.85, 2.4), color=RANDOM)
    _loss(axis, (5.55, 1.1), "β KL[N(μ, σ) ‖ N(0, I)]", [(5.55, 1.1), (5.55, y + 0.45)])
    _loss(axis, (5.55, 0.35), "Recon(x̄⁰, x⁰)", [(0.9, 1.95), (0.9, 0.35), (12.2, 0.35), (12.2, 1.95)])
    return axis.figure


def hierarchy_diagram(network: Hierarchy, shapes: Sequence[Shape]) -> Figure:
    """All scales, the coarsest at the bottom: what each adds, and which networks are trained at it."""
    pitch, trunk, latent = 1.05, 7.0, convolutions(network.encoder)[-1].out_channels
    bottom, *rows = [(n + 0.55) * pitch for n in range(len(network.generators) + 1)]
    axis = _canvas(13, rows[-1] + 1.0)
    for n, (y, kind, generator) in enumerate(zip(rows, _kinds(network), network.generators, strict=True)):
        color = KIND_COLORS[kind]
        _box(axis, (1.15, y), (2.0, 0.75), f"scale {n}: {kind}\n{times(shapes[n])}", color)
        _box(axis, (4.15, y), (3.3, 0.75), f"{raised(f'G{n}')}\n{summary(generator)}", color)
        if n:  # the enlarged clip rises past the generator, which reads it and adds to it
            _arrow(axis, (trunk, y - pitch + (0.2 if n > 1 else 0)), (trunk, y - 0.2))
            _arrow(axis, (trunk, y - 0.53), (4.15, y - 0.53), (4.15, y - 0.375))
            axis.text(trunk + 0.1, y - 0.53, "↑ enlarged", va="center", fontsize=11)
            axis.add_patch(Circle((trunk, y), 0.2, facecolor="white", edgecolor="black", linewidth=1.5))
            axis.text(trunk, y - 0.01, "+", ha="center", va="center", **BOLD)
            _arrow(axis, (5.8, y), (trunk - 0.2, y))
        _arrow(axis, (trunk + 0.2 if n else 5.8, y), (trunk + 0.75, y))
        _clip(axis, (trunk + 1.55, y), shapes[n], shapes[-1], RECONSTRUCTED)
        axis.text(trunk + 2.3, y, raised(f"x̄{n}"), va="center", **BOLD)
    _clip(axis, (1.15, bottom), shapes[0], shapes[-1], REAL)
    axis.text(1.65, bottom, "x⁰", va="center", **BOLD)
    _arrow(axis, (2.0, bottom), (2.5, bottom))
    _box(axis, (4.15, bottom), (3.3, 0.75), f"E\n{summary(network.encoder)}", VAE_COLOR)
    _arrow(axis, (4.15, bottom + 0.375), (4.15, rows[0] - 0.375))
    axis.text(4.3, bottom + pitch / 2, f"z′, {times((latent, *shapes[0]))}", va="center", **PLAIN)
    axis.text(9.75, rows[-1] + 0.55, "trained here (dot: frozen)", **BOLD)
    wide = 3.1 / (len(rows) + 1)
    _training_table(axis, network, [9.75 + (i + 0.5) * wide for i in range(len(rows) + 1)], rows, 0.9 * wide)
    return axis.figure


def training_diagram(network: Hierarchy, critic: nn.Module, shapes: Sequence[Shape]) -> Figure:
    """Both ways through all generators, noise, critics like this one, and which scale trains what by which loss."""
    pitch, encoder, row = 1.2, 2.0, 0.36
    centers = [3.6 + pitch * n for n in range(len(network.generators))]
    facts: dict[str, str] = {}
    parts = [network.encoder, *network.generators, critic]
    for text, part in zip(["E", *(raised(f"G{n}") for n in range(len(centers))), "Dⁿ"], parts, strict=True):
        facts[summary(part)] = f"{facts.get(summary(part), '')} {text}".strip()
    # the networks stand on the floor; who is trained when is below
    floor = 0.3 * max(len(LOSSES), len(facts)) + 0.3 + row * len(centers)
    rows = [floor - (n + 0.6) * row for n in range(len(centers))]
    targets, upper, lower, critics = (floor + above for above in (3.85, 2.75, 1.85, 0.45))
    axis = _canvas(max(centers[-1] + 2.1, 10.5), floor + 5.0)
    for n, (x, kind) in enumerate(zip(centers, _kinds(network), strict=True)):
        axis.add_patch(Rectangle((x - pitch / 2, floor), pitch, 4.95, fc=KIND_COLORS[kind], ec="white", alpha=0.4))
        axis.text(x, floor + 4.85, f"scale {n}\n{kind}", ha="center", va="top", **BOLD)
        axis.text(x, targets, f"{raised(f'x{n}')}\n{times(shapes[n])}", ha="center", va="center", **PLAIN)
        axis.plot((x, x), (targets - 0.27, upper + 0.4), **DASHED)
        axis.text(x + 0.05, targets - 0.5, "Recon", fontsize=11)
        _box(axis, (x, (upper + lower) / 2), (0.58, 1.7), raised(f"G{n}"), "white")
        for y, color in ((upper, RECONSTRUCTED), (lower, RANDOM)):
            _arrow(axis, (x - (pitch - 0.29 if n else 0.75), y), (x - 0.29, y), color=color)
            axis.text(x - pitch / 2, y + 0.06, "↑" if n else "", ha="center", **PLAIN)
        if kind == "GAN":
            _box(axis, (x, critics), (0.58, 0.45), raised(f"D{n}"), CRITIC_COLOR)
            _arrow(axis, (x, lower - 0.4), (x, critics + 0.225), color=RANDOM)
            _box(axis, (x + 0.5, rows[n]), (0.46, 0.3), raised(f"D{n}"), CRITIC_COLOR)
        if n and kind == "GAN":
            axis.text(x - 0.42, lower - 0.8, f"z{n}".translate(BELOW), ha="center", color=RANDOM, **BOLD)
            _arrow(axis, (x - 0.42, lower - 0.5), (x - 0.42, lower), color=RANDOM)
    outputs = (upper, "$\\bar x^n$\nreconstructed", RECONSTRUCTED), (lower, "$\\bar x^n_{rand}$\nrandom", RANDOM)
    for y, text, color in outputs:
        _arrow(axis, (centers[-1] + 0.29, y), (centers[-1] + 0.75, y), color=color)
        axis.text(centers[-1] + 1.42, y, text, ha="center", va="center", color=color, **PLAIN)
    axis.text(0.3, upper, "x⁰", ha="center", va="center", color=REAL, **BOLD)
    _arrow(axis, (0.5, upper), (encoder - 0.29, upper))
    _box(axis, (encoder, upper), (0.58, 0.8), "E", "white")
    _arrow(axis, (encoder + 0.29, upper), (2.5, upper))
    axis.text(2.78, upper, "z′", ha="right", va="center", color=RECONSTRUCTED, **BOLD)
    axis.text(2.78, lower, "z ~ N(0, I)", ha="right", va="center", color=RANDOM, **BOLD)
    _loss(axis, (encoder, targets), "β KL", [(encoder, targets), (encoder, upper + 0.4)], width=0.9)
    axis.text(2.9, critics, "critics compare\n$x^n$ with $\\bar x^n_{rand}$", ha="right", va="center", **PLAIN)
    for n, y in enumerate(rows):
        axis.text(0.1, y, f"scale {n} trains", va="center", **PLAIN)
    _training_table(axis, network, [encoder, *centers], rows, 0.46)
    for x, notes in ((0.1, LOSSES), (6.6, [f"{names}: {text}" for text, names in facts.items()])):
        for i, note in enumerate(notes):
            axis.text(x, rows[-1] - 0.7 - 0.3 * i, note, **PLAIN)
    return axis.figure


def summary(module: nn.Module, separator: str = ", ") -> str:
    """How many convolutions a network chains, their kernel, and their channels: `5 conv 3×3×3, 64 → 32 → 3`."""
    layers = convolutions(module)
    kernels = "/".join(dict.fromkeys(times(layer.kernel_size) for layer in layers))
    channels = groupby([layers[0].in_channels, *(layer.out_channels for layer in layers)])
    return f"{len(layers)} conv {kernels}{separator}{' → '.join(str(count) for count, _ in channels)}"


def times(sizes: Sequence[int]) -> str:
    """Sizes along axes: `4×9×16`."""
    return "×".join(map(str, sizes))


def _kinds(network: Hierarchy) -> list[str]:
    return ["VAE" if network.is_vae(n) else "GAN" for n in range(len(network.generators))]


def _training_table(axis: Any, network: Hierarchy, columns: list[float], rows: list[float], width: float) -> None:
    """A row for each scale: a box where it trains the network of a column (E, G^0, ...), a dot where that is frozen."""
    parts = {network.encoder: "E", **{part: raised(f"G{n}") for n, part in enumerate(network.generators)}}
    for n, (y, kind) in enumerate(zip(rows, _kinds(network), strict=True)):
        trained = [part for part, _ in network.trained_at(n)]
        for x, part in zip(columns[: n + 2], parts, strict=False):
            if part in trained:
                _box(axis, (x, y), (width, 0.3), parts[part], KIND_COLORS[kind])
            else:
                axis.plot(x, y, ".", color="0.6", markersize=4)


def _canvas(width: float, height: float) -> Any:
    """Axes in which one unit is an inch, without frame."""
    axis = DetachedFigure((width, height)).add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    return axis


def _box(axis: Any, center: Point, size: Point, text: str, color: str, style: str = "solid") -> None:
    (x, y), (width, height) = center, size
    look: dict[str, Any] = {"facecolor": color, "edgecolor": "black", "linewidth": 1.5, "linestyle": style, "zorder": 3}
    corner = (x - width / 2, y - height / 2)
    axis.add_patch(FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=0.08", **look))
    axis.text(x, y, text, ha="center", va="center", zorder=4, linespacing=1.3, **PLAIN)


def _network(axis: Any, center: Point, title: str, module: nn.Module) -> None:
    """A box with a bar for each convolution, as high as it has many channels."""
    (x, y), layers = center, convolutions(module)
    _box(axis, center, (2.4, 2.1), "", VAE_COLOR)
    axis.text(x, y + 0.72, title, ha="center", zorder=4, fontsize=16, fontweight="bold")
    for i, layer in enumerate(layers):
        height = 0.1 * math.log2(1 + layer.out_channels)
        left = x + (i - len(layers) / 2) * 0.3 + 0.06
        axis.add_patch(Rectangle((left, y + 0.25 - height / 2), 0.18, height, fc="white", ec="black", zorder=4))
    axis.text(x, y - 0.85, summary(module, "\n"), ha="center", zorder=4, **PLAIN)


def _clip(axis: Any, center: Point, shape: Shape, largest: Shape, color: str) -> None:
    """A stack of as many frames as the clip has, in proportion to the largest clip beside it."""
    frames = shape[0] if len(shape) > 2 else 1
    scale = min(1.05 / largest[-1], 0.6 / largest[-2])
    width, height = scale * shape[-1], scale * shape[-2]
    for i in reversed(range(frames)):
        corner = (center[0] - width / 2 + 0.02 * (i - frames / 2), center[1] - height / 2 + 0.02 * (i - frames / 2))
        axis.add_patch(Rectangle(corner, width, height, fc=color, ec="white", linewidth=0.8, zorder=3))


def _arrow(axis: Any, *points: Point, color: str = "black") -> None:
    """Along straight lines, with its head at the last point."""
    axis.plot(*zip(*points[:-1], strict=True), color=color, linewidth=1.8)
    how = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", points[-1], points[-2], arrowprops=how)


def _loss(axis: Any, center: Point, text: str, path: Sequence[Point], *, width: float = 2.7) -> None:
    """A dashed box, and a dashed line to what the loss compares."""
    axis.plot(*zip(*path, strict=True), **DASHED)
    _box(axis, center, (width, 0.5), text, "white", "dashed")
