"""Trains pictures by each recipe for images, and says what it took and gave; for the comments in `recipe/presets.py`.

python benchmarks/images.py run --out runs/images         # train what is missing: some 80 processor seconds each
python benchmarks/images.py page --runs runs/images       # docs/images.md and docs/images/*.webp, of what is there
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from writing import machine, table

import hpvae_nb as hp
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.lab import show
from hpvae_nb.recipe.advice import coarse_share

RECIPES = {
    "laptop-image": ("laptop-image", {}),
    "coarsest 24 px": ("laptop-image", {"coarse_size": 24}),
    "M = 3": ("laptop-image", {"vae_levels": 3}),
    "equal steps": ("laptop-image", {"coarse_iterations": None, "iterations": 430}),
    "no average": ("laptop-image", {"average": 0.0}),
    "laptop-texture": ("laptop-texture", {}),
}
PICTURES = {
    "coffee": list(RECIPES),
    "parasols": ["laptop-image", "laptop-texture"],
    "hubble_deep_field": ["laptop-image", "laptop-texture"],
    "rocket": ["laptop-image", "laptop-texture"],
    "chelsea": ["laptop-image"],
    "astronaut": ["laptop-image"],
    "grass": ["laptop-texture"],
}
SAMPLES, SHOWN = 20, 5
DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="train what is missing")
    run.add_argument("--out", type=Path, default=Path("runs/images"))
    run.add_argument("--iterations", type=int, help="of the finest scale, to try the command")
    run.add_argument("--pictures", nargs="*", default=list(PICTURES), choices=list(PICTURES))
    run.set_defaults(do=lambda options: run_all(options.out, options.pictures, options.iterations))
    page = commands.add_parser("page", help="write what was found")
    page.add_argument("--runs", type=Path, default=Path("runs/images"))
    page.add_argument("--docs", type=Path, default=DOCS)
    page.set_defaults(do=lambda options: write_page(options.runs, options.docs))
    options = parser.parse_args()
    options.do(options)


def run_all(out: Path, pictures: list[str], iterations: int | None) -> None:
    torch.set_num_threads(1)
    for name in pictures:
        for recipe in PICTURES[name]:
            folder = out / name / recipe.replace(" ", "_")
            if not (folder / "row.json").exists():
                row = measured(name, recipe, folder, iterations)
                write_bytes(folder / "row.json", json.dumps(row).encode())
                print(row, flush=True)


def measured(name: str, recipe: str, folder: Path, iterations: int | None) -> dict[str, object]:
    """One training, on one thread: its processor seconds, and what its samples are like."""
    image, (preset, changes) = hp.load_image(name), RECIPES[recipe]
    config = hp.preset(preset, **changes)
    if iterations is not None:
        config = config.replace(iterations=iterations, coarse_iterations=iterations)
    began = time.process_time()
    model = hp.fit(image, config, device="cpu", threads=1)
    seconds = time.process_time() - began
    samples, real = model.sample(SAMPLES, seed=0), show.real_at_last_scale(model, image)
    folder.mkdir(parents=True, exist_ok=True)
    row = torch.cat([real[None], model.reconstruct(), samples[:SHOWN]])
    write_bytes(folder / "row.png", show.still(torch.cat(list(row), dim=2)))
    return {
        "picture": name,
        "recipe": recipe,
        "large": coarse_share(image),
        "seconds": seconds,
        "precision": model.precision,
        "diversity": hp.metrics.diversity(samples, real),
        "sifid": hp.metrics.sifid(samples, real, hp.metrics.efficientnet_lite0()).value,
        "novelty": hp.metrics.novelty(samples, real),
        "machine": machine(torch.device("cpu")),
    }


def write_page(runs: Path, docs: Path) -> None:
    (docs / "images").mkdir(parents=True, exist_ok=True)
    parts, machines = [], set()
    for name, recipes in PICTURES.items():
        if not (runs / name).exists():
            continue
        folders = [runs / name / recipe.replace(" ", "_") for recipe in recipes]
        found = [json.loads((folder / "row.json").read_text()) for folder in folders]
        pictures = [np.asarray(Image.open(folder / "row.png").convert("RGB")) for folder in folders]
        file = docs / "images" / f"{name}.webp"
        with file.open("wb") as written:
            Image.fromarray(np.concatenate(pictures)).save(written, "WEBP", quality=85)
        machines |= {(row["machine"].partition(",")[0], row["precision"]) for row in found}
        titles = ["recipe", "processor s", "diversity", "SIFID (EfficientNet)", "novelty"]
        rows = [
            [r["recipe"], f"{r['seconds']:.0f}", f"{r['diversity']:.2f}", f"{r['sifid']:.0f}", f"{r['novelty']:.2f}"]
            for r in found
        ]
        parts += [
            f"## {name}: {100 * found[0]['large']:.0f} % of it is large",
            f"![{name} and what each recipe makes of it, a row each](images/{file.name})",
            f"Rows: {'; '.join(recipes)}. In each: the picture, its reconstruction, {SHOWN} samples.",
            table(titles, rows),
        ]
    text = [
        "# What the recipes for images give",
        "Each training on one thread, seed 0. *Large* is the share of a picture's variance that is left at 16 pixels, "
        "by which `hpvae_nb.advise` chooses between `laptop-image` and `laptop-texture`. SIFID is measured in features "
        f"of EfficientNet-lite0 on {SAMPLES} samples; only numbers of one picture compare. Written by "
        "`python benchmarks/images.py page`.",
        "; ".join(f"{where}, in {precision}" for where, precision in sorted(machines)) + ".",
        *parts,
    ]
    write_bytes(docs / "images.md", ("\n\n".join(text) + "\n").encode())


if __name__ == "__main__":
    main()
