"""Training on several different pictures: what a step sees, a run from end to end, and what is made of its model."""

import warnings

import numpy as np
import pytest
import torch
from common import cpu_trainer, noise_clip, same_weights, tiny_config
from einops import rearrange

from hpvae_nb import Clip, InputError, fit, load_image, load_images, load_model, metrics, preset, scale_shapes, train
from hpvae_nb.baselines import Vgpnn
from hpvae_nb.core.resampling import resize
from hpvae_nb.lab import report, show
from hpvae_nb.metrics.diversity import lightness
from hpvae_nb.metrics.frechet import frechet_distance
from hpvae_nb.recipe.pyramid import real_samples, samples_per_step
from hpvae_nb.training import windows

CPU = {"device": "cpu", "precision": "float32", "threads": 1}
SMOKE = preset("smoke", dims=2, batch=2, iterations=60, lr=3e-3)


def pictures(count=3, height=12, width=20):
    """Smooth random pictures, as a set."""
    found = [noise_clip(frames=2, height=height, width=width, seed=seed).video[:, 0] for seed in range(count)]
    return Clip(torch.stack(found, dim=1), name="set", still=True)


@pytest.fixture(scope="module")
def bright_and_dark():
    with warnings.catch_warnings(action="ignore"):  # they are cropped
        return load_images(["parasols", "hubble_deep_field", "grass"], size=(24, 32))


@pytest.fixture(scope="module")
def learned(bright_and_dark, tmp_path_factory):
    """A model of three pictures, trained in two sessions."""
    out = tmp_path_factory.mktemp("set") / "run"
    events = train(bright_and_dark, SMOKE, out=out, **CPU)
    for event in events:
        if (event.scale, event.iteration) == (2, 7):
            break
    events.close()
    return fit(bright_and_dark, SMOKE, out=out, resume=True, **CPU), out


def test_every_picture_is_a_sample_at_every_scale(bright_and_dark):
    shapes = scale_shapes(SMOKE, bright_and_dark)
    assert shapes[-1] == (24, 32)
    for scale, shape in enumerate(shapes):
        samples = real_samples(SMOKE, bright_and_dark, scale, shape)
        assert samples.shape == (3, 3, *shape)
        for i, sample in enumerate(samples):
            assert torch.equal(sample, resize(bright_and_dark.video[:, i], shape, antialias=True))


@pytest.mark.slow
def test_a_step_takes_a_batch_of_them():
    for batch, taken in ((1, 1), (2, 2), (3, 3), (5, 3)):
        assert samples_per_step(tiny_config(dims=2, batch=batch), pictures()) == taken
    trainer = cpu_trainer(pictures(), tiny_config(dims=2, batch=2))
    trainer.enter_scale(0)
    seen = set()
    for _ in range(20):
        x0, xn = trainer._pick()
        assert x0.shape == xn.shape == (2, 3, *trainer.shapes[0])
        which = [int((trainer.reals_0 - x).abs().amax((1, 2, 3)).argmin()) for x in x0]
        assert len(set(which)) == 2
        seen.update(which)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("count", [1, 9])
def test_a_pool_shows_every_picture(count):
    config = tiny_config(dims=2, pool=8, window=60, critic_layers=2)
    trainer = cpu_trainer(pictures(count), config)
    for scale in range(3):
        trainer.enter_scale(scale)
    assert {which for which, _ in trainer.pool.reconstructed} == set(range(count))
    assert len(trainer.pool.reconstructed) == max(2, count)
    assert windows.kept_in_pool(config) == 10
    assert set(trainer.step()) == {"reconstruction", "adversarial", "distance", "penalty"}


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(bright_and_dark, learned):
    assert same_weights(learned[0], fit(bright_and_dark, SMOKE, **CPU))


@pytest.mark.slow
def test_a_model_of_three_pictures_reconstructs_three_and_makes_new_ones(bright_and_dark, learned):
    model, out = learned
    made = model.reconstruct()
    assert made.shape == (3, 3, 24, 32)
    real = real_samples(SMOKE, bright_and_dark, 3, model.shapes[-1])
    beach, sky = made[:2]
    assert (beach - real[0]).square().mean() < 0.2 * (beach - real[1]).square().mean()
    assert (sky - real[1]).square().mean() < 0.2 * (sky - real[0]).square().mean()
    assert model.sample(2, seed=0).shape == (2, 3, 24, 32)
    assert model.encode(bright_and_dark)[0].shape[0] == 3
    torch.testing.assert_close(model.reconstruct(bright_and_dark), made, atol=1e-3, rtol=0)
    again = load_model(out, device="cpu", precision="float32")
    assert torch.equal(again.reconstruct(), made)
    assert torch.equal(again.sample(2, seed=5), model.sample(2, seed=5))


