"""The state of a training: networks, optimisers, random numbers, and where it stands."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from hpvae_nb.core import steps
from hpvae_nb.core.blocks import cached_weights
from hpvae_nb.core.losses import reconstruction
from hpvae_nb.core.networks import Discriminator, warm_start
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import computing
from hpvae_nb.method import Method
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_discriminator, make_objective
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples
from hpvae_nb.training import windows
from hpvae_nb.training.plan import make_plan
from hpvae_nb.training.record import Record


class Trainer(Record):
    """Makes a method's training steps, scale after scale; knows nothing of files, progress bars or who watches.

    Attributes, beside those of `Record`:
        plan: what was decided beforehand.
        network, critic: as far as they have grown; there is no critic at VAE scales.
    """

    def __init__(
        self,
        method: Method,
        clip: Clip,
        config: Config,
        *,
        seed: int = 0,
        device: str | torch.device = "auto",
        precision: str = "auto",
    ) -> None:
        super().__init__()
        self.method, self.clip, self.seed = method, clip, seed
        self.plan = make_plan(clip, method.adapted(config), device=device, precision=precision)
        self.config = self.plan.config
        self.shapes, self.device, self.precision = self.plan.shapes, self.plan.device, self.plan.precision
        self.objective = make_objective(config)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        with seeded(seed, 0):
            self.network = method.build(self.config, self.shapes, seed).to(self.device)
        self.critic: Discriminator | None = None
        self.average: list[Tensor] = []  # of G^n's weights, at a GAN scale
        self.window: Shape | None = None
        self.pool: windows.Pool | None = None
        self.reals_0 = real_samples(config, clip, 0, self.shapes[0]).to(self.device)
        about: dict[str, Any] = {"fps": clip.fps, "name": clip.name, "facts": self.facts, "precision": self.precision}
        coarse = self.reals_0.cpu()
        self.model = Model(self.network, self.shapes, self.config, method=method, coarse=coarse, **about)

    def enter_scale(self, scale: int) -> None:
        """Grow the networks to `scale`, and fix its noise amplitude (released code: 0.1 times the RMSE of x̄^n).

        Raises:
            ValueError: scales are entered one after another, from 0.
        """
        if scale != len(self.history):
            raise ValueError(f"scale is {scale}, but the next to be entered is {len(self.history)}")
        self.settled = False
        self.scale, self.iteration = scale, 0
        self._build(scale)
        if scale > 0:
            x0, xn = self._pick()
            with torch.no_grad(), computing(self.device, self.precision):
                made = self.method.reconstruct(self.network, self.shapes, scale, x0, self.generator)
            self.network.amplitudes[scale] = self.config.noise_amplitude * reconstruction(made, xn).sqrt().item()
        self._fill_pool()
        self.history.append([])
        self.settled = True

    def step(self) -> dict[str, float]:
        """One update of everything that is trained at this scale; returns its losses before weighting.

        Raises:
            TrainingError: when a loss is not finite; the weights keep their last finite values.
        """
        self.settled = False
        with computing(self.device, self.precision):
            self._set_rates()
            terms = self._vae_step() if self.critic is None else self._gan_step()
        self.stepped(terms)
        return terms

    def _vae_step(self) -> dict[str, float]:
        x0, xn, draws = self._pick_and_draw()
        terms = self.method.vae_losses(self.network, self.shapes, self.scale, x0, xn, draws, self.objective)
        values = self._finite(terms)
        self._update_generator(terms["total"])
        return values

    def _gan_step(self) -> dict[str, float]:
        assert self.critic is not None
        if self.window is None:
            x0, xn, draws = self._pick_and_draw()
            reconstructed, random = self.method.outputs(self.network, self.shapes, self.scale, x0, draws)
        else:
            xn, reconstructed, random = self._windows(self.window)
        objective = dataclasses.replace(self.objective, penalty_weight=self._lambda())
        self.critic.requires_grad_(True)
        with cached_weights(self.critic):
            on_critic = steps.critic_losses(self.critic, xn, random, self.generator, objective)
            values = self._finite(on_critic)
            self.critic_optimizer.zero_grad()
            on_critic["total"].backward()
            self.critic_optimizer.step()
        self.critic.requires_grad_(False)
        with cached_weights(self.critic):
            on_generator = steps.generator_losses(self.critic, xn, reconstructed, random, objective)
            values |= self._finite(on_generator)
            self._update_generator(on_generator["total"])
        if self.config.average:
            self._average()
        return values

    @torch.no_grad()
    def _average(self) -> None:
        """A GAN's weights circle around what they are after; their running average, which ends a scale, does less."""
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        self.average = self.average or [weight.clone() for weight in weights]
        for mean, weight in zip(self.average, weights, strict=True):
            mean.lerp_(weight, 1 - self.kept)
            if self.iteration + 1 == self.planned:
                weight.copy_(mean)

    def _windows(self, window: Shape) -> tuple[Tensor, Tensor, Tensor]:
        """Windows of x^n, of what is to become it, and of random samples; the pool, if there is one, feeds G^n."""
        config, network, scale = self.config, self.network, self.scale
        if self.pool is None:
            x0, real, draws = self._pick_and_draw()
            up = upsample(steps.below(network, self.shapes, scale, x0, draws), self.shapes[scale])
            to_real, to_random = rearrange(up, "(half b) ... -> half b ...", half=2)
        else:
            self.pool.renew(self.iteration)
            real, to_real, to_random = self.pool.pick(self.reals_n, config.batch, self.generator)
        real, where = windows.windows(real, window, config.window_choices, self.generator)
        to_random, _ = windows.windows(to_random, window, config.window_choices, self.generator)
        z_n = torch.randn(to_random.shape, generator=self.generator, device=self.device)
        up = rearrange([windows.cut(to_real, where), to_random], "half b ... -> (half b) ...")
        both = network.refine_up(scale, up, steps.random_half(network.amplitudes[scale] * z_n))
        reconstructed, random = rearrange(both, "(half b) ... -> half b ...", half=2)
        return real, reconstructed, random

    def _lambda(self) -> float:
        """The penalty's weight at this step: every `penalty_every`-th has it, so many times as strong."""
        every = self.config.penalty_every
        return self.config.penalty_weight * every if self.iteration % every == 0 else 0.0

    def _set_rates(self) -> None:
        """Learning rates of this step: a cosine falls to a hundredth within a GAN scale."""
        if self.config.cosine and self.critic is not None:
            factor = 0.01 + 0.99 * (1 + math.cos(math.pi * self.iteration / self.planned)) / 2
            for group in [*self.optimizer.param_groups, *self.critic_optimizer.param_groups]:
                group["lr"] = factor * group["initial_lr"]

    def _update_generator(self, total: Tensor) -> None:
        self.optimizer.zero_grad()
        total.backward()
        if self.config.clip_norm is not None:
            weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
            clip_grad_norm_(weights, self.config.clip_norm)
        self.optimizer.step()

    def _finite(self, terms: steps.Losses) -> dict[str, float]:
        return self.finite_values({name: term for name, term in terms.items() if name != "total"})

    def finite(self) -> bool:
        """Whether every weight is a finite number; an update may end that though its loss was finite."""
        networks = [self.network] if self.critic is None else [self.network, self.critic]
        return all(bool(torch.isfinite(weight).all()) for net in networks for weight in net.state_dict().values())

    def _pick_and_draw(self) -> tuple[Tensor, Tensor, Any]:
        x0, xn = self._pick()
        return x0, xn, self.method.draw(self.network, self.shapes, self.scale, len(x0), self.generator)

    def _pick(self) -> tuple[Tensor, Tensor]:
        """This step's training samples, x^0 and x^n: all of them, or `batch` drawn without repetition."""
        if self.plan.batch == len(self.reals_0):
            return self.reals_0, self.reals_n
        order = torch.randperm(len(self.reals_0), generator=self.generator, device=self.device)
        chosen = order[: self.plan.batch]
        return self.reals_0[chosen], self.reals_n[chosen]

    def _build(self, scale: int) -> None:
        """Networks, optimisers and x^n for `scale`, from those of the scale below."""
        config = self.config
        with seeded(self.seed, scale):
            if scale > 0:
                self.network.grow()
                self.network.to(self.device)
            below, self.critic = self.critic, None
            if not self.network.is_vae(scale):
                self.critic = make_discriminator(config).to(self.device)
                if below is not None and config.warm_start != "none":
                    warm_start(self.critic, below)
        self.network.freeze_all_but(scale)
        self.network.eval()  # what is frozen makes no power iterations either
        decay, groups = self.method.decay(config), []
        for part, age in self.network.trained_at(scale):
            part.train()
            groups.append({"params": list(part.parameters()), "lr": config.lr * decay**age})
        self.optimizer = self._adam(groups)
        if self.critic is not None:
            lr = config.critic_lr or config.lr
            self.critic_optimizer = self._adam([{"params": list(self.critic.parameters()), "lr": lr}])
        self.reals_n = real_samples(config, self.clip, scale, self.shapes[scale]).to(self.device)
        self.window, self.average = None, []
        if self.critic is not None and (config.window is not None or config.pool is not None):
            self.window = windows.window_shape(config, self.shapes[scale])

    def _fill_pool(self) -> None:
        """As it is at this iteration."""
        self.pool = None
        if self.config.pool is not None and self.critic is not None:
            where = (self.shapes, self.scale, self.reals_0)
            with computing(self.device, self.precision):
                self.pool = windows.Pool(self.config, self.network, *where, self.seed, self.iteration)

    def _adam(self, groups: list[dict[str, Any]]) -> torch.optim.Adam:
        fused = self.device.type in ("cpu", "cuda")
        groups = [{**group, "initial_lr": group["lr"]} for group in groups]
        return torch.optim.Adam(groups, betas=self.config.adam_betas, fused=fused)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on: tensors, and plain values."""
        tensors = checkpoint.pack("network", self.network.state_dict())
        tensors |= {"random": self.generator.get_state()}
        tensors |= checkpoint.pack_optimizer("optimizer", self.optimizer)
        tensors |= checkpoint.pack("average", {str(k): weight for k, weight in enumerate(self.average)})
        if self.critic is not None:
            tensors |= checkpoint.pack("critic", self.critic.state_dict())
            tensors |= checkpoint.pack_optimizer("critic_optimizer", self.critic_optimizer)
        return tensors, self.written() | {"amplitudes": self.network.amplitudes}

    def restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """The inverse of `state`, on a fresh trainer of the same clip, configuration and seed.

        On another kind of device, where random numbers start anew, or in another precision, the run goes on, but not to
        the same weights; a warning says so.
        """
        self.take_up(values)
        for scale in range(self.scale + 1):
            self._build(scale)
        self.network.load_state_dict(checkpoint.unpack("network", tensors))
        self.network.amplitudes = list(values["amplitudes"])
        average = checkpoint.unpack("average", tensors)
        self.average = [average[str(k)].to(self.device) for k in range(len(average))]
        checkpoint.unpack_optimizer("optimizer", self.optimizer, tensors)
        if self.critic is not None:
            self.critic.load_state_dict(checkpoint.unpack("critic", tensors))
            checkpoint.unpack_optimizer("critic_optimizer", self.critic_optimizer, tensors)
        self._fill_pool()
        self.take_up_random(self.generator, tensors, values)


@contextlib.contextmanager
def seeded(seed: int, scale: int) -> Iterator[None]:
    """Fresh weights depend on seed and scale alone, and the caller's own random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence([seed, scale]).generate_state(1)[0]))
        yield
