"""How close enlarged pictures come to those that were reduced: models trained in several ways, and interpolation.

Run `python benchmarks/enlarging.py --out docs/enlarging.md`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from torch import Tensor
from writing import machine, table

from hpvae_nb import Clip, fit, load_image, preset
from hpvae_nb.core.resampling import resize
from hpvae_nb.lessons.l15_applications.experiment import bicubic, corrected, psnr
from hpvae_nb.machine import choose_device

CUBE_ROOT = 2 ** (1 / 3)


def trainings(size: int) -> dict[str, dict[str, Any]]:
    """What each training changes of preset laptop-image, for a finest scale of `size` pixels."""
    whole: dict[str, Any] = {"fine_size": size, "window": None}
    small = round(size / CUBE_ROOT**4)
    singan = whole | {"step": CUBE_ROOT, "scales": 5, "coarse_size": small, "reconstruction_weight": 100.0}
    return {
        "laptop-image": whole,
        "SinGAN's step 2^(1/3), reconstruction weight 100, 5 scales": singan,
        "step 2, no critic, 3 scales": whole | {"step": 2.0, "scales": 3, "coarse_size": size // 4, "vae_levels": 3},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", nargs="+", default=["coffee", "chelsea", "grass"])
    parser.add_argument("--size", type=int, default=96, help="pixels of the reduced picture's longer side")
    parser.add_argument("--iterations", type=int, help="at each scale; the preset's if not given")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = [row for name in options.pictures for row in measured(name, options)]
    titles = ["picture", "way", "PSNR", "corrected", "s of training"]
    text = f"{said(options)}\n\n{table(titles, rows)}\n"
    options.out.write_text(text, encoding="utf-8")
    print(text)


def said(options: argparse.Namespace) -> str:
    return (
        f"Pictures of {2 * options.size} px on the longer side, reduced to {options.size} px and enlarged again by 2. "
        "Peak signal-to-noise ratio in dB: more is closer. Models are trained on the reduced picture alone, seed 0, "
        "and enlarge by their last generator, as often as their step needs for 2. Corrected: five rounds in which what "
        "the result lacks, when it is reduced again, is added to it. "
        f"{machine(choose_device('auto'))}. Written by `python benchmarks/enlarging.py --out docs/enlarging.md`."
    )


def measured(name: str, options: argparse.Namespace) -> list[list[str]]:
    """A picture's rows: interpolation first, then models."""
    picture = load_image(name)
    shape = tuple(round(options.size * side / max(picture.size)) for side in picture.size)
    real = resize(picture.video, (2 * shape[0], 2 * shape[1]), antialias=True)
    small = resize(real, shape, antialias=True)

    def row(way: str, made: Tensor, seconds: str = "-") -> list[str]:
        return [name, way, f"{psnr(real, made):.2f}", f"{psnr(real, corrected(made, small)):.2f}", seconds]

    rows = [row("bilinear", resize(small, tuple(real.shape[1:]))), row("bicubic", bicubic(small, 2))]
    for way, changes in trainings(options.size).items():
        config = preset("laptop-image", **changes)
        if options.iterations:
            config = config.replace(iterations=options.iterations, coarse_iterations=None)
        start = time.process_time()
        model = fit(Clip(small, name=name), config, seed=0)
        seconds = time.process_time() - start
        rows.append(row(way, model.enlarge(small, 2), f"{seconds:.0f}"))
        print(" | ".join(rows[-1]), flush=True)
    return rows


if __name__ == "__main__":
    main()
