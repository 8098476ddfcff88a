"""Checks of the applications' lesson: a soft mask, a harmonised picture, a start scale, a walk."""

import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from hpvae_nb.applications import given
from hpvae_nb.core.resampling import resize, upsample
from hpvae_nb.lab.exercise import ask, compare, exercise, match


@exercise
def soft_mask(answer: Callable[[np.ndarray, int, float], Any]) -> str:
    """A bool mask `h w`, grown by a disc, then blurred and cut at three standard deviations."""
    for seed, (grow, blur) in enumerate(((3, 1.5), (5, 2.0))):
        mask = np.random.default_rng(seed).random((40, 50)) > 0.995
        actual = torch.as_tensor(ask(answer, mask.copy(), grow, blur)).float()
        compare(actual, _softened(mask, grow, blur), _wrongly_softened(mask, grow, blur))
    return "1 on the object and a disc around it, and softly down to exactly 0"


def _softened(mask: np.ndarray, grow: float, blur: float) -> Tensor:
    return given.soft_mask(torch.from_numpy(mask), grow, blur, 0)


def _wrongly_softened(mask: np.ndarray, grow: int, blur: float) -> dict[str, Tensor]:
    rows, columns = np.mgrid[-grow : grow + 1, -grow : grow + 1]
    square, diamond = np.ones((2 * grow + 1, 2 * grow + 1)), abs(rows) + abs(columns) <= grow
    blurred = _softened(mask, 0, blur).numpy()
    disc = rows**2 + columns**2 <= grow**2
    wrong = {
        "it has not grown: what surrounds the object should be drawn anew as well": _softened(mask, 0, blur),
        "it has grown, but its edge is hard: blur it": _softened(mask, grow, 0),
        "it grows by a square: at the corners, disk(grow) reaches less far": _grown(mask, square, blur),
        "it grows by a diamond: disk(grow) is round": _grown(mask, diamond, blur),
        "grow first and blur then: the other way round, the edge is as soft, but lies elsewhere": torch.from_numpy(
            ndimage.grey_dilation(blurred, footprint=disc)
        ),
        "the blur never ends, or ends elsewhere than at three standard deviations: truncate=3": _grown(
            mask, disc, blur, truncate=4.0
        ),
    }
    return {words: values.float() for words, values in wrong.items()}


def _grown(mask: np.ndarray, footprint: np.ndarray, blur: float, truncate: float = 3.0) -> Tensor:
    grown = ndimage.binary_dilation(mask, footprint).astype(np.float32)
    return torch.from_numpy(ndimage.gaussian_filter(grown, blur, mode="nearest", truncate=truncate))


@exercise
def harmonize(answer: Callable[[Any, Tensor, Tensor, int], Tensor]) -> str:
    """From a model, a composite `3 h w` of its finest size, a soft mask `h w` and a start scale: `3 h w`."""
    model = SimpleNamespace(shapes=[(6, 9), (12, 18), (24, 36)], scales=3, refine=_refined)
    for start in (1, 0):
        generator = torch.Generator().manual_seed(start)
        composite = torch.rand(3, 24, 36, generator=generator) * 2 - 1
        soft = torch.rand(24, 36, generator=generator) * (torch.arange(36) > 12)
        given_soft, given_composite = soft.clone(), composite.clone()
        made = _entered(composite, start)
        wrong = {
            "inside and outside have changed places: what the model made belongs where the mask is 1": (
                (1 - soft) * made + soft * composite
            ),
            "the whole picture was drawn anew: outside of the mask, the composite must stay": made,
            "the mask has become hard: it is soft so that no seam shows": torch.where(soft > 0.5, made, composite),
            "the composite went in as it was, and ↑ shrinks by picking pixels: resize(..., antialias=True) first": (
                (1 - soft) * composite + soft * _refined(composite[None], start)[0]
            ),
            "it was reduced by picking pixels: antialias=True": (
                (1 - soft) * composite + soft * _refined(resize(composite, model.shapes[start])[None], start, seed=0)[0]
            ),
            "nothing has changed": composite,
        }
        if start:
            wrong["it enters a scale too low: at model.shapes[start], and with refine(..., start)"] = (
                1 - soft
            ) * composite + soft * _entered(composite, start - 1)
        compare(ask(answer, model, given_composite, given_soft, start), (1 - soft) * composite + soft * made, wrong)
    return "drawn anew where the mask is 1, untouched where it is 0, and between them a blend"


