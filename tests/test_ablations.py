"""Each ablation changes what it says and nothing else, trains, resumes and is stored."""

import pytest
import torch
from common import cpu_trainer, noise_clip, same_weights, tiny_config, weights
from test_oracle import compare_gan, compare_vae, literal, trainer_at
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

from hpvae_nb import empirical_receptive_field, fit, load_model, receptive_field, train
from hpvae_nb.core import steps
from hpvae_nb.core.resampling import upsample
from hpvae_nb.io import checkpoint
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.pyramid import real_samples
from hpvae_nb.training import trainer as trainer_module
from hpvae_nb.training.cost import step_flops

CPU = {"device": "cpu", "precision": "float32"}
ABLATIONS = [
    {"vae_levels": 1},
    {"vae_levels": 4},  # all scales: no GAN
    {"freeze": False},
    {"encoder_kernel": 1},
    {"decoder_kernel": 1},
    {"residual": False},
    {"warm_start": "none"},
    {"penalty_norm": "sample"},
    {"noise_amplitude": 0.0},
    {"beta": 0.0},
]
EACH = pytest.mark.parametrize("change", ABLATIONS, ids=lambda change: "-".join(map(str, *change.items())))


def network_of(name):
    """`encoder`, `generators.2`: the network that a weight of the hierarchy belongs to."""
    return ".".join(name.split(".")[: 2 if name.startswith("generators") else 1])


@pytest.mark.parametrize("vae_levels", [1, 2, 4])
@pytest.mark.parametrize("freeze", [True, False])
def test_a_step_moves_what_is_trained_at_its_scale(clip, freeze, vae_levels):
    trainer = cpu_trainer(clip, tiny_config(freeze=freeze, vae_levels=vae_levels))
    for n in range(4):
        trainer.enter_scale(n)
        before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        of_critic = {} if trainer.critic is None else {k: v.clone() for k, v in trainer.critic.named_parameters()}
        trainer.network.zero_grad()  # what was trained at the scale below
        trainer.step()
        after = trainer.network.state_dict()
        changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
        moved = {network_of(name) for name in changed}
        every = {"encoder", *(f"generators.{k}" for k in range(n + 1))}
        top = {f"generators.{n}"}
        wanted = every if not freeze else top | {"encoder", "generators.0"} if n < vae_levels else top
        assert moved == wanted
        assert {network_of(name) for name, p in trainer.network.named_parameters() if p.grad is not None} == wanted
        assert any(name.endswith("_u") for name in changed) == ("encoder" in wanted), "power iterations"
        assert bool(of_critic) == (n >= vae_levels)
        for name, value in of_critic.items():
            assert name == "tail.bias" or not torch.equal(value, trainer.critic.get_parameter(name)), name


