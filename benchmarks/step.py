"""Times one training step at every scale, this package against the literal version of the equations.

    python benchmarks/step.py                                  # the laptop preset on the pedestrians, on this machine
    python benchmarks/step.py --preset paper --device cuda --within 300 --seconds 5
    python benchmarks/step.py --growth --sampling --first-preview       # more tables

Both contenders start from the same weights and take turns, step by step, in one process, so that whatever else slows
the machine slows both. The literal version (`literal.py`) computes in float32 as PyTorch does by default, which on CUDA
lets convolutions use TF32. Memory is that of a fresh process for each contender. Nothing is trained beforehand: what a
step costs does not depend on the weights. Each row is also logged as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from literal import Literal, LiteralTrainer
from writing import clock, line, machine, sites, table

from hpvae_nb.core.convolution import channels_last
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.images import load_image
from hpvae_nb.machine import PRECISIONS, choose_device, choose_precision, computing
from hpvae_nb.method import HpVaeGan
from hpvae_nb.recipe.config import Config, from_dict
from hpvae_nb.recipe.presets import preset, presets
from hpvae_nb.training.cost import step_flops
from hpvae_nb.training.trainer import Trainer

Step = Callable[[], Any]
CONTENDERS = ("ours", "literal")
PEAK_SHAPES = ((1, 13, 72, 128), (2, 13, 36, 64), (4, 7, 32, 48), (2, 5, 24, 32))  # batch, T, H, W of 64 channels
QUICK_PEAK_SHAPES = ((2, 5, 12, 16),)


def main() -> None:
    start, options = time.perf_counter(), parse_arguments()
    if options.child:
        print(json.dumps(measure_alone(json.loads(options.child))))
        return
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    config = preset(options.preset, dims=options.dims, window=None, pool=None)  # the literal has whole clips
    # Fresh processes come first: on Linux a process's peak memory is at least that of the one that started it.
    where = f"{machine(device)}; ours in {precision}, the literal in float32."
    parts = [f"Preset {config.preset} on {load(config, options.clip).name}, whole clips at each step. {where}"]
    memory = [memory_row(name, config, options, device, precision) for name in CONTENDERS]
    growth = growth_tables(config, options, device, precision) if options.growth else []
    parts += step_tables(config, options, device, precision, start + options.within)
    what = "tensors on the GPU" if device.type == "cuda" else "the whole process"
    parts += [f"Peak memory at scale {config.scales - 1}, {what}, each contender in a fresh one:"]
    parts += [table(["contender", "before the first step, MB", "peak MB"], memory), *growth]
    if options.sampling:
        parts.append(sampling_table(config, options, device, precision))
    if options.first_preview:
        parts.append(first_preview(options))
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default=None, choices=presets(), help="default: laptop; with --quick, smoke")
    parser.add_argument("--dims", type=int, default=3, choices=(2, 3), help="2: an image, the clip's first frame")
    parser.add_argument("--clip", default="pedestrians", help="a bundled clip's name, a path, or a file of `save_clip`")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="of ours; the literal is float32")
    parser.add_argument("--seconds", type=float, default=10.0, help="to spend on each scale, once both are warm")
    parser.add_argument("--within", type=float, default=math.inf, help="seconds; the literal is left out beyond them")
    parser.add_argument("--growth", action="store_true", help="step time and memory by voxels and by frames")
    parser.add_argument("--sampling", action="store_true", help="seconds to sample a clip")
    parser.add_argument("--first-preview", action="store_true", help="seconds from the command to the first preview")
    parser.add_argument("--quick", action="store_true", help="everything small: to see that it runs")
    parser.add_argument("--out", type=Path, help="also write the tables to this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.preset = options.preset or ("smoke" if options.quick else "laptop")
    if options.quick:
        options.seconds = min(options.seconds, 0.2)
    return options


# Measuring


def save_clip(path: Path, clip: Clip) -> None:
    """Keep a clip in a file that needs no video package to be read."""
    checkpoint.write(path, "clip", {"video": clip.video}, {"fps": clip.fps, "name": clip.name})


def load(config: Config, name: str) -> Clip:
    if name.endswith(".safetensors"):
        tensors, about = checkpoint.read(Path(name), "clip")
        return Clip(tensors["video"], about["fps"], about["name"])
    return load_image(name) if config.dims == 2 else load_clip(name, frames=config.frames)


def new_trainer(config: Config, name: str, device: torch.device, precision: str) -> Trainer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the growth table enlarges its clip on purpose
        return Trainer(HpVaeGan(), load(config, name), config, seed=0, device=device, precision=precision)


def climb(trainer: Trainer, scale: int) -> Trainer:
    """Enter `scale` without a step at those below."""
    for n in range(len(trainer.history), scale + 1):
        trainer.enter_scale(n)
    return trainer


def literal_of(trainer: Trainer) -> LiteralTrainer:
    """The literal contender at the trainer's scale, with the same weights."""
    copy = Literal.from_ours(trainer.network, trainer.config, trainer.shapes, trainer.critic)
    return LiteralTrainer(copy, trainer.reals_0, trainer.reals_n)


