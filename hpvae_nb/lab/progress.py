"""What a viewer of a training remembers of it, and how that is drawn: losses, and what each finished scale makes."""

from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import KIND_COLORS, DetachedFigure, scale_title, subplots
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, fill, frame_at
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples, sampling_rate, scale_shapes
from hpvae_nb.training.events import Event, train

NOTES = 200  # losses kept of each scale
PANELS = {
    "reconstruction": "reconstruction error",
    "kl": "KL, what messages cost",
    "distance": "critic: E[D(x)] - E[D(x̄_rand)]",
}
History = list[list[dict[str, float]]]
"""For each scale, records of its losses by name, and their `iteration`; see `hpvae_nb.training.record`."""
Losses = dict[str, list[tuple[int, float]]]
"""For each loss by name, its step counted over all scales (from 1) and its value."""


@dataclass
class Progress:
    """What a viewer of a training remembers of its events.

    Attributes:
        clip, config: what is trained.
        losses: so far, as many as a figure can show.
        previews: one random sample of each finished scale, `c t h w` in [-1, 1], by scale.
        last: the latest event; None before the first.
        before: steps made in earlier sessions, until there is an event.
        finished: whether there is nothing left to do.
    """

    clip: Clip
    config: Config
    losses: Losses = field(default_factory=dict)
    previews: dict[int, Tensor] = field(default_factory=dict)
    last: Event | None = None
    before: int = 0
    finished: bool = False

    @property
    def steps(self) -> int:
        """Steps made, over all scales."""
        if self.finished:
            return self.total
        return self.before if self.last is None else self.config.steps_below(self.last.scale) + self.last.iteration

    @property
    def total(self) -> int:
        """Steps to make, over all scales."""
        return self.config.steps_below(self.config.scales)

    def take_up(self, scale: int, iteration: int, history: History) -> None:
        """Remember where an earlier session got."""
        self.before, self.losses = self.config.steps_below(scale) + iteration, losses_over(history, self.config)

    def note(self, event: Event) -> None:
        """Remember an event: a sample where a scale ends, and of its losses as many as a figure can show."""
        self.last = event
        if event.iteration % max(1, event.iterations // NOTES) == 0:
            for name, value in event.losses.items():
                self.losses.setdefault(name, []).append((self.steps, value))
        self._preview(event.model, event.scale + event.scale_done)

    def finish(self, model: Model) -> None:
        """Remember a finished model, with the losses of all sessions that it was trained in."""
        self.finished = True
        self._preview(model, model.scales)
        self.losses = losses_of(model)

    def _preview(self, model: Model, scales: int) -> None:
        for scale in set(range(scales)) - self.previews.keys():
            self.previews[scale] = model.sample(1, seed=0, scales=scale + 1)[0]

    def real(self, scale: int) -> Tensor:
        """x^n, the clip as this scale is asked to make it, `c t h w` in [-1, 1]."""
        return real_samples(self.config, self.clip, scale, scale_shapes(self.config, self.clip)[scale])[0]

    def fps(self, scale: int) -> float:
        """Frames per second at which a clip of this scale lasts as long as the real one."""
        return self.clip.fps / sampling_rate(self.config, scale)

    def words(self) -> str:
        """Where the training stands, in a sentence."""
        if self.finished:
            return f"All {self.config.scales} scales are trained."
        if self.last is None:
            return "No step was made yet." if not self.before else f"{self.before} of {self.total} steps are made."
        kind, event = self.config.kind(self.last.scale), self.last
        return (
            f"Scale {event.scale} of 0..{self.config.scales - 1} ({kind}), step {event.iteration} of "
            f"{event.iterations}; reconstruction error {event.losses['reconstruction']:.2g}."
        )


def watch(clip: Clip, config: Config, **options: Any) -> Figure:
    """Train to the end, and draw what there was to see, as `training_sheet`: the dashboard without a browser."""
    progress = Progress(clip, config)
    for event in train(clip, config, **options):
        progress.note(event)
    return training_sheet(progress)


def losses_of(model: Model) -> Losses:
    """The losses of all sessions that a model was trained in."""
    return losses_over(model.facts.get("history", []), model.config)


def losses_over(history: History, config: Config) -> Losses:
    """The same, from what was written down of each scale."""
    losses: Losses = {}
    for scale, records in enumerate(history):
        for record in records:
            step = config.steps_below(scale) + int(record["iteration"])
            for name in record.keys() - {"iteration"}:
                losses.setdefault(name, []).append((step, record[name]))
    return losses


def loss_figure(losses: Losses, config: Config) -> Figure:
    """Losses so far, over all the steps to come, on the colours of VAE and GAN scales."""
    figure, axes = subplots(1, len(PANELS), figsize=(8.5, 2.4))
    _draw_losses(axes, losses, config)
    return figure


def training_sheet(progress: Progress) -> Figure:
    """Losses above; below, the middle frame of each finished scale: real, and a random sample."""
    shapes, scales = scale_shapes(progress.config, progress.clip), range(progress.config.scales)
    above, below = 2.5, 2 * 11 / len(scales) * shapes[-1][-2] / shapes[-1][-1] + 0.3
    figure: Any = DetachedFigure((11, above + below), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[above, below])
    _draw_losses(top.subplots(1, len(PANELS)), progress.losses, progress.config)
    axes = bottom.subplots(2, len(scales), squeeze=False)
    previews = [progress.previews.get(n) for n in scales]
    rows: list[tuple[str, list[Tensor | None]]] = [
        ("real", [frame_at(progress.real(n)) for n in scales]),
        ("random", [None if clip is None else frame_at(clip) for clip in previews]),
    ]
    fill(axes, rows, colors=(REAL, RANDOM))
    for axis, scale in zip(axes[0], scales, strict=True):
        scale_title(axis, scale, progress.config.kind(scale))
    return figure


def _draw_losses(axes: Any, losses: Losses, config: Config) -> None:
    for axis, (name, title) in zip(axes, PANELS.items(), strict=True):
        points = losses.get(name, [])
        style = {"color": RECONSTRUCTED if name == "reconstruction" else "black", "lw": 1}
        for n in range(config.scales):  # a line for each scale: what a new one begins with is no step of the old
            first, last = config.steps_below(n), config.steps_below(n + 1)
            axis.axvspan(first, last, color=KIND_COLORS[config.kind(n)], alpha=0.18 + 0.14 * (n % 2), lw=0)
            part = [point for point in points if first < point[0] <= last]
            axis.plot(*zip(*part, strict=True), **style, marker="." if len(part) < 3 else "") if part else None
        axis.set_xlim(0, config.steps_below(config.scales))
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step, all scales", fontsize=8)
        if name != "distance" and points:
            axis.set_yscale("log")
        axis.tick_params(labelsize=8, which="both")
        if not points:
            axis.set_yticks([])
