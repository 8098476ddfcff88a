"""Train the models of `data/models`, and write their cards: each filmed clip with M = 1, 2, 3, 4, 5, 7 VAE levels, four
large ones, three of pictures.

`make zoo` runs it. Each training keeps to one thread, so that the weights do not depend on how many cores there are;
several run beside each other instead. A second run goes on where the first was stopped.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import hpvae_nb as hp
from hpvae_nb.io import checkpoint
from hpvae_nb.lab import report

CLIPS = ("pedestrians", "bunny")
VAE_LEVELS = (3, 1, 7, 2, 5, 4)  # what most lessons use comes first
LARGE = {f"{clip}_{size}": (clip, f"laptop-{size}") for clip in ("koi", "balloons") for size in (128, 256)}
OPEN = {"padding": "replicate"}  # pond and sky go on beyond the frame
PICTURES = {"coffee": "laptop-image", "rocket": "laptop-image", "parasols": "laptop-texture"}
SEED = 0
MODELS = Path(__file__).parent / "models"


def train_model(name: str, clip_name: str, preset: str, changes: dict[str, Any], runs: Path, models: Path) -> str:
    """Train one model, or finish it, and write its file and its card; returns what to tell of it."""
    torch.set_num_threads(1)
    config = hp.preset(preset, **changes)
    clip = hp.load_image(clip_name) if config.dims == 2 else hp.load_clip(clip_name)
    for _ in hp.train(clip, config, seed=SEED, out=runs / name, resume=True, device="cpu", threads=1):
        pass
    trained = hp.load_model(runs / name, device="cpu")
    file = trained.save(models / f"{name}.safetensors", compact=True)
    stored = hp.load_model(file, device="cpu")
    samples = trained.sample(8, seed=0)
    moved, apart = (
        (other - samples).square().mean().sqrt().item()
        for other in (stored.sample(8, seed=0), trained.sample(8, seed=1))
    )
    settings = "".join(f" --set {setting}={value}" for setting, value in changes.items())
    card = [
        report.summary(stored, clip),
        f"Made by `python -m hpvae_nb train {clip_name} --preset {preset}{settings} --seed {SEED}` "
        "on one CPU thread, beside others like it (`make zoo`).",
        "",
        f"Stored as 8-bit whole numbers with a step for each output channel: samples moved by {moved:.4f} "
        f"(root mean square), where two seeds are {apart:.2f} apart.",
        "",
    ]
    checkpoint.write_bytes(models / f"{name}.md", "\n".join(card).encode())
    return f"{name}: {report.duration(trained.facts['seconds'])}, {file.stat().st_size / 1e6:.2f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/zoo"), help="folder for the trainings")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder for the models and their cards")
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--vae-levels", nargs="+", type=int, default=VAE_LEVELS)
    parser.add_argument("--large", nargs="*", default=list(LARGE), choices=list(LARGE), help="large models, by name")
    parser.add_argument(
        "--pictures", nargs="*", default=list(PICTURES), choices=list(PICTURES), help="of images, by name"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings beside each other")
    wanted = parser.parse_args()
    wanted_models: list[tuple[str, str, str, dict[str, Any]]] = [
        (f"{clip}_m{levels}", clip, wanted.preset, {"vae_levels": levels})
        for levels in wanted.vae_levels
        for clip in wanted.clips
    ]
    wanted_models += [(name, *LARGE[name], OPEN) for name in wanted.large]
    wanted_models += [(name, name, PICTURES[name], {}) for name in wanted.pictures]
    with ProcessPoolExecutor(wanted.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        trainings = [pool.submit(train_model, *model, wanted.runs, wanted.models) for model in wanted_models]
        for done in as_completed(trainings):
            print(done.result(), flush=True)


if __name__ == "__main__":
    main()