def seconds_of(step: Step, device: torch.device) -> float:
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def alternate(steps: dict[str, Step], device: torch.device, seconds: float, least: int = 3) -> dict[str, list[float]]:
    """Seconds of single steps, the contenders taking turns for `seconds`, each at least `least` times after warming up.

    A contender so slow that `least` steps exceed the time still gets them.
    """
    for step in steps.values():
        for _ in range(2 if seconds_of(step, device) < 1 else 0):
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    start, rounds = time.perf_counter(), 0
    while rounds < least or time.perf_counter() - start < seconds:
        rounds += 1
        for name, step in steps.items():
            times[name].append(seconds_of(step, device))
    return times


def take_turns(
    trainer: Trainer, literal: bool, device: torch.device, seconds: float, least: int
) -> dict[str, list[float]]:
    """`alternate`; the literal is left out where it is not wanted, or fails, as where a GPU's memory is too small."""
    steps: dict[str, Step] = {"ours": trainer.step}
    if literal:
        try:
            return alternate({**steps, "literal": literal_of(trainer).step}, device, seconds, least)
        except RuntimeError as error:
            log(f"the literal is left out from here on: {error}")
    return alternate(steps, device, seconds, least)


def convolution_peak(device: torch.device, precision: str, shapes: Sequence[tuple[int, ...]]) -> float:
    """The most operations a second that a forward pass of a 3x3x3 convolution, 64 to 64 channels, reaches here."""
    layer = torch.nn.Conv3d(64, 64, 3, padding=1).to(device)
    best = 0.0
    for batch, *size in shapes:
        x = torch.randn(batch, 64, *size, device=device)
        for laid in (x, channels_last(x)):
            with torch.no_grad(), computing(device, precision):
                fastest = min(seconds_of(lambda x=laid: layer(x), device) for _ in range(8))  # type: ignore[misc]
            best = max(best, 2 * 27 * 64 * 64 * batch * math.prod(size) / fastest)
    return best


