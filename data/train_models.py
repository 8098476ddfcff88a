"""Train the models of `data/models`: each real clip with M = 1, 2, 3, 4, 5 and 7 VAE levels, and a card for each.

`make zoo` runs it. Each training keeps to one thread, so that the weights do not depend on how many cores there are;
several run beside each other instead. A second run goes on where the first was stopped.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch

import hpvae_nb as hp
from hpvae_nb import checkpoint, report

CLIPS = ("pedestrians", "bunny")
VAE_LEVELS = (3, 1, 7, 2, 5, 4)  # what most lessons use comes first
SEED = 0
MODELS = Path(__file__).parent / "models"


def train_model(clip_name: str, vae_levels: int, runs: Path, models: Path, preset: str) -> str:
    """Train one model, or finish it, and write its file and its card; returns what to tell of it."""
    torch.set_num_threads(1)
    name = f"{clip_name}_m{vae_levels}"
    clip = hp.load_clip(clip_name)
    config = hp.preset(preset, vae_levels=vae_levels)
    for _ in hp.train(clip, config, seed=SEED, out=runs / name, resume=True, device="cpu"):
        pass
    trained = hp.load_model(runs / name, device="cpu")
    file = trained.save(models / f"{name}.safetensors", compact=True)
    stored = hp.load_model(file, device="cpu")
    samples = trained.sample(8, seed=0)
    moved, apart = (
        (other - samples).square().mean().sqrt().item()
        for other in (stored.sample(8, seed=0), trained.sample(8, seed=1))
    )
    card = [
        report.summary(stored, clip),
        f"Made by `python -m hpvae_nb train {clip_name} --preset {preset} --set vae_levels={vae_levels} --seed {SEED}` "
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
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--vae-levels", nargs="+", type=int, default=VAE_LEVELS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings beside each other")
    wanted = parser.parse_args()
    with ProcessPoolExecutor(wanted.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        trainings = [
            pool.submit(train_model, clip, levels, wanted.runs, wanted.models, wanted.preset)
            for levels in wanted.vae_levels
            for clip in wanted.clips
        ]
        for done in as_completed(trainings):
            print(done.result(), flush=True)


if __name__ == "__main__":
    main()
