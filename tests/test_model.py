"""A trained model: what it makes, how it is steered, what it refuses, and that its file gives it back bit for bit."""

import numpy as np
import pytest
import torch
from common import noise_clip, same_weights, tiny_config, weights

from hpvae_nb import Clip, InputError, Model, fit, load_model, slerp, train
from hpvae_nb.baselines.singan import SinGan
from hpvae_nb.core.resampling import resize
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.pyramid import coarsest, planned_shapes


def stopped(scale, iteration=3):
    """A tiny model whose training was stopped at that scale."""
    events = train(noise_clip(), tiny_config(), device="cpu", precision="float32")
    for event in events:
        if (event.scale, event.iteration) == (scale, iteration):
            events.close()
    return event.model


@pytest.mark.parametrize("n", [1, 3])
def test_samples_are_videos_in_range(trained, n):
    made = trained.sample(n, seed=0)
    assert made.shape == (n, 3, 13, 18, 32)
    assert made.dtype == torch.float32
    assert made.device.type == "cpu"
    assert not made.requires_grad
    assert -1 <= made.min() < made.max() <= 1


def test_a_pull_goes_from_the_prior_to_the_clip(trained):
    mu, _ = trained.encode(trained.coarse)
    apart = [trained.latent(3, seed=5, pull=pull) - mu for pull in (0, 0.3, 0.7, 1)]
    assert [each.square().mean().item() for each in apart] == sorted(each.square().mean().item() for each in apart)[
        ::-1
    ]
    assert torch.equal(trained.latent(3, seed=5, pull=0), trained.latent(3, seed=5))
    assert torch.equal(apart[-1], torch.zeros_like(apart[-1]))
    copies = trained.sample(2, seed=5, pull=1, noise=0.0)
    torch.testing.assert_close(copies, trained.reconstruct().expand_as(copies), rtol=0, atol=1e-5)
    assert torch.equal(trained.sample(2, seed=5, noise=3), trained.decode(trained.latent(2, seed=5), seed=5, noise=3))
    for pull in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=f"pull is {pull}, but must lie in 0..1"):
            trained.sample(1, seed=5, pull=pull)
    with pytest.raises(InputError, match="pull is 0.5, but .* leave out size"):
        trained.sample(1, seed=5, pull=0.5, size=(13, 18, 40))


def test_a_seed_decides_everything(trained):
    first = trained.sample(2, seed=3)
    torch.manual_seed(77)
    assert torch.equal(first, trained.sample(2, seed=3))
    assert not torch.equal(first, trained.sample(2, seed=4))
    assert not torch.equal(first[0], first[1])


def test_a_sample_is_the_same_however_many_are_drawn(trained):
    many = trained.sample(5, seed=9)
    assert torch.equal(many[:3], trained.sample(3, seed=9))
    torch.testing.assert_close(many[:1], trained.sample(1, seed=9), rtol=0, atol=1e-5)


def test_chunks_do_not_show(trained, monkeypatch):
    whole = trained.sample(5, seed=9)
    monkeypatch.setattr("hpvae_nb.model._CHUNK", 2 * 13 * 18 * 32)
    torch.testing.assert_close(trained.sample(5, seed=9), whole, rtol=0, atol=1e-5)


def test_sampling_is_decoding_a_drawn_latent_map(trained):
    for size in (None, (25, 18, 40)):
        z = trained.latent(2, seed=5, size=size)
        assert torch.equal(trained.sample(2, seed=5, size=size), trained.decode(z, seed=5, size=size))
    assert z.shape == (2, 8, 7, 7, 15)
    many = trained.latent(200, seed=0)
    assert many.mean().item() == pytest.approx(0, abs=0.01)
    assert many.std().item() == pytest.approx(1, abs=0.01)


