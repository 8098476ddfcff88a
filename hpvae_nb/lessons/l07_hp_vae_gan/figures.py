"""Figures of the whole model: what noise and plan decide, and how strong the noise is."""

from matplotlib.figure import Figure

from hpvae_nb.lab.render import KIND_COLORS, subplots
from hpvae_nb.lab.show import RANDOM, frame_at, grid
from hpvae_nb.model import Model


def noise_sheet(model: Model, *, seed: int = 0, time: float = 0.5) -> Figure:
    """One latent map, two draws of the GAN scales' noise, another map, and where they differ."""
    plans = [(seed, 1), (seed, 2), (seed + 1, 1)]
    a, b, c = (frame_at(model.decode(model.latent(1, seed=z), seed=draw)[0], time) for z, draw in plans)
    changed = [(x - a).abs().mean(0) for x in (b, c)]
    titles = ["plan A, noise 1", "plan A, noise 2", "plan B, noise 1", "changed by noise", "changed by plan"]
    heat = {"cmap": "magma", "vmin": 0, "vmax": 1}
    figure = grid([("", [a, b, c, *changed])], titles, width=1.55, heat=heat, bar="difference")
    for axis in figure.axes[:3]:
        axis.title.set_color(RANDOM)
    return figure


def noise_sizes(model: Model) -> Figure:
    """How strong the noise of each GAN scale is, beside what the scales do."""
    figure, axis = subplots(figsize=(6.5, 2.8))
    scales = range(1, model.scales)
    kinds = [model.config.kind(n) for n in scales]
    colors, hatches = [KIND_COLORS[kind] for kind in kinds], ["//" if kind == "VAE" else "" for kind in kinds]
    axis.bar(scales, model.network.amplitudes[1:], color=colors, hatch=hatches, edgecolor="black")
    axis.set(xlabel="scale n (hatched: VAE scales, which add no noise)", ylabel="noise amplitude", xticks=list(scales))
    axis.axhline(1 / 127.5, color="0.3", ls=":", label="one grey level of a stored picture")
    axis.legend(fontsize=8)
    return figure
