"""Times how long the interactive views take to answer: from a control's change to the new picture.

    python benchmarks/widgets.py                       # every lesson's views, on this machine
    python benchmarks/widgets.py --times 100 --out docs/widgets.md

Each view is made as in its notebook, and one of its controls after the other is moved; what the browser needs to show
the picture comes on top. The aim is an answer within 100 ms; a view that takes longer says "Drawing ..." from then on.
Views that train anew at every change show how far they are, and are timed apart. So are clips of 256 px, which come
coarse first, and whole when the control rests: the model is untrained, which takes as long as a trained one. Processor
time is what an idle machine of this kind would need with one thread: other programs make the clock's time longer, and
hardly that.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from ipywidgets import Play
from writing import machine, table

from hpvae_nb import baselines, lessons
from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.networks import Discriminator, Encoder, Generator
from hpvae_nb.io.clips import load_clip
from hpvae_nb.lab.finer import AIM, REST
from hpvae_nb.lab.live import SOON
from hpvae_nb.lessons.l06_wgan_gp.figures import shuffled_blocks, toy_points, train_toy
from hpvae_nb.lessons.l09_diversity_and_realism.experiment import Point
from hpvae_nb.lessons.l10_metrics.experiment import steps
from hpvae_nb.lessons.l12_other_methods.experiment import measure_noise
from hpvae_nb.machine import PRECISIONS
from hpvae_nb.metrics import svfid
from hpvae_nb.model import Model, bundled_models, load_model
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import planned_shapes, real_samples, scale_shapes
from hpvae_nb.studies import evidence
from hpvae_nb.training.events import train

WARM_UP = 3  # moves that do not count


def main() -> None:
    options = parse_arguments()
    model = load_model(options.model, device=options.device, precision=options.precision)
    rows = []
    for name, (lesson, what, make) in views(model).items():
        seconds, busy = answers(make(), options.times)
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        median = statistics.median(seconds)
        within = "yes" if late <= SOON else "no"
        figures = [f"{1e3 * value:.0f}" for value in (median, late, statistics.median(busy))]
        rows.append([name, lesson, what, *figures, within, len(seconds)])
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
        options.out.write_text(text)


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


def views(model: Model) -> dict[str, tuple[int, str, Callable[[], Any]]]:
    """For each view its lesson, what it draws for one answer, and how to make it."""
    clip, street, small = (load_clip("pedestrians", frames=13, size=size) for size in (None, 128, 48))
    laptop, paper = preset("laptop"), preset("paper", scales=7, fine_size=144)
    diagram = preset("paper", scales=6, coarse_size=8, fine_size=16, step=None, channels=4, latent=4)
    few = preset("laptop", channels=4, latent=4)
    copies = [real_samples(laptop, clip, n, shape)[0] for n, shape in enumerate(scale_shapes(laptop, clip))]
    real, fake = toy_points()
    return {
        "seed_view": (0, "1 clip", lambda: lessons.views()["seed_view"](model)),
        "shuffle_view": (
            1,
            "2 frames",
            lambda: lessons.views()["shuffle_view"](load_clip("balloons", frames=12, size=64).video),
        ),
        "find_view": (1, "search of a clip, 6 pictures", lambda: lessons.views()["find_view"](street.video)),
        "field_view": (2, "2 pictures", lambda: lessons.views()["field_view"](copies)),
        "latent_view": (
            2,
            "2 measured fields, 6 pictures",
            lambda: lessons.views()["latent_view"](small.video, Encoder(few), Generator(few, few.latent)),
        ),
        "kept_frames_view": (
            4,
            "1 table of frames",
            lambda: lessons.views()["kept_frames_view"](load_clip("pedestrians")),
        ),
        "what_is_missing_view": (4, "3 frames", lambda: lessons.views()["what_is_missing_view"](paper, clip)),
        "flow_view": (5, "1 training step, 1 diagram", lambda: lessons.views()["flow_view"](diagram)),
        "toy_view": (
            6,
            "2 maps",
            lambda: lessons.views()["toy_view"](
                {weight: train_toy(real, fake, weight) for weight in (0, 1, 10)}, real, fake
            ),
        ),
        "critic_map_view": (6, "8 pictures", lambda: lessons.views()["critic_map_view"](*critic_and_clips())),
        "noise_view": (7, "1 clip", lambda: lessons.views()["noise_view"](model)),
        "steer_view": (8, "1 clip", lambda: lessons.views()["steer_view"](model, clip)),
        "border_view": (8, "1 clip", lambda: lessons.views()["border_view"](model)),
        "box_view": (8, "1 clip, and 1 more for a new seed", lambda: lessons.views()["box_view"](model)),
        "loop_view": (
            8,
            "8 clips for new seeds, two scales below the finest",
            lambda: lessons.views()["loop_view"](model),
        ),
        "size_view": (8, "1 clip of 1 to 12 times the size", lambda: lessons.views()["size_view"](model)),
        "levels_view": (9, "4 ready clips, 2 curves", lambda: levels_view(model)),
        "strength_view": (10, "3 clips, 4 charts", strength_view),
        "ablation_view": (11, "8 clips, 5 charts", lambda: lessons.views()["ablation_view"](evidence.rows(), clip.fps)),
        "copies_view": (12, "1 clip copied at 4 levels, 3 curves", copies_view),
        "findings_view": (13, "8 clips", lambda: lessons.views()["findings_view"](evidence.rows())),
    }


def critic_and_clips() -> tuple[Discriminator, dict[str, torch.Tensor]]:
    """A critic as in lesson 6, untrained, since that takes as long, with four clips to judge."""
    config = preset("smoke", scales=3, fine_size=40, channels=16, latent=16, critic_layers=4)
    clip = load_clip("pedestrians", frames=13)
    real = real_samples(config, clip, 2, scale_shapes(config, clip)[2])
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clips = {"real": real, "upside down": real.flip(-2), "shuffled": shuffled_blocks(real, 4), "noise": noise}
    return Discriminator(config).eval(), {name: video[0] for name, video in clips.items()}


def untrained() -> Model:
    """A model of 256 px that takes as long as a trained one."""
    config = preset("laptop-256")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Hierarchy(config)
        for _ in range(1, config.scales):
            network.grow()
    network.amplitudes = [0.05] * config.scales
    network.requires_grad_(False)
    return Model(network, planned_shapes(config, 9 / 16), coarse=None, fps=12.0, name="untrained")


def coarse_first(model: Model, times: int) -> list[list[Any]]:
    """Seconds from a move to the first picture, and from the last move to the finest, the moment of rest included."""
    views = {
        "seed_view": (0, lambda: lessons.views()["seed_view"](model)),
        "border_view": (8, lambda: lessons.views()["border_view"](model)),
        "box_view": (8, lambda: lessons.views()["box_view"](model)),
    }
    rows = []
    for name, (lesson, make) in views.items():
        view = make()
        seconds, _ = answers(view, times)
        shown = view.children[-1].value
        start = time.perf_counter()
        if not view.wait(60):
            raise SystemExit(f"{name} did not come to its finest picture")
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        figures = [f"{1e3 * value:.0f}" for value in (statistics.median(seconds), late)]
        what = re.sub(r".*<small>\((.*)\)</small>", r"\1", shown) if "<small>" in shown else "the finest"
        rows.append([name, lesson, what, *figures, len(seconds), f"{time.perf_counter() - start:.1f}"])
    return rows


def retraining() -> list[list[Any]]:
    """Lesson 3's slider for beta: seconds from a move to the first new pictures, and until the training has ended."""
    clip = load_clip("balloons", frames=13)
    untrained = next(train(clip, preset("laptop", coarse_size=16, iterations=300), seed=0)).model
    slider, _, picture, text = lessons.views()["beta_view"](clip, untrained).children
    seen: list[float] = []
    picture.observe(lambda _: seen.append(time.perf_counter()), names="value")
    start = time.perf_counter()
    slider.value = 0.1
    if "alert" in text.value:
        raise SystemExit(text.value)
    return [["beta_view", 3, f"{seen[0] - start:.1f}", f"{seen[-1] - start:.1f}"]]


