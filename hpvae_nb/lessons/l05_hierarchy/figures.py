"""Figures of the hierarchy lesson: what each scale adds, how a sample grows, and where gradients go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hpvae_nb.core import steps
from hpvae_nb.core.resampling import upsample
from hpvae_nb.errors import InputError, require
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_discriminator, make_hierarchy, make_objective
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import planned_shapes, real_samples

TRAINED, PASSED, UNTOUCHED = "trained", "passed through", "untouched"
FILL = {TRAINED: "#F0E442", PASSED: "#FFFFFF", UNTOUCHED: "#D9D9D9"}
GAIN = 2.0  # residuals are small; they are shown this many times larger, around grey


@dataclass(frozen=True)
class Step:
    """Equation (6) at one scale of a trained model, `c t h w` in [-1, 1].

    Attributes:
        up: ↑x̄^(n-1).
        out: x̄^n.
        real: x^n.
    """

    up: Tensor
    out: Tensor
    real: Tensor

    @property
    def residual(self) -> Tensor:
        """What the scale changed, x̄^n - ↑x̄^(n-1); with a tanh around the sum it is not quite G^n's output."""
        return self.out - self.up


def reconstruction_steps(model: Model, clip: Clip) -> list[Step]:
    """Equation (6) from scale 1 to the model's last, on its way to reconstruct the clip it was trained on."""
    if model.scales < 2:
        raise InputError("this model has scale 0 alone, and residuals begin at scale 1: train it further")
    outs = [model.reconstruct(scales=n + 1)[:1] for n in range(model.scales)]
    reals = [real_samples(model.config, clip, n, model.shapes[n])[0] for n in range(model.scales)]
    ups = [upsample(below, shape)[0] for below, shape in zip(outs, model.shapes[1:], strict=False)]
    return [Step(up, out[0], real) for up, out, real in zip(ups, outs[1:], reals[1:], strict=True)]


def rms(x: Tensor) -> float:
    """Root mean square; of a difference of clips it is at most 2."""
    return x.square().mean().sqrt().item()


def residual_sheet(path: list[Step], vae_levels: int, *, time: float = 0.5) -> Any:
    """One column a scale: what came from below, what was added, what resulted, and what was wanted.

    Args:
        path: from `reconstruction_steps`.
        vae_levels: of the model, to tell VAE scales from GAN scales by colour.
        time: which frame, from 0 (first) to 1 (last).

    Returns:
        A matplotlib figure.
    """
    rows = [
        ("from below\n↑x̄ⁿ⁻¹", "black", lambda step: step.up),
        (f"added\n({GAIN:g} times, grey is 0)", "black", lambda step: (GAIN * step.residual).clamp(-1, 1)),
        ("reconstructed\nx̄ⁿ", RECONSTRUCTED, lambda step: step.out),
        ("real\nxⁿ", REAL, lambda step: step.real),
    ]
    grid = [[(lambda v: v[:, round(time * (v.shape[1] - 1))])(pick(step)) for step in path] for _, _, pick in rows]
    return _grid(grid, [row[:2] for row in rows], first_scale=1, vae_levels=vae_levels)


def growth_sheet(model: Model, *, samples: int = 3, seed: int = 0, time: float = 0.5) -> Any:
    """Random samples as they pass the scales: one row a sample, one column a scale; a matplotlib figure."""
    grown = [model.sample(samples, seed=seed, scales=n + 1) for n in range(model.scales)]
    grid = [[clips[i][:, round(time * (clips.shape[2] - 1))] for clips in grown] for i in range(samples)]
    labels = [(f"random {i + 1}", RANDOM) for i in range(samples)]
    return _grid(grid, labels, first_scale=0, vae_levels=model.config.vae_levels)


def _grid(images: list[list[Tensor]], labels: list[tuple[str, str]], first_scale: int, vae_levels: int) -> Any:
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    columns, (height, width) = len(images[0]), images[0][0].shape[-2:]
    cell = 11 / columns
    figure, axes = plt.subplots(
        len(images),
        columns,
        figsize=(12.2, cell * height / width * len(images) * 1.04 + 0.4),
        squeeze=False,
        gridspec_kw={"wspace": 0.03, "hspace": 0.05, "left": 0.1, "right": 1, "top": 0.92, "bottom": 0},
    )
    for line, row, (label, color) in zip(axes, images, labels, strict=True):
        for axis, image in zip(line, row, strict=True):
            axis.imshow(to_uint8(image), aspect="auto")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", color=color, fontsize=9, fontweight="bold")
    for i, axis in enumerate(axes[0]):
        n = first_scale + i
        title = f"scale {n} ({'VAE' if n < vae_levels else 'GAN'})"
        box = {"facecolor": _kind_color(n, vae_levels), "edgecolor": "none", "pad": 2}
        axis.set_title(title, fontsize=9, bbox=box)
    return figure


def residual_sizes(path: list[Step], vae_levels: int) -> Any:
    """How wrong each scale is before and after its generator, and how much that adds; a matplotlib figure."""
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    scales = range(1, len(path) + 1)
    for n in scales:
        axis.axvspan(n - 0.5, n + 0.5, color=_kind_color(n, vae_levels), alpha=0.18, lw=0)
        axis.text(
            n, 0.97, "VAE" if n < vae_levels else "GAN", transform=axis.get_xaxis_transform(), ha="center", va="top"
        )
    axis.plot(scales, [rms(s.up - s.real) for s in path], "o--", color="0.4", label="error before Gⁿ: ↑x̄ⁿ⁻¹ against xⁿ")
    axis.plot(
        scales, [rms(s.out - s.real) for s in path], "s-", color=RECONSTRUCTED, label="error after Gⁿ: x̄ⁿ against xⁿ"
    )
    axis.plot(scales, [rms(s.residual) for s in path], "^:", color="black", label="size of what Gⁿ adds")
    axis.set(
        xlabel="scale n", ylabel="root mean square (values span 2)", xlim=(0.5, len(path) + 0.5), xticks=list(scales)
    )
    axis.set_ylim(0, axis.get_ylim()[1] * 1.15)
    axis.legend(fontsize=8)
    return figure


