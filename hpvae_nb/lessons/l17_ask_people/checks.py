"""Checks of the exercises of lesson 17."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

import numpy as np
import torch

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise


@exercise
def orders(answer: Callable[[int], Sequence[Sequence[int]]]) -> str:
    """As many orders as there are things: balanced in places and in neighbours."""
    for count in (4, 2, 6):
        lines = [list(line) for line in ask(answer, count)]
        if len(lines) != count:
            raise Mistake(f"{len(lines)} orders came of {count} things; as many as things are wanted")
        for line in lines:
            if sorted(line) != list(range(count)):
                raise Mistake(f"{line} does not hold each number from 0 to {count - 1} once")
        if any(len(set(place)) < count for place in zip(*lines, strict=True)):
            raise Mistake("some thing stands twice at the same place: for the others, add 1, 2, ... to the first order")
        after = Counter(pair for line in lines for pair in pairwise(line))
        if max(after.values()) > 1:
            (one, two), times = after.most_common(1)[0]
            raise Mistake(
                f"places are balanced, neighbours are not: {two} follows {one} in {times} of {count} orders; "
                "the steps within the first order must all differ"
            )
    return "each stands once at each place, and follows each other once"


@exercise
def alpha(answer: Callable[[np.ndarray], float]) -> str:
    """Krippendorff's α of complete interval answers."""
    for seed in range(4):
        dice = np.random.default_rng(seed)
        answers = np.clip(np.rint(dice.normal(3, 1, (1, 9)) + dice.normal(0, 0.8, (4, 9))), 1, 5)
        ratio = _ratio(answers)
        wrong = {
            "that is D_o / D_e; α is 1 less that, so that to agree is to be high": ratio,
            "the differences were not squared": 1 - _ratio(answers, power=1),
            "those are standard deviations; squared differences are wanted, so variances": (
                1 - answers.std(0, ddof=1).mean() / answers.std(ddof=1)
            ),
            "D_o divides by the number of raters: take one less (ddof=1)": (
                1 - answers.var(0).mean() / answers.var(ddof=1)
            ),
            "you divided by n in both: take n - 1 (ddof=1)": 1 - answers.var(0).mean() / answers.var(),
            "that is over pages and raters exchanged: D_o compares answers to the same page, along axis 0": (
                1 - answers.var(1, ddof=1).mean() / answers.var(ddof=1)
            ),
        }
        result = ask(answer, answers.copy())
        try:
            value = float(result)
        except (TypeError, ValueError) as error:
            raise Mistake(f"your result is a {type(result).__name__}, but a number was wanted") from error
        known = {words: torch.tensor(float(number)) for words, number in wrong.items()}
        compare(torch.tensor(value), torch.tensor(1 - ratio), known)
    return "0 for agreement by chance, 1 for perfect agreement"


def _ratio(answers: np.ndarray, power: int = 2) -> float:
    """D_o / D_e by definition: the mean over all pairs of answers to the same page, over that of any two answers."""
    within = np.mean([abs(one - two) ** power for one, two in combinations(answers, 2)])
    overall = np.mean([abs(one - two) ** power for one, two in combinations(answers.ravel(), 2)])
    return float(within / overall)
