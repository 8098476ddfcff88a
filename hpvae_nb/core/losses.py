"""The terms of equations (3) to (5), (7), (8), (10) and (11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from einops import reduce
from torch import Tensor

from hpvae_nb.core.convolution import to_slope
from hpvae_nb.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float


NORM = {"site": "b c ... -> b ...", "sample": "b ... -> b"}
"""Two readings of the norm in equation (10): of the gradient at each site, as in the released code, or of all of it."""


def kl_divergence(
    mu: Float[Tensor, "b c *sites"],
    logvar: Float[Tensor, "b c *sites"],
    reduction: Literal["mean", "sum", "sites"] = "mean",
) -> Float[Tensor, "*reduced"]:
    """KL[N(mu_i, sigma_i) || N(0, I)] of the patches' latent vectors.

    Source: equation (3). The reduction decides what `beta` means: the paper sums over sites (and a 128-vector's KL is
    the sum over its entries), the released code averages over all entries.

    Args:
        mu: means, `b c t h w` (any number of site axes), unbounded.
        logvar: log-variances, the same shape.
        reduction: `"mean"` over every entry; `"sum"` over channels and sites, averaged over the batch; `"sites"` for
            the map `b t h w` of each patch's KL in nats.

    Returns:
        A scalar of at least 0, or the map.
    """
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
    if reduction == "mean":
        return kl.mean()
    sites = reduce(kl, "b c ... -> b ...", "sum")
    if reduction == "sites":
        return sites
    if reduction == "sum":
        return reduce(sites, "b ... -> b", "sum").mean()
    raise InputError(f"reduction is {reduction!r}, but must be 'mean', 'sum' or 'sites'")


def reconstruction(
    x: Float[Tensor, "b *sites"], y: Float[Tensor, "..."], kind: Literal["mse", "l2"] = "mse"
) -> Float[Tensor, ""]:
    """How far a reconstruction is from its clip.

    Source: equations (4) and (7). `"l2"` is the paper's Euclidean norm of the difference, averaged over the batch;
    `"mse"` is the released code's mean squared error.

    Args:
        x: `b c t h w` (or `b c h w`) in [-1, 1].
        y: the same shape.

    Raises:
        InputError: when the shapes differ, since broadcasting would hide it.
    """
    if x.shape != y.shape:
        raise InputError(f"cannot compare shapes {tuple(x.shape)} and {tuple(y.shape)}: they must be equal")
    if kind == "mse":
        return (x - y).square().mean()
    if kind == "l2":
        return reduce(x - y, "b ... -> b", _norm).mean()
    raise InputError(f"kind is {kind!r}, but must be 'mse' or 'l2'")


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "b c *sites"],
    fake: Float[Tensor, "..."],
    *,
    norm: Literal["site", "sample"] = "site",
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """Mean squared distance from 1 of the critic's input-gradient norm, on random blends of real and fake.

    Source: the last term of equation (10), without lambda; Gulrajani et al. 2017, equation (3). The gradient is that
    of the sum of the critic's map. It is taken in float32 whatever precision the critic computes in.

    Args:
        critic: maps `b c t h w` to scores of any shape.
        real: x^n, `b c t h w` (or `b c h w`) in [-1, 1].
        fake: x̄_rand^n, the same shape; no gradient reaches it.
        norm: `"site"` takes the norm over the channels of each site, as the released code does; `"sample"` takes it
            over everything in a sample, as Gulrajani et al. do.
        generator: where epsilon ~ U(0, 1), one for each sample, is drawn.

    Returns:
        A scalar of at least 0, through which a backward pass reaches the critic's parameters.

    Raises:
        InputError: when the shapes differ, or for an unknown norm.
    """
    if real.shape != fake.shape:
        raise InputError(f"real is {tuple(real.shape)} and fake is {tuple(fake.shape)}: they must be equal")
    if norm not in NORM:
        raise InputError(f"norm is {norm!r}, but must be {' or '.join(map(repr, NORM))}")
    device = generator.device if generator is not None else real.device
    epsilon = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator, device=device).to(real.device)
    blend = (epsilon * real.detach() + (1 - epsilon) * fake.detach()).requires_grad_()
    with to_slope():
        score = critic(blend).sum()
    (slope,) = torch.autograd.grad(score, blend, create_graph=True)
    return (reduce(slope.float(), NORM[norm], _norm) - 1).square().mean()


def _norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The Euclidean norm over these axes, for `reduce`; unlike the root of a sum, it has a gradient at 0."""
    return torch.linalg.vector_norm(x, dim=axes)
