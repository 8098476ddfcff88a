"""Whether bfloat16 changes what is learned: the same training in both precisions, their loss curves and diversity.

Run `python benchmarks/precision.py --out docs/precision`: it writes `docs/precision.md` and `docs/precision.png`.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import matplotlib.pyplot as plt
from writing import machine, sites, table

from hpvae_nb import Model, load_clip, metrics, preset, presets, train
from hpvae_nb.lab.show import save_figure
from hpvae_nb.machine import choose_device

PRECISIONS = ("bfloat16", "float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="laptop", choices=presets())
    parser.add_argument("--clip", default="pedestrians")
    parser.add_argument("--iterations", type=int, help="per scale; the preset's if not given")
    parser.add_argument("--samples", type=int, default=50, help="for the diversity")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="path without ending, for .md and .png")
    options = parser.parse_args()
    config = preset(options.preset)
    if options.iterations:
        config = config.replace(iterations=options.iterations)
    clip = load_clip(options.clip, frames=config.frames)
    models: dict[str, Model] = {}
    for precision in PRECISIONS:
        for event in train(clip, config, seed=options.seed, precision=precision):
            if event.scale_done:
                print(f"{precision}: scale {event.scale} after {event.seconds:.0f} s", flush=True)
        models[precision] = event.model
    save_figure(options.out.with_suffix(".png"), curves(models))
    text = "\n\n".join([said(options, config.iterations), table(["", *PRECISIONS], rows(models, options))]) + "\n"
    options.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def said(options: argparse.Namespace, iterations: int) -> str:
    where = machine(choose_device("auto"))
    return (
        f"Preset {options.preset} on {options.clip}, {iterations} iterations at each scale, seed {options.seed}. "
        f"{where}.\n\n"
        f"![Loss curves in bfloat16 and float32 lie on each other at all scales]({options.out.name}.png)\n\n"
        "Reconstruction error: mean over the last tenth of each scale's records."
    )


def rows(models: dict[str, Model], options: argparse.Namespace) -> list[list[str]]:
    """Reconstruction error at each scale's end, and the diversity of the finished models."""
    lines = []
    for scale, shape in enumerate(models[PRECISIONS[0]].shapes):
        line = [f"scale {scale}, {sites(shape)}"]
        for model in models.values():
            records = [record["reconstruction"] for record in model.facts["history"][scale]]
            line.append(f"{statistics.fmean(records[-max(1, len(records) // 10) :]):.5f}")
        lines.append(line)
    clip = load_clip(options.clip)
    spread = [f"{metrics.diversity(model.sample(options.samples, seed=1), clip):.3f}" for model in models.values()]
    return [
        *lines,
        ["diversity", *spread],
        ["seconds", *(f"{model.facts['seconds']:.0f}" for model in models.values())],
    ]


def curves(models: dict[str, Model]) -> plt.Figure:
    """Reconstruction error of all scales, one after the other, in both precisions; below, the critic's distance."""
    figure, axes = plt.subplots(2, 1, figsize=(10, 5), sharex=True, layout="constrained")
    for (precision, model), style in zip(models.items(), ("-", "--"), strict=True):
        color = {"bfloat16": "#D55E00", "float32": "#0072B2"}[precision]
        for axis, name in zip(axes, ("reconstruction", "distance"), strict=True):
            for scale, records in enumerate(model.facts["history"]):
                x = [scale * model.config.iterations + record["iteration"] for record in records if name in record]
                y = [record[name] for record in records if name in record]
                label = precision if scale == model.config.scales - 1 else None
                axis.plot(x, y, style, color=color, linewidth=1, label=label)
    axes[0].set(yscale="log", ylabel="reconstruction error")
    axes[1].set(ylabel="E[D(x)] - E[D(x̄_rand)]", xlabel="iteration, all scales in turn")
    axes[0].legend()
    return figure


if __name__ == "__main__":
    main()
