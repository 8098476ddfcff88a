"""The package's losses and gradients against the literal version of the equations, and its terms against known values.

Both sides get the same weights and the same random numbers. Spectral norm needs care: a step of the package makes one
power iteration, the literal version one per call of the critic. So u and v are held still (eval mode; no other layer
of either side has one), or iterated until further iterations change nothing.

Two arithmetics, two tolerances, both relative to the largest entry compared:

- float64, where every `.float()` of the package is made a `.double()`: the presets' own depths agree to 1e-13, and
  1e-10 is held. That is the proof that both sides are one function.
- float32, as it runs: shallow networks agree to 3e-6, and 1e-5 is held. A convolution is summed in another order here
  than there (two passes share a batch, which PyTorch hands to another algorithm), and rounding by 6e-8 grows with
  depth. It also decides on which side of 0 a few of the LeakyReLU's inputs lie, which moves a gradient by 1e-3 now and
  then; so the activation is smoothed on both sides in these tests.

A bias in front of a normalisation has a gradient of exactly zero, of which both sides compute only rounding: hence the
comparison with the largest entry of the network and not of each tensor.
"""

import math
import sys
from pathlib import Path

import pytest
import torch
from common import cpu_trainer
from torch import nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from hpvae_nb.core import losses, steps
from hpvae_nb.core.blocks import SampleNorm, cached_weights
from hpvae_nb.io.clips import Clip
from hpvae_nb.machine import computing
from hpvae_nb.recipe.build import make_discriminator, make_generator, make_hierarchy
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import real_samples
from hpvae_nb.training import trainer as trainer_module

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import literal

CPU = torch.device("cpu")
EXACT, ROUNDED = 1e-10, 1e-5
TINY = {"channels": 8, "latent": 8, "coarse_size": 8, "fine_size": 16, "scales": 5, "vae_levels": 3}
VAE_SCALES, GAN_SCALES = (0, 2), (3, 4)  # 2 reaches G^0 through the frozen G^1; 4 stands on the frozen GAN scale 3

SHALLOW = {"encoder_layers": 2, "generator_layers": 3, "critic_layers": 3, "channels": 6, "latent": 6}
SHALLOW |= {"coarse_size": 6, "fine_size": 10, "sampling_rates": (2, 1)}

PRESETS = pytest.mark.parametrize("name", ["paper", "released"])
DIMS = pytest.mark.parametrize("dims", [2, 3])


@pytest.fixture
def float64(monkeypatch):
    """Everything in float64, the package included."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(trainer_module, "real_samples", lambda *args: real_samples(*args).double())
    torch.set_default_dtype(torch.float64)
    yield EXACT, {}
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def float32(monkeypatch):
    """float32, shallow and smooth."""

    def smooth(self, x):
        return self.negative_slope * x + (1 - self.negative_slope) * nn.functional.softplus(x)

    monkeypatch.setattr(nn.LeakyReLU, "forward", smooth)
    return ROUNDED, SHALLOW


@pytest.fixture(params=["float64", "float32"])
def arithmetic(request):
    """Tolerance and settings of either."""
    return request.getfixturevalue(request.param)


def make_clip(dims, frames=26):
    """Smooth and moving, 24 x 32 px."""
    t, y, x = torch.meshgrid(torch.arange(frames), torch.arange(24), torch.arange(32), indexing="ij")
    video = torch.stack([torch.sin(x / 5 + t / 3), torch.cos(y / 4 - t / 5), torch.sin((x + y) / 7)])
    video = video.to(torch.float32)
    return Clip(0.9 * video[:, 0] if dims == 2 else 0.9 * video)


def trainer_at(scale, name="released", dims=3, train=False, **overrides):
    """A trainer at `scale`, all weights shaken, so that no two networks are alike and no norm is the identity."""
    config = preset(name, dims=dims, **{**TINY, **overrides})
    trainer = cpu_trainer(make_clip(dims), config)
    for n in range(scale + 1):
        trainer.enter_scale(n)
    random = torch.Generator().manual_seed(1)
    for network in (trainer.network, trainer.critic):
        if network is not None:
            with torch.no_grad():
                for p in network.parameters():
                    p += 0.1 * torch.randn(p.shape, generator=random)
            settle(network)
            network.train(train)
    return trainer


def settle(network, iterations=50):
    """Bring u and v of every spectral norm nearer to their limit."""
    network.train()
    for _ in range(iterations):
        with cached_weights(network):
            pass


def case(trainer, train=False):
    """The trainer's inputs and random numbers, and the literal version with the same weights."""
    other = literal.Literal.from_ours(trainer.network, trainer.config, trainer.shapes, trainer.critic).train(train)
    x0, xn = trainer._pick()
    draws = steps.draw(trainer.network, trainer.shapes, trainer.scale, len(x0), trainer.generator)
    return other, x0, xn, draws