@pytest.fixture
def float64(monkeypatch):
    """Everything in float64, the package included."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(trainer_module, "real_samples", lambda *args: real_samples(*args).double())
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3, 4])  # the first three are VAE scales
def test_without_freezing_the_gradients_are_those_of_the_uncut_graph(scale, float64, monkeypatch):
    monkeypatch.setattr(literal, "detach_below_gan", lambda model, n, x: x)
    trainer = trainer_at(scale, batch=2, freeze=False)
    compared = compare_vae(trainer, 1e-10) if scale < 3 else compare_gan(trainer, 1e-10)[1]
    assert compared == len(list(trainer.network.parameters()))


def test_freezing_changes_gradients_and_no_value():
    trainer, made = trainer_at(4), {}
    network, (x0, _) = trainer.network, trainer._pick()
    draws = steps.draw(network, trainer.shapes, 4, len(x0), trainer.generator)
    for freeze in (True, False):
        network.freeze = freeze
        made[freeze] = torch.cat(steps.gan_outputs(network, trainer.shapes, 4, x0, draws))
    assert torch.equal(made[True], made[False])


def test_without_freezing_a_network_is_the_slower_the_more_scales_came_after_it():
    trainer = trainer_at(4, freeze=False)
    rates = {id(p): group["lr"] for group in trainer.optimizer.param_groups for p in group["params"]}
    powers = {"encoder": 4, "generators.0": 4, "generators.1": 3, "generators.2": 2, "generators.3": 1}
    for name, p in trainer.network.named_parameters():
        assert rates[id(p)] == pytest.approx(5e-4 * 0.2 ** powers.get(network_of(name), 0))


@pytest.mark.parametrize(
    ("change", "encoder", "decoders", "refiners"),
    [({}, 9, 11, 11), ({"encoder_kernel": 1}, 1, 11, 11), ({"decoder_kernel": 1}, 9, 1, 11), ({"kernel": 1}, 1, 1, 1)],
)
def test_a_kernel_of_one_sees_one_site(change, encoder, decoders, refiners):
    depths = {"encoder_layers": 3, "generator_layers": 5}
    network = make_hierarchy(tiny_config(**depths, **change))
    for _ in range(3):
        network.grow()
    wanted = [encoder, decoders, decoders, refiners, refiners]  # scales 0 and 1 are VAE scales
    for part, r in zip([network.encoder, *network.generators], wanted, strict=True):
        channels = 4 if part is network.generators[0] else 3
        assert receptive_field(part) == empirical_receptive_field(part, (channels, 13, 13, 13)) == (r, r, r)


def test_without_the_residual_a_scale_is_what_its_generator_draws():
    config = tiny_config(residual=False)
    network = make_hierarchy(config)
    network.grow()
    below, noise = torch.randn(2, 3, 4, 5, 6), torch.randn(2, 3, 5, 7, 8)
    up = upsample(below, (5, 7, 8))
    assert torch.equal(network.refine(1, below, (5, 7, 8)), network.generators[1](up).tanh())
    assert torch.equal(network.refine(1, below, (5, 7, 8), noise), network.generators[1](up + noise).tanh())
    network.residual = True
    assert torch.equal(network.refine(1, below, (5, 7, 8)), (up + network.generators[1](up)).tanh())


@pytest.fixture(scope="module")
def unchanged():
    """Weights without an ablation."""
    return weights(fit(noise_clip(), tiny_config(), **CPU))


@pytest.mark.slow
@EACH
def test_an_ablation_resumes_to_the_weights_it_would_have_had(tmp_path, clip, unchanged, change):
    config = tiny_config(**change)
    whole = fit(clip, config, **CPU)
    assert not same_weights(whole, unchanged), "it changes nothing"
    for place in [(1, 2), (3, 2)]:
        events = train(clip, config, out=tmp_path, resume=True, **CPU)
        for event in events:
            if (event.scale, event.iteration) == place:
                events.close()
    resumed = fit(clip, config, out=tmp_path, resume=True, **CPU)
    assert same_weights(whole, resumed)
    assert whole.network.amplitudes == resumed.network.amplitudes
    assert torch.equal(whole.sample(2, seed=0), load_model(tmp_path, **CPU).sample(2, seed=0))


def test_a_model_file_from_before_an_ablation_existed_still_loads(tmp_path, clip, tiny):
    model = fit(clip, tiny, **CPU)
    path = model.save(tmp_path / "model.safetensors")
    tensors, description = checkpoint.read(path, "model")
    for name in ("encoder_kernel", "decoder_kernel", "residual", "freeze"):
        del description["config"][name]
    checkpoint.write(path, "model", tensors, {k: v for k, v in description.items() if k not in ("format", "kind")})
    again = load_model(path, **CPU)
    assert again.config == tiny
    assert same_weights(model, again)


class Convolutions(TorchDispatchMode):
    """Counts the floating-point operations of convolutions, whichever way they are called."""

    flops = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if function.overloadpacket == torch.ops.aten.mkldnn_convolution:
            self.flops += conv_flop_count(list(args[0].shape), list(args[1].shape), list(out.shape))
        elif "convolution" in str(function):
            self.flops += flop_registry[function.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"freeze": False},
        {"encoder_kernel": 1},
        {"decoder_kernel": 1},
        {"penalty_every": 2},
        {"window": 900, "fine_size": 20},
    ],
    ids=str,
)
def test_the_estimated_cost_of_a_step_is_what_pytorch_computes(change):
    # First layers need no gradient to their input, and weights' gradients leave out what lies beyond the ends in time.
    config = tiny_config(batch=2, channels=32, latent=32, **change)
    trainer = cpu_trainer(noise_clip(frames=14), config)
    for scale in range(4):
        trainer.enter_scale(scale)
        with Convolutions() as counted:
            for _ in range(config.penalty_every):
                trainer.step()
        a_step = counted.flops / (2 * config.penalty_every)
        assert a_step == pytest.approx(step_flops(config, trainer.shapes, trainer.scale), rel=0.08)
