"""What a preset's training costs on this machine, and a piece of it that the next call goes on with.

    python benchmarks/piece.py prepare runs/gpu                # says what is here, and keeps the clip
    python benchmarks/piece.py estimate runs/gpu               # times a step at every scale
    python benchmarks/piece.py train runs/gpu --seconds 60     # and again, and again

`gpu.py` calls these one after another. They need torch, numpy, einops and safetensors, and nothing else.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import statistics
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from step import alternate, climb, load, new_trainer, peak_bytes, save_clip
from writing import clock, machine, sites, table

import hpvae_nb
from hpvae_nb import Clip, Config, Model
from hpvae_nb.errors import sentence
from hpvae_nb.io import checkpoint
from hpvae_nb.lab import show
from hpvae_nb.machine import choose_precision, probe
from hpvae_nb.recipe.pyramid import real_samples

DATA = Path(__file__).parents[1] / "data"
CLIP, MEASURED, DRAWN = "clip.safetensors", "estimate.json", "drawn balloons"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("prepare", "estimate", "train"))
    parser.add_argument("out", type=Path, help="folder for everything")
    parser.add_argument("--seconds", type=float, default=60.0, help="for estimate and train")
    parser.add_argument("--quick", action="store_true", help="preset smoke on the CPU, in place of paper on a GPU")
    options = parser.parse_args()
    config, device = hpvae_nb.preset("smoke" if options.quick else "paper"), torch.device("cpu")
    if not options.quick:
        device = torch.device("cuda")
        try:
            probe(device)
        except Exception as error:
            reason = sentence(error).splitlines()[0].rstrip(".")
            sys.exit(f"No GPU can be used here ({reason}); with --quick everything runs small on the CPU.")
    if options.part == "prepare":
        print(json.dumps(prepare(options.out, config, device)))
        return
    write = estimate if options.part == "estimate" else train
    text = write(options.out, config, device, options.seconds)
    print(text)
    checkpoint.write_bytes(options.out / f"{options.part}.md", text.encode())


def prepare(out: Path, config: Config, device: torch.device) -> dict[str, str]:
    """Facts about the machine, by name; the clip is in `out` afterwards, where it stays for later calls."""
    if not (out / CLIP).exists():
        save_clip(out / CLIP, first_clip(config))
    facts = {"machine": machine(device), "precision": choose_precision("auto", device), "Python": sys.executable}
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        facts |= {"memory": f"{total / 1e9:.0f} GB", "driver": driver(), "CUDA": f"{torch.version.cuda}"}
    clip = load(config, str(out / CLIP))
    why = " (PyAV is not installed, and would be needed to read the pedestrians)" if clip.name == DRAWN else ""
    said = f"{clip.name}, {sites(clip.video.shape[1:])}, kept in `{CLIP}`{why}"
    return {**facts, "system": platform.platform(), "hpvae_nb": hpvae_nb.__version__, "clip": said}


def first_clip(config: Config) -> Clip:
    """The pedestrians; without PyAV, which decodes them, the bundled balloons, drawn anew from their formulas."""
    try:
        return hpvae_nb.load_clip("pedestrians", frames=config.frames)
    except ImportError:
        sys.path.insert(0, str(DATA))
        frames = importlib.import_module("render_balloons").render(config.frames)
        video = torch.from_numpy(frames.astype(np.float32) / 127.5 - 1)
        return Clip(rearrange(video, "t h w c -> c t h w"), 24, DRAWN)


def driver() -> str:
    """Of the GPU, as its own tool says it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=20, check=True).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "not known: nvidia-smi does not answer"


