"""VGPNN and GPNN: what they return without noise, what completeness keeps, and that they invent no colour."""

import itertools

import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import Clip, InputError, fit, preset
from hpvae_nb.baselines.patch_levels import cubic, level_shapes
from hpvae_nb.baselines.vgpnn import Gpnn, Vgpnn

QUICK = {"iterations": 2}


def made_by(clip, config=None, **settings):
    return fit(clip, config or tiny_config(fine_size=20), device="cpu", method=Vgpnn(**{**QUICK, **settings}))


@pytest.mark.parametrize("components", [None, 48])
def test_without_noise_the_clip_itself_comes_back(clip, components):
    model = made_by(clip, sigma=0, components=components)
    assert torch.equal(model.sample(1, seed=0), model.reconstruct())


def test_finest_detail_comes_back_since_keys_are_as_blurred_as_queries():
    """Of white noise nothing is left in a blurred query; compared with sharp patches, flat ones would win."""
    white = Clip(torch.rand(3, 13, 20, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    few = {"patch": (3, 3, 3), "space_factor": 0.3, "time_factor": 0.3, "coarse_size": 6, "iterations": 1}
    model = made_by(white, tiny_config(fine_size=24), sigma=0, components=None, **few)
    assert torch.equal(model.sample(1, seed=0), model.reconstruct())


@pytest.mark.slow
def test_with_noise_it_does_not_and_seeds_differ(clip):
    model = made_by(clip, sigma=10)
    samples = torch.cat([model.reconstruct(), model.sample(2, seed=0), model.sample(1, seed=1)])
    assert torch.pdist(samples.flatten(1)).min() > 1


def test_every_value_is_one_that_the_clip_has(clip):
    model = made_by(clip, sigma=10)
    sample, real = model.sample(1, seed=0)[0], model.reconstruct()[0]
    for channel in range(3):
        assert torch.isin(sample[channel], real[channel]).all()


@pytest.mark.slow
def test_samples_depend_on_seed_and_number_alone(clip):
    model = made_by(clip, sigma=10)
    three = model.sample(3, seed=7)
    assert torch.equal(three[:1], model.sample(1, seed=7))
    assert torch.equal(three, model.sample(3, seed=7))


@pytest.mark.slow
def test_completeness_keeps_the_walkers_whom_noise_makes_vanish(pedestrians):
    """Walkers are dark; how many voxels are, relative to the clip, tells how much of them is there."""
    config = preset("laptop", fine_size=32, coarse_size=16)
    least = {}
    for alpha in (None, 0.005):
        model = made_by(pedestrians, config, sigma=10, alpha=alpha)
        dark = [
            (clips.amax(1) < -0.6).float().mean((1, 2, 3)) for clips in (model.sample(3, seed=0), model.reconstruct())
        ]
        least[alpha] = (dark[0] / dark[1]).min()
    assert least[None] < 0.75
    assert least[0.005] > 0.9


def test_the_approximate_search_makes_the_same_clip_where_there_is_no_noise(clip):
    pytest.importorskip("faiss")
    model = made_by(clip, sigma=0, exact_up_to=1)
    # A few patches may be missed, and copies of others stand in for them.
    assert (model.sample(1, seed=0) == model.reconstruct()).float().mean() > 0.99


@pytest.mark.slow
def test_a_long_clip_lends_patches_from_all_its_parts():
    first, second = noise_clip().video, noise_clip(seed=1).video
    model = made_by(Clip(torch.cat([first, second], dim=1)), sigma=10)
    real, samples = model.reconstruct(), model.sample(2, seed=0)
    assert len(real) == 2
    assert torch.isin(samples, real).all()
    assert min(torch.isin(samples, part).float().mean() for part in real) > 0.1


def test_an_image_is_a_clip_of_one_frame():
    image = Clip(noise_clip(height=20).video[:, 0])
    config = tiny_config(dims=2, fine_size=20)
    assert torch.equal(made_by(image, config, sigma=0).sample(1, seed=0), made_by(image, config).reconstruct())
    assert made_by(image, config).sample(2, seed=0, size=(20, 30)).shape == (2, 3, 20, 30)
    with pytest.raises(InputError, match="a larger size"):
        made_by(image, config).sample(1, seed=0, size=(20, 8))


def test_gpnn_goes_down_nine_levels_of_three_quarters_and_copies_what_is_there():
    shapes = level_shapes((1, 180, 240), Gpnn())
    assert len(shapes) == 10
    assert shapes[0] == (1, 14, 19)
    assert shapes[-2] == (1, 135, 180)
    image = Clip(noise_clip(height=36, width=48).video[:, 0])
    config = tiny_config(dims=2, fine_size=48)
    quiet, noisy = (fit(image, config, device="cpu", method=Gpnn(sigma=sigma)) for sigma in (0, 1.5))
    assert torch.equal(quiet.sample(1, seed=0), quiet.reconstruct())
    sample, real = noisy.sample(1, seed=0)[0], noisy.reconstruct()[0]
    assert not torch.equal(sample, real)
    assert all(torch.isin(sample[channel], real[channel]).all() for channel in range(3))


@pytest.mark.slow
def test_another_size_is_made_of_the_same_values(clip):
    model = made_by(clip)
    sample = model.sample(1, seed=0, size=(17, 12, 32))
    assert sample.shape == (1, 3, 17, 12, 32)
    assert torch.isin(sample[:, 0], model.reconstruct()[:, 0]).all()


def test_levels_shrink_by_the_papers_factors_until_each_axis_is_small():
    shapes = level_shapes((13, 144, 256), Vgpnn())
    assert shapes[-1] == (13, 144, 256)
    assert shapes[0] == (3, 15, 27)
    assert all(a != b and all(x <= y for x, y in zip(a, b, strict=True)) for a, b in itertools.pairwise(shapes))
    assert shapes[-2] == (round(13 * 0.87), round(144 * 0.82), round(256 * 0.82))
    assert level_shapes((1, 144, 256), Vgpnn())[0] == (1, 15, 27)


def test_resizing_keeps_what_is_constant_in_time_or_in_space():
    t, h = torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 12)
    in_time = cubic(t.reshape(1, 1, 9, 1, 1).expand(1, 1, 9, 12, 16), (5, 8, 10))
    assert torch.allclose(in_time, in_time[..., :1, :1].expand_as(in_time), atol=1e-5)
    in_space = cubic(h.reshape(1, 1, 1, 12, 1).expand(1, 1, 9, 12, 16), (5, 8, 10))
    assert torch.allclose(in_space, in_space[:, :, :1].expand_as(in_space), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sigma": -1}, "sigma is -1"),
        ({"alpha": 0}, "alpha is 0"),
        ({"patch": (3, 7)}, "patch is"),
        ({"iterations": 0}, "iterations is 0"),
        ({"space_factor": 1}, "space_factor is 1"),
        ({"components": 0}, "components is 0"),
        ({"patch": (3, 15, 15)}, "patch has"),
    ],
)
def test_what_cannot_work_is_refused_at_once(clip, settings, words):
    with pytest.raises(InputError, match=words):
        made_by(clip, **settings)


def test_completeness_is_refused_where_not_all_patches_are_compared(clip):
    model = made_by(clip, alpha=0.005, exact_up_to=1)
    with pytest.raises(InputError, match="exact_up_to"):
        model.sample(1, seed=0)