def test_noise_enters_at_gan_scales_only_and_by_its_factor(trained):
    z = trained.latent(1, seed=1)
    still = trained.decode(z, noise=0)
    assert torch.equal(still, trained.decode(z, noise=0, seed=123))
    assert torch.equal(still, trained.decode(z, noise=[0, 0], seed=4))
    assert not torch.equal(trained.decode(z), trained.decode(z))  # drawn anew
    assert torch.equal(trained.decode(z, noise=[1, 1], seed=4), trained.decode(z, seed=4))
    one, other = trained.decode(z, noise=[1, 0], seed=4), trained.decode(z, noise=[0, 1], seed=4)
    assert not torch.equal(one, other)
    assert torch.equal(trained.decode(z, noise=5, seed=4, scales=2), trained.decode(z, noise=0, scales=2))
    small, large = ((trained.decode(z, noise=f, seed=4) - still).abs().mean() for f in (0.5, 3))
    assert 0 < small < large


def test_a_larger_latent_map_makes_a_larger_clip(trained):
    z = torch.randn(1, 8, 7, 7, 24, generator=torch.Generator().manual_seed(0))
    made = trained.decode(z, seed=0)
    assert made.shape == (1, 3, 25, 18, 64)
    assert trained.decode(z, seed=0, size=(25, 20, 70)).shape == (1, 3, 25, 20, 70)


@pytest.mark.parametrize("size", [(13, 18, 128), (25, 18, 32), (25, 40, 64), (18, 128), (4, 9, 9)])
def test_other_sizes(trained, size):
    made = trained.sample(1, seed=0, size=size)
    assert made.shape[2:] == ((13, *size) if len(size) == 2 else size)
    assert torch.isfinite(made).all()
    assert made.std() > 0.01


def test_the_papers_wide_clip():
    """256 x 192 trained, 1024 x 256 generated (section 4.2), here with few channels and no training."""
    config = tiny_config(coarse_size=32, fine_size=256, channels=2, latent=2)
    network = make_hierarchy(config)
    for _ in range(3):
        network.grow()
    shapes = planned_shapes(config, 192 / 256)
    model = Model(network.requires_grad_(False), shapes, config, coarse=None, fps=24, name="wide")
    assert shapes[-1] == (13, 192, 256)
    assert model.sample(1, seed=0, size=(256, 1024)).shape == (1, 3, 13, 256, 1024)


def test_coarser_clips(trained):
    for k in range(1, 5):
        assert trained.sample(1, seed=0, scales=k).shape[2:] == trained.shapes[k - 1]
    assert torch.equal(trained.sample(1, seed=0, scales=4), trained.sample(1, seed=0))


def test_refining_goes_on_where_a_coarse_clip_stopped(trained):
    whole = trained.sample(2, seed=6)
    for start in range(3):
        coarse = trained.sample(2, seed=6, scales=start + 1)
        torch.testing.assert_close(trained.refine(coarse, start, seed=6), whole, rtol=0, atol=1e-5)
    coarse, end = trained.sample(1, seed=6, scales=2), trained.sample(1, seed=6, scales=3)
    torch.testing.assert_close(trained.refine(coarse, 1, seed=6, scales=3), end, rtol=0, atol=1e-5)
    video = noise_clip(height=50, width=30).video[None]  # any size is brought to the scale's
    made = trained.refine(video, 1, seed=0)
    assert made.shape == (1, 3, 13, 18, 32)
    assert torch.equal(made, trained.refine(video, 1, seed=0))
    assert trained.refine(video, 2, seed=0, size=(25, 18, 64), noise=0).shape == (1, 3, 25, 18, 64)


