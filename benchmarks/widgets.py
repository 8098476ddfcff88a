"""Times how long the interactive views take to answer: from a control's change to the new picture.

    python benchmarks/widgets.py                       # the bundled model, on this machine
    python benchmarks/widgets.py --times 100 --out docs/widgets.md

Each view is made as in a notebook, and one of its controls after the other is moved; what the browser needs to show the
picture comes on top. The aim is an answer within 100 ms for each clip that is drawn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from step import machine, table

from hpvae_nb.clips import load_clip
from hpvae_nb.model import Model, bundled_models, load_model
from hpvae_nb.precision import PRECISIONS
from hpvae_nb.widgets import sampling, steering

WARM_UP = 3  # moves that do not count
AIM = 0.1  # seconds


def main() -> None:
    options = parse_arguments()
    model = load_model(options.model, device=options.device, precision=options.precision)
    rows = []
    for name, (what, make) in views(model).items():
        seconds = answers(make(), options.times)
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        median = statistics.median(seconds)
        rows.append(
            [name, what, f"{1e3 * median:.0f}", f"{1e3 * late:.0f}", "yes" if late <= AIM else "no", len(seconds)]
        )
    titles = ["view", "what it draws", "median ms", "95th percentile ms", f"within {1e3 * AIM:.0f} ms", "moves"]
    head = f"Model {options.model!r}, clips of {' x '.join(map(str, model.shapes[-1]))}. "
    text = f"{head}{machine(model.device)}; {model.precision}.\n\n"
    text += f"From a control's change to the new picture:\n\n{table(titles, rows)}\n"
    print(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="pedestrians", help=f"a file, or one of {', '.join(bundled_models())}")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--times", type=int, default=40, help="moves of each view's controls, at least 2")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    if options.times < 2:
        parser.error("--times must be at least 2")
    return options


def views(model: Model) -> dict[str, tuple[str, Callable[[], Any]]]:
    """What each view draws for one answer, and how to make it."""
    clip = load_clip("pedestrians", frames=model.config.frames)
    return {
        "seed_view": ("3 clips", lambda: sampling.seed_view(model)),
        "steer_view": ("1 clip", lambda: steering.steer_view(model, clip)),
        "border_view": ("1 clip", lambda: steering.border_view(model)),
        "box_view": ("1 clip, and 1 more for a new seed", lambda: steering.box_view(model)),
        "loop_view": ("8 clips, two scales below the finest", lambda: steering.loop_view(model)),
        "size_view": ("1 clip of 1 to 12 times the size", lambda: steering.size_view(model)),
    }


def answers(view: Any, times: int) -> list[float]:
    """Seconds of `times` moves, the controls taking turns."""
    *controls, picture, text = view.children
    moves = cycle(controls)
    seconds = []
    positions = {control: values(control) for control in controls}
    for number in range(WARM_UP + times):
        control = next(moves)
        before, new = picture.value, next(positions[control])
        start = time.perf_counter()
        control.value = new
        taken = time.perf_counter() - start
        if "alert" in text.value:
            raise SystemExit(f"{control.description} = {new}: {text.value}")
        if number >= WARM_UP and picture.value != before:  # a control without effect would look too good
            seconds.append(taken)
    if len(seconds) < 2:
        raise SystemExit("the view's controls changed nothing")
    return seconds


def values(control: Any) -> Iterator[Any]:
    """Values all over a control's range, never twice the same in a row."""
    low, high, step = control.min, control.max, getattr(control, "step", 1) or 1
    positions = round((high - low) / step) + 1
    generator = torch.Generator().manual_seed(0)
    last = control.value
    while True:
        first, second = sorted(torch.randint(positions, (2,), generator=generator).tolist())
        ends = low + step * first, low + step * second
        new = ends if isinstance(control.value, tuple) else ends[0]
        if new != last and first < second:
            last = new
            yield new


if __name__ == "__main__":
    main()
