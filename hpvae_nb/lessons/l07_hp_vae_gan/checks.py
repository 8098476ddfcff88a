"""Checks of the whole-model lesson: equation (9) at one scale, the noise amplitude, and a training that is stopped."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, NotYet, ask, compare, exercise
from hpvae_nb.lessons.l05_hierarchy.checks import growing, stand_in


@exercise
def random_scale(answer: Callable[..., Tensor]) -> str:
    """Equation (9) at a GAN scale, without a tanh around the sum."""
    for seed in range(4):
        draw = torch.Generator().manual_seed(seed)
        below, shape, up, loose = growing(draw, batch=2)
        noise, amplitude = torch.randn(up.shape, generator=draw), torch.rand((), generator=draw).item() + 0.2
        z = amplitude * noise
        actual, right = ask(answer, below, shape, stand_in, noise, amplitude), up + stand_in(up + z)
        wrong = {
            "the noise is in the sum too: it goes into the generator's input, and nowhere else": z + right,
            "the noise went around the generator: only its input gets it": up + z + stand_in(up),
            "no noise: that is equation (6), of a VAE scale": up + stand_in(up),
            "the amplitude is missing: noise of standard deviation 1 would drown the clip": up + stand_in(up + noise),
            "the residual alone: add it to what came from below": stand_in(up + z),
            "the generator got the noise alone: it needs to see what came from below, with noise on it": up
            + stand_in(z),
            "a tanh around the sum is the released code's; equation (9) has none": right.tanh(),
            "corners are not aligned, so first and last frames move: align_corners=True": loose + stand_in(loose + z),
        }
        compare(actual, right, wrong)
    return "noise goes in, and only what the generator makes of it comes out"


@exercise
def noise_amplitude(answer: Callable[..., Any]) -> str:
    """A tenth of the root mean squared error."""
    for seed in range(3):
        draw = torch.Generator().manual_seed(seed)
        sizes = torch.randint(2, 6, (5,), generator=draw).tolist()
        reconstructed, real = torch.randn(2, *sizes, generator=draw)
        actual = torch.as_tensor(ask(answer, reconstructed, real))
        if actual.shape != ():
            raise Mistake(f"one amplitude for the whole scale is wanted, yours is {tuple(actual.shape)}")
        error = reconstructed - real
        expected = 0.1 * error.square().mean().sqrt()
        wrong = {
            "the factor 0.1 is missing": 10 * expected,
            "the root is missing: that is a tenth of the mean squared error": 0.1 * error.square().mean(),
            "the root and the factor 0.1 are missing": error.square().mean(),
            "the factor stands below the root: 0.1 comes before it": (0.1 * error.square().mean()).sqrt(),
            "that is the standard deviation, which forgives an error that is the same everywhere": 0.1 * error.std(),
            "that is a norm, which grows with the clip; take the mean before the root": 0.1 * error.norm(),
            "the mean of the absolute error is not its root mean square": 0.1 * error.abs().mean(),
            "positive and negative errors cancel: square them first": 0.1 * error.mean(),
        }
        compare(actual, expected, wrong)
    return "a scale that reconstructs badly gets strong noise, a good one gets little"


@dataclass
class _Event:
    """Stands in for `hpvae_nb.Event`."""

    scale: int
    iteration: int
    seconds: float
    model: str


@exercise
def train_for(answer: Callable[..., Any]) -> str:
    """A training that is left after a time, properly closed."""
    for limit, last in ((3.5, 4), (3.0, 3), (0.0, 1), (100.0, 6)):
        closed: list[bool] = []
        seen: list[int] = []
        events = _training(seen, closed)  # kept by this name, or it would be closed by being forgotten
        actual, steps = answer(events, limit), len(seen)
        about = f"with a limit of {limit:g} seconds and a second for each step"
        if actual is None and not seen:
            raise NotYet
        if steps > last:
            tale = "to its end" if steps == 6 and last < 5 else f"too far, by {steps - last}"
            hint = ": a step that ends at the limit has reached it, so take >=" if limit == last else ""
            raise Mistake(f"{about}, you went on {tale}{hint}")
        if steps < last:
            raise Mistake(f"{about}, you made {steps}, not {last}")
        if actual is None:
            raise Mistake(f"{about}, nothing came back: return the last model when events run out, too")
        if actual != f"model {last}":
            raise Mistake(f"return the model of the last event, not {actual!r}")
        if not closed:
            raise Mistake("right, but the training was left hanging: events.close() lets it write its checkpoint")
    return "stopped in time, closed, and the model is in your hands"


def _training(seen: list[int], closed: list[bool]) -> Generator[_Event, None, None]:
    """Six steps of a second each."""
    try:
        for step in range(1, 7):
            seen.append(step)
            yield _Event(0, step, float(step), f"model {step}")
    finally:
        closed.append(True)
