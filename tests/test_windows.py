"""Windows and pools: what a step sees, what is refused, and that a resumed run sees the same."""

import math

import pytest
import torch
from common import cpu_trainer, noise_clip, tiny_config
from hypothesis import given
from hypothesis import strategies as st

import hpvae_nb
from hpvae_nb.core import steps
from hpvae_nb.core.resampling import upsample
from hpvae_nb.errors import InputError
from hpvae_nb.recipe.pyramid import planned_shapes
from hpvae_nb.training import windows

CPU = torch.device("cpu")
LEAST = {"window": 900, "fine_size": 20}


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def trainer_at(scale, **changes):
    trainer = cpu_trainer(noise_clip(frames=14), tiny_config(**changes))
    for n in range(scale + 1):
        trainer.enter_scale(n)
    return trainer


@given(st.integers(500, 20_000), st.integers(7, 90), st.integers(7, 90))
def test_a_window_is_within_its_budget_and_in_proportion(budget, height, width):
    config, shape = tiny_config(window=budget, critic_layers=2), (13, height, width)
    try:
        t, h, w = windows.window_shape(config, shape)
    except InputError as error:
        needed = int(str(error).split("set window=")[1].split()[0])
        assert budget < needed
        windows.window_shape(config.replace(window=needed), shape)  # the way out is one
        return
    assert t == 13
    assert t * h * w <= budget
    assert min(5, height) <= h <= height
    assert min(5, width) <= w <= width
    if math.prod(shape) <= budget:
        assert (t, h, w) == shape
    elif min(h, w) > 5 and h < height and w < width:
        assert abs(h - w * height / width) <= 1.1 + height / width  # whole pixels: h rounded, then w rounded down


def test_without_a_budget_a_window_is_the_clip():
    assert windows.window_shape(tiny_config(), (13, 20, 30)) == (13, 20, 30)


def test_every_site_is_seen_and_borders_as_often_as_the_middle():
    seen, generator = torch.zeros(20, 30), random()
    for _ in range(4000):
        seen[windows.place((20, 30), (8, 12), generator)] += 1
    share = seen / 4000
    assert share.min() > 0.03  # a corner
    assert 0.4 < share[0].mean() / share[9].mean() < 2


def test_of_several_windows_the_one_that_varies_most_is_taken():
    clip = torch.zeros(1, 3, 5, 40, 40)
    clip[..., 20:24, 20:24] = 1
    found = {}
    for choices in (1, 8):
        taken = [windows.windows(clip, (5, 10, 10), choices, random(seed))[0] for seed in range(60)]
        found[choices] = sum(float(window.max()) for window in taken) / 60
    assert found[8] > found[1] + 0.2
    window, where = windows.windows(clip, (5, 10, 10), 3, random())
    assert torch.equal(window, windows.cut(clip, where))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": 0}, "window is 0, but must be a whole number of voxels, at least 1, or None"),
        ({"pool": 0}, "pool is 0, but must be a whole number of random inputs, at least 1, or None"),
        ({"pool": 2.5}, "pool is 2.5"),
        ({"pool_every": 0}, "pool_every is 0, but must be a whole number of at least 1"),
        ({"penalty_every": 0}, "penalty_every is 0"),
        ({"window_choices": 0}, "window_choices is 0"),
        ({"pool": 4, "freeze": False}, "a pool keeps what frozen scales make: set freeze=True, or pool=None"),
    ],
)
def test_settings_out_of_range_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        tiny_config(**changes)


def test_a_window_below_the_receptive_field_is_refused_before_anything_is_written(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match=r"window is 100 voxels, but a critic that sees 7 px a side needs \d+ at"):
        hpvae_nb.train(noise_clip(), tiny_config(window=100, fine_size=20), out=out, device="cpu")
    assert not out.exists()


def test_a_window_larger_than_the_clip_is_said():
    with pytest.warns(UserWarning, match="window is 1000000 voxels, but the finest scale has only"):
        trainer = cpu_trainer(noise_clip(), tiny_config(window=1_000_000))
    assert windows.window_shape(trainer.config, trainer.shapes[-1]) == trainer.shapes[-1]


def test_a_pool_holds_what_the_frozen_scales_make():
    trainer = trainer_at(3, pool=5, **LEAST)
    pool, network, shapes = trainer.pool, trainer.network, trainer.shapes
    assert len(pool.random) == 5
    with torch.no_grad():
        wanted = steps.random_below(network, shapes, 3, pool._generator(2))
    assert torch.equal(pool.random[2], upsample(wanted, shapes[3]))
    assert not torch.equal(pool.random[1], pool.random[2])
    which, up = pool.reconstructed[1]
    x0 = trainer.reals_0[which : which + 1]
    with torch.no_grad():
        wanted = steps.reconstruct(network, shapes, 2, x0, steps.draw(network, shapes, 0, 1, pool._generator(1)))
    assert torch.equal(up, upsample(wanted, shapes[3]))


