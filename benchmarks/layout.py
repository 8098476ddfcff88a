"""What is gained and lost by sampling from the clip's own layout in place of the prior: realism against diversity.

Run `python benchmarks/layout.py --out docs/layout`: it writes `docs/layout.md`, and the figures beside it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor
from writing import machine, table

from hpvae_nb import Clip, load_clip, load_image, load_model, metrics
from hpvae_nb.core.latents import shuffled_strips, slerp, stream
from hpvae_nb.core.resampling import resize
from hpvae_nb.core.steps import reparameterize
from hpvae_nb.lab import show
from hpvae_nb.recipe.pyramid import real_samples

FEATURES = {"patches": "patches", "EfficientNet": "efficientnet-lite0"}
BLENDS = (0.0, 0.05, 0.1, 0.2)  # of the prior (0) with E's own posterior (1): the knob to compare with
STRIPS = (2, 3, 4, 6)
FEW = 3  # samples of a seed whose novelty and survival are measured, which take longest
WIDEST = 96  # px: scales above are left out
APART = 1000  # a stream from which no scale of a model draws
NORMAL = 1.96  # standard errors to each side of an interval of 95 %
STYLES = {
    "blend": {"color": "#D55E00", "fmt": "o--"},
    "strips": {"color": "#0072B2", "fmt": "s-"},
    "between two": {"color": "#56B4E9", "fmt": "^"},
    "like noise": {"color": "#CC79A7", "fmt": "D"},
    "other windows": {"color": "#999999", "fmt": "v"},
    "the film": {"color": "#009E73", "fmt": "*"},
}


INTRODUCTION = """# Sampling from the clip's own layout

The prior draws every site of a latent map by itself. What E finds in a clip is not like that: its means resemble their
neighbours, and lie in a few directions of the latent space. `model.sample(n, seed=0, strips=3)` keeps what E has found:
its mu and sigma of the training clip are cut at random places into upright strips, these are put side by side in an
order in which none keeps its right-hand neighbour, and z is drawn from the normal distributions of the result. Rows and
frames stay where they are. Nothing is trained. FRPSS (Han, Zhang and Wang 2026), built on this method, finds the
weakness of its realism in how z is drawn, and shuffles slices of E's means; the cuts, the noise of E's own posterior
and the order without neighbours are ours.

Ways that were measured, of which `strips` became an option:

- **blend** s: from N(s mu, sigma^(2 s)) of the clip as it is: the prior at 0, E's posterior at 1. It buys realism with
  diversity: the curve to beat.
- **strips** k: as above, in k strips.
- **between two**: a random place on the sphere between two shuffles in three strips, with E's noise. Nearest to FRPSS,
  which also matches them to real slices.
- **like noise**: normal numbers with the covariance of E's means over sites and channels (white noise convolved with
  the means), with E's noise.
- **other windows**: E's posterior of windows of the film that the training has not seen.
- **the film**: these windows themselves, as they were filmed. Samples as good as real ones have their distances.

A narrower prior has no row, since it is no knob: G^0 begins with a convolution and a normalisation of each sample,
which divides the temperature out. Nor has a prior with the mean and variance of E's posterior in each channel: they
are 0 and 1 already."""

READING = """On clips of many small things, pedestrians and balloons, three or four strips lie outside of the blend's
curve by both kinds of features. On a clip of one large thing, bunny, they do not: samples differ more, but
EfficientNet finds them further from the clip than the prior's, since the thing is cut through. So strips are an
option and not the default.

Right and below is better. The last two distances of a row in the tables below say how much nearer the
clip a way is than the blend at equal diversity (than the prior, where a way is more diverse than that): an interval
above 0 lies outside of the curve.

What it costs there: large parts of the clip return as they are, so that novelty falls. Few strips have few orders
(one of two strips, 3 of three, 11 of four, 309 of six), so that samples look alike but for the cuts. What else it
brings there: survival rises, so that what is rare in the clip is no longer lost, which is where FRPSS itself fails by
its authors' account.

