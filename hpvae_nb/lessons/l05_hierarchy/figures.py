"""Figures of the hierarchy lesson: what each scale adds, how a sample grows, and where gradients go."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from hpvae_nb.core.steering import rms
from hpvae_nb.lab.render import KIND_COLORS, VAE_COLOR, raised, scale_title, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, WIDE, frame_at, grid
from hpvae_nb.lessons.l05_hierarchy.experiment import PASSED, TRAINED, UNTOUCHED, Step
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config

FILL = {TRAINED: "#F0E442", PASSED: "#FFFFFF", UNTOUCHED: "#D9D9D9"}
GAIN = 2.0  # residuals are small; they are shown this many times larger, around grey


def residual_sheet(path: Sequence[Step], config: Config, *, time: float = 0.5) -> Figure:
    """One column a scale: what came from below, what was added, what resulted, and what was wanted.

    `path` is from `reconstruction_steps`; `time` chooses a frame, from 0 (first) to 1 (last).
    """
    clips = [
        ("from below\n↑x̄ⁿ⁻¹", [step.up for step in path]),
        (f"added\n({GAIN:g} times, grey is 0)", [(GAIN * step.residual).clamp(-1, 1) for step in path]),
        ("reconstructed\nx̄ⁿ", [step.out for step in path]),
        ("real\nxⁿ", [step.real for step in path]),
    ]
    rows = [(label, [frame_at(clip, time) for clip in row]) for label, row in clips]
    return _titled(grid(rows, width=WIDE / len(path), colors=["black", "black", RECONSTRUCTED, REAL]), config, first=1)


def growth_sheet(model: Model, *, samples: int = 3, seed: int = 0, time: float = 0.5) -> Figure:
    """Random samples as they pass the scales: one row a sample, one column a scale."""
    grown = [model.sample(samples, seed=seed, scales=n + 1) for n in range(model.scales)]
    rows = [(f"random {i + 1}", [frame_at(clips[i], time) for clips in grown]) for i in range(samples)]
    return _titled(grid(rows, width=WIDE / model.scales, colors=[RANDOM] * samples), model.config, first=0)


def _titled(figure: Figure, config: Config, first: int) -> Figure:
    for n, axis in enumerate(figure.axes[: config.scales - first], start=first):
        scale_title(axis, n, config.kind(n))
    return figure


def residual_sizes(path: Sequence[Step], config: Config) -> Figure:
    """How wrong each scale is before and after its generator, and how much that adds."""
    figure, axis = subplots(figsize=(7, 3.2))
    scales = range(1, len(path) + 1)
    for n in scales:
        kind = config.kind(n)
        axis.axvspan(n - 0.5, n + 0.5, color=KIND_COLORS[kind], alpha=0.18, lw=0)
        axis.text(n, 0.97, kind, transform=axis.get_xaxis_transform(), ha="center", va="top")
    before, after = [rms(step.up - step.real) for step in path], [rms(step.out - step.real) for step in path]
    axis.plot(scales, before, "o--", color="0.4", label="error before Gⁿ: ↑x̄ⁿ⁻¹ against xⁿ")
    axis.plot(scales, after, "s-", color=RECONSTRUCTED, label="error after Gⁿ: x̄ⁿ against xⁿ")
    axis.plot(scales, [rms(step.residual) for step in path], "^:", color="black", label="size of what Gⁿ adds")
    axis.set(xlabel="scale n", ylabel="root mean square (values span 2)", xticks=list(scales))
    axis.set_xlim(0.5, len(path) + 0.5)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.15)
    axis.legend(fontsize=8)
    return figure


def flow_diagram(flow: dict[str, str], config: Config) -> Figure:
    """The networks in a row, as signals pass them, filled by what gradients do to them, by `gradient_flow`."""
    names = list(flow)
    figure, axis = subplots(figsize=(11, 2.2), layout=None, gridspec_kw={"left": 0, "right": 1, "top": 1, "bottom": 0})
    axis.set(xlim=(-0.7, max(7, len(names)) - 0.3), ylim=(-1.0, 1.0))
    axis.axis("off")
    for x, name in enumerate(names):
        state, n = flow[name], int(name[1:] or 0)
        edge = VAE_COLOR if name == "E" else KIND_COLORS[config.kind(n)]
        style: dict[str, Any] = {"facecolor": FILL[state], "edgecolor": edge, "linewidth": 4}
        style["hatch"] = "//" if state == UNTOUCHED else None
        axis.add_patch(FancyBboxPatch((x - 0.27, -0.25), 0.54, 0.5, boxstyle="round,pad=0.03", **style))
        axis.text(x, 0, raised(name), ha="center", va="center", fontsize=14, fontweight="bold")
        axis.text(x, -0.52, state, ha="center", va="center", fontsize=11)
        if x:
            axis.annotate("", (x - 0.32, 0.12), (x - 0.68, 0.12), arrowprops={"arrowstyle": "->", "color": "0.5"})
            if flow[names[x - 1]] != UNTOUCHED:
                arrow = {"arrowstyle": "-|>", "color": RANDOM, "linewidth": 2.5}
                axis.annotate("", (x - 0.68, -0.12), (x - 0.32, -0.12), arrowprops=arrow)
    axis.text(-0.4, 0.75, "→ signals", color="0.4", fontsize=11)
    axis.text(0.7, 0.75, "← gradients", color=RANDOM, fontsize=11, fontweight="bold")
    axis.text(2.2, 0.75, "rim: blue VAE, pink GAN", color="0.2", fontsize=11)
    return figure
