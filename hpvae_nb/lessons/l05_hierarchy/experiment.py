"""What each scale adds to a reconstruction (equation 6), and where the gradients of one training step go."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hpvae_nb.core import steps
from hpvae_nb.core.resampling import upsample
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_discriminator, make_hierarchy, make_objective
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import planned_shapes, real_samples

TRAINED, PASSED, UNTOUCHED = "trained", "passed through", "untouched"


@dataclass(frozen=True)
class Step:
    """Equation (6) at one scale of a trained model, `c t h w` in [-1, 1].

    Attributes:
        up: ↑x̄^(n-1).
        out: x̄^n.
        real: x^n.
    """

    up: Tensor
    out: Tensor
    real: Tensor

    @property
    def residual(self) -> Tensor:
        """What the scale changed, x̄^n - ↑x̄^(n-1); with a tanh around the sum it is not quite G^n's output."""
        return self.out - self.up


def reconstruction_steps(model: Model, clip: Clip) -> list[Step]:
    """Equation (6) from scale 1 to the model's last, on its way to reconstruct the clip it was trained on."""
    if model.scales < 2:
        raise InputError("this model has scale 0 alone, and residuals begin at scale 1: train it further")
    outs = [model.reconstruct(scales=n + 1)[:1] for n in range(model.scales)]
    reals = [real_samples(model.config, clip, n, model.shapes[n])[0] for n in range(model.scales)]
    ups = [upsample(below, shape)[0] for below, shape in zip(outs, model.shapes[1:], strict=False)]
    return [Step(up, out[0], real) for up, out, real in zip(ups, outs[1:], reals[1:], strict=True)]


def gradient_flow(config: Config, scale: int) -> dict[str, str]:
    """Where gradients go in one training step at `scale`, found by making one and looking at the live graph.

    A network is `"trained"` when its own parameters receive a gradient, `"passed through"` when a gradient reaches its
    output but none stays in it, and `"untouched"` when none reaches it.

    Returns:
        A state for `"E"`, `"G0"` .. `f"G{scale}"`, and at GAN scales `"D{scale}"`, in that order.

    Raises:
        InputError: when there is no such scale.
    """
    if not 0 <= scale < config.scales:
        raise InputError(f"scale is {scale}, but this configuration has 0..{config.scales - 1}")
    network, shapes, objective = make_hierarchy(config), planned_shapes(config, 9 / 16), make_objective(config)
    for _ in range(scale):
        network.grow()
    network.freeze_all_but(scale)
    parts: dict[str, nn.Module] = {"E": network.encoder}
    parts |= {f"G{n}": generator for n, generator in enumerate(network.generators)}
    critic = None if config.is_vae(scale) else make_discriminator(config)
    reached: set[str] = set()
    watches = [part.register_forward_hook(_watch(name, reached)) for name, part in parts.items()]
    x0, xn = (torch.rand(1, 3, *shapes[n]) * 2 - 1 for n in (0, scale))
    draws = steps.draw(network, shapes, scale, 1, torch.Generator().manual_seed(0))
    if critic is None:
        steps.vae_losses(network, shapes, scale, x0, xn, draws, objective)["total"].backward()
    else:
        reconstructed, random = steps.gan_outputs(network, shapes, scale, x0, draws)
        steps.generator_losses(critic, xn, reconstructed, random, objective)["total"].backward()
        critic.zero_grad()
        blends = torch.Generator().manual_seed(1)
        steps.critic_losses(critic, xn, random, blends, objective)["total"].backward()
        parts[f"D{scale}"] = critic
    for watch in watches:
        watch.remove()
    return {name: _state(part, name in reached) for name, part in parts.items()}


def _watch(name: str, reached: set[str]) -> Any:
    """A forward hook that notes when a gradient arrives at a network's output."""

    def hook(part: nn.Module, inputs: Any, output: Any) -> None:
        for tensor in output if isinstance(output, tuple) else (output,):
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient: reached.add(name))

    return hook


def _state(part: nn.Module, reached: bool) -> str:
    if any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in part.parameters()):
        return TRAINED
    return PASSED if reached else UNTOUCHED
