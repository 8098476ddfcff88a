"""Training as a generator of events: notebooks, the command line, tests and sweeps are all its consumers."""

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.errors import InputError, TrainingError, check_whole
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import choose_threads
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.many import SetTrainer
from hpvae_nb.training.plan import make_plan
from hpvae_nb.training.run import Run
from hpvae_nb.training.stopwatch import Stopwatch
from hpvae_nb.training.trainer import Trainer


@dataclass(frozen=True)
class Event:
    """One training step that was just made.

    Attributes:
        scale: n, from 0.
        iteration: steps made at this scale, from 1.
        iterations: steps planned at this scale.
        losses: the step's losses before weighting, by name: `reconstruction`, `reconstruction_0` and `kl` at VAE
            scales; `reconstruction`, `adversarial`, `distance` and `penalty` at GAN scales; of a method that learns a
            set of clips, its own.
        seconds: since training was started or resumed.
        remaining: seconds to the end of all scales, if the machine stays as fast as it is; None until this is known to
            within a factor of 1.3, which takes a tenth of a run, and longer only if fewer than 200 steps are planned at
            each scale (see `hpvae_nb.training.clock`).
        model: the live model; it may be used at any event, and stays usable if training stops here.
    """

    scale: int
    iteration: int
    iterations: int
    losses: dict[str, float]
    seconds: float
    remaining: float | None
    model: Model

    @property
    def scale_done(self) -> bool:
        """Whether this was the scale's last step."""
        return self.iteration == self.iterations

    def preview(self, n: int = 1, *, seed: int = 0) -> Tensor:
        """Random samples at this scale, `b c t h w` in [-1, 1]."""
        return self.model.sample(n, seed=seed)


def train(
    clip: Clip | ClipSet,
    config: Config,
    *,
    method: Method | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | torch.device = "auto",
    precision: str = "auto",
    threads: int | None = None,
    checkpoint_every: int = 100,
) -> Generator[Event, None, Model]:
    """Train a model on one clip, yielding an event after each step; exhausting the generator trains it to the end.

    Stopping between events is always safe: closing the generator writes a checkpoint, and a run killed at any moment
    goes on from its last one to the weights it would have had (on the same CPU and in the same precision, bit for bit).

    Args:
        clip: the one training clip; a longer one than `config.frames` is cut into several training samples. Or an
            image, or a set of them, of which each is a sample. For a method of many clips, a `ClipSet`.
        config: from `preset`; scales, sizes, layers, iterations, objective and optimiser as far as the method has them.
        method: HP-VAE-GAN if not given; else one of `hpvae_nb.baselines`, such as `SinGan()`.
        seed: of everything random, at least 0.
        out: folder of the run: checkpoints, and the model at its end. Nothing is written if not given.
        resume: go on from the last checkpoint in `out`; starts anew where there is none.
        device: `"auto"`, `"cpu"`, `"cuda"`, `"mps"`.
        precision: of convolutions: `"auto"` (bfloat16 where that is faster), `"bfloat16"` or `"float32"`.
        threads: of the CPU; chosen by `hpvae_nb.machine.choose_threads` if not given. A resumed run keeps its number.
        checkpoint_every: steps between checkpoints; each scale's end has one too.

    Returns:
        The trained `Model` (the generator's return value; `fit` gives it directly).

    Raises:
        InputError: at once, before anything is written: a clip that cannot make the pyramid, an `out` that holds
            another run, or values out of range. With the first event: another training is writing to `out`.
        TrainingError: when a loss is no longer finite; it names scale, iteration and last good checkpoint.
        CheckpointError: when a checkpoint cannot be written or read.
    """
    seed, checkpoint_every = check_whole("seed", seed, 0), check_whole("checkpoint_every", checkpoint_every)
    if resume and out is None:
        raise InputError("resume=True needs out, the folder of the run to go on with")
    method = method or HpVaeGan()
    if method.learns_sets != isinstance(clip, ClipSet):
        what = "all clips of a set" if method.learns_sets else "one clip"
        way = "load_set(...)" if method.learns_sets else "one of them, clips.clip(0)"
        raise InputError(f"{method.name} learns {what}, but {clip!r} was given: give it {way}, or use another method")
    if not method.trains:
        assert isinstance(clip, Clip)
        plan = make_plan(clip, method.adapted(config), device=device, precision=precision)
        facts = {"seed": seed, "device": plan.device.type, "torch": torch.__version__}
        about: dict[str, Any] = {"fps": clip.fps, "name": clip.name, "coarse": None, "facts": facts}
        network = method.learn(plan.config, clip, plan.shapes).to(plan.device)
        model = Model(network, plan.shapes, plan.config, method=method, precision=plan.precision, **about)
        return _ready(model, None if out is None else Run.open(out, clip, config, method, seed, resume=resume))
    kind: Any = SetTrainer if method.learns_sets else Trainer
    trainer = kind(method, clip, config, seed=seed, device=device, precision=precision)
    run = None if out is None else Run.open(out, clip, config, method, seed, resume=resume)
    trainer.threads, _ = choose_threads(threads)
    if run is not None:
        run.restore(trainer)
    if threads is not None:
        trainer.threads = threads
    events = training_loop(trainer, run, checkpoint_every)
    return events if run is None else run.alone(events)


