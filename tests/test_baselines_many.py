"""Methods that learn a set of clips: the same events, calls, files and interruptions as those that learn one."""

import functools

import pytest
import torch

import hpvae_nb
from hpvae_nb import InputError, TrainingError, fit, load_model, load_set, preset, train
from hpvae_nb.baselines import SYSTEMS, SinGan, make_method, make_system
from hpvae_nb.baselines.many import Spread
from hpvae_nb.io.clip_sets import as_pixels
from hpvae_nb.training.events import follow
from hpvae_nb.training.many import SetTrainer

CPU = {"device": "cpu", "precision": "float32", "threads": 1}
ROUNDS = 4


@functools.cache
def clips():
    return load_set("shapes", count=12)


def config(name, **changes):
    tiny = {"channels": 4, "batch": 3, "iterations": ROUNDS, "average": 0.9, **changes}
    return preset(f"{name.replace('_', '-')}-small", **tiny)


def trainer(name, **changes):
    return SetTrainer(make_method(name), clips(), config(name, **changes), device="cpu", precision="float32")


@functools.cache
def trained(name):
    """Shared: tests must leave it as it is."""
    return fit(clips(), config(name), method=make_method(name), **CPU)


@pytest.mark.parametrize("name", SYSTEMS)
def test_events_count_the_rounds_and_bring_the_model(name):
    seen = []
    model = follow(train(clips(), config(name), method=make_method(name), **CPU), seen.append)
    assert [(event.scale, event.iteration, event.iterations) for event in seen] == [
        (0, n, ROUNDS) for n in range(1, ROUNDS + 1)
    ]
    assert seen[-1].model is model
    assert all(event.losses and all(map(torch.isfinite, map(torch.tensor, event.losses.values()))) for event in seen)
    assert torch.equal(seen[-1].preview(1, seed=3), model.sample(1, seed=3))
    assert (model.name, model.facts["clips"], model.fps) == ("shapes", 12, clips().fps)


