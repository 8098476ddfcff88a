"""Hierarchical Patch VAE-GAN the way its equations say it: to check the package against, and to race it against.

Nothing here is arranged for speed. Every pass handles one sample, in float32; D sees real, fake and blend in passes of
their own; spectral norms are computed anew at each call; at GAN scales the graph runs back to the last VAE scale, where
the released code detaches, through generators that are never stepped. The networks, losses and steps of `hpvae_nb` are
not used; only names of weights are shared, so that both can be given the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hpvae_nb.recipe.config import Config

Shape = tuple[int, ...]

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
CONVOLVE = {2: F.conv2d, 3: F.conv3d}
INTERPOLATION = {2: "bilinear", 3: "trilinear"}
SLOPE = 0.2  # of every LeakyReLU, released code


# Networks (appendix A.1)


class SpectralConv(nn.Module):
    """A convolution by W / sigma(W), with sigma(W) ≈ uᵀ W v the largest singular value (Miyato et al. 2018, eq. 8).

    In training mode each call first makes one power iteration; in eval mode u and v rest.
    """

    u: Tensor
    v: Tensor

    def __init__(self, dims: int, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        plain = CONV[dims](in_channels, out_channels, kernel)
        self.dims, self.padding = dims, kernel // 2
        self.weight, self.bias = plain.weight, plain.bias
        self.register_buffer("u", F.normalize(torch.randn(out_channels), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(plain.weight[0].numel()), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.weight.flatten(1)
        if self.training:
            with torch.no_grad():
                self.u = F.normalize(matrix @ self.v, dim=0)
                self.v = F.normalize(matrix.T @ self.u, dim=0)
        sigma = self.u @ (matrix @ self.v)
        return CONVOLVE[self.dims](x, self.weight / sigma, self.bias, padding=self.padding)


def plain_conv(dims: int, in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    return CONV[dims](in_channels, out_channels, kernel, padding=kernel // 2)


def spectral_block(dims: int, in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    return nn.Sequential(SpectralConv(dims, in_channels, out_channels, kernel), nn.LeakyReLU(SLOPE))


def batch_norm_block(dims: int, in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    """Without running statistics batch norm always uses the batch's own, as the released code does even to sample."""
    norm = BATCH_NORM[dims](out_channels, track_running_stats=False)
    return nn.Sequential(plain_conv(dims, in_channels, out_channels, kernel), norm, nn.LeakyReLU(SLOPE))


class Encoder(nn.Module):
    """E, and its heads M and S."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [3] + [config.channels] * config.encoder_layers
        self.trunk = nn.Sequential(*(spectral_block(config.dims, a, b, config.kernel) for a, b in pairwise(widths)))
        self.to_mu = plain_conv(config.dims, config.channels, config.latent, config.kernel)
        self.to_logvar = plain_conv(config.dims, config.channels, config.latent, config.kernel)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(x)
        return self.to_mu(features), self.to_logvar(features)


class Generator(nn.Module):
    """G^n."""

    def __init__(self, config: Config, in_channels: int) -> None:
        super().__init__()
        widths = [in_channels] + [config.channels] * (config.generator_layers - 1)
        self.body = nn.Sequential(*(batch_norm_block(config.dims, a, b, config.kernel) for a, b in pairwise(widths)))
        self.tail = plain_conv(config.dims, config.channels, 3, config.kernel)
        self.generator_tanh = config.generator_tanh

    def forward(self, x: Tensor) -> Tensor:
        x = self.tail(self.body(x))
        return torch.tanh(x) if self.generator_tanh else x


class Critic(nn.Module):
    """D^n."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [3] + [config.channels] * (config.critic_layers - 1)
        self.body = nn.Sequential(*(spectral_block(config.dims, a, b, config.kernel) for a, b in pairwise(widths)))
        last = SpectralConv if config.critic_tail_spectral else plain_conv
        self.tail = last(config.dims, config.channels, 1, config.kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x))