def gradient_flow(config: Config, scale: int) -> dict[str, str]:
    """Where gradients go in one training step at `scale`, found by making one and looking at the live graph.

    A network is `"trained"` when its own parameters receive a gradient, `"passed through"` when a gradient reaches its
    output but none stays in it, and `"untouched"` when none reaches it.

    Args:
        config: any; a small one is enough.
        scale: 0..N.

    Returns:
        A state for `"E"`, `"G0"` .. `f"G{scale}"`, and at GAN scales `"D{scale}"`, in that order.

    Raises:
        InputError: when there is no such scale.
    """
    if not 0 <= scale < config.scales:
        raise InputError(f"scale is {scale}, but this configuration has 0..{config.scales - 1}")
    network, shapes, objective = make_hierarchy(config), planned_shapes(config, 9 / 16), make_objective(config)
    for _ in range(scale):
        network.grow()
    network.freeze_all_but(scale)
    parts: dict[str, nn.Module] = {"E": network.encoder}
    parts |= {f"G{n}": generator for n, generator in enumerate(network.generators)}
    critic = None if config.is_vae(scale) else make_discriminator(config)
    reached: set[str] = set()
    watches = [part.register_forward_hook(_watch(name, reached)) for name, part in parts.items()]
    x0, xn = (torch.rand(1, 3, *shapes[n]) * 2 - 1 for n in (0, scale))
    draws = steps.draw(network, shapes, scale, 1, torch.Generator().manual_seed(0))
    if critic is None:
        steps.vae_losses(network, shapes, scale, x0, xn, draws, objective)["total"].backward()
    else:
        made, random = steps.gan_outputs(network, shapes, scale, x0, draws)
        steps.generator_losses(critic, xn, made, random, objective)["total"].backward()
        critic.zero_grad()
        blends = torch.Generator().manual_seed(1)
        steps.critic_losses(critic, xn, random, blends, objective)["total"].backward()
        parts[f"D{scale}"] = critic
    for watch in watches:
        watch.remove()
    return {name: _state(part, name in reached) for name, part in parts.items()}


def _watch(name: str, reached: set[str]) -> Any:
    """A forward hook that notes when a gradient arrives at a network's output."""

    def hook(part: nn.Module, inputs: Any, output: Any) -> None:
        for tensor in output if isinstance(output, tuple) else (output,):
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient: reached.add(name))

    return hook


def _state(part: nn.Module, reached: bool) -> str:
    if any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in part.parameters()):
        return TRAINED
    return PASSED if reached else UNTOUCHED


def flow_diagram(flow: dict[str, str], config: Config) -> Any:
    """The networks in a row, as signals pass them, filled by what gradients do to them; a matplotlib figure.

    Args:
        flow: from `gradient_flow`.
        config: the same, to tell VAE scales from GAN scales.
    """
    plt = require("matplotlib.pyplot", "drawing figures", "matplotlib")
    patches = require("matplotlib.patches", "drawing figures", "matplotlib")
    names = list(flow)
    figure, axis = plt.subplots(figsize=(11, 2.2), gridspec_kw={"left": 0, "right": 1, "top": 1, "bottom": 0})
    axis.set(xlim=(-0.7, max(7, len(names)) - 0.3), ylim=(-1.0, 1.0))
    axis.axis("off")
    for x, name in enumerate(names):
        state, n = flow[name], int(name[1:] or 0)
        edge = _kind_color(n, config.vae_levels) if name != "E" else VAE_COLOR
        style = {
            "facecolor": FILL[state],
            "edgecolor": edge,
            "linewidth": 4,
            "hatch": "//" if state == UNTOUCHED else None,
        }
        axis.add_patch(patches.FancyBboxPatch((x - 0.27, -0.25), 0.54, 0.5, boxstyle="round,pad=0.03", **style))
        axis.text(x, 0, _superscript(name), ha="center", va="center", fontsize=14, fontweight="bold")
        axis.text(x, -0.52, state, ha="center", va="center", fontsize=9)
        if x:
            axis.annotate("", (x - 0.32, 0.12), (x - 0.68, 0.12), arrowprops={"arrowstyle": "->", "color": "0.5"})
            if flow[names[x - 1]] != UNTOUCHED:
                arrow = {"arrowstyle": "-|>", "color": "#D55E00", "linewidth": 2.5}
                axis.annotate("", (x - 0.68, -0.12), (x - 0.32, -0.12), arrowprops=arrow)
    axis.text(-0.4, 0.75, "→ signals", color="0.4", fontsize=10)
    axis.text(0.7, 0.75, "← gradients", color="#D55E00", fontsize=10, fontweight="bold")
    axis.text(2.2, 0.75, "rim: blue VAE, pink GAN", color="0.2", fontsize=10)
    return figure


def _superscript(name: str) -> str:
    return name[0] + name[1:].translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _kind_color(scale: int, vae_levels: int) -> str:
    return VAE_COLOR if scale < vae_levels else GAN_COLOR