def estimate(out: Path, config: Config, device: torch.device, seconds: float) -> str:
    """Times a step at every scale, untrained, and says what the whole training will take. Keeps the seconds as JSON."""
    precision = choose_precision("auto", device)
    trainer = new_trainer(config, str(out / CLIP), device, precision)
    measured: list[float] = []
    for n in range(config.scales):
        climb(trainer, n)
        times = alternate({"ours": trainer.step}, device, seconds / config.scales)["ours"]
        measured.append(statistics.median(times))
        print(f"scale {n}: {1e3 * measured[-1]:.1f} ms, median of {len(times)}", flush=True)
        checkpoint.write_bytes(out / MEASURED, json.dumps(measured).encode())
    rows = [
        [n, sites(shape), config.kind(n), f"{1e3 * took:.1f}", clock(took * config.iterations)]
        for n, (shape, took) in enumerate(zip(trainer.shapes, measured, strict=True))
    ]
    total = clock(sum(measured) * config.iterations)
    what = "tensors on the GPU" if device.type == "cuda" else "the whole process"
    return (
        f"All of `{config.preset}` would take {total} here, in {precision}, with {config.iterations} iterations at "
        f"each scale and at most {peak_bytes(device) / 1e9:.1f} GB ({what}).\n\n"
        + table(["scale", "shape", "kind", "ms a step", f"x {config.iterations}"], rows)
        + "\n"
    )


def train(out: Path, config: Config, device: torch.device, seconds: float) -> str:
    """Trains for `seconds` from where the last call stopped, and says how far it came; Ctrl-C ends it sooner."""
    clip, folder = load(config, str(out / CLIP)), out / "training"
    start, made, losses = time.perf_counter(), 0, {}
    events = hpvae_nb.train(clip, config, out=folder, resume=True, device=device, checkpoint_every=1000)
    try:
        for event in events:
            made, losses = made + 1, event.losses
            if event.scale_done:
                print(f"scale {event.scale} done after {event.seconds:.0f} s: {event.losses}", flush=True)
            if time.perf_counter() - start > seconds:
                break
    except KeyboardInterrupt:  # the generator has left a checkpoint
        print("stopped early", flush=True)
    events.close()
    took = time.perf_counter() - start
    model = hpvae_nb.load_model(folder, device=device)
    _, values = checkpoint.read(folder / "checkpoint.safetensors", "checkpoint")
    sheet(model, clip, out / "contact_sheet.png")
    n = values["scale"]
    done, planned = n * config.iterations + values["iteration"], config.scales * config.iterations
    said = [f"Iterations made now: {made}, in {took:.0f} s; in all: {done} of {planned}."]
    said += [f"The last one was at scale {n} ({sites(model.shapes[n])}, {config.kind(n)})."]
    said += [f"Losses there: {', '.join(f'{name} {loss:.4g}' for name, loss in losses.items())}."] if losses else []
    said += [left(out, config, values), "The same command goes on." if done < planned else "The training is finished."]
    caption = "from above: the training clip at the last scale so far, its reconstruction, and three new clips"
    return " ".join(said) + f"\n\n![{caption}](contact_sheet.png)\n\n*F{caption[1:]}*\n"


def left(out: Path, config: Config, values: dict[str, Any]) -> str:
    """What the training still needs, by the measured steps."""
    if not (out / MEASURED).exists():
        return "How long the rest takes was not measured."
    measured = json.loads((out / MEASURED).read_text(encoding="utf-8"))
    if len(measured) < config.scales:
        return f"How long the rest takes is not known: a step was measured at {len(measured)} scales only."
    here, later = measured[values["scale"]], measured[values["scale"] + 1 :]
    seconds = (config.iterations - values["iteration"]) * here + config.iterations * sum(later)
    return f"By the measured steps, {clock(seconds)} are left."


def sheet(model: Model, clip: Clip, path: Path) -> None:
    """A picture of seven frames of each of five clips, written without matplotlib."""
    n = model.scales - 1
    real = real_samples(model.config, clip, n, model.shapes[n])[:1]
    clips = torch.cat([real, model.reconstruct()[:1], model.sample(3, seed=0)])
    chosen = torch.linspace(0, clips.shape[2] - 1, min(7, clips.shape[2])).round().long()
    page = rearrange(clips[:, :, chosen], "b c t h w -> c (b h) (t w)")
    checkpoint.write_bytes(path, png(show.to_uint8(show.enlarge(page, 1200))))


def png(pixels: np.ndarray) -> bytes:
    """`h w c` in 0..255 as a PNG picture (RFC 2083)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: this row is not predicted from others
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


if __name__ == "__main__":
    main()
