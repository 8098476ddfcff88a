"""SinGAN and ConSinGAN: what is trained when, how fast, and that z* is the clip."""

import math

import pytest
import torch
from common import cpu_trainer, tiny_config

from hpvae_nb import InputError, fit, train
from hpvae_nb.baselines import ConSinGan, SinGan, Vgpnn
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.metrics import diversity
from hpvae_nb.recipe.pyramid import real_samples

CPU = {"device": "cpu", "precision": "float32"}
GANS = pytest.mark.parametrize("method", [SinGan(), ConSinGan()], ids=lambda method: method.name)


def states(events, config):
    """Copies of the weights after the first and the last step of each scale."""
    first, last = {}, {}
    for event in events:
        copies = {name: value.clone() for name, value in event.model.network.state_dict().items()}
        if event.iteration == 1:
            first[event.scale] = copies
        if event.iteration == config.iterations:
            last[event.scale] = copies
    return first, last


def changed(before, after):
    """Names of the parts that have a weight that changed, such as `stages.2` or `tail`."""
    names = [name.split(".") for name, value in before.items() if not torch.equal(value, after[name])]
    return {".".join(name[:2]) if name[0] in ("stages", "generators") else name[0] for name in names}


def test_singan_trains_its_newest_generator_alone(clip):
    config = tiny_config()
    first, last = states(train(clip, config, method=SinGan(), **CPU), config)
    for scale in range(config.scales):
        assert changed(first[scale], last[scale]) == {f"generators.{scale}"}


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_consingan_trains_the_last_stages_and_freezes_the_rest(clip, stages):
    config = tiny_config()
    first, last = states(train(clip, config, method=ConSinGan(stages), **CPU), config)
    for scale in range(config.scales):
        wanted = {f"stages.{n}" for n in range(scale + 1) if scale - n < stages} | {"tail"}
        assert changed(first[scale], last[scale]) == wanted | ({"head"} if scale < stages else set())


def test_consingan_trains_older_stages_slower(clip):
    config = tiny_config()
    network = fit(clip, config, method=ConSinGan(), **CPU).network
    ages = {id(part): age for part, age in network.trained_at(3)}
    assert [ages.get(id(stage)) for stage in network.stages] == [None, 2, 1, 0]
    assert ages[id(network.tail)] == 0
    ages = {id(part): age for part, age in network.trained_at(2)}
    assert ages[id(network.head)] == 2


def test_the_optimiser_has_the_rates_that_the_network_asks_for(clip):
    trainer = cpu_trainer(clip, tiny_config(lr=1e-3), ConSinGan(lr_scale=0.5))
    for scale in range(4):
        trainer.enter_scale(scale)
        for group, (part, age) in zip(
            trainer.optimizer.param_groups, trainer.network.trained_at(trainer.scale), strict=True
        ):
            assert {id(weight) for weight in group["params"]} == {id(weight) for weight in part.parameters()}
            assert group["lr"] == pytest.approx(1e-3 * 0.5**age)
        asked = {id(weight) for group in trainer.optimizer.param_groups for weight in group["params"]}
        assert asked == {id(weight) for weight in trainer.network.parameters() if weight.requires_grad}


@pytest.mark.slow
@GANS
def test_the_fixed_noise_gives_the_clip_and_other_noise_another(clip, method):
    config = tiny_config(iterations=60, channels=8, lr=2e-3)
    model = fit(clip, config, method=method, **CPU)
    real = real_samples(config, clip, 3, model.shapes[3])
    errors = (model.sample(8, seed=0) - real).square().mean((1, 2, 3, 4))
    assert (model.reconstruct() - real).square().mean() < 0.5 * errors.min()
    assert diversity(model.sample(8, seed=0), real[0]) > 0.05


@GANS
def test_a_pull_goes_to_the_fixed_noise(clip, method):
    model = fit(clip, tiny_config(iterations=2), method=method, **CPU)
    copies = model.sample(2, seed=1, pull=1, noise=0.0)
    torch.testing.assert_close(copies, model.reconstruct().expand_as(copies), rtol=0, atol=1e-5)


@GANS
@pytest.mark.parametrize("seed", [0, 1])
def test_the_fixed_noise_is_no_samples_noise(clip, method, seed):
    """Random numbers of fresh weights and of samples may come from one stream; z* must not."""
    network = next(train(clip, tiny_config(), method=method, seed=seed, **CPU)).model.network
    for other in (0, 1):
        noise = normal_maps(network.fixed.shape[1:], other, range(20), 0)
        assert (noise - network.fixed).abs().flatten(1).mean(1).min() > 0.5
    assert network.fixed.std() == pytest.approx(1, abs=0.2)


@GANS
def test_noise_amplitudes_are_a_tenth_of_the_error_when_a_scale_starts(clip, method):
    config = tiny_config(noise_amplitude=0.1)
    trainer = cpu_trainer(clip, config, method)
    trainer.enter_scale(0)
    assert trainer.network.amplitudes == [1.0]
    trainer.enter_scale(1)
    real = real_samples(config, clip, 1, trainer.shapes[1])
    rmse = math.sqrt((trainer.model.reconstruct() - real).square().mean())
    assert trainer.network.amplitudes[1] == pytest.approx(0.1 * rmse, rel=1e-4)


@pytest.mark.slow
@GANS
def test_a_stopped_and_resumed_training_ends_in_the_same_weights(tmp_path, clip, method):
    config = tiny_config()
    events = train(clip, config, method=method, out=tmp_path, **CPU)
    for event in events:
        if (event.scale, event.iteration) == (2, 2):
            events.close()
    rest = list(train(clip, config, method=method, out=tmp_path, resume=True, **CPU))
    assert (rest[0].scale, rest[0].iteration) == (2, 3)
    whole = fit(clip, config, method=method, **CPU).network
    resumed = rest[-1].model.network
    assert whole.amplitudes == resumed.amplitudes
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_run_of_another_method_or_setting_is_not_gone_on_with(tmp_path, clip):
    next(events := train(clip, tiny_config(fine_size=20), method=ConSinGan(), out=tmp_path, **CPU))
    events.close()
    for other in (SinGan(), Vgpnn()):
        with pytest.raises(InputError, match="another run.*method"):
            train(clip, tiny_config(fine_size=20), method=other, out=tmp_path, resume=True, **CPU)
    with pytest.raises(InputError, match="another run.*settings"):
        train(clip, tiny_config(fine_size=20), method=ConSinGan(1), out=tmp_path, resume=True, **CPU)


@pytest.mark.parametrize("settings", [{"stages": 0}, {"lr_scale": 0}, {"lr_scale": 2}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        ConSinGan(**settings)