def blends(generator, b):
    """The epsilons that the penalty is about to draw."""
    ahead = torch.Generator().manual_seed(0)
    ahead.set_state(generator.get_state())
    return torch.rand(b, generator=ahead).tolist()


def each(x0, xn, draws):
    """The batch's samples one by one: x^0, x^n, epsilon, z, noise."""
    for i in range(len(x0)):
        own = slice(i, i + 1)
        z = None if draws.z is None else draws.z[own]
        yield x0[own], xn[own], draws.epsilon[own], z, [z_n[own] for z_n in draws.noise if z_n is not None]


def assert_same_values(ours, theirs, tolerance):
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=tolerance, atol=tolerance)


def assert_same_gradients(ours, theirs, tolerance):
    """Trained parameters have equal gradients, frozen ones none; returns how many were compared."""
    wanted = {name: p.grad for name, p in theirs.named_parameters()}
    pairs = {}
    for name, p in ours.named_parameters():
        if p.requires_grad:
            pairs[name] = p.grad, wanted[literal.literal_name(name)]
        else:
            assert p.grad is None, f"{name} is frozen but has a gradient"
    size = max(b.abs().max() for _, b in pairs.values())
    assert size > 1e-4
    for name, (a, b) in pairs.items():
        assert (a - b).abs().max() <= tolerance * size, f"{name} is off by {(a - b).abs().max() / size:.1e}"
    return len(pairs)


def compare_vae(trainer, tolerance):
    other, x0, xn, draws = case(trainer)
    ours = steps.vae_losses(trainer.network, trainer.shapes, trainer.scale, x0, xn, draws, trainer.objective)["total"]
    theirs = literal.mean([literal.vae_loss(other, a, b, epsilon) for a, b, epsilon, _, _ in each(x0, xn, draws)])
    assert_same_values(ours, theirs, tolerance)
    ours.backward()
    theirs.backward()
    return assert_same_gradients(trainer.network, other, tolerance)


def compare_gan(trainer, tolerance, train=False):
    """One GAN step without the optimisers: D's loss and gradients, then G's."""
    network, critic = trainer.network, trainer.critic
    other, x0, xn, draws = case(trainer, train)
    made, random = steps.gan_outputs(network, trainer.shapes, trainer.scale, x0, draws)
    parts = list(each(x0, xn, draws))
    x_bars = [literal.equations_4_and_6_path(other, a, epsilon)[0] for a, _, epsilon, _, _ in parts]
    x_rands = [literal.equation_9_random(other, z, noise) for _, _, _, z, noise in parts]
    assert_same_values(made, torch.cat(x_bars), tolerance)
    assert_same_values(random, torch.cat(x_rands), tolerance)

    theirs = literal.mean(
        [
            literal.equation_10_critic_loss(other, b, x_rand, eps)
            for (_, b, *_), x_rand, eps in zip(parts, x_rands, blends(trainer.generator, len(x0)), strict=True)
        ]
    )
    with cached_weights(critic):
        ours = steps.critic_losses(critic, xn, random, trainer.generator, trainer.objective)["total"]
        assert_same_values(ours, theirs, tolerance)
        ours.backward()
    theirs.backward()
    assert all(p.grad is None for p in network.parameters()), "D's loss must not reach G"
    compared = assert_same_gradients(critic, other.critic, tolerance)

    critic.zero_grad(), other.zero_grad()
    critic.requires_grad_(False)
    with cached_weights(critic):
        ours = steps.generator_losses(critic, xn, made, random, trainer.objective)["total"]
    theirs = literal.mean(
        [
            literal.equation_11_generator_loss(other, b, x_bar, x_rand)
            for (_, b, *_), x_bar, x_rand in zip(parts, x_bars, x_rands, strict=True)
        ]
    )
    assert_same_values(ours, theirs, tolerance)
    ours.backward()
    theirs.backward()
    assert all(p.grad is None for p in critic.parameters()), "G's loss must not reach D's weights"
    return compared, assert_same_gradients(network, other, tolerance)


