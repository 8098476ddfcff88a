"""Time left of a training, from steps that were timed; None for as long as it is not known to within a factor of 1.3.

What is hard about it: a scale's step takes its own time, which no formula foretells (small scales are ruled by
overhead, large ones by arithmetic), and most of a run's time is spent at its last scales. And machines change speed.

1. Nothing is foretold that was not measured. While the first scale is trained, a few steps of each later scale are
   *tried* on a throwaway copy. Compared with the steps made just before and after, they tell that scale's cost.
2. Time left is the cost of all steps left times the machine's *pace*, seconds per unit of cost. Each scale trained so
   far tells it with its own error, that of its trial; believed is their median.
3. The pace has changed if the last `WINDOW` steps say so with one voice. While they do not, nothing is told.
4. If a new scale's steps and its trial differ much, the scales still to come are tried again.

What this promises, from a tenth of the run on (where a few hundred steps are planned at each scale): what is told is
within a factor of 1.3 of what would be left if the machine stayed as fast as it is. Nobody foresees a change of speed.
After one, the clock may believe in the old pace for half a window, is silent for the other half, and then is right
again; a window is a few percent of a run. Where a change comes just as a scale begins, new trials take a little longer.
On a machine whose speed changes all the time, because others use it, the clock is silent for most of the time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from statistics import fmean, median

MEMORY = 200  # steps of a scale that tell the pace, at most
WINDOW = 20  # steps that tell whether it changed
HALF = WINDOW // 2  # steps before and after a trial that it is compared with
FEWEST = 3  # steps of a new scale that can tell that its trial was wrong
WARMING = 2  # first steps of a scale, which lay out its memory and say nothing of those to come
STEADY = 1.3  # paces that differ by a larger factor are not the same
HICCUP = 3.0  # a pause between two steps counts as at most so many of them
TRYING = 1 / 3  # trials take at most this share of the time so far, so that they never hold the training up for long
FEW = 80  # a scale may be tried once for so many steps that are planned: a trial costs three to six of them
AGAIN = 1 / 30  # and more often while all trials so far took less than this share of the time


@dataclass(frozen=True)
class Trial:
    """What a scale costs, in seconds: a `typical` step, as most of them are; the `mean` step; `entering` the scale."""

    typical: float
    mean: float
    entering: float

    def times(self, factor: float) -> Trial:
        return Trial(*(factor * seconds for seconds in astuple(self)))


class Clock:
    """Knows the steps that are planned at each scale, is told what each took, and says what is left.

    It neither reads a clock nor makes a step: its owner does both, and asks `wanted` after each step for a trial.
    """

    def __init__(self, steps: Sequence[int]) -> None:
        self.steps = list(steps)
        self.scale, self.iteration = -1, 0
        self.costs: dict[int, Trial] = {}  # by scale, in units of the first scale's typical step
        self.pending: dict[int, tuple[Trial, int]] = {}  # by scale, with the steps made since
        self.tries: Counter[int] = Counter()  # trials made, by scale
        self.own: deque[float] = deque(maxlen=MEMORY)  # paces of this scale's steps, since they last changed
        self.others: list[float] = []  # the pace that each scale below told
        self.stepping = self.pausing = self.trying = 0.0  # seconds
        self.here, self.judged = 0, False  # steps seen at this scale, and whether its trial was held against them

    def stepped(self, scale: int, iteration: int, seconds: float, pause: float = 0.0) -> None:
        """A step was made.

        Args:
            scale: of the step; a resumed run's first may be any.
            iteration: its number at that scale, from 1.
            seconds: that it took.
            pause: seconds before it, which passed elsewhere, such as in drawing a preview.
        """
        if scale != self.scale:
            self._enter(scale)
        self.iteration, self.here = iteration, self.here + 1
        self.stepping += seconds
        if self.here <= WARMING:
            return
        self.pausing += min(pause, HICCUP * seconds)
        self.own.append(seconds / self.costs[scale].typical)
        self._notice()
        self._accept()

    def wanted(self) -> int | None:
        """The scale of which some steps should be tried now; None if none should."""
        later = range(self.scale + 1, len(self.steps))
        few = sum(self.steps[n] for n in later) < FEW * len(later) or self.steps[self.scale] - self.iteration < HALF
        if few or len(self.own) < HALF or self.trying > TRYING * self.stepping:
            return None
        again = self.trying <= AGAIN * self.stepping
        untried = (n for n in later if n not in self.costs and n not in self.pending)
        return next((n for n in untried if again or self.tries[n] < max(1, self.steps[n] // FEW)), None)

    def tried(self, scale: int, trial: Trial, spent: float) -> None:
        """`scale` was tried just now, outside of the run; that took `spent` seconds in all."""
        self.pending[scale] = (trial, 0)
        self.tries[scale] += 1
        self.trying += spent

    def remaining(self) -> float | None:
        """Seconds to the end of all scales if the machine stays as it is; None if not known to a factor of 1.3."""
        later = range(self.scale + 1, len(self.steps))
        left = self.steps[self.scale] - self.iteration
        if not later and left == 0:
            return 0.0
        if not self.costs.keys() >= set(later) or not (self.others or len(self.own) >= HALF) or not self._steady():
            return None
        pace = self._pace()
        mine = left * self._mean() * (median(self.own) if len(self.own) >= HALF else pace)
        others = sum(self.steps[n] * self.costs[n].mean + self.costs[n].entering for n in later) * pace
        return (mine + others) * (1 + self.pausing / self.stepping)

    def _pace(self) -> float:
        return median([*self.others, median(self.own)] if len(self.own) >= HALF else self.others)

    def _mean(self) -> float:
        """Cost of this scale's mean step. A scale that the run began with was not tried."""
        if self.tries[self.scale]:
            return self.costs[self.scale].mean
        usual = median(self.own)
        return self.costs[self.scale].typical * fmean(min(pace / usual, HICCUP) for pace in self.own)

    def _steady(self) -> bool:
        """Whether the last steps were as fast as those before, and about as fast as their trial foretold."""
        own = list(self.own)
        if FEWEST <= len(own) < WINDOW and self.others and not _close(median(own), median(self.others)):
            return False
        return len(own) <= HALF or _close(median(own[-HALF:]), median(own[:-HALF]))

    def _enter(self, scale: int) -> None:
        if scale not in self.costs:  # the first scale of all, or there was no time for a trial
            self.costs, self.others, self.tries[scale] = {scale: Trial(1.0, 1.0, 0.0)}, [], 0
        elif len(self.own) >= HALF:
            self.others.append(median(self.own))
        self.own.clear()
        self.pending.clear()
        self.scale, self.here, self.judged = scale, 0, False

    def _notice(self) -> None:
        """If a whole window is at another pace than what was before, let it alone tell the pace."""
        own = list(self.own)
        earlier, window = own[:-WINDOW], own[-WINDOW:]
        if len(own) < WINDOW or not _close(median(window[:HALF]), median(window[HALF:])):
            return
        if len(earlier) >= HALF and not _close(median(window), median(earlier)):
            change = median(window) / median(earlier)
            self.own = deque(window[HALF:], maxlen=MEMORY)
            self.others = [pace * change for pace in self.others]
            self.pending.clear()
        elif not self.judged:
            self.judged = True
            if self.others and not _close(median(window), median(self.others)):
                # This scale's trial was worthless, or the pace changed as it began: nothing tells which.
                self.costs, self.others = {self.scale: self.costs[self.scale]}, []
                self.pending.clear()

    def _accept(self) -> None:
        """A trial is worth something if the machine was as fast after it as before."""
        self.pending = {n: (trial, since + 1) for n, (trial, since) in self.pending.items()}
        for n in [n for n, (_, since) in self.pending.items() if since == HALF]:
            trial, _ = self.pending.pop(n)
            window = list(self.own)[-WINDOW:]
            if _close(median(window[:HALF]), median(window[HALF:])):
                present = self._pace() * median(window) / median(self.own)
                self.costs[n] = trial.times(1 / present)


def _close(a: float, b: float) -> bool:
    return max(a, b) <= STEADY * min(a, b)
