"""Checks of the hierarchy lesson: equations (6) and (8), and what is trained where."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core import losses
from hpvae_nb.core.resampling import upsample
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise
from hpvae_nb.lessons.l05_hierarchy.experiment import TRAINED, gradient_flow
from hpvae_nb.recipe.presets import preset


@exercise
def refine(answer: Callable[[Tensor, tuple[int, int, int], Callable[[Tensor], Tensor]], Tensor]) -> str:
    """Equation (6), without a tanh around the sum."""
    for seed in range(4):
        below, shape, up, loose = growing(torch.Generator().manual_seed(seed))
        actual = ask(answer, below, shape, stand_in)
        wrong = {
            "the residual alone: add it to what came from below": stand_in(up),
            "upsampled, but the generator was not asked": up,
            "equation (6) is a plain sum; the tanh around it is the released code's": (up + stand_in(up)).tanh(),
            "the residual is subtracted; it is what is missing, so add it": up - stand_in(up),
            "corners are not aligned, so first and last frames move: align_corners=True": loose + stand_in(loose),
            "the generator must see the upsampled clip, not the small one: the order is ↑, then G": up
            + upsample(stand_in(below), shape),
            "nearest neighbours were taken for ↑; the paper interpolates": (near := F.interpolate(below, size=shape))
            + stand_in(near),
        }
        compare(actual, up + stand_in(up), wrong)
    return "x̄ⁿ = ↑x̄ⁿ⁻¹ + Gⁿ(↑x̄ⁿ⁻¹), and end frames keep their place"


def growing(draw: torch.Generator, batch: int = 1) -> tuple[Tensor, tuple[int, int, int], Tensor, Tensor]:
    """A random clip `b 3 t h w`, a larger shape, and the clip at that shape, with corners aligned and without."""
    t, h, w = torch.randint(2, 6, (3,), generator=draw).tolist()
    more = torch.randint(1, 4, (3,), generator=draw).tolist()
    below, shape = torch.randn(batch, 3, t, h, w, generator=draw), (t + more[0], h + more[1], w + more[2])
    return below, shape, upsample(below, shape), F.interpolate(below, shape, mode="trilinear", align_corners=False)


def stand_in(x: Tensor) -> Tensor:
    """Stands in for G^n: not linear, so that the order of things matters."""
    return 0.3 * (3 * x).sin() + 0.1


@exercise
def vae_loss(answer: Callable[..., Tensor]) -> str:
    """Equation (8), as the paper has it: two norms, and a weighted KL."""
    for _ in range(3):
        coarse, fine = torch.randn(2, 1, 3, 2, 3, 4), torch.randn(2, 1, 3, 3, 5, 6)
        kl, beta = torch.rand(()) + 0.5, torch.rand(()).item() + 0.1
        actual = ask(answer, fine[0], fine[1], coarse[0], coarse[1], kl, beta)
        at_n = losses.reconstruction(fine[0], fine[1], "l2")
        at_0 = losses.reconstruction(coarse[0], coarse[1], "l2")
        wrong = {
            "scale 0 is not held in place: Recon(x̄⁰, x⁰) is missing": at_n + beta * kl,
            "scale n is missing, the very thing this step is for": at_0 + beta * kl,
            "β weighs all of it; it stands before the KL alone": beta * (at_n + at_0 + kl),
            "β is missing": at_n + at_0 + kl,
            "the KL is subtracted: a loss adds what it wants small": at_n + at_0 - beta * kl,
            "the KL is missing": at_n + at_0,
            "the norms are squared; equation (7) takes their root": at_n**2 + at_0**2 + beta * kl,
            "mean squared errors stand where equation (7) has norms": losses.reconstruction(fine[0], fine[1])
            + losses.reconstruction(coarse[0], coarse[1])
            + beta * kl,
        }
        compare(actual, at_n + at_0 + beta * kl, wrong)
    return "equation (8): scale n, scale 0, and the price of the messages"


@exercise
def trained(answer: Callable[[int, int], Iterable[str]]) -> str:
    """Which networks learn at a scale; the truth is read off the live graph of a small model."""
    small = {"scales": 5, "coarse_size": 6, "fine_size": 12, "channels": 2, "latent": 2}
    for levels in (3, 2, 1):
        config = preset("smoke", **small, vae_levels=levels)
        for n in range(config.scales):
            flow = gradient_flow(config, n)
            right, got = {name for name in flow if flow[name] == TRAINED}, set(ask(answer, n, levels))
            if got != right:
                raise Mistake(_about(n, levels, got, right))
    return "at VAE scales E, G0 and the newest generator; at GAN scales the newest pair alone"


def _about(n: int, levels: int, got: set[str], right: set[str]) -> str:
    where = f"at scale {n} with {levels} VAE scale{'s' if levels > 1 else ''}"
    middle = {f"G{k}" for k in range(1, n)}
    if n >= levels and "E" in got:
        return f"{where} you train E; this is a GAN scale, and all that decides the layout is frozen"
    if got & middle:
        return f"{where} you train {', '.join(sorted(got & middle))}; the generators between 0 and n stay frozen"
    if "D" in {name[0] for name in right - got}:
        return f"{where} nobody judges: a GAN scale has a discriminator, D{n}, which learns too"
    if "D" in {name[0] for name in got - right}:
        return f"{where} you train a discriminator, but VAE scales have none"
    if right - got:
        return f"{where} {', '.join(sorted(right - got))} must learn too"
    return f"{where} you train {', '.join(sorted(got - right))}, which stays frozen"