class Literal(nn.Module):
    """E, G^0..G^n, and D^n where n is a GAN scale; the sizes and noise amplitudes of scales 0..n."""

    def __init__(self, config: Config, shapes: Sequence[Shape], amplitudes: Sequence[float]) -> None:
        super().__init__()
        self.config, self.shapes, self.amplitudes = config, list(shapes), list(amplitudes)
        self.scale = len(self.amplitudes) - 1
        self.encoder = Encoder(config)
        self.generators = nn.ModuleList(
            Generator(config, config.latent if n == 0 else 3) for n in range(self.scale + 1)
        )
        self.critic = None if config.is_vae(self.scale) else Critic(config)

    @classmethod
    def from_ours(
        cls, network: nn.Module, config: Config, shapes: Sequence[Shape], critic: nn.Module | None = None
    ) -> Literal:
        """The same functions as a `Hierarchy` and a `Discriminator` of the package: their weights, u and v, copied."""
        literal = cls(config, shapes, network.amplitudes)  # type: ignore[arg-type]
        state = dict(network.state_dict())
        if critic is not None:
            state |= {f"critic.{name}": value for name, value in critic.state_dict().items()}
        literal.load_state_dict({literal_name(name): value for name, value in state.items()})
        return literal.to(next(network.parameters()).device)


def literal_name(ours: str) -> str:
    """A weight's name here, from its name in the package."""
    return ours.replace("parametrizations.weight.original", "weight").replace("parametrizations.weight.0._", "")


# Equations (3) to (9): the patch-VAE and the hierarchy above it


def equation_3_kl(mu: Tensor, logvar: Tensor, reduction: str) -> Tensor:
    """Σ_i KL[N(mu_i, sigma_i) || N(0, I)] = Σ ½ (mu² + sigma² - log sigma² - 1); the released code: its mean."""
    sigma = torch.exp(logvar / 2)
    kl = (mu**2 + sigma**2 - torch.log(sigma**2) - 1) / 2
    return kl.sum() if reduction == "sum" else kl.mean()


def equation_4_posterior_sample(mu: Tensor, logvar: Tensor, epsilon: Tensor) -> Tensor:
    """z'_i = mu_i + eps * sigma_i."""
    return mu + epsilon * torch.exp(logvar / 2)


def equation_6_refine(model: Literal, n: int, below: Tensor, noise: Tensor | None = None) -> Tensor:
    """x̄^n = ↑x̄^{n-1} + G^n(↑x̄^{n-1}); with noise, equation (9): x̄^n = ↑x̄^{n-1} + G^n(↑x̄^{n-1} + z_n)."""
    config = model.config
    up = F.interpolate(below, size=model.shapes[n], mode=INTERPOLATION[config.dims], align_corners=True)
    x = up + model.generators[n](up if noise is None else up + noise)
    return torch.tanh(x) if config.output_tanh else x


def equation_7_reconstruction(x_bar: Tensor, x: Tensor, kind: str) -> Tensor:
    """Recon(x̄, x) = ||x̄ - x||_2; the released code: the mean of (x̄ - x)². At scale 0 it is that of equation (4)."""
    squares = (x_bar - x) ** 2
    return squares.sum().sqrt() if kind == "l2" else squares.mean()


