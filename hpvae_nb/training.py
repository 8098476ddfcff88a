"""Training as a generator of events: notebooks, the command line, tests and sweeps are all its consumers."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.clips import Clip
from hpvae_nb.config import Config
from hpvae_nb.cost import estimate
from hpvae_nb.errors import InputError, TrainingError
from hpvae_nb.model import Model
from hpvae_nb.precision import choose_device
from hpvae_nb.run import Run
from hpvae_nb.trainer import Trainer


@dataclass(frozen=True)
class Event:
    """One training step that was just made.

    Attributes:
        scale: n, from 0.
        iteration: steps made at this scale, from 1.
        iterations: steps planned at each scale.
        losses: the step's losses before weighting, by name: `reconstruction`, `reconstruction_0` and `kl` at VAE
            scales; `reconstruction`, `adversarial`, `distance` and `penalty` at GAN scales.
        seconds: since training was started or resumed.
        remaining: estimated seconds to the end of all scales.
        model: the live model; it may be used at any event, and stays usable if training stops here.
    """

    scale: int
    iteration: int
    iterations: int
    losses: dict[str, float]
    seconds: float
    remaining: float
    model: Model

    @property
    def scale_done(self) -> bool:
        """Whether this was the scale's last step."""
        return self.iteration == self.iterations

    def preview(self, n: int = 1, *, seed: int = 0) -> Tensor:
        """Random samples at this scale, `b c t h w` in [-1, 1]."""
        return self.model.sample(n, seed=seed)


def train(
    clip: Clip,
    config: Config,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | torch.device = "auto",
    precision: str = "auto",
    checkpoint_every: int = 100,
) -> Generator[Event, None, Model]:
    """Train a model on one clip, yielding an event after each step; exhausting the generator trains it to the end.

    Stopping between events is always safe: closing the generator writes a checkpoint, and a run killed at any moment
    goes on from its last one to the weights it would have had (on the same CPU and in the same precision, bit for bit).

    Args:
        clip: the one training clip; a longer one than `config.frames` is cut into several training samples.
        config: from `preset`.
        seed: of everything random, at least 0.
        out: folder of the run: checkpoints, and the model at its end. Nothing is written if not given.
        resume: go on from the last checkpoint in `out`; starts anew where there is none.
        device: `"auto"`, `"cpu"`, `"cuda"`.
        precision: of convolutions: `"auto"` (bfloat16 where it is native), `"bfloat16"` or `"float32"`.
        checkpoint_every: steps between checkpoints; each scale's end has one too.

    Returns:
        The trained `Model` (the generator's return value; `fit` gives it directly).

    Raises:
        InputError: at once, before anything is written: a clip that cannot make the pyramid, an `out` that holds
            another run, or values out of range.
        TrainingError: when a loss is no longer finite; it names scale, iteration and last good checkpoint.
        CheckpointError: when a checkpoint cannot be written or read.
    """
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r}, but must be a whole number of at least 0")
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is {checkpoint_every}, but must be at least 1")
    if resume and out is None:
        raise InputError("resume=True needs out, the folder of the run to go on with")
    trainer = Trainer(clip, config, seed, choose_device(device), precision)
    run = None if out is None else Run.open(out, clip, config, seed, resume=resume)
    if run is not None:
        run.restore(trainer)
    return drive(trainer, run, checkpoint_every)


def fit(clip: Clip, config: Config, **options: Any) -> Model:
    """`train` to the end. Ctrl-C returns the model as far as it got, in place of losing it.

    Arguments and errors as in `train`.
    """
    events = train(clip, config, **options)
    model: Model | None = None
    while True:
        try:
            model = next(events).model
        except StopIteration as end:
            return end.value
        except KeyboardInterrupt:
            if model is None:
                raise
            return model


def drive(trainer: Trainer, run: Run | None, checkpoint_every: int) -> Generator[Event, None, Model]:
    """Steps of a trainer to its end, with checkpoints in the run's folder, if there is one; what `train` returns."""
    config, model = trainer.config, trainer.model
    clock = _Clock(trainer)
    try:
        while True:
            if trainer.iteration == config.iterations:
                if trainer.scale == config.scales - 1:
                    break
                trainer.scale, trainer.iteration = trainer.scale + 1, 0
            with _unbroken():
                if trainer.iteration == 0:
                    trainer.enter_scale()
                losses = trainer.step()
            if trainer.iteration == config.iterations or trainer.iteration % checkpoint_every == 0:
                if not trainer.finite():
                    raise TrainingError(f"weights not finite at scale {trainer.scale}, iteration {trainer.iteration}")
                if run is not None:
                    run.save(trainer)
            yield clock.event(losses)
    except TrainingError as error:
        last = "no run folder was given" if run is None else run.last_good()
        raise TrainingError(f"training stopped: {error}; {last}") from error
    except (KeyboardInterrupt, GeneratorExit):
        if run is not None:
            if trainer.settled and trainer.iteration > 0 and trainer.finite():
                run.save(trainer)
            model.facts |= clock.facts()
            run.save_model(model)
        raise
    model.facts |= clock.facts()
    if run is not None:
        run.save_model(model)
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


class _Clock:
    """Time spent and time left, the latter from each scale's estimated cost, corrected by what was observed."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        with torch.random.fork_rng(devices=[]):  # the layers it times are initialised, from the caller's random numbers
            costs = estimate(trainer.config, trainer.shapes, trainer.device, trainer.precision, trainer.batch)
        self.estimated = [cost.seconds for cost in costs]
        self.start = self.last = time.perf_counter()
        self.before = trainer.seconds
        self.scale, self.observed, self.correction = -1, 0.0, 1.0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    def facts(self) -> dict[str, Any]:
        """What a model remembers of its training: thinned-out losses of each scale, and seconds over all sessions."""
        return {"history": self.trainer.history, "seconds": round(self.before + self.elapsed, 1)}

    def event(self, losses: dict[str, float]) -> Event:
        trainer, now = self.trainer, time.perf_counter()
        took, self.last = now - self.last, now
        iterations, estimated = trainer.config.iterations, self.estimated[trainer.scale]
        if self.scale == trainer.scale:
            self.observed = 0.95 * self.observed + 0.05 * took
        else:  # a scale's first step also lays out its memory, and says nothing of the others
            self.scale, self.observed = trainer.scale, estimated * self.correction
        if not trainer.config.is_vae(self.scale):  # the small VAE scales say nothing of the large GAN scales
            self.correction = self.observed / estimated
        trainer.seconds = self.before + self.elapsed
        later = iterations * sum(self.estimated[trainer.scale + 1 :]) * self.correction
        return Event(
            scale=trainer.scale,
            iteration=trainer.iteration,
            iterations=iterations,
            losses=losses,
            seconds=self.elapsed,
            remaining=(iterations - trainer.iteration) * self.observed + later,
            model=trainer.model,
        )
