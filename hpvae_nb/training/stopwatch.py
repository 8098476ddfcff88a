"""The time a training takes: read around each step, and foretold from trials of the scales that are still to come."""

import copy
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from hpvae_nb.errors import TrainingError
from hpvae_nb.training.clock import Clock, Trial
from hpvae_nb.training.many import SetTrainer
from hpvae_nb.training.trainer import Trainer
from hpvae_nb.training.windows import kept_in_pool


class Stopwatch:
    """Time spent and time left: reads the time around each step, and tries later scales when asked to."""

    def __init__(self, trainer: Trainer | SetTrainer) -> None:
        config = trainer.config
        self.trainer, self.left, self.trying = trainer, Clock([config.steps(n) for n in range(config.scales)]), True
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

    def stepped(self) -> None:
        """A step was made."""
        trainer, pause = self.trainer, self.began - self.told
        self.left.stepped(trainer.scale, trainer.iteration, time.perf_counter() - self.began, pause)
        self._try()
        trainer.seconds = self.before + self.elapsed
        trainer.processor_seconds = self.computed_before + time.process_time()
        self.told = time.perf_counter()

    def _try(self) -> None:
        wanted, start = self.left.wanted(), time.perf_counter()
        if wanted is None or not self.trying:
            return
        try:
            assert isinstance(self.trainer, Trainer)  # of one scale, none is wanted
            trial = try_scale(self.trainer, wanted)
        except (TrainingError, RuntimeError, MemoryError):  # the run itself may get further than its copy
            self.trying = False
        else:
            self.left.tried(wanted, trial, time.perf_counter() - start)


def try_scale(trainer: Trainer, scale: int, now: Callable[[], float] = time.perf_counter) -> Trial:
    """Measure what a scale costs that was not yet reached, on a copy of the trainer that is thrown away.

    The trainer, settled at a lower scale that it has entered, stays as it is, random numbers included, and memory peaks
    no higher than it will when it gets there. `now` tells the time in seconds.
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
