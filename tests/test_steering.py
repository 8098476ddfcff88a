"""Steering: boxes and borders do what they say, a change ends where its field ends, a loop has no jump."""

import pytest
import torch
from common import noise_clip

import hpvae_nb as hp
from hpvae_nb.core import steering
from hpvae_nb.core.resampling import shapes_for_latent
from hpvae_nb.core.steering import Box
from hpvae_nb.errors import InputError


def test_an_empty_box_is_refused():
    with pytest.raises(InputError, match="no rows: its ends are 3 and 3"):
        Box((0, 1), (3, 3), (0, 1))


def test_a_box_keeps_its_place_at_another_size():
    """A site of 3 covers a quarter, a half and a quarter of 5 pixels' way from first to last centre."""
    assert Box((0, 3), (0, 3), (0, 3)).scaled((3, 3, 3), (5, 9, 3)) == Box((0, 5), (0, 9), (0, 3))
    middle = Box((1, 2), (1, 2), (1, 2)).scaled((3, 3, 3), (9, 17, 3))
    assert middle == Box((2, 6), (4, 12), (1, 2))


def test_borders_and_blends():
    assert steering.border(4, 2, 0).tolist() == [0, 0, 1, 1]
    assert steering.border(4, 2, 4).tolist() == [0.125, 0.375, 0.625, 0.875]
    a, b = torch.randn(2, 1, 64, 4, 50, 24, generator=torch.Generator().manual_seed(0))
    spread = steering.blend(a, b, steering.border(24, 12, 12)).std(dim=(0, 1, 2, 3))
    torch.testing.assert_close(spread, torch.ones(24), atol=0.03, rtol=0)


@pytest.fixture(scope="module")
def wide(trained):
    """Two latent maps of a clip much wider than the field of a small model, and a box in the left one's corner."""
    a, b = (trained.latent(1, seed=seed, size=(13, 18, 150)) for seed in (1, 2))
    return a, steering.resample(a, b, Box((0, 2), (1, 4), (2, 5))), Box((0, 2), (1, 4), (2, 5))


def test_a_change_ends_at_its_field_when_statistics_are_held(trained, wide):
    a, new, box = wide
    field = steering.reach(trained.network.generators, shapes_for_latent(trained.shapes, tuple(a.shape[2:])), box)
    with steering.held_statistics(trained.network, lambda: trained.decode(a, seed=0)):
        change = steering.change(*(trained.decode(z, seed=0)[0] for z in (a, new)))
    outside = ~field.mask(tuple(change.shape))
    assert outside.any()
    assert change[outside].max() == 0
    edge = change[..., field.columns[1] - 3 : field.columns[1]]
    assert edge.max() > 0, "the bound is exact, not merely safe"


def test_held_statistics_are_those_of_the_map(trained, wide):
    a, new, _ = wide
    usual = trained.decode(new, seed=0)
    with steering.held_statistics(trained.network, lambda: trained.decode(a, seed=0)):
        torch.testing.assert_close(trained.decode(a, seed=0), trained.decode(a, seed=0))
        held = trained.decode(a, seed=0)
    torch.testing.assert_close(held, trained.decode(a, seed=0), atol=1e-4, rtol=0)
    assert torch.equal(trained.decode(new, seed=0), usual), "and are let go afterwards"


def test_held_statistics_are_let_go_after_an_error(trained, wide):
    usual = trained.decode(wide[0], seed=0)
    with pytest.raises(InputError), steering.held_statistics(trained.network, lambda: trained.decode(wide[0][:, :1])):
        pass
    assert torch.equal(trained.decode(wide[0], seed=0), usual)


def test_reach_at_scale_0_is_the_box_and_half_the_field():
    """Without finer scales, only the first generator's own field remains."""
    one = hp.fit(
        noise_clip(height=20, width=32), hp.preset("smoke", scales=1, vae_levels=1, iterations=1), device="cpu"
    )
    half = hp.receptive_field(one.network.generators[0])[0] // 2
    latent = (4, 20, 30)
    shapes = shapes_for_latent(one.shapes, latent)
    assert shapes[-1] == latent
    assert steering.reach(one.network.generators, shapes, Box((0, 1), (9, 10), (8, 10))) == Box(
        (0, min(4, 1 + half)), (9 - half, 10 + half), (8 - half, 10 + half)
    )


def test_a_loop_has_no_jump(trained):
    a, b = (trained.latent(1, seed=seed) for seed in (1, 2))
    way = steering.there_and_back(trained.decode(trained.interpolate(a, b, 5), noise=0), moment=0)
    assert way.shape == (3, 8, *trained.shapes[-1][1:])
    assert torch.equal(way[:, 1], way[:, 7])
    torch.testing.assert_close(way[:, 0], trained.decode(a, noise=0)[0, :, 0])
    torch.testing.assert_close(way[:, 4], trained.decode(b, noise=0)[0, :, 0])
