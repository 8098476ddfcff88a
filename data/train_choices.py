"""Train what lesson 14 shows samples of, and write these to `data/choices`: `python data/train_choices.py [NAME ...]`.

About two minutes of one thread each. Names that have a file are left out, unless they are given.
"""

from __future__ import annotations

import sys

from einops import rearrange

from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.lab import show
from hpvae_nb.lessons.l14_images import experiment


def main(names: list[str]) -> None:
    for name in names or [name for name in experiment.CHOICES if not experiment.sample_file(name).exists()]:
        model = experiment.CHOICES[name].train()
        beside = rearrange(model.sample(experiment.SAMPLES, seed=0), "b c h w -> c h (b w)")
        write_bytes(experiment.sample_file(name), show.webp(show.to_uint8(beside)[None], 1, quality=85))
        print(f"wrote {experiment.sample_file(name)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
