"""Times how long the interactive views take to answer: from a control's change to the new picture.

    python benchmarks/widgets.py                       # every lesson's views, on this machine
    python benchmarks/widgets.py --times 100 --out docs/widgets.md

Each view is made as in its notebook, by the `EXAMPLES` of its lesson's tests, and one of its controls after the other
is moved; what the browser needs to show the picture comes on top. The aim is an answer within 100 ms; a view that takes
longer says "Drawing ..." from then on.
Views that train anew at every change show how far they are, and are timed apart. So are clips of 256 px, which come
coarse first, and whole when the control rests: the model is untrained, which takes as long as a trained one. Processor
time is what an idle machine of this kind would need with one thread: other programs make the clock's time longer, and
hardly that.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from ipywidgets import Play
from writing import machine, table

from hpvae_nb.lab.finer import AIM, REST
from hpvae_nb.lab.live import SOON
from hpvae_nb.machine import PRECISIONS
from hpvae_nb.model import Model, bundled_models, load_model
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import planned_shapes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from common import examples

WARM_UP = 3  # moves that do not count
RETRAINED = ("beta_view",)  # timed apart
LARGE = ("seed_view", "border_view", "box_view")  # timed with a large model as well


def main() -> None:
    options = parse_arguments()
    model = load_model(options.model, device=options.device, precision=options.precision)
    rows = []
    for name, (lesson, what, make) in examples().items():
        if name in RETRAINED:
            continue
        seconds, busy = answers(make(model), options.times)
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        median = statistics.median(seconds)
        within = "yes" if late <= SOON else "no"
        figures = [f"{1e3 * value:.0f}" for value in (median, late, statistics.median(busy))]
        rows.append([name, int(lesson[:2]), what, *figures, within, len(seconds)])
    aim = f"within {1e3 * SOON:.0f} ms"
    titles = ["view", "lesson", "what it draws", "median ms", "95th percentile ms", "processor ms", aim, "moves"]
    head = f"Model {options.model!r}, clips of {' x '.join(map(str, model.shapes[-1]))}. "
    text = f"{head}{machine(model.device)}; {model.precision}.\n\n"
    text += f"From a control's change to the new picture:\n\n{table(titles, rows)}\n"
    titles = ["view", "lesson", "first answer shows", "median ms", "95th percentile ms", "moves", "finest s"]
    large = untrained()
    text += f"\nClips of {' x '.join(map(str, large.shapes[-1]))}, coarse first (aim: {1e3 * AIM:.0f} ms), then whole, "
    text += f"{REST} s after the last move:\n\n{table(titles, coarse_first(large, options.times))}\n"
    text += f"\nViews that train anew:\n\n{table(['view', 'lesson', 'first pictures s', 'all s'], retraining())}\n"
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="pedestrians_m3", help=f"a file, or one of {', '.join(bundled_models())}")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--times", type=int, default=40, help="moves of each view's controls, at least 2")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    if options.times < 2:
        parser.error("--times must be at least 2")
    return options


def untrained() -> Model:
    """A model of 256 px that takes as long as a trained one."""
    config = preset("laptop-256")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make_hierarchy(config)
        for _ in range(1, config.scales):
            network.grow()
    network.amplitudes = [0.05] * config.scales
    network.requires_grad_(False)
    return Model(network, planned_shapes(config, 9 / 16), config, coarse=None, fps=12.0, name="untrained")


def coarse_first(model: Model, times: int) -> list[list[Any]]:
    """Seconds from a move to the first picture, and from the last move to the finest, the moment of rest included."""
    rows = []
    for name in LARGE:
        lesson, _, make = examples()[name]
        view = make(model)
        seconds, _ = answers(view, times)
        shown = view.children[-1].value
        start = time.perf_counter()
        if not view.wait(60):
            raise SystemExit(f"{name} did not come to its finest picture")
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        figures = [f"{1e3 * value:.0f}" for value in (statistics.median(seconds), late)]
        what = re.sub(r".*<small>\((.*)\)</small>", r"\1", shown) if "<small>" in shown else "the finest"
        rows.append([name, int(lesson[:2]), what, *figures, len(seconds), f"{time.perf_counter() - start:.1f}"])
    return rows


def retraining() -> list[list[Any]]:
    """Lesson 3's slider for beta: seconds from a move to the first new pictures, and until the training has ended."""
    _, _, make = examples()["beta_view"]
    view = make(None)
    slider, _, picture, text = view.children
    seen: list[float] = []
    picture.observe(lambda _: seen.append(time.perf_counter()), names="value")
    start = time.perf_counter()
    slider.value = 0.1
    if view.training.wait() != "done":
        raise SystemExit(text.value)
    return [["beta_view", 3, f"{seen[0] - start:.1f}", f"{seen[-1] - start:.1f}"]]


def answers(view: Any, times: int) -> tuple[list[float], list[float]]:
    """Seconds of `times` moves, the controls taking turns: by the clock, and of the processor."""
    *controls, picture, text = view.children
    moves = cycle(control for control in controls if not isinstance(control, Play))  # it moves a slider, in the browser
    seconds, busy = [], []
    positions = {control: values(control) for control in controls}
    for number in range(WARM_UP + times):
        control = next(moves)
        before, new = picture.value, next(positions[control])
        start, started = time.perf_counter(), time.process_time()
        control.value = new
        taken, worked = time.perf_counter() - start, time.process_time() - started
        if "alert" in text.value:
            raise SystemExit(f"{control.description} = {new}: {text.value}")
        if number >= WARM_UP and picture.value != before:  # a control without effect would look too good
            seconds.append(taken)
            busy.append(worked)
    if len(seconds) < 2:
        raise SystemExit("the view's controls changed nothing")
    return seconds, busy


def values(control: Any) -> Iterator[Any]:
    """Values all over a control's range, never twice the same in a row."""
    last = control.value
    if isinstance(last, bool) or hasattr(control, "options"):
        choices = (
            [False, True]
            if isinstance(last, bool)
            else [choice[1] if isinstance(choice, tuple) else choice for choice in control.options]
        )
        for new in cycle(choices):
            if new != last:
                last = new
                yield new
    low, high, step = control.min, control.max, getattr(control, "step", 1) or 1
    positions = round((high - low) / step) + 1
    generator = torch.Generator().manual_seed(0)
    while True:
        first, second = sorted(torch.randint(positions, (2,), generator=generator).tolist())
        ends = low + step * first, low + step * second
        new = ends if isinstance(control.value, tuple) else ends[0]
        if new != last and first < second:
            last = new
            yield new


if __name__ == "__main__":
    main()
