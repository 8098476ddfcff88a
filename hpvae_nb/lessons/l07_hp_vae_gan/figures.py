"""Figures of a whole training: what was noted on the way, its losses, and what each finished scale makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from hpvae_nb.errors import require
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR
from hpvae_nb.lab.show import RANDOM, REAL, RECONSTRUCTED, to_uint8
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


@dataclass
class Progress:
    """What a viewer of a training remembers of its events.

    Attributes:
        clip, config: what is trained.
        losses: for each loss by name, its step counted over all scales (from 1) and its value.
        previews: one random sample of each finished scale, `c t h w` in [-1, 1], by scale.
        last: the latest event; None before the first.
        finished: whether there is nothing left to do.
    """

    clip: Clip
    config: Config
    losses: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    previews: dict[int, Tensor] = field(default_factory=dict)
    last: Event | None = None
    finished: bool = False

    @property
    def steps(self) -> int:
        """Steps made, over all scales."""
        if self.finished:
            return self.total
        return 0 if self.last is None else self.last.scale * self.config.iterations + self.last.iteration

    @property
    def total(self) -> int:
        """Steps to make, over all scales."""
        return self.config.scales * self.config.iterations

    def note(self, event: Event) -> None:
        """Remember an event: a sample where a scale ends, and of its losses as many as a figure can show."""
        self.last = event
        if event.iteration % max(1, self.config.iterations // NOTES) == 0:
            for name, value in event.losses.items():
                self.losses.setdefault(name, []).append((self.steps, value))
        self._preview(event.model, event.scale + event.scale_done)

    def finish(self, model: Model) -> None:
        """Remember a finished model, with the losses of all sessions that it was trained in."""
        self.finished = True
        self._preview(model, model.scales)
        self.losses = {}
        for scale, records in enumerate(model.facts["history"]):
            for record in records:
                for name in record.keys() - {"iteration"}:
                    point = (scale * self.config.iterations + record["iteration"], record[name])
                    self.losses.setdefault(name, []).append(point)

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
            return "No step was made yet."
        kind, event = self.config.kind(self.last.scale), self.last
        return (
            f"Scale {event.scale} of 0..{self.config.scales - 1} ({kind}), step {event.iteration} of "
            f"{event.iterations}; reconstruction error {event.losses['reconstruction']:.2g}."
        )


def watch(clip: Clip, config: Config, **options: Any) -> Any:
    """Train to the end, and draw what there was to see; the dashboard of `widgets.training` without a browser.

    Args:
        clip, config, options: as in `train`.

    Returns:
        `training_sheet`, a matplotlib figure.
    """
    progress = Progress(clip, config)
    for event in train(clip, config, **options):
        progress.note(event)
    return training_sheet(progress)


def loss_figure(progress: Progress) -> Any:
    """Losses so far, over all the steps to come, on the colours of VAE and GAN scales; a matplotlib figure."""
    figure = _figure((11, 2.5))
    _draw_losses(figure.subplots(1, len(PANELS)), progress)
    return figure


def training_sheet(progress: Progress) -> Any:
    """Losses above; below, the middle frame of each finished scale: real, and a random sample.

    Returns:
        A matplotlib figure.
    """
    shapes = scale_shapes(progress.config, progress.clip)
    aspect, columns = shapes[-1][-2] / shapes[-1][-1], progress.config.scales
    above, below = 2.5, 2 * 11 / columns * aspect + 0.3
    figure = _figure((11, above + below))
    top, bottom = figure.subfigures(2, 1, height_ratios=[above, below])
    _draw_losses(top.subplots(1, len(PANELS)), progress)
    axes = bottom.subplots(2, columns, squeeze=False)
    for scale in range(columns):
        pictures = (progress.real(scale), progress.previews.get(scale))
        for axis, clip in zip(axes[:, scale], pictures, strict=True):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if clip is not None:
                axis.imshow(to_uint8(clip[:, clip.shape[1] // 2] if clip.ndim == 4 else clip), aspect="auto")
        box = {"facecolor": _color(progress.config, scale), "edgecolor": "none", "pad": 2}
        axes[0, scale].set_title(f"scale {scale} ({progress.config.kind(scale)})", fontsize=9, bbox=box)
    for axis, label, color in zip(axes[:, 0], ("real", "random"), (REAL, RANDOM), strict=True):
        axis.set_ylabel(label, color=color, fontweight="bold")
    return figure


def noise_sheet(model: Model, *, seed: int = 0, time: float = 0.5) -> Any:
    """One latent map, two draws of the GAN scales' noise, and where they differ; a matplotlib figure."""
    z = model.latent(1, seed=seed)
    a, b = (_frame(model.decode(z, seed=draw)[0], time) for draw in (1, 2))
    c = _frame(model.decode(model.latent(1, seed=seed + 1), seed=1)[0], time)
    change = [(x - a).abs().mean(0) for x in (b, c)]
    figure = _figure((11, 0.6 + 11 / 5 * a.shape[-2] / a.shape[-1]))
    axes = figure.subplots(1, 5)
    titles = ["plan A, noise 1", "plan A, noise 2", "plan B, noise 1", "changed by noise", "changed by plan"]
    for axis, image in zip(axes, (a, b, c), strict=False):
        axis.imshow(to_uint8(image), aspect="auto")
    heat = [
        axis.imshow(c.numpy(), cmap="magma", vmin=0, vmax=1, aspect="auto")
        for axis, c in zip(axes[3:], change, strict=True)
    ]
    for axis, title in zip(axes, titles, strict=True):
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=9, color=RANDOM if title[0] == "p" else "black")
    figure.colorbar(heat[1], ax=axes, label="difference", fraction=0.02, pad=0.01)
    return figure