def test_a_pool_is_not_what_sampling_draws_from_the_same_seed():
    trainer = trainer_at(2, pool=4, **LEAST)
    sampled = upsample(trainer.model.sample(4, seed=trainer.seed, scales=2), trainer.shapes[2])
    for made in trainer.pool.random:
        assert all((made[0] - other).abs().max() > 1e-3 for other in sampled)


def test_a_pool_is_renewed_and_made_again_as_it_was():
    trainer = trainer_at(2, pool=3, pool_every=2, **LEAST)
    first = [x.clone() for x in trainer.pool.random]
    for iteration in range(8):
        trainer.pool.renew(iteration)
    again = windows.Pool(trainer.config, trainer.network, trainer.shapes, 2, trainer.reals_0, trainer.seed, iteration=7)
    for k, (now, made) in enumerate(zip(trainer.pool.random, again.random, strict=True)):
        assert torch.equal(now, made)
        assert not torch.equal(now, first[k])  # three renewals before step 7: each entry once


ALL = {**LEAST, "pool": 3, "pool_every": 2, "penalty_every": 2, "window_choices": 2, "cosine": True, "critic_lr": 1e-3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [LEAST, {"pool": 3}, ALL, {"average": 0.9, "coarse_iterations": 9}],
    ids=["window", "pool", "all", "average"],
)
def test_a_resumed_run_comes_to_the_same_weights(tmp_path, changes):
    config, clip = tiny_config(iterations=7, **changes), noise_clip()
    whole = hpvae_nb.fit(clip, config, seed=3, device="cpu")
    for stop in (17, 24):  # in the middle of each GAN scale
        events = hpvae_nb.train(clip, config, seed=3, out=tmp_path / str(stop), device="cpu", resume=True)
        for _ in range(stop):
            next(events)
        events.close()
        resumed = hpvae_nb.fit(clip, config, seed=3, out=tmp_path / str(stop), device="cpu", resume=True)
        for a, b in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_step_sees_windows_of_clips_from_the_pool():
    trainer = trainer_at(3, pool=3, **LEAST)
    shape = windows.window_shape(trainer.config, trainer.shapes[3])
    assert math.prod(shape) < math.prod(trainer.shapes[3])
    real, made, fake = trainer._windows(shape)
    assert real.shape == made.shape == fake.shape == (1, 3, *shape)
    assert made.requires_grad
    assert fake.requires_grad
    found = trainer.reals_n.unfold(3, shape[1], 1).unfold(4, shape[2], 1)  # b c t H W h w
    wanted = real[0].movedim(0, 0)
    assert (found.permute(0, 3, 4, 1, 2, 5, 6) == wanted).flatten(3).all(3).any()


def test_a_penalty_now_and_then_is_so_many_times_as_strong():
    trainer = trainer_at(2, penalty_every=3)
    assert ["penalty" in trainer.step() for _ in range(6)] == [True, False, False] * 2
    trainer.iteration = 0
    assert trainer._lambda() == pytest.approx(3 * trainer.config.penalty_weight)


def test_a_cosine_falls_to_a_hundredth_at_gan_scales_alone():
    trainer = trainer_at(2, cosine=True, lr=1e-3, critic_lr=1e-2, iterations=100)
    rates = []
    for trainer.iteration in (0, 50, 100):
        trainer._set_rates()
        rates.append([o.param_groups[0]["lr"] for o in (trainer.optimizer, trainer.critic_optimizer)])
    assert rates[0] == pytest.approx([1e-3, 1e-2])
    assert rates[1] == pytest.approx([0.505e-3, 0.505e-2])
    assert rates[2] == pytest.approx([1e-5, 1e-4])
    below = trainer_at(1, cosine=True, iterations=100)
    below.iteration = 100
    below._set_rates()
    assert below.optimizer.param_groups[-1]["lr"] == below.config.lr


@pytest.mark.parametrize("name", ["laptop-128", "laptop-256"])
@pytest.mark.parametrize("aspect", [0.3, 9 / 16, 1.0, 3.0])
def test_presets_windows_suit_clips_of_any_shape(name, aspect):
    config = hpvae_nb.preset(name)
    shapes = planned_shapes(config, aspect)
    for shape in shapes[config.vae_levels :]:
        window = windows.window_shape(config, shape)
        assert math.prod(window) <= config.window
        assert window[0] == shape[0]