@PRESETS
@DIMS
@pytest.mark.parametrize("scale", VAE_SCALES)
def test_vae_loss_and_gradients(name, dims, scale, arithmetic):
    tolerance, overrides = arithmetic
    trainer = trainer_at(scale, name, dims, batch=1, **overrides)
    trained = [network for network, _ in trainer.network.trained_at(scale)]
    assert compare_vae(trainer, tolerance) == sum(len(list(network.parameters())) for network in trained)


@pytest.mark.slow
@PRESETS
@DIMS
@pytest.mark.parametrize("scale", GAN_SCALES)
@pytest.mark.parametrize("norm", ["site", "sample"])
def test_gan_losses_and_gradients(name, dims, scale, norm, arithmetic):
    tolerance, overrides = arithmetic
    trainer = trainer_at(scale, name, dims, batch=1, penalty_norm=norm, **overrides)
    of_critic, of_network = compare_gan(trainer, tolerance)
    assert of_critic == len(list(trainer.critic.parameters()))
    assert of_network == len(list(trainer.network.generators[scale].parameters()))


@pytest.mark.slow
@PRESETS
@pytest.mark.parametrize("scale", [0, 2, 4])
def test_a_batch_is_the_mean_of_its_samples(name, scale, arithmetic):
    tolerance, overrides = arithmetic
    trainer = trainer_at(scale, name, batch=2, **overrides)
    assert trainer.plan.batch == 2
    compare_vae(trainer, tolerance) if scale < 3 else compare_gan(trainer, tolerance)


@pytest.mark.slow
@PRESETS
def test_training_mode_agrees_once_power_iterations_have_converged(name, float64):
    trainer = trainer_at(4, name, batch=1, train=True)
    settle(trainer.critic, 1000)
    settle(trainer.network.encoder, 1000)  # the literal version iterates in the frozen encoder too
    trainer.network.encoder.eval()
    compare_gan(trainer, 1e-6, train=True)


def flipped_kl(mu, logvar, reduction="mean"):
    return -losses_kl(mu, logvar, reduction)


def penalty_towards_zero(critic, real, fake, *, norm="site", generator=None):
    def weak(x):
        return critic(x) / 2

    return losses_penalty(weak, real, fake, norm=norm, generator=generator)


def swapped_norm(critic, real, fake, *, norm="site", generator=None):
    other = {"site": "sample", "sample": "site"}[norm]
    return losses_penalty(critic, real, fake, norm=other, generator=generator)


losses_kl, losses_penalty = losses.kl_divergence, losses.gradient_penalty


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "owner", "attribute", "mutant"),
    [
        (0, losses, "kl_divergence", flipped_kl),
        (2, losses, "kl_divergence", flipped_kl),
        (2, steps, "reparameterize", lambda mu, logvar, epsilon: mu + epsilon * logvar.exp()),
        (4, steps, "reparameterize", lambda mu, logvar, epsilon: mu),
        (4, steps, "_noise", lambda network, scale, draws: None),
        (4, losses, "gradient_penalty", penalty_towards_zero),
        (4, losses, "gradient_penalty", swapped_norm),
        (4, losses, "reconstruction", lambda x, y, kind: (x - y).abs().mean()),
    ],
)
@PRESETS
def test_a_wrong_formula_is_noticed(name, scale, owner, attribute, mutant, float64, monkeypatch):
    trainer = trainer_at(scale, name, batch=1)
    monkeypatch.setattr(owner, attribute, mutant)
    with pytest.raises(AssertionError):
        compare_vae(trainer, 1e-4) if scale < 3 else compare_gan(trainer, 1e-4)