def _entered(composite: Tensor, start: int) -> Tensor:
    return _refined(resize(composite, ((6, 9), (12, 18))[start], antialias=True)[None], start)[0]


def _refined(video: Tensor, start: int, *, seed: int = 0, noise: float = 1.0) -> Tensor:
    """As `Model.refine` of a model with three scales; what it draws is the same for every seed and noise."""
    x = upsample(video, ((6, 9), (12, 18))[start])
    for n, shape in list(enumerate([(6, 9), (12, 18), (24, 36)]))[start + 1 :]:
        x = torch.tanh(1.5 * upsample(x, shape) + 0.1 * n)
    return x


@exercise
def best_start(answer: Callable[[Sequence[float], Sequence[float], float], int]) -> str:
    """The start scale with most detail, of those at which enough of the object is left."""
    dice = random.Random(0)
    for _ in range(6):
        gone, least = dice.randint(1, 3), dice.choice([0.5, 0.75])
        left = [*sorted(dice.uniform(0.1, 0.4) for _ in range(gone)), least, 0.85, 0.9, 0.95]
        detail = sorted((dice.uniform(0.3, 0.4) for _ in range(gone)), reverse=True)
        detail += [0.12, *dice.sample([0.2, 0.02], 2), 0.1]  # so that each mistake gives a scale of its own
        enough = [n for n, share in enumerate(left) if share >= least]
        right = max(enough, key=lambda n: detail[n])
        wrong: dict[str, Sequence[Any]] = {
            "most detail of all, but the object is gone there": [detail.index(max(detail))],
            "that is the detail itself; the number of the scale was wanted": [detail[right]],
            "there, most of the object is left; of those with enough, take the one with most detail": [
                left.index(max(left))
            ],
            "the first with enough left; take the one with most detail of them all": [enough[0]],
            "least detail of those with enough left: take the most": [min(enough, key=lambda n: detail[n])],
        }
        number = ask(answer, list(left), list(detail), least)
        match(number, right, wrong, "of the scales with left >= least, take the number of the one with most detail")
    return "it keeps the object, and changes its texture as much as that allows"


@exercise
def walk(answer: Callable[[Tensor, Tensor, float, float], Tensor]) -> str:
    """SinGAN's walk of a latent map: z_0 = z_rec, then one more for each u."""
    for seed, (alpha, beta) in enumerate(((0.1, 0.8), (0.3, 0.6), (0.0, 0.5))):
        generator = torch.Generator().manual_seed(seed)
        z_rec, u = (torch.randn(*shape, generator=generator) for shape in ((2, 3, 4), (4, 2, 3, 4)))
        wrong = {
            "the pull to z_rec is missing: alpha z_rec + (1 - alpha)(...)": _walk(z_rec, u, 0.0, beta),
            "it has no inertia: beta (z_t - z_(t-1)) is missing": _walk(z_rec, u, alpha, beta, inertia=0.0),
            "alpha and 1 - alpha have changed places": _walk(z_rec, u, 1 - alpha, beta),
            "beta and 1 - beta have changed places": _walk(z_rec, u, alpha, 1 - beta),
            "u comes at full strength: (1 - beta) u": _walk(z_rec, u, alpha, beta, push=1.0),
            "z_(t-1) stays at z_rec: after each step, z_t becomes it": _walk(z_rec, u, alpha, beta, forget=True),
            "the first map should be z_rec itself": torch.cat(
                [_walk(z_rec, u, alpha, beta)[1:], _walk(z_rec, u, alpha, beta)[-1:]]
            ),
        }
        compare(ask(answer, z_rec.clone(), u.clone(), alpha, beta), _walk(z_rec, u, alpha, beta), wrong)
    return "a smooth walk that is always called back"


def _walk(
    z_rec: Tensor,
    u: Tensor,
    alpha: float,
    beta: float,
    inertia: float | None = None,
    push: float | None = None,
    *,
    forget: bool = False,
) -> Tensor:
    """The walk, with a mistake if asked for: other factors in place of beta and 1 - beta, or a z_(t-1) that stays."""
    inertia, push = beta if inertia is None else inertia, 1 - beta if push is None else push
    walked = [z_rec, z_rec]
    for fresh in u:
        before, now = z_rec if forget else walked[-2], walked[-1]
        walked.append(alpha * z_rec + (1 - alpha) * (now + inertia * (now - before) + push * fresh))
    return torch.stack(walked[1:])
