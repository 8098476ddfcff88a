"""Training as a generator of events: notebooks, the command line, tests and sweeps are all its consumers."""

from __future__ import annotations

import contextlib
import copy
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.errors import InputError, TrainingError
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import choose_threads
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.clock import Clock, Trial, planned_steps
from hpvae_nb.training.plan import make_plan
from hpvae_nb.training.run import Run
from hpvae_nb.training.trainer import Trainer
from hpvae_nb.training.windows import kept_in_pool


@dataclass(frozen=True)
class Event:
    """One training step that was just made.

    Attributes:
        scale: n, from 0.
        iteration: steps made at this scale, from 1.
        iterations: steps planned at this scale.
        losses: the step's losses before weighting, by name: `reconstruction`, `reconstruction_0` and `kl` at VAE
            scales; `reconstruction`, `adversarial`, `distance` and `penalty` at GAN scales.
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
    clip: Clip,
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
        clip: the one training clip; a longer one than `config.frames` is cut into several training samples.
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
    method = method or HpVaeGan()
    if not method.trains:
        plan = make_plan(clip, method.adapted(config), device=device, precision=precision)
        facts = {"seed": seed, "device": plan.device.type, "torch": torch.__version__}
        network = method.learn(plan.config, clip, plan.shapes)
        about: dict[str, Any] = {"fps": clip.fps, "name": clip.name, "coarse": None, "facts": facts}
        model = Model(network, plan.shapes, plan.config, method=method, **about).to(plan.device, precision)
        return _ready(model, None if out is None else Run.open(out, clip, config, method, seed, resume=resume))
    trainer = Trainer(method, clip, config, seed=seed, device=device, precision=precision)
    run = None if out is None else Run.open(out, clip, config, method, seed, resume=resume)
    trainer.threads, _ = choose_threads(threads)
    if run is not None:
        run.restore(trainer)
    if threads is not None:
        trainer.threads = threads
    return training_loop(trainer, run, checkpoint_every)


def _ready(model: Model, run: Run | None) -> Generator[Event, None, Model]:
    """One event, since there is nothing to train; then the model is written, where a run has a folder."""
    yield Event(model.scales - 1, 1, 1, losses={}, seconds=0.0, remaining=0.0, model=model)
    if run is not None:
        run.save_model(model)
    return model


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


def training_loop(trainer: Trainer, run: Run | None, checkpoint_every: int) -> Generator[Event, None, Model]:
    """Steps of a trainer to its end, with checkpoints in the run's folder, if there is one; what `train` returns."""
    config, model = trainer.config, trainer.model
    torch.set_num_threads(trainer.threads)
    clock = _Clock(trainer)
    try:
        while True:
            done = trainer.iteration == config.iterations
            if done and trainer.scale == config.scales - 1:
                break
            with _unbroken():
                if done or trainer.iteration == 0:
                    trainer.enter_scale(trainer.scale + done)
                losses = trainer.step()
            if trainer.iteration == config.iterations or trainer.iteration % checkpoint_every == 0:
                if not trainer.finite():
                    raise TrainingError(f"weights not finite at scale {trainer.scale}, iteration {trainer.iteration}")
                if run is not None:
                    run.save(trainer)
            yield clock.event(losses)
            clock.go_on()
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
    """Time spent and time left: reads the time around each step, and tries later scales when asked to."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.steps = trainer, planned_steps(trainer.config)
        self.left, self.trying = Clock(self.steps), True
        self.start = self.began = self.told = time.perf_counter()
        self.before = trainer.seconds
        self.computed_before = trainer.processor_seconds - time.process_time()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    def facts(self) -> dict[str, Any]:
        """What a model remembers of its training: thinned-out losses of each scale, and seconds over all sessions."""
        return {
            "history": self.trainer.history,
            "seconds": round(self.before + self.elapsed, 1),
            "processor_seconds": round(self.trainer.processor_seconds, 1),
            "threads": self.trainer.threads,
        }

    def go_on(self) -> None:
        """The next step begins."""
        self.began = time.perf_counter()

    def event(self, losses: dict[str, float]) -> Event:
        trainer, pause = self.trainer, self.began - self.told
        self.left.stepped(trainer.scale, trainer.iteration, time.perf_counter() - self.began, pause)
        self._try()
        trainer.seconds = self.before + self.elapsed
        trainer.processor_seconds = self.computed_before + time.process_time()
        self.told = time.perf_counter()
        return Event(
            scale=trainer.scale,
            iteration=trainer.iteration,
            iterations=self.steps[trainer.scale],
            losses=losses,
            seconds=self.elapsed,
            remaining=self.left.remaining(),
            model=trainer.model,
        )

    def _try(self) -> None:
        wanted, start = self.left.wanted(), time.perf_counter()
        if wanted is None or not self.trying:
            return
        try:
            trial = try_scale(self.trainer, wanted)
        except (TrainingError, RuntimeError, MemoryError):  # the run itself may get further than its copy
            self.trying = False
        else:
            self.left.tried(wanted, trial, time.perf_counter() - start)


def try_scale(trainer: Trainer, scale: int, now: Callable[[], float] = time.perf_counter) -> Trial:
    """Measure what a scale costs that was not yet reached, on a copy of the trainer that is thrown away.

    The trainer stays as it is, random numbers included, and memory peaks no higher than it will when it gets there.

    Args:
        trainer: settled, at a scale that it has entered.
        scale: above the trainer's.
        now: the time in seconds.
    """
    config = trainer.config
    # None of which it changes before the copy leaves this scale.
    shared = (trainer.clip, trainer.plan, trainer.reals_0, trainer.pool)
    tried = copy.deepcopy(trainer, {id(one): one for one in shared})
    small = config.replace(pool=config.pool and 1)
    entering = 0.0
    while tried.scale < scale:
        tried.config, start = small if tried.scale == scale - 1 else config.replace(pool=None), now()
        tried.enter_scale(tried.scale + 1)
        entering = now() - start

    def seconds(iteration: int) -> float:
        """Of a step with this many before it: the better of two, since the first one lays out memory."""
        times = []
        for _ in range(2):
            tried.iteration, start = iteration, now()
            tried.step()
            times.append(now() - start)
        return min(times)

    if tried.critic is None:
        plain = seconds(0)
        return Trial(plain, plain, entering)
    every = config.penalty_every
    penalised = seconds(0)
    plain = min(penalised, seconds(1)) if every > 1 else penalised
    typical, mean = median([penalised, *[plain] * (every - 1)]), plain + (penalised - plain) / every
    if config.pool is not None:  # most of entering goes by in making its entries, and one more for the amplitude
        made = entering / (1 + kept_in_pool(small))
        entering, mean = made * (1 + kept_in_pool(config)), mean + made / config.pool_every
    return Trial(typical, mean, entering)