def equations_4_and_6_path(model: Literal, x0: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x^0 -> mu, logvar -> z' -> x̄^0 -> ... -> x̄^n. Returns x̄^n, x̄^0, mu, logvar."""
    mu, logvar = model.encoder(x0)
    x_bar_0 = decode(model, equation_4_posterior_sample(mu, logvar, epsilon))
    x_bar = detach_below_gan(model, 0, x_bar_0)
    for n in range(1, model.scale + 1):
        x_bar = detach_below_gan(model, n, equation_6_refine(model, n, x_bar))
    return x_bar, x_bar_0, mu, logvar


def equation_9_random(model: Literal, z: Tensor, noise: Sequence[Tensor]) -> Tensor:
    """x̄_rand^0 = G^0(z); equation (6) at VAE scales; at GAN scales with z_n = amplitude_n * noise added to G^n's input.

    Args:
        z: N(0, I), `1 latent t h w` at scale 0.
        noise: N(0, I), `1 3 t h w` at each GAN scale up to n.
    """
    x_bar = detach_below_gan(model, 0, decode(model, z))
    for n in range(1, model.scale + 1):
        first_gan = model.config.vae_levels
        z_n = None if n < first_gan else model.amplitudes[n] * noise[n - first_gan]
        x_bar = detach_below_gan(model, n, equation_6_refine(model, n, x_bar, z_n))
    return x_bar


def decode(model: Literal, z: Tensor) -> Tensor:
    """x̄^0 = G^0(z)."""
    x = model.generators[0](z)
    return torch.tanh(x) if model.config.output_tanh else x


def detach_below_gan(model: Literal, n: int, x: Tensor) -> Tensor:
    """When a GAN scale is trained, the released code cuts the graph once: at the output of the last VAE scale."""
    return x.detach() if n == model.config.vae_levels - 1 and model.scale > n else x


def equation_5_vae_loss(model: Literal, x0: Tensor, epsilon: Tensor) -> Tensor:
    """L_vae(x) = Recon(x) + beta * KL(x), at scale 0."""
    config = model.config
    x_bar, _, mu, logvar = equations_4_and_6_path(model, x0, epsilon)
    recon = equation_7_reconstruction(x_bar, x0, config.reconstruction)
    return config.reconstruction_weight * recon + config.beta * equation_3_kl(mu, logvar, config.kl_reduction)


def equation_8_vae_loss(model: Literal, x0: Tensor, xn: Tensor, epsilon: Tensor) -> Tensor:
    """Recon(x̄^n, x^n) + Recon(x̄^0, x^0) + beta * KL(x^0)."""
    config = model.config
    x_bar, x_bar_0, mu, logvar = equations_4_and_6_path(model, x0, epsilon)
    recon_n = equation_7_reconstruction(x_bar, xn, config.reconstruction)
    recon_0 = equation_7_reconstruction(x_bar_0, x0, config.reconstruction)
    kl = equation_3_kl(mu, logvar, config.kl_reduction)
    return config.reconstruction_weight * (recon_n + recon_0) + config.beta * kl


def vae_loss(model: Literal, x0: Tensor, xn: Tensor, epsilon: Tensor) -> Tensor:
    """Equation (5) at scale 0, equation (8) above it; the released code has (8) at both."""
    if model.scale == 0 and not model.config.equation_8_at_scale_0:
        return equation_5_vae_loss(model, x0, epsilon)
    return equation_8_vae_loss(model, x0, xn, epsilon)


# Equations (10) and (11): the patch-GAN


def equation_10_penalty(model: Literal, xn: Tensor, x_rand: Tensor, eps: Tensor | float) -> Tensor:
    """E[(||∇_x̂ D(x̂)||_2 - 1)²] with x̂ = eps * x^n + (1 - eps) * x̄_rand^n.

    The norm is over all of x̂ (Gulrajani et al. 2017), or over each site's channels (released code).
    """
    assert model.critic is not None
    x_hat = (eps * xn + (1 - eps) * x_rand.detach()).requires_grad_()
    (slope,) = torch.autograd.grad(model.critic(x_hat).sum(), x_hat, create_graph=True)
    length = slope.norm(dim=1) if model.config.penalty_norm == "site" else slope.norm()
    return ((length - 1) ** 2).mean()


def equation_10_critic_loss(model: Literal, xn: Tensor, x_rand: Tensor, eps: Tensor | float) -> Tensor:
    """-( E[D(x^n)] - E[D(x̄_rand^n)] - lambda * penalty ): what D minimises."""
    assert model.critic is not None
    on_real = model.critic(xn).mean()
    on_random = model.critic(x_rand.detach()).mean()
    penalty = equation_10_penalty(model, xn, x_rand, eps)
    return -(on_real - on_random - model.config.penalty_weight * penalty)


def equation_11_generator_loss(model: Literal, xn: Tensor, x_bar: Tensor, x_rand: Tensor) -> Tensor:
    """Recon(x̄^n, x^n) + beta_adv * L_adv, where of L_adv only -E[D(x̄_rand^n)] depends on G."""
    assert model.critic is not None
    config = model.config
    recon = equation_7_reconstruction(x_bar, xn, config.reconstruction)
    adversarial = -model.critic(x_rand).mean()
    return config.reconstruction_weight * recon + config.adversarial_weight * adversarial


# Training


class LiteralTrainer:
    """Steps of a `Literal` at its scale; as the released code, it clips the gradient of all of E and G together.

    Args:
        model: at the scale to train.
        reals_0: x^0 of all training samples, `b 3 t h w`.
        reals_n: x^n of the same.
    """

    def __init__(self, model: Literal, reals_0: Tensor, reals_n: Tensor, seed: int = 0) -> None:
        self.model, self.reals_0, self.reals_n = model.train(), reals_0, reals_n
        self.generator = torch.Generator(reals_0.device).manual_seed(seed)
        self.order = random.Random(seed)
        config, n = model.config, model.scale
        groups = [{"params": list(model.generators[n].parameters()), "lr": config.lr}]
        if config.is_vae(n):
            fine_tuned = [model.encoder] if n == 0 else [model.encoder, model.generators[0]]
            groups += [{"params": list(net.parameters()), "lr": config.lr * config.lr_decay**n} for net in fine_tuned]
        self.optimizer = torch.optim.Adam(groups, betas=config.adam_betas)
        if model.critic is not None:
            self.critic_optimizer = torch.optim.Adam(model.critic.parameters(), config.lr, betas=config.adam_betas)

    def step(self) -> dict[str, float]:
        """One update of all that is trained at this scale; the losses of several samples are averaged."""
        batch = min(self.model.config.batch, len(self.reals_0))
        chosen = self.order.sample(range(len(self.reals_0)), batch)
        samples = [(self.reals_0[i : i + 1], self.reals_n[i : i + 1]) for i in chosen]
        return self._vae_step(samples) if self.model.critic is None else self._gan_step(samples)

    def _vae_step(self, samples: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
        total = mean([vae_loss(self.model, x0, xn, self._normal(self.model.config.latent, 0)) for x0, xn in samples])
        self._update_generator(total)
        return {"generator": total.item()}

    def _gan_step(self, samples: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
        model = self.model
        x_bars = [equations_4_and_6_path(model, x0, self._normal(model.config.latent, 0))[0] for x0, _ in samples]
        x_rands = [self._random() for _ in samples]

        eps = [self.order.random() for _ in samples]
        on_critic = mean(
            [
                equation_10_critic_loss(model, xn, x_rand, e)
                for (_, xn), x_rand, e in zip(samples, x_rands, eps, strict=True)
            ]
        )
        self.critic_optimizer.zero_grad()
        on_critic.backward()
        self.critic_optimizer.step()

        on_generator = mean(
            [
                equation_11_generator_loss(model, xn, x_bar, x_rand)
                for (_, xn), x_bar, x_rand in zip(samples, x_bars, x_rands, strict=True)
            ]
        )
        self._update_generator(on_generator)
        return {"critic": on_critic.item(), "generator": on_generator.item()}

    def _random(self) -> Tensor:
        model = self.model
        noise = [self._normal(3, n) for n in range(model.config.vae_levels, model.scale + 1)]
        return equation_9_random(model, self._normal(model.config.latent, 0), noise)

    def _normal(self, channels: int, n: int) -> Tensor:
        shape = (1, channels, *self.model.shapes[n])
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def _update_generator(self, total: Tensor) -> None:
        networks = nn.ModuleList([self.model.encoder, self.model.generators])
        networks.zero_grad()
        total.backward()
        if self.model.config.clip_norm is not None:
            nn.utils.clip_grad_norm_(networks.parameters(), self.model.config.clip_norm)
        self.optimizer.step()


def mean(losses: list[Tensor]) -> Tensor:
    return torch.stack(losses).mean()
