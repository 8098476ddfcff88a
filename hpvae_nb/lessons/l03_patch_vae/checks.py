"""Checks of the patch-VAE lesson: equations (3), (4) and (5)."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hpvae_nb.core import losses, steps
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise


@exercise
def kl_map(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Equation (3) before its sum: the KL of each patch."""
    for mu, logvar in _latents():
        actual, expected = ask(answer, mu, logvar), losses.kl_divergence(mu, logvar, "sites")
        if actual.shape == mu.shape:
            given = tuple(actual.shape)
            raise Mistake(f"one number for every entry, {given}; a patch has one KL, the sum over its c entries")
        if actual.shape == ():
            raise Mistake("a single number; keep the sites apart, for a map 'b t h w'")
        if actual.shape != expected.shape:
            given, wanted = tuple(actual.shape), tuple(expected.shape)
            raise Mistake(f"your map is {given}; the sites of {tuple(mu.shape)} are {wanted}")
        mean, doubled = expected / mu.shape[1], 0.5 * (mu**2 + (2 * logvar).exp() - 1 - 2 * logvar).sum(1)
        wrong = {
            "you took the mean over the c entries; entries are independent, so their KLs add up": mean,
            "twice too much: the factor 1/2 stands before all four terms": 2 * expected,
            "the sign is turned round: KL is never negative": -expected,
            "log σ² was taken for σ²: exponentiate logvar": 0.5 * (mu**2 + logvar - 1 - logvar.abs().log()).sum(1),
            "log σ² was taken for log σ: σ² is logvar.exp()": doubled,
            "the -1 is missing: KL must be 0 at μ = 0, σ = 1": expected + 0.5 * mu.shape[1],
        }
        compare(actual, expected, wrong)
    return "one KL in nats for each patch, for maps of any size"


@exercise
def reparameterize(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """z' of equation (4)."""
    for mu, logvar in _latents():
        mu, logvar = mu.requires_grad_(), logvar.requires_grad_()
        epsilon, sigma = torch.randn_like(mu), (0.5 * logvar).exp()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            actual, expected = ask(answer, mu, logvar, epsilon), steps.reparameterize(mu, logvar, epsilon)
            normal, uniform = (_first_draw(draw, mu) for draw in (torch.randn_like, torch.rand_like))
        if isinstance(actual, Tensor) and actual.isnan().any():
            raise Mistake("not a number: log σ² may be negative, and has no root then; exponentiate first")
        wrong = {
            "you draw numbers of your own: the die is thrown already, it is epsilon": mu + normal * sigma,
            "torch.rand draws between 0 and 1, and ε is normal; besides, it is drawn already: epsilon": (
                mu + uniform * sigma
            ),
            "the sign of ε is turned: the same distribution, but another sample": mu - epsilon * sigma,
            "you multiplied by the variance: σ is the square root of exp(logvar)": mu + epsilon * logvar.exp(),
            "you multiplied by log σ²: exponentiate half of it": mu + epsilon * logvar,
            "you multiplied by log σ: exponentiate it": mu + epsilon * logvar / 2,
            "nothing random in it: μ alone is not a sample": mu,
            "added σ without ε: that shifts every sample alike": mu + (0.5 * logvar).exp(),
            "μ is missing: that is noise of the right width in the wrong place": epsilon * (0.5 * logvar).exp(),
        }
        compare(actual, expected, wrong)
        if not actual.requires_grad:
            raise Mistake("the values are right, but no gradient reaches μ: keep `.detach()` and `no_grad` out of it")
    return "a sample of N(μ, σ), and gradients reach both μ and σ"


@exercise
def vae_loss(answer: Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """Equation (5), as the paper has it: a norm, and a sum over patches."""
    for mu, logvar in _latents():
        x, y = (torch.randn(1, 3, *mu.shape[2:]) for _ in range(2))
        beta = torch.rand(()).item() + 0.1
        mu, logvar = mu[:1], logvar[:1]
        actual = ask(answer, x, y, mu, logvar, beta)
        norm, kl = losses.reconstruction(y, x, "l2"), losses.kl_divergence(mu, logvar, "sum")
        if actual.shape != ():
            raise Mistake(f"a loss is one number, yours is {tuple(actual.shape)}")
        mean, mse = losses.kl_divergence(mu, logvar, "mean"), (x - y).square().mean()
        wrong = {
            "β stands before the reconstruction; it weighs the KL": beta * norm + kl,
            "β is missing": norm + kl,
            "the KL is a mean over all entries; equation (3) sums over patches": norm + beta * mean,
            "the norm is squared; equation (4) takes its root": norm.square() + beta * kl,
            "a mean squared error stands where equation (4) has a norm": mse + beta * kl,
            "that is the released code's way, a mean squared error and a mean KL; the paper's is a norm and a sum": (
                mse + beta * mean
            ),
            "the norm is squared, and the KL is a mean; equation (5) takes the root, and sums": (
                norm.square() + beta * mean
            ),
            "the KL is summed over entries and averaged over patches; equation (3) sums over both": (
                norm + beta * mean * mu.shape[1]
            ),
            "differences are added without squares; a norm is the root of their summed squares": (
                (x - y).abs().sum() + beta * kl
            ),
            "the KL is twice too much: the factor 1/2 stands before all four terms": norm + 2 * beta * kl,
            "the KL is subtracted: a loss adds what it wants small": norm - beta * kl,
        }
        compare(actual, norm + beta * kl, wrong)
    return "equation (5): a norm, and β times the KL summed over the patches"


def _first_draw(draw: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """What the first call of a random function gave after the seed was set to 0."""
    torch.manual_seed(0)
    return draw(like)


def _latents() -> Iterator[tuple[Tensor, Tensor]]:
    """Means and log-variances, `b c t h w` of random sizes."""
    for seed in range(3):
        sizes = torch.randint(2, 6, (5,), generator=torch.Generator().manual_seed(seed)).tolist()
        yield torch.randn(sizes), torch.randn(sizes)
