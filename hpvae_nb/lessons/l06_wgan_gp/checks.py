"""Checks for the exercises of lesson 6: the gradient penalty, the critic's loss, the generator's loss."""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise

Critic = Callable[[Tensor], Tensor]


@exercise
def gradient_penalty(answer: Callable[[Critic, Tensor, Tensor, Tensor], Tensor]) -> str:
    """The last term of equation (10) without lambda; one norm for each sample, over all of its values."""
    dice = random.Random(0)
    for trial in range(4):
        critic, real, fake, epsilon = _problem(trial, (dice.randint(2, 4), 3, dice.randint(2, 4), dice.randint(3, 5)))
        actual = ask(answer, critic, real, fake, epsilon)
        if not isinstance(actual, Tensor) or actual.ndim != 0:
            got: Any = tuple(actual.shape) if isinstance(actual, Tensor) else type(actual).__name__
            raise Mistake(f"expected one number (a tensor of shape ()), got {got}: average over the samples")
        slope = _slope(critic, real, fake, epsilon)
        norms, whole = slope.flatten(1).norm(dim=1), _squares(slope.norm() - 1)
        off, swapped = norms - 1, _penalty(critic, fake, real, epsilon)
        marks = critic(real).numel()
        wrong = {
            "the -1 stands inside the norm, as the paper prints it: that asks every entry of the gradient to be 1. "
            "Take the norm first, then subtract 1": _squares((slope - 1).flatten(1).norm(dim=1)),
            "you take a norm at each site, over the channels; here one norm for each sample is asked: flatten first": (
                _squares(slope.norm(dim=1) - 1)
            ),
            "you take one norm over the whole batch; each sample has its own: flatten(1), then norm(dim=1)": whole,
            "the square is missing: being too steep and too flat should both cost, more the further from 1": off.mean(),
            "the square is missing: an absolute value does not cost more the further it is from 0": off.abs().mean(),
            "you pull the norm towards 0: subtract 1 from it before squaring": _squares(norms),
            "you add up the samples' penalties; E is a mean over them": off.square().sum(),
            "you differentiate the mean of the critic's map, so all slopes come out too small; take its sum": _squares(
                norms / marks - 1
            ),
            "real and fake are swapped in the blend: epsilon weighs the real one, 1 - epsilon the fake one": swapped,
        }
        wrong |= {
            f"the gradient is taken at the {name} samples; it belongs at blends of real and fake": _penalty(
                critic, place, place, epsilon
            )
            for name, place in (("real", real), ("fake", fake))
        }
        compare(actual, _squares(off), wrong)
        _check_reaches_weights(actual, critic)
    return "it is 0 where every sample's gradient has norm 1, and training can move the critic there"


def _problem(seed: int, shape: tuple[int, ...]) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.Tanh(), nn.Conv2d(5, 1, 3, padding=1))
    real, fake = (torch.randn(shape, generator=generator) for _ in range(2))
    return critic, real, fake, torch.rand(shape[0], 1, 1, 1, generator=generator)


def _slope(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    blend = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    return torch.autograd.grad(critic(blend).sum(), blend)[0]


def _squares(values: Tensor) -> Tensor:
    return values.square().mean()


def _penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    return _squares(_slope(critic, real, fake, epsilon).flatten(1).norm(dim=1) - 1)


def _check_reaches_weights(actual: Tensor, critic: nn.Module) -> None:
    critic.zero_grad()
    if actual.requires_grad:
        actual.backward()
    if all(weight.grad is None or not weight.grad.any() for weight in critic.parameters()):
        raise Mistake(
            "the value is right, but no gradient reaches the critic's weights, so training could not lower it: "
            "call torch.autograd.grad with create_graph=True"
        )


@exercise
def critic_loss(answer: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """Equation (10) as something to minimise: E[D(random)] - E[D(real)] + lambda * penalty."""
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        real, fake = (torch.randn(2, 1, 3, 4, generator=generator) for _ in range(2))
        penalty, weight = torch.rand((), generator=generator), 0.5 + seed
        actual, gap, sums = ask(answer, real, fake, penalty, weight), real.mean() - fake.mean(), real.sum() - fake.sum()
        wrong = {
            "the signs of the scores are swapped: minimising this would teach D to like fakes": weight * penalty + gap,
            "this is what the critic maximises; a loss is minimised, so turn its sign": gap - weight * penalty,
            "the penalty must be added to a loss, so that steepness costs": -gap - weight * penalty,
            "the penalty's weight lambda is missing": penalty - gap,
            "the penalty is missing": -gap,
            "average over the critic's map instead of summing: E is a mean": weight * penalty - sums,
        }
        compare(actual, weight * penalty - gap, wrong)
    return "minimising it raises the real scores over the random ones, as far as the penalty lets it"


@exercise
def generator_loss(answer: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Equation (11): Recon + beta_adv * L_adv, where L_adv is -E[D(random)]."""
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        error = torch.rand((), generator=generator)
        scores = torch.randn(2, 1, 3, 4, generator=generator, requires_grad=True)
        weight = 0.1 + seed
        actual = ask(answer, error, scores, weight)
        wrong = {
            "the sign of the scores is turned: G wants them to be high, and a loss is minimised": error
            + weight * scores.mean(),
            "beta_adv is missing": error - scores.mean(),
            "beta_adv weighs the adversarial term, not the reconstruction": weight * error - scores.mean(),
            "average over the critic's map instead of summing: E is a mean": error - weight * scores.sum(),
            "the reconstruction is missing": -weight * scores.mean(),
            "the adversarial term is missing": error,
        }
        compare(actual, error - weight * scores.mean(), wrong)
        if not actual.requires_grad:
            raise Mistake("the value is right, but it is cut off from the scores' graph, so G would not learn from D")
    return "one part keeps G true to the clip, the other asks for the critic's approval"