def test_strips_are_whole_columns_of_the_encoded_clip_in_another_order(trained):
    mu, logvar = trained.encode(trained.coarse)
    epsilon = trained.latent(6, seed=3)
    for strips in (2, 3, 6):
        for z, eps in zip(trained.latent(6, seed=3, strips=strips), epsilon, strict=True):
            # Column j of z came from column i of the clip: the one whose mu and sigma give this draw.
            drawn = mu[0, ..., None] + (0.5 * logvar[0, ..., None]).exp() * eps[..., None, :]
            misses = (drawn - z[..., None, :]).abs().amax((0, 1, 2))  # i j
            least, came = misses.min(0)
            assert least.max() < 1e-5
            assert sorted(came.tolist()) == list(range(z.shape[-1]))  # every column, once
            assert (came.diff() != 1).sum() == strips - 1


def test_strips_follow_the_seed_and_not_the_number_of_samples(trained):
    many = trained.sample(5, seed=9, strips=3)
    assert torch.equal(many[:3], trained.sample(3, seed=9, strips=3))
    assert not torch.equal(many, trained.sample(5, seed=9, strips=4))
    assert not torch.equal(many, trained.sample(5, seed=10, strips=3))
    z = trained.latent(5, seed=9, strips=3)
    assert torch.equal(many, trained.decode(z, seed=9))
    orders = {tuple(sample.flatten().tolist()) for sample in trained.decode(z, noise=0, scales=1)}
    assert len(orders) == 5


@pytest.mark.parametrize("size", [(13, 18, 32), (13, 18, 80), (13, 18, 20), (25, 27, 48)])
def test_the_clips_layout_serves_other_sizes(trained, size):
    made = trained.sample(2, seed=0, size=size, strips=3)
    assert made.shape == (2, 3, *size)
    assert not torch.equal(made[0], made[1])


