"""PatchVAE: a clip as parts that occur here or there, in place of HP-VAE-GAN's patch-VAE (Gupta et al., CVPR 2020).

The latent map is the product of two codes. Appearance: for each part one Gaussian vector for the whole clip.
Occurrence: for each part and site a 0 or 1, with a Bernoulli prior. Gur et al. 2020 put it in the place of E and G^0
(section 4.2, figure 9 d; appendix A.4), with one part; the scales above stay as they are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor
from torch.distributions import Bernoulli
from torch.distributions import kl_divergence as divergence

from hpvae_nb.baselines.trainer import MethodTrainer, save
from hpvae_nb.core import losses, steps
from hpvae_nb.core.blocks import conv, steady_weights
from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.latents import stream
from hpvae_nb.core.networks import Encoder
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError
from hpvae_nb.io.checkpoint import pack
from hpvae_nb.model import Model, check_count
from hpvae_nb.recipe.config import Config


@dataclass(frozen=True)
class Settings:
    """The two codes.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    parts: int = 1  # code of Gur et al.'s comparison; Gupta et al.: 16, each with a share of the latent entries
    occurrence: float = 0.5  # prior probability; same code; Gupta et al.: 1 / parts
    temperature: float = 0.5  # of the relaxed Bernoulli whose gradient stands in for that of 0 or 1

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise InputError(f"parts is {self.parts}, but must be a whole number of at least 1")
        if not 0 < self.occurrence < 1:
            raise InputError(f"occurrence is {self.occurrence}, but a prior probability must lie in (0, 1)")
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature}, but must be above 0")


@dataclass(frozen=True)
class Posterior:
    """`mu` and `logvar` of the parts' appearance, `b parts entries`; `logits` of occurrence, `b parts t h w`."""

    mu: Tensor
    logvar: Tensor
    logits: Tensor