def noise_sizes(model: Model) -> Any:
    """How strong the noise of each GAN scale is, beside what the scales do; a matplotlib figure."""
    figure = _figure((6.5, 2.8))
    axis = figure.subplots()
    scales = range(1, model.scales)
    colors = [_color(model.config, n) for n in scales]
    bars = axis.bar(scales, model.network.amplitudes[1:], color=colors, edgecolor="black")
    for n, bar in zip(scales, bars, strict=True):
        bar.set_hatch("//" if model.config.is_vae(n) else "")
    axis.set(xlabel="scale n (hatched: VAE scales, which add no noise)", ylabel="noise amplitude", xticks=list(scales))
    axis.axhline(1 / 127.5, color="0.3", ls=":", label="one grey level of a stored picture")
    axis.legend(fontsize=8)
    return figure


def _frame(clip: Tensor, time: float) -> Tensor:
    return clip[:, round(time * (clip.shape[1] - 1))] if clip.ndim == 4 else clip


def _figure(size: tuple[float, float]) -> Any:
    """A figure that pyplot knows nothing of: pyplot would show a half-drawn one in another cell of the notebook."""
    return require("matplotlib.figure", "drawing figures", "matplotlib").Figure(size, layout="constrained")


def _color(config: Config, scale: int) -> str:
    return VAE_COLOR if config.is_vae(scale) else GAN_COLOR


def _draw_losses(axes: Any, progress: Progress) -> None:
    config = progress.config
    for axis, (name, title) in zip(axes, PANELS.items(), strict=True):
        points = progress.losses.get(name, [])
        style = {"color": RECONSTRUCTED if name == "reconstruction" else "black", "lw": 1}
        for n in range(config.scales):  # a line for each scale: what a new one begins with is no step of the old
            first, last = n * config.iterations, (n + 1) * config.iterations
            axis.axvspan(first, last, color=_color(config, n), alpha=0.18 + 0.14 * (n % 2), lw=0)
            part = [point for point in points if first < point[0] <= last]
            axis.plot(*zip(*part, strict=True), **style, marker="." if len(part) < 3 else "") if part else None
        axis.set_xlim(0, progress.total)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step, all scales", fontsize=8)
        if name != "distance" and points:
            axis.set_yscale("log")
        axis.tick_params(labelsize=8, which="both")
        if not points:
            axis.set_yticks([])