def alone(
    name: str, config: Config, options: argparse.Namespace, device: torch.device, precision: str, seconds: float
) -> dict[str, Any]:
    """`measure_alone` in a fresh process, which may take a sixth of the time there is."""
    order = {"name": name, "config": config.to_dict(), "clip": options.clip, "device": str(device)}
    order |= {"precision": precision, "seconds": seconds}
    command = [sys.executable, __file__, "--child", json.dumps(order)]
    limit = None if math.isinf(options.within) else options.within / 6
    where = f"{name} at {config.fine_size} px, {config.frames} frames"
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"{where}: longer than {limit:.0f} s") from error
    if done.returncode:
        raise SystemExit(f"{where} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def measure_alone(order: dict[str, Any]) -> dict[str, Any]:
    """Peak memory in bytes before and after steps of one contender at the finest scale, their times, the shape."""
    config, device = from_dict(order["config"]), torch.device(order["device"])
    idle = peak_bytes(device)
    trainer = new_trainer(config, order["clip"], device, order["precision"])
    climb(trainer, config.scales - 1)
    step: Step = literal_of(trainer).step if order["name"] == "literal" else trainer.step
    times = alternate({order["name"]: step}, device, order["seconds"], least=2)[order["name"]]
    return {"idle": idle, "peak": peak_bytes(device), "times": times, "shape": trainer.shapes[-1]}


def peak_bytes(device: torch.device) -> int:
    """The most memory that tensors had on a GPU, or that this process had on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# Tables


def step_tables(
    config: Config, options: argparse.Namespace, device: torch.device, precision: str, end: float
) -> list[str]:
    """Times by scale, then those of the whole run. `end`: by then, the literal is to have made its last step."""
    peak = convolution_peak(device, precision, QUICK_PEAK_SHAPES if options.quick else PEAK_SHAPES)
    trainer = new_trainer(config, options.clip, device, precision)
    least = 3 if math.isinf(end) else 1
    titles = ["scale", "shape", "kind", "ours ms", "literal ms", "ratio", "ours GFLOP/s", "of peak", "steps"]
    log(line(titles))
    rows, totals, expected = [], dict.fromkeys(CONTENDERS, 0.0), 0.0
    for n, shape in enumerate(trainer.shapes):
        climb(trainer, n)
        flops = step_flops(config, trainer.shapes, n)
        in_time = time.perf_counter() + (1 + least) * expected * flops < end  # one more warms up
        times = take_turns(trainer, in_time, device, options.seconds, least)
        medians = {name: statistics.median(times[name]) if name in times else math.inf for name in CONTENDERS}
        expected = medians["literal"] / flops  # seconds per operation; once left out, the literal stays out
        for name in CONTENDERS:
            totals[name] += medians[name] * config.iterations
        speed = trainer.plan.batch * flops / medians["ours"]
        found = [f"{1e3 * medians[name]:.1f} ({1e3 * min(times[name]):.1f})" for name in times]
        found += ["-"] * (len(CONTENDERS) - len(found))
        speeds = [f"{speed / 1e9:.0f}", f"{100 * speed / peak:.0f} %"]
        rows.append([n, sites(shape), config.kind(n), *found, ratio(medians), *speeds, len(times["ours"])])
        log(line(rows[-1]))
    total = [clock(totals[name]) for name in CONTENDERS]
    rows.append([f"all, x {config.iterations}", "", "", *total, ratio(totals), "", "", ""])
    note = " A dash: too slow for the time given, or failed." if math.isinf(totals["literal"]) else ""
    return [
        f"Milliseconds of a training step: median (least) of alternating steps. Convolution peak measured in the same "
        f"run: {peak / 1e9:.0f} GFLOP/s ({precision}, Conv3d, 64 to 64 channels, forward).{note}",
        table(titles, rows),
    ]


def ratio(seconds: dict[str, float]) -> str:
    return "-" if math.isinf(seconds["literal"]) else f"{seconds['literal'] / seconds['ours']:.1f}"


def memory_row(
    name: str, config: Config, options: argparse.Namespace, device: torch.device, precision: str
) -> list[str]:
    """A contender's name, and its memory in MB or why it is not known."""
    try:
        found = alone(name, config, options, device, precision, seconds=0)
    except SystemExit as error:
        return [name, "-", str(error).strip().splitlines()[-1]]
    return [name, f"{found['idle'] / 1e6:.0f}", f"{found['peak'] / 1e6:.0f}"]


def growth_tables(config: Config, options: argparse.Namespace, device: torch.device, precision: str) -> list[str]:
    """How a step at the finest scale grows with height and width, and with frames."""
    factors = (1, 1.5) if options.quick else (0.5, 0.75, 1, 1.5, 2)
    rates = ((3, 2, 1), (4, 3, 2, 1)) if options.quick else ((3, 2, 1), (4, 3, 2, 1), (8, 6, 3, 2, 1))
    sizes = [max(config.coarse_size, round(factor * config.fine_size)) for factor in factors]
    by_size = [config.replace(fine_size=size) for size in sizes]
    by_frames = [config.replace(sampling_rates=omega) for omega in rates] if config.dims == 3 else []
    parts = []
    for title, configs in (("height and width", by_size), ("frames", by_frames)):
        rows = []
        for changed in configs:
            log(f"growth with {title}: {changed.fine_size} px, {changed.frames} frames")
            found = alone("ours", changed, options, device, precision, options.seconds)
            voxels, median = math.prod(found["shape"]), statistics.median(found["times"])
            times = f"{1e3 * median:.1f} ({1e3 * min(found['times']):.1f})"
            per_voxel, memory = f"{1e6 * median / voxels:.2f}", f"{found['peak'] / 1e6:.0f}"
            rows.append([sites(found["shape"]), f"{voxels / 1e3:.1f}", times, per_voxel, memory])
        if rows:
            titles = ["shape", "thousand voxels", "step ms", "µs per voxel", "peak MB"]
            parts += [f"Growth with {title}, finest scale, each row in a fresh process:", table(titles, rows)]
    return parts


def sampling_table(config: Config, options: argparse.Namespace, device: torch.device, precision: str) -> str:
    """How long a finished model takes to make clips."""
    trainer = climb(new_trainer(config, options.clip, device, precision), config.scales - 1)
    rows = []
    for n in (1, 8):
        trainer.model.sample(n, seed=0)
        times = []
        for seed in range(5 if options.quick else 40):
            times.append(seconds_of(lambda n=n, seed=seed: trainer.model.sample(n, seed=seed), device))  # type: ignore[misc]
        late = statistics.quantiles(times, n=20, method="inclusive")[-1]
        rows.append([n, f"{statistics.median(times):.4f}", f"{min(times):.4f}", f"{late:.4f}", len(times)])
    titles = ["clips at a time", "median s", "least s", "95th percentile s", "times"]
    return f"Sampling at {sites(trainer.shapes[-1])}:\n\n{table(titles, rows)}"


def first_preview(options: argparse.Namespace) -> str:
    """From the command line, installed, to a picture of the first scale's samples on disk."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["train", options.clip, "--preset", options.preset, "--device", options.device, "--out", folder]
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "hpvae_nb", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not Path(folder, "preview_scale_0.png").exists():
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        process.kill()
        process.wait()
    return f"From the command `train` to the first preview: {seconds:.1f} s."


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
