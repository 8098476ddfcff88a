"""What is TGAN's own, and TGAN-v2's: clipped singular values, the schedule of frames, the zero-centred penalty."""

import pytest
import torch
from torch import nn

from hpvae_nb import InputError, preset
from hpvae_nb.baselines.many import Game
from hpvae_nb.baselines.tgan import SlowFastGenerator, TGan, clip_singular_values, critic
from hpvae_nb.baselines.tgan_v2 import (
    RecurrentGenerator,
    TGanV2,
    at_levels,
    judge,
    kept_frames,
    level_sizes,
    zero_centred_penalty,
)


def singular_values(layer):
    return torch.linalg.svdvals(layer.weight.detach().flatten(1))


@pytest.mark.parametrize(
    "layer", [nn.Linear(5, 7), nn.Conv1d(4, 6, 3), nn.Conv2d(3, 9, 4), nn.Conv3d(2, 5, (3, 4, 4))], ids=repr
)
def test_clipping_takes_singular_values_above_1_to_1_and_leaves_the_rest_alone(layer):
    torch.manual_seed(0)
    nn.init.orthogonal_(layer.weight)
    scale = torch.linspace(0.2, 3, len(layer.weight)).view(-1, *[1] * (layer.weight.ndim - 1))
    with torch.no_grad():
        layer.weight.mul_(scale)
    rows = layer.weight.detach().clone()
    before, bias = singular_values(layer), layer.bias.detach().clone()
    assert before[0] > 2
    assert before[-1] < 0.9
    clip_singular_values(layer)
    torch.testing.assert_close(singular_values(layer), before.clamp(max=1))
    assert torch.equal(layer.bias, bias)
    if not isinstance(layer, nn.Linear):  # its rows are orthogonal, so that each is shortened by itself
        torch.testing.assert_close(layer.weight.detach(), rows / scale.clamp(min=1))


def test_a_layer_within_the_bound_is_untouched_to_the_bit():
    torch.manual_seed(0)
    layer = nn.Conv3d(3, 8, 4)
    with torch.no_grad():
        layer.weight.mul_(0.9 / singular_values(layer)[0])
    weight = layer.weight.detach().clone()
    clip_singular_values(nn.Sequential(layer))
    assert torch.equal(layer.weight, weight)


def test_a_clipped_convolution_is_the_product_of_its_matrix_with_patches():
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 6, 4, stride=2, padding=1), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        layer.weight.mul_(10)
    u, s, vt = torch.linalg.svd(layer.weight.detach().flatten(1), full_matrices=False)
    clip_singular_values(layer)
    patches = nn.functional.unfold(x, 4, stride=2, padding=1)
    wanted = u @ torch.diag(s.clamp(max=1)) @ vt @ patches + layer.bias[:, None]
    torch.testing.assert_close(layer(x).flatten(2), wanted, atol=1e-5, rtol=1e-5)
    assert ((layer(x).flatten(2) - layer.bias[:, None]).norm(dim=1) <= patches.norm(dim=1) * (1 + 1e-5)).all()


def test_a_clipped_batch_norm_stretches_nothing_and_does_not_die():
    norm = nn.BatchNorm3d(4).eval()
    norm.running_var.copy_(torch.tensor([0.25, 4.0, 4.0, 1.0]))
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([3.0, 1.5, -1.0, 1.0]))
    clip_singular_values(norm)
    torch.testing.assert_close(norm.weight.detach(), torch.tensor([0.5, 1.5, 0.02, 1.0]), atol=1e-4, rtol=0)


def test_tgans_critic_is_clipped_in_every_fifth_round_before_it_learns(monkeypatch):
    config = preset("tgan-small", channels=2, latent=4, batch=2)
    method, clipped = TGan(), []
    game = new_game(method, config)
    monkeypatch.setattr("hpvae_nb.baselines.tgan.clip_singular_values", lambda net: clipped.append(game.iteration))
    for game.iteration in range(11):
        method.update(game, game.uniform(2, 3, 16, 32, 32))
    assert clipped == [0, 5, 10]


