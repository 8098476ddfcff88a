"""Checks of the lesson on other methods: PatchVAE's divergence, and overlapping patches averaged into a clip."""

import itertools
import math
import random
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Bernoulli
from torch.distributions import kl_divergence as divergence

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise

CERTAIN = 60.0  # a logit beyond which float32 takes a probability for 1


@exercise
def occurrence_kl(answer: Callable[[Tensor, float], Tensor]) -> str:
    """KL[Bernoulli(sigmoid(logits)) || Bernoulli(prior)] in nats, for each logit."""
    for seed, prior in enumerate((0.5, 0.2, 0.7)):
        logits = 2 * torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(seed))
        given = ask(answer, logits, prior)
        q, p = torch.sigmoid(logits), torch.tensor(prior)
        there, gone = q * (q / p).log(), (1 - q) * ((1 - q) / (1 - p)).log()
        reverse = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
        cross_entropy = -q * p.log() - (1 - q) * (1 - p).log()
        of_logits = logits * (logits.abs() / p).log() + (1 - logits) * ((1 - logits).abs() / (1 - p)).log()
        wrong = {
            "'it does not occur' is an outcome too: add (1 - q) log((1 - q) / (1 - p))": there,
            "'it occurs' is an outcome too: add q log(q / p)": gone,
            "this is KL[prior || posterior]; the first of the two is the one whose odds weigh the logarithms: q": (
                reverse
            ),
            "the sign is turned: a divergence is never negative": -(there + gone),
            "the prior is missing: this is minus the entropy of q": q * q.log() + (1 - q) * (1 - q).log(),
            "this is the cross entropy: take the entropy of q off, or nothing is 0 where q is the prior": cross_entropy,
            "a logit is no probability yet: q = sigmoid(logit)": of_logits,
            "these are bits; nats are wanted, which the natural logarithm gives": (there + gone) / math.log(2),
        }
        compare(given, there + gone, wrong)
    _check_certain(answer)
    return "0 where the posterior is the prior, and at most -log of the rarer outcome"


def _check_certain(answer: Callable[[Tensor, float], Tensor]) -> None:
    logits = torch.tensor([-CERTAIN, CERTAIN])
    given = ask(answer, logits, 0.25)
    if not torch.isfinite(given).all():
        raise Mistake(
            f"right, but not for an encoder that is sure: for logits {-CERTAIN:g} and {CERTAIN:g} you give "
            f"{given.tolist()}, since 1 - q is rounded to 0. Take the logarithms from the logits: F.logsigmoid(logits) "
            "is log q, F.logsigmoid(-logits) is log(1 - q)"
        )
    compare(given, divergence(Bernoulli(logits=logits), Bernoulli(probs=torch.tensor(0.25))), {})


@exercise
def average(answer: Callable[[Tensor], Tensor]) -> str:
    """`a b d c t h w` to `c T H W`: at each voxel the mean of all patches that cover it."""
    dice = random.Random(0)
    for seed in range(3):
        a, b, d = (dice.randint(2, 3) for _ in range(3))
        grid = [dice.randint(3, 5) for _ in range(3)]
        chosen = torch.randn(a, b, d, 3, *grid, generator=torch.Generator().manual_seed(seed))
        ballots, turned = _ballots(chosen), _ballots(chosen.flip(0, 1, 2))
        votes, total = ballots.isfinite().sum(0), ballots.nansum(0)
        everywhere = total / (a * b * d)
        wrong = {
            "you add the votes up, but do not divide by how many there were": total,
            f"you divide by {a * b * d} everywhere, but a corner is covered by one patch alone: count the votes": (
                everywhere
            ),
            "later patches overwrite earlier ones; use += to collect their votes": _last(ballots),
            "this is the median; here the mean was asked for": ballots.nanmedian(0).values,
            "the corner goes the wrong way: entry (i, j, k) of a patch lies i, j, k further on than its first voxel": (
                turned.nanmean(0)
            ),
        }
        compare(ask(answer, chosen.clone()), total / votes, wrong)
    return "every voxel is the mean of its votes, at the border of fewer than inside"


def _ballots(chosen: Tensor) -> Tensor:
    """Each entry's votes at the voxels they are for, `(a b d) c T H W`; NaN where it has none."""
    a, b, d, channels, t, h, w = chosen.shape
    ballots = torch.full((a * b * d, channels, t + a - 1, h + b - 1, w + d - 1), torch.nan)
    for ballot, (i, j, k) in zip(ballots, itertools.product(range(a), range(b), range(d)), strict=True):
        ballot[:, i : i + t, j : j + h, k : k + w] = chosen[i, j, k]
    return ballots


def _last(ballots: Tensor) -> Tensor:
    """At each voxel the vote that comes last."""
    found = ballots[0]
    for ballot in ballots[1:]:
        found = torch.where(ballot.isfinite(), ballot, found)
    return found