def _ready(model: Model, run: Run | None) -> Generator[Event, None, Model]:
    """One event, since there is nothing to train; then the model is written, where a run has a folder."""
    yield Event(model.scales - 1, 1, 1, losses={}, seconds=0.0, remaining=0.0, model=model)
    if run is not None:
        model.save(run.folder)
    return model


def follow(events: Generator[Event, None, Model], seen: Callable[[Event], None]) -> Model:
    """Go through the events of `train` to the end, showing each to `seen`; the trained model."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        seen(event)


def fit(clip: Clip | ClipSet, config: Config, **options: Any) -> Model:
    """`train` to the end, with its arguments and errors. Ctrl-C returns the model as far as it got."""
    reached: dict[str, Model] = {}
    try:
        return follow(train(clip, config, **options), lambda event: reached.update(model=event.model))
    except KeyboardInterrupt:
        if not reached:
            raise
        return reached["model"]


def training_loop(
    trainer: Trainer | SetTrainer, run: Run | None, checkpoint_every: int
) -> Generator[Event, None, Model]:
    """Steps of a trainer to its end, with checkpoints in the run's folder, if there is one; what `train` returns."""
    config, model = trainer.config, trainer.model
    torch.set_num_threads(trainer.threads)
    watch = Stopwatch(trainer)
    try:
        while True:
            done = trainer.iteration == trainer.planned
            if done and trainer.scale == config.scales - 1:
                break
            with _unbroken():
                if done or trainer.iteration == 0:
                    trainer.enter_scale(trainer.scale + done)
                losses = trainer.step()
            if trainer.iteration == trainer.planned or trainer.iteration % checkpoint_every == 0:
                if not trainer.finite():
                    raise TrainingError(f"weights not finite at scale {trainer.scale}, iteration {trainer.iteration}")
                if run is not None:
                    run.save(trainer)
            watch.stepped()
            place = (trainer.scale, trainer.iteration, trainer.planned)
            yield Event(*place, losses, watch.elapsed, watch.left.remaining(), model)
            watch.go_on()
    except TrainingError as error:
        last = "no run folder was given" if run is None else run.last_good()
        raise TrainingError(f"training stopped: {error}; {last}") from error
    except (KeyboardInterrupt, GeneratorExit):
        if run is not None and not run.hold.lost:
            if trainer.settled and trainer.iteration > 0 and trainer.finite():
                run.save(trainer)
            model.facts |= watch.facts()
            model.save(run.folder)
        raise
    model.facts |= watch.facts()
    if run is not None:
        model.save(run.folder)
    return model


@contextlib.contextmanager
def _unbroken() -> Iterator[None]:
    """Inside, Ctrl-C waits for the end, so that it never leaves a step half made; pressed twice, it does not wait."""
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = False

    def wait(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
