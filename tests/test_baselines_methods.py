"""Whoever compares methods need not know which is which: same events, same calls, same files."""

import functools

import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import Clip, InputError, fit, load_model, train
from hpvae_nb.baselines import METHODS, SinGan, make_method
from hpvae_nb.lab import report
from hpvae_nb.recipe.pyramid import real_samples
from hpvae_nb.training.events import follow

CPU = {"device": "cpu", "precision": "float32"}
OWN = {
    "vgpnn": {"iterations": 1},
    "gpnn": {"iterations": 1},
    "patch_denoiser": {"coarse_steps": 3, "steps": 1},
}
TRAINED = ["hpvae", "singan", "consingan", "patch_vae"]


def options(name):
    return {**CPU, "method": make_method(name, OWN.get(name))}


IMAGE = Clip(noise_clip().video[:, 0], name="still")


@pytest.fixture(scope="module")
def trained():
    """Models by name, each trained when first asked for. Shared: tests must leave them as they are."""
    return functools.cache(lambda name: fit(noise_clip(), tiny_config(fine_size=20), **options(name)))


@pytest.fixture(scope="module")
def of_an_image():
    """The same of an image."""
    return functools.cache(lambda name: fit(IMAGE, tiny_config(dims=2, fine_size=20), **options(name)))


def test_the_methods_of_the_paper_and_those_that_copy_patches_are_there():
    assert list(METHODS) == [*TRAINED, "vgpnn", "gpnn", "patch_denoiser"]


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_events_lead_from_the_first_scale_to_the_last_and_bring_the_model(clip, name):
    config = tiny_config(fine_size=20)
    events, seen = train(clip, config, **options(name)), []
    model = follow(events, seen.append)
    assert seen[-1].model is model
    assert (seen[-1].scale, seen[-1].scale_done) == (config.scales - 1, True)
    planned = [(n, i) for n in range(4) for i in range(1, 6)] if name in TRAINED else [(3, 1)]
    assert [(event.scale, event.iteration) for event in seen] == planned
    assert torch.equal(seen[-1].preview(1, seed=3), model.sample(1, seed=3))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_samples_have_the_clips_shape_and_range_and_depend_on_seed_and_number_alone(clip, trained, name):
    model = trained(name)
    real = real_samples(model.config, clip, model.scales - 1, model.shapes[-1])
    three = model.sample(3, seed=0)
    assert three.shape[1:] == real.shape[1:] == model.reconstruct().shape[1:]
    assert three.abs().max() <= 1
    torch.testing.assert_close(model.sample(1, seed=0), three[:1], rtol=0, atol=1e-5)
    assert torch.equal(model.sample(3, seed=0), three)
    # Of a clip as small as this what copies patches may well make the same sample twice.
    others = torch.cat([three, model.sample(2, seed=1)])
    assert torch.pdist(others.flatten(1)).min() > 0.01 or name not in TRAINED


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_saved_model_makes_the_same_clips(tmp_path, trained, name):
    model = trained(name)
    model.save(tmp_path)
    read = load_model(tmp_path, device="cpu", precision="float32")
    assert torch.equal(read.sample(1, seed=5), model.sample(1, seed=5))
    assert torch.equal(read.reconstruct(), model.reconstruct())
    assert (read.fps, read.name, read.shapes) == (model.fps, model.name, model.shapes)
    assert read.method == model.method == make_method(name, OWN.get(name))


@pytest.mark.parametrize("name", METHODS)
def test_a_run_leaves_its_model_in_its_folder(tmp_path, clip, name):
    config = tiny_config(iterations=1, fine_size=20)
    model = fit(clip, config, out=tmp_path, **options(name))
    read = load_model(tmp_path, device="cpu", precision="float32")
    assert torch.equal(read.sample(1, seed=0), model.sample(1, seed=0))
    with pytest.raises(InputError, match="already holds this run"):
        fit(clip, config, out=tmp_path, **options(name))


@pytest.mark.parametrize("name", METHODS)
def test_images_are_the_same_with_one_axis_less(tmp_path, of_an_image, name):
    model = of_an_image(name)
    assert model.shapes[-1] == (12, 20)
    samples = model.sample(2, seed=0)
    assert samples.shape == (2, 3, 12, 20)
    assert samples.abs().max() <= 1
    torch.testing.assert_close(model.sample(1, seed=0), samples[:1], rtol=0, atol=1e-5)
    assert model.sample(1, seed=0, size=(17, 41)).shape == (1, 3, 17, 41)
    assert model.reconstruct().shape == (1, 3, 12, 20)
    model.save(tmp_path)
    read = load_model(tmp_path, device="cpu", precision="float32")
    assert torch.equal(read.sample(2, seed=0), samples)
    assert torch.equal(read.reconstruct(), model.reconstruct())


@pytest.mark.parametrize("name", TRAINED)
def test_a_method_for_images_has_convolutions_in_two_dimensions_alone(of_an_image, name):
    kernels = [weight for weight in of_an_image(name).network.parameters() if weight.ndim > 1]
    assert {weight.ndim for weight in kernels} == {4}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_every_trained_method_learns_an_image(name):
    config = tiny_config(dims=2, iterations=60, channels=8, lr=2e-3)
    model = fit(IMAGE, config, **options(name))
    real = real_samples(config, IMAGE, 3, model.shapes[-1])
    assert (model.reconstruct() - real).square().mean() < 0.3 * real.var()


def test_a_report_can_be_written_of_an_image(tmp_path, of_an_image, monkeypatch):
    monkeypatch.setattr(report, "DIVERSITY_SAMPLES", 2)
    assert "diversity" in report.write_results(of_an_image("singan"), IMAGE, tmp_path, samples=2).read_text()
    assert {file.name for file in tmp_path.glob("*.png")} > {"real.png", "sample_00.png", "sample_01.png"}


@pytest.mark.parametrize("name", TRAINED)
def test_a_report_can_be_written_of_each_that_is_trained(clip, trained, name, monkeypatch):
    monkeypatch.setattr(report, "DIVERSITY_SAMPLES", 2)
    assert "diversity" in report.summary(trained(name), clip)


def test_unknown_names_are_refused_with_the_nearest(clip):
    with pytest.raises(InputError, match="nearest is 'singan'"):
        make_method("sin-gan")
    with pytest.raises(InputError, match="no setting 'sigmas'.*sigma"):
        make_method("vgpnn", {"sigmas": 1})
    with pytest.raises(InputError, match="none of its own"):
        make_method("singan", {"beta": 1})
    with pytest.raises(InputError, match="needs out"):
        train(clip, tiny_config(), method=SinGan(), resume=True)
    with pytest.raises(InputError, match="seed is -1"):
        train(clip, tiny_config(), method=SinGan(), seed=-1)
    with pytest.raises(InputError, match="n is 0"):
        fit(clip, tiny_config(fine_size=20), **options("vgpnn")).sample(0, seed=0)