def new_game(method, config):
    shapes = [(16, config.fine_size, config.fine_size)]
    torch.manual_seed(0)
    network, critics = method.build(config, shapes), method.critics(config, shapes)
    optimizers = method.optimizers(config, network, critics)
    return Game(config, network, critics, optimizers, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("frames", "size"), [(16, 64), (8, 32), (4, 8)])
def test_tgans_networks_fit_each_other_and_other_sizes_are_refused(frames, size):
    network, judge = SlowFastGenerator(6, 2, frames, size), critic(4, frames, size)
    made = network(torch.rand(2, 6, 1, 1, 1))
    assert made.shape == (2, 3, frames, size, size)
    assert made.abs().max() <= 1
    assert judge(made).shape == (2, 1, 1, 1, 1)
    assert all(norm.bias is None for norm in judge.modules() if isinstance(norm, nn.BatchNorm3d))
    with pytest.raises(InputError, match=f"frames is {frames + 1}"):
        SlowFastGenerator(6, 2, frames + 1, size)
    with pytest.raises(InputError, match="fine_size is 24"):
        SlowFastGenerator(6, 2, frames, 24)


def test_tgans_frames_share_z_slow_and_differ_by_z_fast():
    torch.manual_seed(0)
    network = SlowFastGenerator(6, 2, 16, 32).eval()
    z = torch.rand(1, 6, 1, 1, 1)
    assert (network(z)[:, :, 0] - network(z)[:, :, 5]).abs().max() > 1e-4
    with torch.no_grad():
        network.fast[0].weight.zero_()
    torch.testing.assert_close(network(z)[:, :, 0], network(z)[:, :, 5])


def test_the_published_size_of_tgan():
    config = preset("tgan")
    shapes = [(16, 64, 64)]
    with torch.device("meta"):
        network, judge = TGan().build(config, shapes), TGan().critics(config, shapes)["video"]
        assert network(torch.empty(2, 100, 1, 1, 1)).shape == (2, 3, 16, 64, 64)
    widths = [layer.out_channels for layer in network.temporal if isinstance(layer, nn.ConvTranspose1d)]
    assert widths == [512, 256, 128, 128, 100]
    assert [layer.out_channels for layer in judge if isinstance(layer, nn.Conv3d)] == [64, 128, 256, 512, 1]


def test_each_level_keeps_every_second_frame_of_the_one_before():
    assert [list(kept) for kept in kept_frames(8, [0, 1])] == [list(range(8)), [0, 2, 4, 6], [2, 6]]
    assert [list(kept) for kept in kept_frames(8, [1, 1])] == [list(range(8)), [1, 3, 5, 7], [3, 7]]
    finest = [frame for a in (0, 1) for b in (0, 1) for frame in kept_frames(8, [a, b])[-1]]
    assert sorted(finest) == list(range(8))  # the offsets together reach every frame once
    with pytest.raises(InputError, match="6 frames cannot be halved 2 times"):
        kept_frames(6, [0, 0])


def test_sizes_of_levels_double_up_to_the_finest():
    assert level_sizes(192, 4) == [24, 48, 96, 192]
    assert level_sizes(32, 3) == level_sizes(32, 4) == [8, 16, 32]  # none under 8 px
    for size, levels in ((36, 3), (30, 2), (4, 1)):
        with pytest.raises(InputError, match=f"fine_size is {size}"):
            level_sizes(size, levels)


def test_real_clips_are_shown_as_made_ones_are_drawn():
    clips = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(2, 3, 16, 32, 32)
    schedule, sizes = kept_frames(16, [1, 0]), [8, 16, 32]
    for shown, kept, size in zip(at_levels(clips, schedule, sizes), schedule, sizes, strict=True):
        assert shown.shape == (2, 3, len(kept), size, size)
        assert shown[0, 0, :, 0, 0].tolist() == list(kept)
    checks = torch.ones(32, 32)
    checks[::2, ::2] = checks[1::2, 1::2] = -1
    assert at_levels(checks.expand(1, 3, 16, 32, 32), schedule, sizes)[1].abs().max() == 0  # averaged, not picked