class PatchEncoder(Encoder):
    """E with a third head. Appearance is averaged over where its part occurs (Gupta et al., section 3)."""

    def __init__(self, config: Config, settings: Settings) -> None:
        super().__init__(config)
        self.settings = settings
        self.to_occurrence = conv(config.dims, config.channels, settings.parts, config.kernel, config.padding)

    def posterior(self, x: Tensor) -> Posterior:
        """`b 3 t h w` in [-1, 1] to both codes' distributions."""
        features = self.trunk(x)
        logits = self.to_occurrence(features).float()
        share = torch.sigmoid(logits.detach())
        share = share / reduce(share, "b p ... -> b p", "sum").reshape(*share.shape[:2], *[1] * (share.ndim - 2))

        def pooled(entries: Tensor) -> Tensor:
            maps = rearrange(entries.float(), "b (p a) ... -> b p a ...", p=self.settings.parts)
            return reduce(maps * share[:, :, None], "b p a ... -> b p a", "sum")

        spread = pooled(self.to_logvar(features).float().exp())
        return Posterior(pooled(self.to_mu(features)), spread.log(), logits)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest latent map, `b latent t h w`, and the logarithm of its variance, which is 0: for frozen E."""
        found = self.posterior(x)
        z = latent_map(found.mu, (found.logits > 0).float())
        return z, torch.full_like(z, -torch.inf)


class PatchVae(Hierarchy):
    """The hierarchy of HP-VAE-GAN with PatchVAE's encoder and latent map."""

    encoder: PatchEncoder

    def __init__(self, config: Config, coarsest: Shape, settings: Settings) -> None:
        if config.latent % settings.parts:
            raise InputError(f"parts is {settings.parts}, but must divide the latent entries, {config.latent}")
        super().__init__(config)
        self.settings = settings
        self.encoder = PatchEncoder(config, settings)

    def prior(self, batch: int, shape: Shape, generator: torch.Generator) -> Tensor:
        """Latent maps `b latent t h w` from the priors: appearance N(0, I), occurrence Bernoulli."""
        parts, device = self.settings.parts, generator.device
        appearance = torch.randn(batch, parts, self.config.latent // parts, generator=generator, device=device)
        chance = torch.rand(batch, parts, *shape, generator=generator, device=device)
        return latent_map(appearance, (chance < self.settings.occurrence).float())


def latent_map(appearance: Tensor, occurrence: Tensor) -> Tensor:
    """Appearance `b parts entries` wherever its part occurs, `b parts t h w`: `b (parts entries) t h w`."""
    sites = [1] * (occurrence.ndim - 2)
    return rearrange(appearance.reshape(*appearance.shape, *sites) * occurrence[:, :, None], "b p a ... -> b (p a) ...")


def straight_through(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """0 or 1, drawn with the odds `logits.exp()`; its gradient is that of a relaxed Bernoulli variable.

    Source: the binary Concrete distribution of Maddison et al. 2017; straight-through as in Jang et al. 2017.
    """
    chance = torch.rand(logits.shape, generator=generator, device=generator.device).to(logits.device)
    soft = torch.sigmoid((logits + torch.logit(chance, eps=1e-6)) / temperature)
    return (soft > 0.5).float() + soft - soft.detach()


class PatchVaeTrainer(MethodTrainer):
    """Trains a `PatchVae`; at GAN scales E gives the likeliest code and random samples start from the priors."""

    def _vae_losses(self, x0: Tensor, xn: Tensor, draws: steps.Draws) -> steps.Losses:
        """Equations (5) and (8) with the KL term of both codes (appendix A.4)."""
        config, network, settings = self.config, self.network, self.settings
        with steady_weights(network.encoder):
            found = network.encoder.posterior(x0)
        epsilon = torch.randn(found.mu.shape, generator=self.generator, device=self.device)
        appearance = steps.reparameterize(found.mu, found.logvar, epsilon)
        occurrence = straight_through(found.logits, settings.temperature, self.generator)
        x = base = network.base(latent_map(appearance, occurrence))
        for n in range(1, self.scale + 1):
            x = network.refine(n, x, self.shapes[n])
        terms = {
            "reconstruction": losses.reconstruction(x, xn, config.reconstruction),
            "reconstruction_0": losses.reconstruction(base, x0, config.reconstruction),
            "kl": losses.kl_divergence(found.mu.flatten(1), found.logvar.flatten(1), config.kl_reduction),
            "kl_occurrence": occurrence_divergence(found.logits, settings.occurrence, config.kl_reduction),
        }
        fit = terms["reconstruction"]
        if self.scale > 0 or config.equation_8_at_scale_0:
            fit = fit + terms["reconstruction_0"]
        kl = terms["kl"] + terms["kl_occurrence"]
        return {**terms, "total": config.reconstruction_weight * fit + config.beta * kl}

    def _pick_and_draw(self) -> tuple[Tensor, Tensor, steps.Draws]:
        """As in HP-VAE-GAN, with z from the priors."""
        x0, xn, draws = super()._pick_and_draw()
        if draws.z is None:
            return x0, xn, draws
        return x0, xn, dataclasses.replace(draws, z=self.network.prior(len(x0), self.shapes[0], self.generator))


def occurrence_divergence(logits: Tensor, prior: float, reduction: str) -> Tensor:
    """KL[Bernoulli(sigmoid(logits)) || Bernoulli(prior)]: the mean, or the sum over all but the batch."""
    kl = divergence(Bernoulli(logits=logits), Bernoulli(probs=torch.tensor(prior, device=logits.device)))
    return kl.mean() if reduction == "mean" else kl.sum() / len(logits)


class PatchVaeModel(Model):
    """A `Model` whose latent maps come from PatchVAE's priors."""

    network: PatchVae

    def latent(self, n: int, *, seed: int, size: Shape | None = None) -> Tensor:
        """The latent maps that `sample` decodes, `b latent t h w`. Arguments as in `sample`."""
        check_count("n", n)
        shape = self._shapes(size)[0]
        return torch.cat([self.network.prior(1, shape, stream(seed, i, 0)) for i in range(n)])

    def save(self, path: Any, *, compact: bool = False) -> Any:
        """Write the model as one file; see `hpvae_nb.baselines.load_model`."""
        tensors = pack("network", self.network.state_dict(), compact=compact)
        coarse = {} if self.coarse is None else {"coarse": self.coarse}
        return save(path, self, {**tensors, **coarse}, amplitudes=self.network.amplitudes)