@pytest.mark.parametrize("scale", [0, 2, 4])
def test_the_literal_trainer_steps_what_the_package_steps(scale):
    trainer = trainer_at(scale, batch=2)
    other = literal.Literal.from_ours(trainer.network, trainer.config, trainer.shapes, trainer.critic)
    before = {name: p.detach().clone() for name, p in other.named_parameters()}
    racer = literal.LiteralTrainer(other, trainer.reals_0, trainer.reals_n)
    values = racer.step()
    assert all(math.isfinite(value) for value in values.values())
    moved = {name for name, p in other.named_parameters() if not torch.equal(p, before[name])}
    ours = {literal.literal_name(name) for name, p in trainer.network.named_parameters() if p.requires_grad}
    if trainer.critic is not None:
        ours |= {f"critic.{literal.literal_name(name)}" for name, _ in trainer.critic.named_parameters()}
        ours -= {"critic.tail.bias"}  # it cancels in E[D(x)] - E[D(x̄_rand)]
    assert moved == ours
    rates = {id(p): group["lr"] for group in trainer.optimizer.param_groups for p in group["params"]}
    theirs = {id(p): group["lr"] for group in racer.optimizer.param_groups for p in group["params"]}
    named = dict(other.named_parameters())
    for name, p in trainer.network.named_parameters():
        assert rates.get(id(p)) == theirs.get(id(named[literal.literal_name(name)]))


def test_kl_is_that_of_torch_distributions():
    mu, logvar = torch.randn(2, 2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    wanted = torch_kl(Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    torch.testing.assert_close(losses.kl_divergence(mu, logvar, "mean"), wanted.mean())
    torch.testing.assert_close(losses.kl_divergence(mu, logvar, "sum"), wanted.sum() / len(mu))
    torch.testing.assert_close(losses.kl_divergence(mu, logvar, "sites"), wanted.sum(dim=1))
    assert losses.kl_divergence(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)).item() == 0


@DIMS
def test_penalty_of_a_linear_critic(dims):
    shape = (3, *(2, 4, 5)[-dims:])
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 2, *shape, generator=random)
    weight = torch.randn(shape, generator=random)

    def critic(x):
        return (weight * x).flatten(1).sum(dim=1)  # its slope is `weight`, everywhere

    over_sample = (weight.norm() - 1) ** 2
    over_sites = ((weight.norm(dim=0) - 1) ** 2).mean()
    torch.testing.assert_close(losses.gradient_penalty(critic, real, fake, norm="sample"), over_sample)
    torch.testing.assert_close(losses.gradient_penalty(critic, real, fake, norm="site"), over_sites)
    assert (over_sample - over_sites).abs() > 1


def test_penalty_is_taken_on_blends_of_one_epsilon_per_sample():
    real, fake = torch.zeros(4, 3, 2, 2), torch.ones(4, 3, 2, 2)

    def critic(x):
        return x.square().sum() / 2  # its slope is x itself

    epsilon = torch.rand(4, 1, 1, 1, generator=torch.Generator().manual_seed(5)).flatten()
    drawn = torch.Generator().manual_seed(5)
    wanted = ((1 - epsilon) * math.sqrt(3) - 1).square().mean()  # each site holds three channels of 1 - epsilon
    torch.testing.assert_close(losses.gradient_penalty(critic, real, fake, norm="site", generator=drawn), wanted)


@pytest.mark.parametrize("norm", ["site", "sample"])
def test_penalty_survives_bfloat16_convolutions(norm):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = make_discriminator(preset("laptop", channels=16))
    with torch.no_grad():
        for p in critic.parameters():
            p *= 3  # a plain last layer makes slopes near 1, where the penalty is neither flat nor vanishing
    settle(critic)
    critic.eval()
    real, fake = 0.5 * torch.randn(2, 1, 3, 7, 16, 24, generator=torch.Generator().manual_seed(0))
    found = {}
    for precision in ("float32", "bfloat16"):
        critic.zero_grad()
        with computing(CPU, precision), cached_weights(critic):
            value = losses.gradient_penalty(critic, real, fake, norm=norm, generator=torch.Generator().manual_seed(1))
            value.backward()
        found[precision] = (
            value.item(),
            torch.cat([p.grad.flatten() for p in critic.parameters() if p.grad is not None]),
        )
    (wanted, exact), (value, gradient) = found["float32"], found["bfloat16"]
    assert value != wanted, "bfloat16 was not used"
    assert value == pytest.approx(wanted, rel=0.01)
    assert torch.nn.functional.cosine_similarity(exact, gradient, dim=0) > 0.999