def small_generator():
    torch.manual_seed(0)
    return RecurrentGenerator(6, 2, 16, 32, 3)


def test_levels_are_drawn_with_the_frames_of_the_schedule():
    network = small_generator()
    drawn = network.levels(torch.rand(2, 6, 1, 1, 1), kept_frames(16, [0, 1]))
    assert [tuple(x.shape) for x in drawn] == [(2, 3, 16, 8, 8), (2, 3, 8, 16, 16), (2, 3, 4, 32, 32)]
    assert max(x.abs().max() for x in drawn) <= 1
    critics = TGanV2().critics(preset("tgan-v2-small", channels=2), [(16, 32, 32)])
    assert judge(critics, drawn).shape == (2,)


def test_training_draws_what_sampling_draws_but_fewer_frames():
    network, z = small_generator().eval(), torch.rand(2, 6, 1, 1, 1)
    whole = network.decode(z, [(16, 32, 32)])
    assert whole.shape == (2, 3, 16, 32, 32)
    torch.testing.assert_close(network.levels(z, [range(16)] * 3)[-1], whole)
    kept = kept_frames(16, [1, 0])
    torch.testing.assert_close(network.levels(z, kept)[-1], whole[:, :, list(kept[-1])])
    assert (whole[:, :, 0] - whole[:, :, 9]).abs().max() > 1e-5  # frames do differ


def test_the_penalty_of_a_critic_without_slope_is_0():
    levels = [torch.randn(2, 3, 4, 8, 8, requires_grad=True)]
    constant = torch.ones(2) + 0 * levels[0].sum((1, 2, 3, 4))
    assert zero_centred_penalty(constant, levels) == 0


def test_the_penalty_of_linear_critics_is_the_sum_of_their_squared_weights():
    torch.manual_seed(0)
    levels = [torch.randn(3, 3, 4 // n, 4 * n, 4 * n, requires_grad=True) for n in (1, 2)]
    weights = [torch.randn_like(x[0], requires_grad=True) for x in levels]
    scores = sum((x * w).sum((1, 2, 3, 4)) for x, w in zip(levels, weights, strict=True))
    penalty = zero_centred_penalty(scores, levels)
    torch.testing.assert_close(penalty, sum(w.square().sum() for w in weights))
    for slope, weight in zip(torch.autograd.grad(penalty, weights), weights, strict=True):
        torch.testing.assert_close(slope, 2 * weight)


def test_tgan_v2s_rates_fall_to_0_and_its_penalty_comes_every_so_often():
    config = preset("tgan-v2-small", channels=2, latent=4, batch=2, iterations=8, penalty_every=4)
    method = TGanV2()
    game = new_game(method, config)
    rates, penalties = [], []
    for game.iteration in range(8):
        penalties.append(method.update(game, game.uniform(2, 3, 16, 32, 32))["penalty"].item())
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in game.optimizers.values()])
    assert [value > 0 for value in penalties] == [n % 4 == 0 for n in range(8)]
    torch.testing.assert_close(torch.tensor(rates), config.lr * torch.linspace(1, 1 / 8, 8)[:, None].expand(8, 2))


def test_the_published_size_of_tgan_v2():
    config, shapes = preset("tgan-v2"), [(16, 192, 192)]
    with torch.device("meta"):
        network = TGanV2().build(config, shapes)
        drawn = network.levels(torch.empty(1, 256, 1, 1, 1), kept_frames(16, [0, 1, 0]))
    assert network.start == 3
    assert [tuple(x.shape[2:]) for x in drawn] == [(16, 24, 24), (8, 48, 48), (4, 96, 96), (2, 192, 192)]
    widths = [block.wide.out_channels for block in network.modules() if hasattr(block, "wide")]
    assert widths == [512, 256, 128, 64, 32, 32]