def test_training_samples_take_turns_in_strips():
    pictures = torch.stack([torch.full((3, 12, 20), -0.8), torch.full((3, 12, 20), 0.8)], dim=1)
    pictures = (pictures + 0.1 * torch.randn(3, 2, 12, 20, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    clip = Clip(pictures, still=True, name="dark and bright")
    model = fit(clip, tiny_config(dims=2), seed=0, device="cpu", precision="float32")
    mu, logvar = model.encode(model.coarse)
    z, epsilon = model.latent(4, seed=0, strips=2), model.latent(4, seed=0)
    for i in range(4):
        left = mu[i % 2, ..., None] + (0.5 * logvar[i % 2, ..., None]).exp() * epsilon[i, ..., None, :1]
        assert (left[..., 0] - z[i, ..., :1]).abs().amax((0, 1)).min() < 1e-5


def test_interpolation_keeps_its_ends_and_its_length(trained):
    a, b = trained.latent(2, seed=2)
    path = trained.interpolate(a, b[None], 5)
    assert path.shape == (5, *a.shape)
    torch.testing.assert_close(path[0], a)
    torch.testing.assert_close(path[-1], b)
    lengths = path.flatten(1).norm(dim=1)
    assert (lengths > 0.9 * min(lengths[0], lengths[-1])).all()
    torch.testing.assert_close(path[2], slerp(a, b, 0.5))
    torch.testing.assert_close(slerp(a, a, 0.3), a)
    assert torch.isfinite(slerp(a, -a, 0.4)).all()
    assert trained.decode(path, noise=0).shape == (5, 3, 13, 18, 32)


def test_encoding_takes_x0_or_the_whole_clip(trained, pedestrians):
    mu, logvar = trained.encode(trained.coarse)
    assert mu.shape == logvar.shape == (1, 8, *trained.shapes[0])
    for other in (pedestrians, pedestrians.video, pedestrians.video[None], trained.coarse[0]):
        again, spread = trained.encode(other)
        torch.testing.assert_close(again, mu, rtol=0, atol=1e-6)
        torch.testing.assert_close(spread, logvar, rtol=0, atol=1e-6)
    assert torch.equal(coarsest(trained.config, pedestrians.video[None], trained.shapes[0]), trained.coarse)
    two, _ = trained.encode(torch.cat([trained.coarse, -trained.coarse]))
    torch.testing.assert_close(two[:1], mu, rtol=0, atol=1e-5)


def test_encoding_changes_neither_weights_nor_mode():
    model = stopped(0)
    encoder = model.network.encoder
    for training in (True, False):
        encoder.train(training)
        before = weights(model)
        first = model.encode(model.coarse)
        assert torch.equal(first[0], model.encode(model.coarse)[0])
        assert same_weights(before, model)
        assert all(part.training == training for part in encoder.modules())


def test_reconstruction_is_decoding_the_mean(trained, pedestrians):
    mu, _ = trained.encode(trained.coarse)
    rebuilt = trained.reconstruct()
    assert torch.equal(rebuilt, trained.decode(mu, noise=0))
    torch.testing.assert_close(trained.reconstruct(pedestrians), rebuilt, rtol=0, atol=1e-5)
    real = resize(pedestrians.video[None], trained.shapes[-1][1:], antialias=True)
    random = trained.sample(8, seed=0)
    assert (rebuilt - real).square().mean() < (random - real).square().mean()
    assert trained.reconstruct(scales=2).shape[2:] == trained.shapes[1]


Z = torch.zeros(1, 8, 4, 7, 12)
VIDEO = torch.zeros(1, 3, 13, 18, 32)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.sample(0, seed=0), "n is 0"),
        (lambda m: m.sample(1.5, seed=0), "n is 1.5"),
        (lambda m: m.sample(1, seed=-1), "seed is -1"),
        (lambda m: m.sample(1, seed="a"), "seed is 'a'"),
        (lambda m: m.sample(1, seed=0, scales=0), "scales is 0, but this model has 1..4"),
        (lambda m: m.sample(1, seed=0, scales=5), "scales is 5, but this model has 1..4"),
        (lambda m: m.sample(1, seed=0, size=(1, 18, 32)), "too small"),
        (lambda m: m.sample(1, seed=0, size=(32,)), "must be (T, H, W) or (H, W)"),
        (lambda m: m.sample(1, seed=0, strips=1), "strips is 1, but must be 2..6"),
        (lambda m: m.sample(1, seed=0, strips=7), "strips is 7, but must be 2..6, since E(x^0) is 12 sites wide"),
        (lambda m: m.sample(1, seed=0, strips=2.5), "strips is 2.5"),
        (lambda m: m.sample(1, seed=0, strips=2, pull=0.5), "give one of them"),
        (lambda m: m.latent(-2, seed=0), "n is -2"),
        (lambda m: m.decode(Z[0]), "z is (8, 4, 7, 12), but latent maps are 'b 8 t h w'"),
        (lambda m: m.decode(Z[:, :3]), "latent maps are 'b 8 t h w'"),
        (lambda m: m.decode(Z / 0), "NaN"),
        (lambda m: m.decode(Z, noise=-1), "noise is -1"),
        (lambda m: m.decode(Z, noise=[1]), "2, one for each GAN scale"),
        (lambda m: m.decode(Z, noise=float("nan")), "noise is nan"),
        (lambda m: m.decode(Z, seed=-1), "seed is -1"),
        (lambda m: m.decode(Z, size=(13, 0, 32)), "too small"),
        (lambda m: m.refine(VIDEO, 3, seed=0), "start is 3, but must be a scale below the last: 0..2"),
        (lambda m: m.refine(VIDEO, -1, seed=0), "start is -1"),
        (lambda m: m.refine(VIDEO, 1, seed=0, scales=2), "start is 1, but must be a scale below the last: 0..0"),
        (lambda m: m.refine(VIDEO, 1, seed=0, scales=5), "scales is 5, but this model has 1..4"),
        (lambda m: m.refine(VIDEO[0], 0, seed=0), "video is (3, 13, 18, 32)"),
        (lambda m: m.refine(VIDEO[:, :1], 0, seed=0), "video is (1, 1, 13, 18, 32)"),
        (lambda m: m.encode(VIDEO[0, 0]), "must be 'b 3 t h w'"),
        (lambda m: m.encode(VIDEO[:, :2]), "must be 'b 3 t h w'"),
        (lambda m: m.encode(VIDEO[:, :, :12]), "has 12 frames"),
        (lambda m: m.reconstruct(Clip(VIDEO[0, :, :6])), "has 6 frames"),
        (lambda m: m.interpolate(Z, Z, 0), "steps is 0"),
        (lambda m: m.interpolate(Z, Z[..., 1:], 3), "cannot interpolate between"),
        (lambda m: m.to("abacus"), "device 'abacus'"),
        (lambda m: m.to("cpu", "int8"), "precision is 'int8'"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(trained, call, said):
    with pytest.raises(InputError) as caught:
        call(trained)
    assert said in str(caught.value)
    assert trained.precision == "float32"


@pytest.mark.parametrize("place", ["new/model.safetensors", "folder"])
def test_a_saved_model_is_the_same_model(trained, tmp_path, place):
    (tmp_path / "folder").mkdir()
    path = trained.save(tmp_path / place)
    assert path.is_file()
    assert path.name == "model.safetensors"
    again = load_model(path.parent, device="cpu", precision="float32")
    assert same_weights(trained, again)
    assert (again.config, again.shapes, again.scales) == (trained.config, trained.shapes, trained.scales)
    assert (again.fps, again.name, again.facts) == (trained.fps, trained.name, trained.facts)
    assert again.network.amplitudes == trained.network.amplitudes
    assert torch.equal(again.sample(2, seed=8), trained.sample(2, seed=8))
    assert torch.equal(again.reconstruct(), trained.reconstruct())
    assert not any(weight.requires_grad for weight in again.network.parameters())


def test_a_model_without_its_clip_asks_for_one(trained, pedestrians, tmp_path):
    bare = Model(trained.network, trained.shapes, trained.config, coarse=None, fps=24, name="bare", precision="float32")
    again = load_model(bare.save(tmp_path), device="cpu", precision="float32")
    with pytest.raises(InputError, match=r"without its training clip: call reconstruct\(clip\)"):
        again.reconstruct()
    torch.testing.assert_close(again.reconstruct(pedestrians), trained.reconstruct(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_a_model_stopped_early_works_up_to_its_scale(scale, tmp_path):
    model = stopped(scale)
    assert model.scales == scale + 1
    made = model.sample(2, seed=0)
    assert made.shape == (2, 3, *model.shapes[scale])
    assert model.reconstruct().shape == (1, 3, *model.shapes[scale])
    again = load_model(model.save(tmp_path), device="cpu", precision="float32")
    assert again.scales == scale + 1
    assert torch.equal(again.sample(2, seed=0), made)
    with pytest.raises(InputError, match=f"scales is {scale + 2}, but this model has 1..{scale + 1}"):
        again.sample(1, seed=0, scales=scale + 2)


def test_a_long_clip_is_reconstructed_sample_by_sample():
    model = fit(noise_clip(frames=30), tiny_config(iterations=1, every_window=False), device="cpu", precision="float32")
    assert model.reconstruct().shape == (2, 3, *model.shapes[-1])


def test_bfloat16_and_float32_agree(trained):
    try:
        exact = trained.sample(2, seed=0)
        rough = trained.to("cpu", "bfloat16").sample(2, seed=0)
    finally:
        trained.to("cpu", "float32")
    assert rough.dtype == torch.float32
    assert 0 < np.abs((rough - exact).numpy()).mean() < 0.05


def test_strips_need_an_encoder_and_the_clip(trained):
    without = Model(trained.network, trained.shapes, trained.config, coarse=None, fps=24, name="wide")
    singan = fit(noise_clip(), tiny_config(), method=SinGan(), device="cpu", precision="float32")
    for model in (without, singan):
        with pytest.raises(InputError, match="strips needs an encoder, and a model that holds its training clip"):
            model.sample(1, seed=0, strips=3)