The two kinds of features ask for different things: patches for how much there is of each thing, so that the film's
own other windows may be further from the clip than any sample; EfficientNet for whether things look as they do in the
clip."""


@dataclass
class Row:
    """What was measured of one way to sample one model: a number for each seed, or for each sample."""

    way: str
    strength: float
    diversity: list[float]
    realism: dict[str, list[float]]
    novelty: list[float]
    survival: list[float]

    @property
    def spread(self) -> float:
        return float(np.mean(self.diversity))

    def distance(self, features: str) -> float:
        return float(np.mean(self.realism[features]))

    def error(self, features: str) -> float:
        """Standard error of the distance, over samples."""
        values = self.realism[features]
        return float(np.std(values, ddof=1) / math.sqrt(len(values)))


class Subject:
    """A bundled model, the clip that it was trained on, and the film that the clip was cut from."""

    def __init__(self, name: str) -> None:
        self.name, self.model = name, load_model(name, device="cpu")
        of, config = self.model.name, self.model.config
        widths = [shape[-1] for shape in self.model.shapes]
        self.scales = sum(width <= WIDEST for width in widths) if config.dims == 3 else self.model.scales
        self.film = load_clip(of, frames=60) if config.dims == 3 else load_image(of)
        self.real = self.training(0)

    def training(self, first: int) -> Tensor:
        """x^n at the scale that is measured, of the film from frame `first` on."""
        clip = self.film
        if self.model.config.dims == 3:
            clip = Clip(self.film.video[:, first : first + self.model.config.frames], fps=self.film.fps, name="cut")
        return real_samples(self.model.config, clip, self.scales - 1, self.model.shapes[self.scales - 1])[0]

    def sampled(self, way: str, strength: float, n: int, seed: int) -> Tensor:
        """`n` samples of a seed; of the film, `n` of its other windows."""
        if way == "strips":
            return self.model.sample(n, seed=seed, strips=int(strength), scales=self.scales)
        if way == "the film":
            return torch.stack([self.training(start) for start in self.starts(n, seed)])
        z = self.model.latent(n, seed=seed)
        assert self.model.coarse is not None
        mu, logvar = self.model.encode(self.model.coarse)
        sigma = logvar.exp().mean(dim=tuple(range(2, mu.ndim)), keepdim=True).sqrt()
        if way == "blend":
            z = reparameterize(strength * mu, strength * logvar, z)
        elif way == "between two":
            z = torch.stack([between(mu[0], int(strength), seed, i) for i in range(n)]) + sigma * z
        elif way == "like noise":
            z = torch.stack([textured(mu[0], seed, i) for i in range(n)]) + sigma * z
        elif way == "other windows":
            frames = self.model.config.frames
            cut = [self.film.video[:, start : start + frames] for start in self.starts(n, seed)]
            z = reparameterize(*self.model.encode(torch.stack(cut)), z)
        return self.model.decode(z, seed=seed, scales=self.scales)

    def starts(self, n: int, seed: int) -> list[int]:
        """First frames of windows of the film that begin where the training clip has ended, or later."""
        frames = self.model.config.frames
        return torch.randint(frames, self.film.frames - frames + 1, (n,), generator=stream(seed, 0, APART)).tolist()

    def ways(self) -> list[tuple[str, float]]:
        """What is measured, with its strength."""
        both = [("blend", s) for s in BLENDS] + [("strips", float(s)) for s in STRIPS]
        both += [("between two", 3.0), ("like noise", 1.0)]
        return both + ([("other windows", 1.0), ("the film", 1.0)] if self.model.config.dims == 3 else [])

    def measured(self, way: str, strength: float, n: int, seeds: int) -> Row:
        row = Row(way, strength, [], {features: [] for features in FEATURES}, [], [])
        for seed in range(seeds):
            samples = self.sampled(way, strength, n, seed)
            row.diversity.append(metrics.diversity(samples, self.real))
            for features, extractor in FEATURES.items():
                row.realism[features] += [s.value for s in metrics.svfid_each(samples, self.real, extractor)]
            row.novelty.append(metrics.novelty(samples[:FEW], self.real))
            row.survival.append(metrics.survival(samples[:FEW], self.real))
        return row


def between(means: Tensor, strips: int, seed: int, sample: int) -> Tensor:
    """A random place on the sphere between two shuffles of the means, `c t h w` to the same: nearest to FRPSS."""
    dice = stream(seed, sample, APART)
    one, other = (shuffled_strips(means, strips, means.shape[-1], dice) for _ in range(2))
    return slerp(one, other, torch.rand(1, generator=dice).item())


def textured(means: Tensor, seed: int, sample: int) -> Tensor:
    """Normal numbers with the covariance of the means over channels and sites: white noise convolved with them.

    Source: Galerne, Gousseau and Morel 2011, "Random phase textures" (asymptotic discrete spot noise), without their
    periodic border. `c t h w` to the same.
    """
    sites = means.shape[1:]
    centred = means - means.flatten(1).mean(1).view(-1, *[1] * len(sites))
    white = torch.randn(1, 1, *(2 * side - 1 for side in sites), generator=stream(seed, sample, APART))
    kernel = centred[:, None].flip(tuple(range(2, 2 + len(sites))))  # PyTorch's convolutions are correlations
    convolve = F.conv3d if len(sites) == 3 else F.conv2d
    return means - centred + convolve(white, kernel)[0] / math.sqrt(math.prod(sites))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["pedestrians_m3", "bunny_m3", "balloons_128"])
    parser.add_argument("--samples", type=int, default=12, help="of each seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="path without ending, for .md and .png")
    options = parser.parse_args()
    found: dict[str, list[Row]] = {}
    subjects = [Subject(name) for name in options.models]
    for subject in subjects:
        found[subject.name] = []
        for way, strength in subject.ways():
            row = subject.measured(way, strength, options.samples, options.seeds)
            found[subject.name].append(row)
            print(subject.name, *cells(row, found[subject.name]), sep=" | ", flush=True)
    show.save_figure(options.out.with_suffix(".png"), curves(found))
    samples = options.out.with_name(f"{options.out.name}_samples.png")
    show.save_figure(samples, pictures([subject for subject in subjects if subject.model.config.dims == 3]))
    options.out.with_suffix(".md").write_text(page(found, subjects, options), encoding="utf-8")


def reference(rows: Sequence[Row], spread: float, features: str) -> tuple[float, float]:
    """Distance and standard error of the blend at some diversity; beyond its largest those of that one, below NaN."""
    blends = sorted((row for row in rows if row.way == "blend"), key=lambda row: row.spread)
    places = [row.spread for row in blends]
    if spread < places[0]:
        return math.nan, math.nan
    values = [[row.distance(features) for row in blends], [row.error(features) for row in blends]]
    distance, error = (float(np.interp(spread, places, value)) for value in values)
    return distance, error


def gain(row: Row, rows: Sequence[Row], features: str) -> tuple[float, float]:
    """How much less the distance is than the blend's at equal diversity, and half the width of its 95 % interval."""
    distance, error = reference(rows, row.spread, features)
    return distance - row.distance(features), NORMAL * math.hypot(error, row.error(features))


