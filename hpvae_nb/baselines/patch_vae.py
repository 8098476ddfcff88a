"""PatchVAE: a clip as parts that occur here or there, in place of HP-VAE-GAN's patch-VAE (Gupta et al., CVPR 2020).

The latent map is the product of two codes. Appearance: for each part one Gaussian vector for the whole clip.
Occurrence: for each part and site a 0 or 1, with a Bernoulli prior. Gur et al. 2020 put it in the place of E and G^0
(section 4.2, figure 9 d; appendix A.4), with one part; the scales above stay as they are.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor
from torch.distributions import Bernoulli
from torch.distributions import kl_divergence as divergence

from hpvae_nb.core import losses, steps
from hpvae_nb.core.blocks import cached_weights, conv
from hpvae_nb.core.latents import stream
from hpvae_nb.core.networks import Encoder
from hpvae_nb.core.resampling import Shape
from hpvae_nb.core.steps import Losses, Objective
from hpvae_nb.errors import InputError, keep_whole
from hpvae_nb.method import HpVaeGan
from hpvae_nb.recipe.build import encoder_numbers, make_hierarchy
from hpvae_nb.recipe.config import Config


@dataclass(frozen=True)
class Posterior:
    """`mu` and `logvar` of the parts' appearance, `b parts entries`; `logits` of occurrence, `b parts t h w`."""

    mu: Tensor
    logvar: Tensor
    logits: Tensor


class PatchEncoder(Encoder):
    """E with a third head. Appearance is averaged over where its part occurs (Gupta et al., section 3).

    Args:
        parts: each has a share of the latent entries.
        numbers: as in `Encoder`.
    """

    def __init__(self, parts: int, **numbers: Any) -> None:
        super().__init__(**numbers)
        self.parts = parts
        dims, channels, kernel = (numbers[name] for name in ("dims", "channels", "kernel"))
        self.to_occurrence = conv(dims, channels, parts, kernel, numbers["padding"])

    def posterior(self, x: Tensor) -> Posterior:
        """`b 3 t h w` in [-1, 1] to both codes' distributions."""
        features = self.trunk(x)
        logits = self.to_occurrence(features).float()
        share = torch.sigmoid(logits.detach())
        total = reduce(share, "b p ... -> b p 1", "sum")

        def pooled(entries: Tensor) -> Tensor:
            maps = rearrange(entries.float(), "b (p a) ... -> b p a ...", p=self.parts)
            return einsum(maps, share, "b p a ..., b p ... -> b p a") / total

        spread = pooled(self.to_logvar(features).float().exp())
        return Posterior(pooled(self.to_mu(features)), spread.log(), logits)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest latent map, `b latent t h w`, and the logarithm of its variance, which is 0: for frozen E."""
        found = self.posterior(x)
        z = latent_map(found.mu, (found.logits > 0).float())
        return z, torch.full_like(z, -torch.inf)


def latent_map(appearance: Tensor, occurrence: Tensor) -> Tensor:
    """Appearance `b parts entries` wherever its part occurs, `b parts t h w`: `b (parts entries) t h w`."""
    maps = einsum(appearance, occurrence, "b p a, b p ... -> b p a ...")
    return rearrange(maps, "b p a ... -> b (p a) ...")


def straight_through(logits: Tensor, temperature: float, chance: Tensor) -> Tensor:
    """0 or 1, drawn with the odds `logits.exp()`; its gradient is that of a relaxed Bernoulli variable.

    Source: the binary Concrete distribution of Maddison et al. 2017; straight-through as in Jang et al. 2017. `chance`
    are uniform random numbers in [0, 1), of the shape of `logits`.
    """
    soft = torch.sigmoid((logits + torch.logit(chance, eps=1e-6)) / temperature)
    return (soft > 0.5).float() + soft - soft.detach()


def occurrence_divergence(logits: Tensor, prior: float, reduction: str) -> Tensor:
    """KL[Bernoulli(sigmoid(logits)) || Bernoulli(prior)]: the mean, or the sum over all but the batch."""
    kl = divergence(Bernoulli(logits=logits), Bernoulli(probs=torch.tensor(prior, device=logits.device)))
    return kl.mean() if reduction == "mean" else kl.sum() / len(logits)


@dataclass(frozen=True)
class PatchVae(HpVaeGan):
    """The two codes in the place of a latent map; above VAE scales, E gives the likeliest, samples take the priors.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "patch_vae"
    economies: ClassVar[bool] = False
    parts: int = 1  # code of Gur et al.'s comparison; Gupta et al.: 16, each with a share of the latent entries
    occurrence: float = 0.5  # prior probability; same code; Gupta et al.: 1 / parts
    temperature: float = 0.5  # of the relaxed Bernoulli whose gradient stands in for that of 0 or 1

    def __post_init__(self) -> None:
        keep_whole(self, "parts")
        if not 0 < self.occurrence < 1:
            raise InputError(f"occurrence is {self.occurrence}, but a prior probability must lie in (0, 1)")
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature}, but must be above 0")

    def build(self, config: Config, shapes: list[Shape], seed: int = 0) -> Any:
        if config.latent % self.parts:
            raise InputError(f"parts is {self.parts}, but must divide the latent entries, {config.latent}")
        return make_hierarchy(config, PatchEncoder(self.parts, **encoder_numbers(config)))

    def draw(self, network: Any, shapes: list[Shape], scale: int, batch: int, generator: torch.Generator) -> Any:
        """Of the posterior at VAE scales, of HP-VAE-GAN's step above them."""
        if network.is_vae(scale):
            return self._codes(network, shapes[0], batch, generator)
        draws = steps.draw(network, shapes, scale, batch, generator)
        return replace(draws, z=self._from_priors(*self._codes(network, shapes[0], batch, generator)))

    def vae_losses(
        self, network: Any, shapes: list[Shape], scale: int, x0: Tensor, xn: Tensor, draws: Any, objective: Objective
    ) -> Losses:
        """Equations (5) and (8) with the KL term of both codes (appendix A.4)."""
        with cached_weights(network.encoder):
            found = network.encoder.posterior(x0)
        epsilon, chance = draws
        appearance = steps.reparameterize(found.mu, found.logvar, epsilon)
        z = latent_map(appearance, straight_through(found.logits, self.temperature, chance))
        reduction = objective.kl_reduction
        divergences = {
            "kl": losses.kl_divergence(found.mu.flatten(1), found.logvar.flatten(1), reduction),
            "kl_occurrence": occurrence_divergence(found.logits, self.occurrence, reduction),
        }
        return steps.elbo(network, shapes, scale, x0, xn, z, divergences, objective)

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """Latent maps from the priors: appearance N(0, I), occurrence Bernoulli."""
        codes = (self._codes(network, shapes[0], 1, stream(seed, sample, 0)) for sample in samples)
        return torch.cat([self._from_priors(*code) for code in codes])

    def _codes(self, network: Any, shape: Shape, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Normal numbers `b parts entries`, and uniform ones `b parts t h w`."""
        where, entries = generator.device, network.latent // self.parts
        appearance = torch.randn(batch, self.parts, entries, generator=generator, device=where)
        return appearance, torch.rand(batch, self.parts, *shape, generator=generator, device=where)

    def _from_priors(self, appearance: Tensor, chance: Tensor) -> Tensor:
        return latent_map(appearance, (chance < self.occurrence).float())
