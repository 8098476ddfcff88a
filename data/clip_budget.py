"""What the same seconds buy, with ever more clips to learn from: `python data/clip_budget.py [FOLDER]`.

MoCoGAN learns 1, 8, 64 and 400 rendered clips of shapes, the same number of rounds each time; HP-VAE-GAN learns the
first of them for as long, and the first clips of other sets, to be looked at. A good minute of one thread each.
Lesson 16 shows what comes of it, from `data/evidence/clip_budget.parquet`, samples in a picture of that name, and the
models of ours in `data/evidence/systems`.
Trainings that lie in the folder (`runs/clip_budget`) are not trained again.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pandas as pd
import torch

import hpvae_nb as hp
from hpvae_nb.baselines import make_system
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.lab.render import photo
from hpvae_nb.lessons.l16_many_videos_or_one import experiment, figures
from hpvae_nb.studies import evidence

ROUNDS = 900  # of MoCoGAN: a good minute of one thread
LONGER = 4.6  # times as many iterations as the preset has, of ours: as many seconds
SAMPLES, SHOWN = 50, 3
SETS = ("shapes", "balloons", "digits")
HOW = {"seed": 0, "device": "cpu", "precision": "float32", "threads": 1, "resume": True}


def main(out: Path) -> None:
    train, test = hp.load_set("shapes"), hp.load_set("shapes", "test")
    measured = experiment.Budget(train, test)
    models = {count: of_mocogan(train.first(count), out / f"mocogan_{count}") for count in experiment.BUDGETS}
    ours = {data: of_ours(data, out / f"ours_{data}") for data in SETS}

    rows = [("real", len(train), name, value, 0.0) for name, value in measured.of(test.batch(range(SAMPLES)), train)]
    shown = {"real": test.batch(range(SHOWN))}
    for learner, count, model in [*(("mocogan", n, model) for n, model in models.items()), ("ours", 1, ours["shapes"])]:
        samples, seconds = model.sample(SAMPLES, seed=0), model.facts["processor_seconds"]
        print(f"{learner}, {count} clips: {seconds:.0f} s", flush=True)
        rows += [(learner, count, name, value, seconds) for name, value in measured.of(samples, train.first(count))]
        shown[f"MoCoGAN, {count}" if learner == "mocogan" else "ours, 1"] = samples[:SHOWN]
    table = pd.DataFrame(rows, columns=["learner", "clips", "measure", "value", "seconds"])
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    file = evidence.folder() / evidence.CLIP_BUDGET
    write_bytes(file, buffer.getvalue())
    write_bytes(file.with_suffix(".webp"), photo(figures.samples_figure(shown)))
    print(table.pivot_table(index=["learner", "clips"], columns="measure", values="value").round(2))


def of_mocogan(clips: ClipSet, out: Path) -> hp.Model:
    """A MoCoGAN that has learned these clips."""
    method, config = make_system("mocogan")
    return hp.fit(repeated(clips, config.batch), config.replace(iterations=ROUNDS), method=method, out=out, **HOW)


def of_ours(data: str, out: Path) -> hp.Model:
    """Ours, which has learned the first clip of a set; also kept in the evidence."""
    config = hp.preset("laptop-32")
    coarse, each = round(LONGER * config.coarse_iterations), round(LONGER * config.iterations)
    clip = hp.load_set(data, count=1).clip(0)
    model = hp.fit(clip, config.replace(coarse_iterations=coarse, iterations=each), out=out, **HOW)
    model.save(evidence.system_file("ours", data), compact=True)
    return model


def repeated(clips: ClipSet, least: int) -> ClipSet:
    """The clips as often as a round needs, so that one clip can fill it."""
    times = -(-least // len(clips))
    names, labels = list(clips.names) * times, clips.labels.repeat(times).tolist()
    pixels = clips.pixels.repeat(times, 1, 1, 1, 1)
    return ClipSet(pixels, labels, clips.classes, names, fps=clips.fps, name=clips.name, split=clips.split)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/clip_budget"))