@pytest.mark.parametrize("policy", ["all", "residual", "none"])
def test_generators_start_from_the_one_below(policy):
    network = make_hierarchy(preset("smoke", warm_start=policy))
    network.grow(), network.grow()

    def same(upper, lower):
        a, b = network.generators[upper].state_dict(), network.generators[lower].state_dict()
        return {name for name, value in a.items() if value.shape == b[name].shape and torch.equal(value, b[name])}

    every = set(network.generators[1].state_dict())
    norms = {name for name in every if name.split(".")[-2] == "1"}  # fresh norms are alike whatever the policy
    reads_latents = {"body.0.0.weight"}  # the one layer of another shape
    assert same(1, 0) == (every - reads_latents if policy == "all" else norms)
    assert same(2, 1) == (norms if policy == "none" else every)


@pytest.mark.parametrize("policy", ["residual", "none"])
def test_critics_start_from_the_one_below(policy):
    trainer = trainer_at(3, warm_start=policy)
    below = {name: value.clone() for name, value in trainer.critic.state_dict().items()}
    trainer.enter_scale(4)
    above = trainer.critic.state_dict()
    assert all(torch.equal(above[name], below[name]) for name in below) == (policy == "residual")


@DIMS
def test_sample_norm_is_batch_norm_of_a_batch_of_one(dims):
    x = 3 * torch.randn(4, 8, *(5, 6, 7)[-dims:], generator=torch.Generator().manual_seed(0)) + 1
    ours, theirs = SampleNorm(8), literal.BATCH_NORM[dims](8)
    with torch.no_grad():
        ours.weight.uniform_(0.5, 2), ours.bias.normal_()
        theirs.weight.copy_(ours.weight), theirs.bias.copy_(ours.bias)
    one_by_one = torch.cat([theirs(sample[None]) for sample in x])
    torch.testing.assert_close(ours(x), one_by_one, rtol=1e-6, atol=1e-6)
    assert (ours(x) - theirs(x)).abs().max() > 0.01  # batch statistics of several samples are another thing


@PRESETS
@pytest.mark.parametrize("scale", [2, 4])
def test_noise_amplitude_is_a_tenth_of_the_rmse(name, scale):
    trainer = trainer_at(scale - 1, name, batch=100)  # all samples, so that none are drawn
    state = trainer.generator.get_state()
    trainer.network.eval()
    trainer.enter_scale(scale)
    trainer.generator.set_state(state)
    other = literal.Literal.from_ours(trainer.network, trainer.config, trainer.shapes, trainer.critic).eval()
    draws = steps.draw(trainer.network, trainer.shapes, 0, trainer.plan.batch, trainer.generator)
    made = [
        literal.equations_4_and_6_path(other, trainer.reals_0[i : i + 1], draws.epsilon[i : i + 1])[0]
        for i in range(trainer.plan.batch)
    ]
    kind = trainer.config.reconstruction
    assert kind == ("l2" if name == "paper" else "mse")  # the amplitude is the same whatever the objective measures
    rmse = (torch.cat(made) - trainer.reals_n).square().mean().sqrt().item()
    assert trainer.network.amplitudes[scale] == pytest.approx(0.1 * rmse, rel=1e-4)


def test_learning_rates_fall_with_the_power_of_the_scale():
    config = preset("released", **TINY)
    network = make_hierarchy(config)
    for _ in range(4):
        network.grow()
    e, g = network.encoder, network.generators
    assert network.trained_at(0) == [(e, 0), (g[0], 0)]
    assert network.trained_at(1) == [(e, 1), (g[0], 1), (g[1], 0)]
    assert network.trained_at(2) == [(e, 2), (g[0], 2), (g[2], 0)]
    assert network.trained_at(3) == [(g[3], 0)]
    assert network.trained_at(4) == [(g[4], 0)]
    rates = [group["lr"] for group in trainer_at(2).optimizer.param_groups]
    assert rates == pytest.approx([5e-4 * 0.2**2, 5e-4 * 0.2**2, 5e-4])


@pytest.mark.parametrize("scale", [0, 4])
def test_gradients_are_clipped_together(scale):
    def norm(clip_norm):
        trainer = trainer_at(scale, batch=1, clip_norm=clip_norm)
        trainer.step()
        return torch.cat([p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None]).norm().item()

    free = norm(None)
    assert norm(free / 10) == pytest.approx(free / 10, rel=1e-3)
    assert norm(free * 10) == pytest.approx(free, rel=1e-3)


def test_generator_output_options():
    x = 5 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for tanh in (True, False):
        network = make_generator(preset("smoke", dims=2, generator_tanh=tanh), 1)
        with torch.no_grad():
            network.tail.weight *= 100
        assert (network(x).abs().max() <= 1) == tanh
