"""The command line: `python -m hpvae_nb train|sample|info|sweep|compare|table1|render|import-released`."""

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

import hpvae_nb
from hpvae_nb.baselines import make_system
from hpvae_nb.errors import CheckpointError, InputError, TrainingError, require
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_folders import SPLITS, write_set
from hpvae_nb.io.clips import Clip, find
from hpvae_nb.io.files import look
from hpvae_nb.io.images import load_still
from hpvae_nb.lab import report, show
from hpvae_nb.machine import choose_threads
from hpvae_nb.model import Model
from hpvae_nb.released import literal, load_released
from hpvae_nb.rendered.sets import KINDS
from hpvae_nb.training.events import follow
from hpvae_nb.training.plan import make_plan
from hpvae_nb.training.run import Run

_PRESETS = f"{', '.join(hpvae_nb.presets())}; if not given, laptop, or for a photo the one for images that suits it."
TITLE = "Learn one short clip, make new ones: Hierarchical Patch VAE-GAN."
app = typer.Typer(help=TITLE, no_args_is_help=True, add_completion=False)

Out = Annotated[Path, typer.Option(help="Folder for everything that is written.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random; the same seed gives the same result.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str, typer.Option(help="auto (bfloat16 where that is faster), bfloat16 or float32.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: --set beta=0.5; repeatable.")]
Threads = Annotated[int | None, typer.Option(help="Of the CPU; a short race chooses if not given.")]
ModelFile = Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")]


@app.command()
def train(
    clip: Annotated[str, typer.Argument(help="A bundled name, a video or picture file, or a folder of images.")],
    out: Out,
    preset: Annotated[str | None, typer.Option(help=_PRESETS)] = None,
    change: Changes = None,
    frames: Annotated[int, typer.Option(help="Frames to use; 0 for all from the start frame on.")] = 13,
    start: Annotated[int, typer.Option(help="First frame.")] = 0,
    fps: Annotated[float | None, typer.Option(help="Thin out to this frame rate.")] = None,
    seed: Seed = 0,
    samples: Annotated[int, typer.Option(min=1, help="Clips or pictures to make at the end.")] = 8,
    resume: Annotated[bool, typer.Option(help="Go on with the run in OUT, if there is one.")] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
) -> None:
    """Train a model on one clip; write the model, new clips, a contact sheet and a summary.

    A photo gets the preset for images that suits it. With one of those, or --set dims=2, it learns all pictures of a
    folder, too, or a video's first frame.
    """
    with _sentences(f"the model so far is in {out}, and the same command with --resume goes on"):
        photo = load_still(clip) if preset is None and _is_photo(clip) else None
        suiting = "laptop" if photo is None else hpvae_nb.advise(photo)
        config = hpvae_nb.preset(preset or suiting, **_overrides(change or [], "--set"))
        if config.dims == 2:
            source = photo or load_still(clip)
        else:
            source = hpvae_nb.load_clip(clip, frames=frames or None, start=start, fps=fps)
        going_on = resume and threads is None and Run(out).checkpoint.exists()
        count, why = choose_threads(threads)
        options: dict[str, Any] = {"device": device, "precision": precision}
        events = hpvae_nb.train(source, config, seed=seed, out=out, resume=resume, threads=threads, **options)
        plan = make_plan(source, config, **options)
        where = f"on {plan.device.type} in {plan.precision}"
        what = f"{len(source.batch)} pictures of {source.name}" if source.still else source.name
        typer.echo(f"{what}, preset {config.preset}, {where}, writing to {out}")
        computing = "as many CPU threads as before" if going_on else f"{count} CPU thread{'s' * (count > 1)}, {why}"
        typer.echo(f"{computing}; --threads changes that")
        typer.echo(report.plan_text(plan))
        model = _watch(events, source, out)
        kind = _kind(config)
        typer.echo(f"trained in {report.duration(model.facts['seconds'])}; making {samples} {kind}")
        page = report.write_results(model, source, out, samples=samples)
        typer.echo(page.read_text(encoding="utf-8"))
        see = "Watch" if config.dims == 3 else "See"
        typer.echo(f"{see} the {kind} in {out}, look at {out}/contact_sheet.png, read {page}")


@app.command()
def sample(
    model: ModelFile,
    out: Out,
    n: Annotated[int, typer.Option(min=1, help="How many clips, or pictures.")] = 8,
    seed: Seed = 0,
    size: Annotated[str | None, typer.Option(help="Another size, as TxHxW or HxW, such as 13x36x160.")] = None,
    strips: Annotated[int | None, typer.Option(help="From so many shuffled strips of the clip, not the prior.")] = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Make new clips from a trained model; of a model of images, new pictures."""
    with _sentences():
        loaded = hpvae_nb.load_model(model, device=device, precision=precision)
        made = loaded.sample(n, seed=seed, size=_size(size), strips=strips)
        out.mkdir(parents=True, exist_ok=True)
        for i, clip in enumerate(made):
            show.save_clip(out / f"sample_{i:02}", clip, loaded.fps)
        rows = [(f"sample {i}", clip) for i, clip in enumerate(made)]
        sheet = show.contact_sheet(rows, colors=[show.RANDOM] * n)
        typer.echo(f"{n} {_kind(loaded.config)} and {show.save_figure(out / 'contact_sheet.png', sheet)}")


@app.command()
def info(model: ModelFile) -> None:
    """Say what a model file holds."""
    with _sentences():
        loaded = hpvae_nb.load_model(model, device="cpu")
        config = loaded.config
        scales = f"scales {loaded.scales} of {config.scales}"
        rate = f", {loaded.fps:g} frames per second" if config.dims == 3 else ""
        typer.echo(f"trained on {loaded.name!r}{rate}; {scales}")
        for scale, shape in enumerate(loaded.shapes):
            kind = "VAE" if loaded.network.is_vae(scale) else "GAN"
            typer.echo(f"  scale {scale}: {' x '.join(map(str, shape))}  {kind}")
        for name, value in config.to_dict().items():
            typer.echo(f"  {name} = {value}")
        for name, value in loaded.facts.items():
            if name != "history":
                typer.echo(f"  {name}: {value}")


@app.command()
def sweep(
    spec: Annotated[Path, typer.Argument(help="A YAML file: clip, method, seed, any setting; a list is varied.")],
    out: Annotated[Path | None, typer.Option(help="Folder for everything that is written.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these, such as --only seed=0; repeatable.")] = None,
    serial: Annotated[bool, typer.Option("--serial", help="One trial after another, without Ray.")] = False,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster, in place of this machine.")] = None,
    known: Annotated[Path | None, typer.Option(help="Leave out trials that this results file has a row of.")] = None,
    results: Annotated[Path | None, typer.Option("--estimate", help="Only say the cost, by this results file.")] = None,
) -> None:
    """Run many trainings (clip x method x setting x seed); write one row for each to OUT/results.parquet."""
    with _sentences("nothing is lost: the same command goes on"):
        from hpvae_nb.studies import sweeps

        trials = sweeps.select(sweeps.read_spec(spec), _overrides(only or [], "--only"))
        if known is not None:
            trials = sweeps.missing(trials, sweeps.read_results(known))
        if results is not None:
            typer.echo(sweeps.cost_text(trials, sweeps.estimate_cost(trials, sweeps.read_results(results))))
            return
        if out is None:
            raise InputError("--out is missing: name a folder, or --estimate with a results file, to run nothing")
        rows = sweeps.run_sweep(trials, out, serial=serial, address=address)
        rows = rows[rows["trial"].isin([trial.name for trial in trials])]
        failed = rows["trial"][rows["error"].notna()].tolist()
        typer.echo(f"{len(rows) - len(failed)} of {len(trials)} trials have a row in {out / 'results.parquet'}")
        if failed:
            raise TrainingError(f"{len(failed)} trials failed, such as {failed[0]}: the same command tries them again")


@app.command()
def compare(
    clips: Annotated[Path, typer.Argument(help="Folder of the clips that the other method learned.")],
    samples: Annotated[Path, typer.Argument(help="Folder of the other method's samples.")],
    out: Out,
    preset: Annotated[str, typer.Option(help="Of our models; not smaller than the samples.")] = "laptop-128",
    change: Changes = None,
    extractor: Annotated[str, typer.Option(help="patches, efficientnet-lite0, c3d, ...")] = "patches",
    weights: Annotated[str | None, typer.Option(help="A file of weights, or its address; c3d is the paper's.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Checksum of the weights; needed for an address.")] = None,
    frames: Annotated[int, typer.Option(help="Frames to use of every file; 0 for all.")] = 13,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """The protocol of the paper's table 1: another method's samples, and ours, against the nearest real clips."""
    with _sentences(f"the models so far are in {out}, and the same command goes on"):
        from hpvae_nb import metrics
        from hpvae_nb.studies import protocol

        config = hpvae_nb.preset(preset, **_overrides(change or [], "--set"))
        chosen = extractor if extractor == "patches" else metrics.make_extractor(extractor, None, weights, sha256)
        numbers = itertools.count(seed)

        def make(clip: Clip) -> torch.Tensor:
            run = out / "models" / clip.name
            typer.echo(f"a model of {clip.name} in {run}")
            options: dict[str, Any] = {"out": run, "resume": True, "device": device, "precision": precision}
            model = _watch(hpvae_nb.train(clip, config, seed=seed, **options), clip, run)
            return model.sample(1, seed=next(numbers))[0]

        rows = protocol.neighbour_protocol(clips, samples, make, extractor=chosen, frames=frames or None)
        checkpoint.write_bytes(out / "table1.csv", rows.to_csv(index=False).encode())
        typer.echo(f"{protocol.as_page(rows)}\nEvery sample has a row in {out / 'table1.csv'}")


@app.command()
def table1(
    system: Annotated[str, typer.Option(help="What learns many clips: mocogan, tgan or tgan_v2.")],
    data: Annotated[str, typer.Option(help="shapes, balloons, digits, or a folder laid out as UCF-101 is.")],
    out: Annotated[Path | None, typer.Option(help="Folder of this data, for all systems; runs/table1_DATA.")] = None,
    samples: Annotated[int, typer.Option(min=2, help="Of the system.")] = 50,
    preset: Annotated[str | None, typer.Option(help="Of the system; its small one if not given.")] = None,
    change: Changes = None,
    ours_preset: Annotated[str, typer.Option(help="Of our models.")] = "laptop-32",
    ours_change: Annotated[list[str] | None, typer.Option("--ours-set", help="As --set, of our models.")] = None,
    size: Annotated[int | None, typer.Option(help="Height and width in pixels, of both; if not the presets'.")] = None,
    count: Annotated[int | None, typer.Option(min=2, help="Training clips; all if not given.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder with c3d*, inception*, r3d_18* to measure with.")] = None,
    serial: Annotated[bool, typer.Option("--serial", help="Our models one after another, without Ray.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
) -> None:
    """Tables 1 and 2 of the paper: a system that learns many clips, and our models of the clips nearest its samples."""
    with _sentences("nothing is lost: the same command goes on"):
        from hpvae_nb.studies import evidence, many_or_one, many_page

        sizes = {} if size is None else {"fine_size": size}
        _, usual = make_system(system)
        theirs = sizes | ({} if size is None else {"coarse_size": size}) | _overrides(change or [], "--set")
        what = many_or_one.Comparison(
            system=system,
            data=data,
            samples=samples,
            seed=seed,
            theirs=hpvae_nb.preset(preset or usual.preset, **theirs),
            ours=hpvae_nb.preset(ours_preset, **sizes | _overrides(ours_change or [], "--ours-set")),
            count=count,
            device=device,
            precision=precision,
            threads=threads,
        )
        home = out or Path("runs") / f"table1_{what.name}"
        rows = many_or_one.compare(what, home, weights=weights, serial=serial, watch=_progress, say=typer.echo)
        bundled = many_page.chosen(evidence.many_rows(), system=system, data=what.name)
        typer.echo(many_page.page(rows, bundled))
        typer.echo(f"Every sample has a row in {home / system / 'tables.parquet'}")


@app.command()
def render(
    name: Annotated[str, typer.Argument(help="The set to draw: shapes, balloons or digits.")],
    out: Out,
    size: Annotated[int, typer.Option(help="Height and width of the clips, in pixels.")] = 32,
    frames: Annotated[int, typer.Option(help="Frames of each clip; they show the same motion, finer.")] = 16,
) -> None:
    """Draw a set of many short clips and write it as files, laid out as UCF-101 is."""
    with _sentences("the same command begins anew"):
        if name not in KINDS:
            raise InputError(f"there is no set {name!r} to draw: give one of {', '.join(KINDS)}")
        for split in SPLITS:
            clips = hpvae_nb.load_set(name, split, size=size, frames=frames)
            write_set(clips, out)
            typer.echo(f"{len(clips)} clips to {split}, listed in {out / f'{split}list01.txt'}")
        typer.echo(f"load_set({str(out)!r}, size={size}, frames={frames}) reads them; a file each for load_clip")


@app.command("import-released")
def import_released(
    folder: Annotated[Path, typer.Argument(help="An experiment folder of the released code: netG.pth, args.txt.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
) -> None:
    """Turn weights of the authors' released code into a model file of this package, without running their pickles."""
    with _sentences():
        typer.echo(f"wrote {load_released(folder).save(out)}")


def _is_photo(source: str) -> bool:
    path = find(source).path
    return not (path.is_dir() or look(path).moves)


def _watch(events: Any, clip: Clip, out: Path) -> Model:
    """Show a progress bar, and write a preview at each scale's end."""
    return _progress(events, lambda event: f"; look at {_preview(event, clip, out)}")


def _progress(events: Any, scale_ended: Callable[[hpvae_nb.Event], str] = lambda event: "") -> Model:
    """Show a progress bar, and at each scale's end a line, with what is to be added to it."""
    tqdm = require("tqdm", "progress bars").tqdm
    # The bar's own guess of the time left, which takes all steps to be alike, is left out.
    form = "{percentage:3.0f}% of all steps|{bar}| {desc}, {elapsed}{postfix}"
    with tqdm(total=1, bar_format=form, dynamic_ncols=True) as bar:

        def show_progress(event: hpvae_nb.Event) -> None:
            config = event.model.config
            bar.total = config.steps_below(config.scales)
            bar.n = config.steps_below(event.scale) + event.iteration
            terms = "  ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
            left = "" if event.remaining is None else f"{report.duration(event.remaining)} left  "
            where = f"scale {event.scale + 1}/{config.scales}, step {event.iteration}/{event.iterations}"
            bar.set_description_str(where, refresh=False)
            bar.set_postfix_str(left + terms, refresh=False)
            bar.update(0)
            if event.scale_done:
                bar.write(f"scale {event.scale}: {terms}{scale_ended(event)}")

        return follow(events, show_progress)


def _kind(config: hpvae_nb.Config) -> str:
    return "clips" if config.dims == 3 else "pictures"


def _preview(event: hpvae_nb.Event, clip: Clip, out: Path) -> Path:
    model = event.model
    reals = show.real_rows(model, clip, most=3)
    rows = [*reals, *((f"sample {i}", made) for i, made in enumerate(event.preview(3)))]
    colors = [show.REAL] * len(reals) + [show.RANDOM] * 3
    title = f"scale {event.scale} after {event.iteration} iterations"
    sheet = show.contact_sheet(rows, title=title, colors=colors)
    return show.save_figure(out / f"preview_scale_{event.scale}.png", sheet)


def _overrides(changes: list[str], option: str) -> dict[str, Any]:
    for change in changes:
        if "=" not in change:
            raise InputError(f"{option} {change!r} is not of the form name=value, such as {option} beta=0.5")
    pairs = (change.split("=", 1) for change in changes)
    return {name.strip(): literal(value) for name, value in pairs}


def _size(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split("x"))
    except ValueError:
        raise InputError(f"size is {text!r}, but must be TxHxW or HxW, such as 13x36x160") from None


@contextlib.contextmanager
def _sentences(stopped: str = "nothing was left half-written") -> Iterator[None]:
    """Errors that the user can mend are one sentence, without a traceback; so are warnings, and Ctrl-C."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: typer.echo(f"note: {message}", err=True)
            yield
    except (InputError, CheckpointError, TrainingError, ImportError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo(f"\nstopped; {stopped}", err=True)
        raise typer.Exit(130) from None