@pytest.mark.parametrize("name", SYSTEMS)
def test_samples_depend_on_seed_and_number_alone(name):
    model = trained(name)
    three = model.sample(3, seed=0)
    assert three.shape == (3, 3, 16, 32, 32)
    assert three.abs().max() <= 1
    torch.testing.assert_close(model.sample(1, seed=0), three[:1], rtol=0, atol=1e-5)
    assert torch.equal(model.sample(3, seed=0), three)
    assert torch.pdist(torch.cat([three, model.sample(2, seed=1)]).flatten(1)).min() > 0
    z = model.latent(3, seed=0)
    torch.testing.assert_close(model.decode(z), three, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_samples_are_float32_whatever_convolutions_are_in(name):
    model = trained(name)
    try:
        made = model.to("cpu", "bfloat16").sample(1, seed=0)
    finally:
        model.to("cpu", "float32")
    assert made.dtype == torch.float32
    assert (made - model.sample(1, seed=0)).abs().mean() < 0.05


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_saved_model_makes_the_same_clips(tmp_path, name):
    model = trained(name)
    model.save(tmp_path)
    read = load_model(tmp_path, device="cpu", precision="float32")
    assert torch.equal(read.sample(2, seed=5), model.sample(2, seed=5))
    assert (read.fps, read.name, read.shapes) == (model.fps, model.name, model.shapes)
    assert read.method == model.method == make_method(name)
    model.save(tmp_path / "small.safetensors", compact=True)
    assert load_model(tmp_path / "small.safetensors").sample(1, seed=5).isfinite().all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_run_that_is_stopped_goes_on_to_the_same_weights(tmp_path, name):
    events = train(clips(), config(name), method=make_method(name), out=tmp_path, checkpoint_every=2, **CPU)
    for event in events:
        if event.iteration == 3:
            break
    events.close()
    model = fit(clips(), config(name), method=make_method(name), out=tmp_path, resume=True, **CPU)
    for (key, weight), other in zip(
        trained(name).network.state_dict().items(), model.network.state_dict().values(), strict=True
    ):
        assert torch.equal(weight, other), key
    read = load_model(tmp_path, device="cpu", precision="float32")
    assert torch.equal(read.sample(1, seed=0), trained(name).sample(1, seed=0))
    with pytest.raises(InputError, match="holds another run"):
        fit(clips().first(11), config(name), method=make_method(name), out=tmp_path, resume=True, **CPU)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_player_is_trained_and_the_average_lags_behind(name):
    players = trainer(name)
    players.enter_scale(0)
    before = {key: value.clone() for key, value in players.state()[0].items()}
    players.step()
    players.step()
    after = players.state()[0]
    for key in before:
        if before[key].is_floating_point() and before[key].numel() > 1 and not key.endswith("running_var"):
            assert not torch.equal(before[key], after[key]), key
    lag = torch.stack([(after[f"network/{k}"] - v).abs().max() for k, v in players.game.network.state_dict().items()])
    assert lag.max() > 0


@pytest.mark.parametrize("name", SYSTEMS)
def test_without_an_average_samples_come_from_the_generator_itself(name):
    players = trainer(name, average=0.0)
    assert players.network is players.game.network


@pytest.mark.parametrize("name", SYSTEMS)
def test_losses_that_are_no_numbers_stop_the_training(name):
    players = trainer(name)
    players.enter_scale(0)
    with torch.no_grad():
        next(players.game.network.parameters()).fill_(torch.nan)
    with pytest.raises(TrainingError, match="nan at scale 0, iteration 1"):
        players.step()


@pytest.mark.parametrize("name", SYSTEMS)
def test_full_sizes_have_the_published_numbers_of_pixels(name):
    full = preset(name.replace("_", "-"))
    shapes = [(16, full.fine_size, full.fine_size)]
    method = make_method(name)
    with torch.device("meta"):  # shapes alone: these networks are for a GPU
        network = method.build(full, shapes)
        critics = method.critics(full, shapes)
    assert full.fine_size == {"mocogan": 64, "tgan": 64, "tgan_v2": 192}[name]
    assert sum(weight.numel() for weight in network.parameters()) > 1e6
    assert len(critics) >= 1
    assert all(frames >= 1 and kernel >= 1 for frames, kernel in method.kernels(full, shapes))


def test_one_clip_and_a_set_are_not_mistaken_for_each_other():
    with pytest.raises(InputError, match="mocogan learns all clips of a set, but Clip.*load_set"):
        fit(clips().clip(0), config("mocogan"), method=make_method("mocogan"))
    with pytest.raises(InputError, match="singan learns one clip, but ClipSet.*clips.clip"):
        fit(clips(), preset("smoke"), method=SinGan())


def test_sets_and_settings_that_do_not_fit_are_refused_before_anything_is_written(tmp_path):
    method = make_method("mocogan")
    for changes, given, words in (
        ({"coarse_size": 64, "fine_size": 64}, clips(), "16 frames of 32x32 px, but .* learns 16 frames of 64x64 px"),
        ({"batch": 13}, clips(), "has 12 clips, but a round takes 13"),
        ({"scales": 2}, clips(), "one scale of clips"),
    ):
        with pytest.raises(InputError, match=words):
            fit(given, config("mocogan", **changes), method=method, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_such_a_model_cannot_do_it_says(name):
    model = trained(name)
    with pytest.raises(InputError, match="keeps no clip"):
        model.reconstruct()
    with pytest.raises(InputError, match="has no encoder"):
        model.encode(clips().clip(0))
    with pytest.raises(InputError, match="of 32x32 px alone"):
        model.sample(1, seed=0, size=(16, 64, 64))


def test_mocogan_makes_clips_of_any_length_with_one_content():
    model = trained("mocogan")
    assert model.sample(2, seed=0, size=(24, 32, 32)).shape == (2, 3, 24, 32, 32)
    network, z = model.network, model.latent(4, seed=0)
    path = network.path(z)
    still = network.content + network.categories
    assert torch.equal(path[:, :still], path[:, :still, :1].expand_as(path[:, :still]))
    assert path[:, still:].diff(dim=2).abs().min() > 0
    assert torch.equal(network.category(z), z[:, network.content : still, 0, 0, 0].argmax(1))
    assert torch.equal(network(z, moments=1)[:, :, 0], network(z)[:, :, -1])


def test_a_set_gives_back_the_pixels_it_was_made_of():
    pixels = clips().pixels
    assert torch.equal(as_pixels(clips().batch(range(12))), pixels)
    assert torch.equal(hpvae_nb.Clip(clips()[3][0]).video, clips().clip(3).video)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_comes_with_its_recipe(name):
    recipe = name.replace("_", "-")
    small, full = make_system(name), make_system(name, full=True)
    assert small == (make_method(name, SYSTEMS[name].small), preset(f"{recipe}-small"))
    assert full == (make_method(name), preset(recipe))
    assert small[1].fine_size == 32 < full[1].fine_size


def test_an_unknown_system_is_told_the_nearest():
    with pytest.raises(InputError, match="no system 'mocogen'; the nearest is 'mocogan'"):
        make_system("mocogen")


def test_critics_see_how_much_the_clips_of_a_batch_differ():
    alike = torch.randn(1, 5, 3, 4, 4, generator=torch.Generator().manual_seed(0)).repeat(4, 1, 1, 1, 1)
    apart = alike * torch.tensor([1.0, -1, 1, -1])[:, None, None, None, None]
    assert torch.equal(Spread()(alike), torch.cat([alike, torch.zeros(4, 1, 3, 4, 4)], 1))
    seen = Spread()(apart)
    torch.testing.assert_close(seen[:, 5:], alike.abs().mean().expand(4, 1, 3, 4, 4))