@pytest.mark.slow
def test_a_run_of_a_set_is_no_run_of_anything_else(bright_and_dark, learned):
    out = learned[1]
    fewer = Clip(bright_and_dark.video[:, :2], name=bright_and_dark.name, still=True)
    with pytest.raises(InputError, match=r"holds another run \(its clip\.sha256"):
        train(fewer, SMOKE, out=out, resume=True)
    tall = Clip(rearrange(bright_and_dark.video, "c n h w -> c (n h) w"), name=bright_and_dark.name)  # the same bytes
    with pytest.raises(InputError, match=r"holds another run \(its clip\.pictures is 3, not None\)"):
        train(tall, SMOKE, out=out, resume=True)


def test_a_set_needs_a_configuration_for_images(bright_and_dark):
    with pytest.raises(
        InputError, match=r"is a set of images, but the configuration is for a video: .*laptop-image.*dims=2"
    ):
        scale_shapes(preset("smoke"), bright_and_dark)
    with pytest.raises(
        InputError, match=r"is a video, but .* for an image: use load_image .* load_images for different"
    ):
        scale_shapes(SMOKE, noise_clip())
    with pytest.raises(InputError, match=r"is 11x20 px.*needs a width of 12: use a larger picture or a smaller coarse"):
        scale_shapes(SMOKE, pictures(height=20, width=11))


def test_other_methods_take_a_set_too(bright_and_dark):
    model = fit(bright_and_dark, SMOKE, method=Vgpnn(patch=(1, 5, 5)), **CPU)
    made = model.sample(3, seed=0)
    assert made.shape == (3, 3, 24, 32)
    assert (made[0] - made[1]).abs().mean() > 0.05  # each begins with another picture


# --- Measures ------------------------------------------------------------------------------------------------------


def test_measures_hold_samples_against_all_pictures():
    several = pictures(3, 48, 64)
    made = several.batch
    for measure in (metrics.novelty, lambda a, b: metrics.nearest_field(a, b)[1]):
        assert measure(made, several) == pytest.approx(0, abs=1e-6)
        assert measure(made[1:], made[0]) > 0.002
    assert metrics.survival(made[:1], several) < metrics.survival(made[:1], made[0])
    assert metrics.sliced_wasserstein(made[:1], several).value > 0
    assert metrics.sifid(made[:1], several).value > 0
    ratio = metrics.diversity(made, several) / metrics.diversity(made, made[0])
    assert ratio == pytest.approx(np.std(lightness(made[0])) / np.std(lightness(several.video)), rel=1e-5)


class Colours:
    """An extractor whose features are pixels."""

    name = "colours"

    def __call__(self, clip):
        return [rearrange(clip, "c t h w -> (t h w) c")]


def test_features_are_those_of_all_pictures_together():
    several, sample = pictures(), pictures(1).batch
    wanted = frechet_distance(rearrange(sample, "1 c h w -> (h w) c"), rearrange(several.video, "c n h w -> (n h w) c"))
    assert metrics.sifid(sample, several, Colours()).value == pytest.approx(wanted, rel=1e-6)


def test_one_picture_and_a_set_of_one_are_measured_alike():
    one = load_images(["parasols"], size=(48, 64))
    made = load_image("brick", size=(48, 64)).video[None].repeat(2, 1, 1, 1)
    for measure in (metrics.novelty, metrics.survival, metrics.sifid, metrics.sliced_wasserstein):
        assert str(measure(made, one)) == str(measure(made, one.video[:, 0]))


@pytest.mark.slow
def test_the_table_of_metrics_measures_a_set(bright_and_dark, learned):
    model = learned[0]
    real = show.real_at_last_scale(model, bright_and_dark)
    assert real.shape == (3, 3, 24, 32)
    wanted = (model.reconstruct() - rearrange(real, "c n h w -> n c h w")).square().mean().item()
    found = metrics.METRICS["reconstruction_error"].measure(model.sample(2, seed=0), real, model)
    assert found == {"reconstruction_error": pytest.approx(wanted, rel=1e-5)}


# --- What is shown --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_results_of_a_set_are_pictures_beside_the_real_ones(bright_and_dark, learned, tmp_path):
    model = learned[0]
    page = report.write_results(model, bright_and_dark, tmp_path, samples=4).read_text()
    wanted = {*(f"real_{i}.png" for i in range(3)), *(f"sample_{i:02}.png" for i in range(4))}
    assert {path.name for path in tmp_path.iterdir()} == wanted | {"contact_sheet.png", "losses.png", "summary.md"}
    second = load_image(tmp_path / "real_1.png")
    real = show.real_at_last_scale(model, bright_and_dark)
    torch.testing.assert_close(second.video, real[:, 1], atol=0.005, rtol=0)
    assert "| scale | H x W | trained as |" in page
    assert "| 3 | 24 x 32 | GAN |" in page
