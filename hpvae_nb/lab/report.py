"""What a finished training leaves for its reader: clips to watch, a contact sheet, and a page of figures."""

import math
import sys
from pathlib import Path
from typing import Any

from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab import show
from hpvae_nb.lab.finer import SMALL
from hpvae_nb.lab.progress import loss_figure, losses_of
from hpvae_nb.metrics import METRICS, diversity
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.plan import Plan

DIVERSITY_SAMPLES = 50  # paper, section 4.2
_FEWER_SAMPLES = 20  # of large clips, which take a second and more each


def plan_text(plan: Plan) -> str:
    """Sizes of all scales with the time and memory they are expected to take, as a table."""
    lines = [f"scale  trained as  {f'size ({_axes(plan.config)})':<17}  GFLOP/step  seconds"]
    for cost in plan.costs:
        kind, size, seconds = plan.config.kind(cost.scale), " x ".join(map(str, cost.shape)), cost.seconds
        lines.append(
            f"{cost.scale:>5}  {kind:<10}  {size:<17}  {cost.flops / 1e9:>10.2f}  "
            f"{plan.config.steps(cost.scale) * seconds:>7.0f}"
        )
    lines.append(f"about {duration(plan.seconds)} in all on this machine, and {plan.peak_bytes / 1e9:.1f} GB of memory")
    return "\n".join(lines)


def steps_text(config: Config) -> str:
    """How many steps each scale has, such as `300 steps each`, or the first and the last where they fall."""
    first, last = config.steps(0), config.steps(config.scales - 1)
    return f"{last} steps each" if first == last else f"{first} steps at the coarsest scale to {last} at the finest"


def _axes(config: Config) -> str:
    return "T x H x W" if config.dims == 3 else "H x W"


def duration(seconds: float) -> str:
    """Such as `48 s`, `3 min 20 s`, `2 h 5 min`, `8.1 days`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole / 86400:.1f} days"


def _peak_memory() -> str:
    """The most memory this process held so far, in words; empty where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return ""
    unit = 1 if sys.platform == "darwin" else 1024
    return f", peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} GB"


def _computing(facts: dict[str, Any]) -> str:
    """Processor seconds and threads, in words; nothing of models from before they were noted."""
    if not facts.get("processor_seconds"):
        return ""
    threads = facts["threads"]
    return f" ({facts['processor_seconds']:.0f} processor seconds, {threads} CPU thread{'s' * (threads > 1)})"


def write_results(model: Model, clip: Clip, folder: Path, *, samples: int, seed: int = 1) -> Path:
    """Sampled clips, the real clip, a sheet of both that moves and one that stands still, loss curves, a summary page.

    Of a model of images: sampled pictures, the real ones, one sheet of both, loss curves, a summary page.

    Args:
        samples: how many clips to write, at least 1.
        seed: of the samples.

    Returns:
        The summary's path.
    """
    new_clips = model.sample(samples, seed=seed)
    reals = show.real_rows(model, clip)
    rows = [*reals, *((f"sample {i}", sample) for i, sample in enumerate(new_clips))]
    colors = [show.REAL] * len(reals) + [show.RANDOM] * samples
    title = f"{model.name}: the training clip, and clips that were never filmed"
    if clip.dims == 2:
        title = f"{model.name}: the training picture{'s' if clip.still else ''}, and new ones"
    show.save_figure(folder / "contact_sheet.png", show.contact_sheet(rows, title=title, colors=colors))
    if clip.dims == 3:
        checkpoint.write_bytes(folder / "new_clips.webp", show.moving_sheet(reals[0][1], new_clips, model.fps))
    for label, picture in [*reals, *((f"sample {i:02}", sample) for i, sample in enumerate(new_clips))]:
        show.save_clip(folder / label.replace(" ", "_"), picture, model.fps)
    if losses := losses_of(model):
        show.save_figure(folder / "losses.png", loss_figure(losses, model.config))
    path = folder / "summary.md"
    checkpoint.write_bytes(path, summary(model, clip).encode())
    return path


def summary(model: Model, clip: Clip) -> str:
    """A page in Markdown: what was trained, how it ended, how diverse it is, how long it took."""
    real = show.real_at_last_scale(model, clip)
    count = DIVERSITY_SAMPLES if math.prod(model.shapes[-1]) < SMALL else _FEWER_SAMPLES
    many = model.sample(count, seed=0)
    error = METRICS["reconstruction_error"].measure(many, real, model)["reconstruction_error"]
    facts, config = model.facts, model.config
    weights = sum(weight.numel() for weight in model.network.parameters())
    lines = [
        f"# {model.name}: `{config.preset}`, M = {config.vae_levels}",
        "",
        f"- **diversity** {diversity(many, real):.3f} ({count} samples, seed 0)",
        f"- **reconstruction** mean squared error {error:.5f} (values in [-1, 1])",
        f"- **training** {facts.get('seconds', 0):.0f} s on {facts.get('device')} in {facts.get('precision')}"
        f"{_computing(facts)}, "
        f"seed {facts.get('seed')}, torch {facts.get('torch')}{_peak_memory()}",
        f"- **model** {weights:,} weights, {config.vae_levels} VAE levels of {config.scales} scales, "
        f"{steps_text(config)}",
        "",
        f"| scale | {_axes(config)} | trained as | losses at its end, before weighting |",
        "| --- | --- | --- | --- |",
    ]
    for scale, (shape, records) in enumerate(zip(model.shapes, facts.get("history", []), strict=False)):
        last = {name: value for name, value in records[-1].items() if name != "iteration"}
        ended = ", ".join(f"{name} {value:.4f}" for name, value in last.items())
        lines.append(f"| {scale} | {' x '.join(map(str, shape))} | {config.kind(scale)} | {ended} |")
    return "\n".join(lines) + "\n"