def label(row: Row) -> str:
    if row.way == "blend":
        return f"blend {row.strength:g}" if row.strength else "the prior"
    return f"strips={row.strength:g}" if row.way == "strips" else row.way


def cells(row: Row, rows: Sequence[Row]) -> list[str]:
    """A line of the table; gains where there is something to compare."""
    line = [label(row), f"{row.spread:.2f} ({min(row.diversity):.2f} to {max(row.diversity):.2f})"]
    for features in FEATURES:
        line.append(f"{row.distance(features):.3g} ± {NORMAL * row.error(features):.2g}")
    for features in FEATURES:
        less, half = gain(row, rows, features)
        compared = row.way not in ("blend", "the film") and math.isfinite(less)
        line.append(f"{less:.3g} ± {half:.2g}" if compared else "-")
    return [*line, f"{np.mean(row.novelty):.2f}", f"{np.mean(row.survival):.2f}"]


def curves(found: dict[str, list[Row]]) -> plt.Figure:
    """Realism against diversity, a column for each model, a line for each kind of features; right, below is better."""
    size = (3.4 * len(found), 3.2 * len(FEATURES))
    figure, axes = plt.subplots(len(FEATURES), len(found), figsize=size, layout="constrained", squeeze=False)
    for line, features in zip(axes, FEATURES, strict=True):
        for axis, (name, rows) in zip(line, found.items(), strict=True):
            for way, style in STYLES.items():
                chosen = [row for row in rows if row.way == way]
                x, y = [row.spread for row in chosen], [row.distance(features) for row in chosen]
                bars = [NORMAL * row.error(features) for row in chosen]
                axis.errorbar(x, y, bars, label=way, markersize=6, capsize=2, linewidth=1.2, **style)
                for row in chosen:
                    if way == "strips":
                        place = (row.spread, row.distance(features))
                        axis.annotate(f"{row.strength:g}", place, xytext=(5, 3), textcoords="offset points")
            axis.set(title=name, xlabel="diversity (of the clip's contrast)", ylim=(0, None))
        line[0].set_ylabel(f"Fréchet distance, {features}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(STYLES))
    return figure


def pictures(subjects: Sequence[Subject]) -> plt.Figure:
    """The middle frame of the clip, of samples from the prior, and of samples in strips."""
    rows: list[tuple[str, list[Tensor | None]]] = []
    height, width = max(tuple(subject.real.shape[-2:]) for subject in subjects)
    for subject in subjects:
        for strips in (None, 3, 6):
            made = subject.model.sample(4, seed=0, strips=strips, scales=subject.scales)
            frames = [show.frame_at(clip) for clip in (subject.real, *made)]
            shown = [resize(frame, (height, width)) for frame in frames]
            rows.append((f"strips={strips}" if strips else f"{subject.name}: the prior", [*shown]))
    return show.grid(rows, ["real", *(f"sample {i}" for i in range(4))], width=1.6)


def verdict(rows: Sequence[Row]) -> str:
    """Which ways lie outside of the blend's curve, by which features."""
    outside: dict[str, list[str]] = {}
    for row in rows:
        if row.way not in ("blend", "the film"):
            gains = {features: gain(row, rows, features) for features in FEATURES}
            kinds = " and ".join(features for features, (less, half) in gains.items() if less > half)
            outside.setdefault(kinds or "nothing", []).append(label(row))
    said = "; by ".join(f"{kinds}: {', '.join(ways)}" for kinds, ways in outside.items())
    return f"Outside of the blend's curve by {said}."


def means(subject: Subject) -> str:
    """How far E's posterior of the clip is from the prior, and what half the temperature does."""
    model = subject.model
    assert model.coarse is not None
    mu, logvar = model.encode(model.coarse)
    channels = rearrange(mu, "b c ... -> c (b ...)")
    total = channels.var(1) + rearrange(logvar.exp(), "b c ... -> c (b ...)").mean(1)
    centred = channels - channels.mean(1, keepdim=True)
    energy = torch.linalg.svdvals(centred).square()
    apart = rearrange(centred, "c (b s w) -> b c s w", b=len(mu), w=mu.shape[-1])
    alike = (apart[..., 1:] * apart[..., :-1]).mean() / apart.square().mean()
    z = model.latent(2, seed=0)
    whole, half = (model.decode(factor * z, noise=0, scales=subject.scales) for factor in (1.0, 0.5))
    return (
        f"Variance of E's posterior over the clip: {total.min():.2f} to {total.max():.2f} in {len(total)} channels. "
        f"Of that of the means alone, {energy[:8].sum() / energy.sum():.0%} lie in 8 directions; neighbours in a row "
        f"correlate by {alike:.2f}. "
        f"Half the temperature moves samples by {(whole - half).square().mean().sqrt():.4f} (root mean square)."
    )


def page(found: dict[str, list[Row]], subjects: Sequence[Subject], options: argparse.Namespace) -> str:
    titles = ["way", "diversity", *(f"distance, {name}" for name in FEATURES)]
    titles += [*(f"less than the blend, {name}" for name in FEATURES), "novelty", "survival"]
    parts = [INTRODUCTION, f"![Realism against diversity, for each way and model]({options.out.name}.png)", READING]
    parts.append(f"![Samples from the prior and from strips]({options.out.name}_samples.png)")
    for subject in subjects:
        shape = " x ".join(map(str, subject.real.shape[1:]))
        rows = found[subject.name]
        parts += [
            f"## {subject.name}, {shape}",
            means(subject),
            table(titles, [cells(row, rows) for row in rows]),
            verdict(rows),
        ]
    many = f"{options.seeds} seeds of {options.samples} samples each"
    parts.append(
        f"{many}; intervals of 95 % by the spread over all samples, in brackets the least and the largest of a seed. "
        f"{machine(torch.device('cpu'))}. Written by `python benchmarks/layout.py --out docs/layout`."
    )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