def levels_view(model: Model) -> Any:
    """Lesson 9's view of three models, which are one and the same here: what it shows takes as long."""
    clip = load_clip("pedestrians", frames=model.config.frames)
    point = Point(1, model.sample(10, seed=0), 0.5, svfid(clip.video[None], clip.video))
    points = [dataclasses.replace(point, levels=levels, samples=point.samples.flip(0)) for levels in (1, 3, 7)]
    return lessons.views()["levels_view"]({"one": points, "two": points[::-1]}, model.fps)


def strength_view() -> Any:
    """Lesson 10's view with the clip itself in place of a model's sample."""
    real = load_clip("pedestrians", frames=13, size=(28, 50)).video
    return lessons.views()["strength_view"](*steps(real, real, strengths=(0, 1)), real, 24)


def copies_view() -> Any:
    """Lesson 12's view."""
    clip, config = load_clip("pedestrians"), preset("smoke", coarse_size=16)
    own = {"iterations": 1, "time_factor": 0.6, "components": 48}

    def make(sigma: float, completeness: bool) -> Any:
        settings = {**own, "sigma": sigma, "alpha": 0.005 if completeness else None}
        return baselines.fit("vgpnn", clip, config, device="cpu", settings=settings)

    return lessons.views()["copies_view"](
        make, [measure_noise(make(sigma, False), samples=2) for sigma in (5, 20)], clip.fps
    )


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
