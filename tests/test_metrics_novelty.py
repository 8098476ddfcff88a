"""Nearest patches against loops, and what novelty, NNFDIV and NNFDIST say of copies, moved copies and noise."""

import itertools

import pytest
import torch
from common import noise_clip

from hpvae_nb import InputError
from hpvae_nb.metrics import Matches, diversity, nearest_field, nearest_patches, nnfdist, nnfdiv, novelty


def random_clip(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_every_patch_gets_the_place_and_distance_that_loops_find():
    sample, real, patch = random_clip(3, 3, 6, 5), random_clip(3, 4, 6, 7, seed=1), (2, 3, 2)
    found = nearest_patches(sample, real, patch)
    a, b, d = patch
    assert found.distance.shape == (2, 4, 4)
    assert found.place.shape == (2, 4, 4, 3)
    for t, h, w in itertools.product(range(2), range(4), range(4)):
        query = sample[:, t : t + a, h : h + b, w : w + d]
        distances = {
            (i, j, k): (query - real[:, i : i + a, j : j + b, k : k + d]).square().mean().item()
            for i, j, k in itertools.product(range(3), range(4), range(6))
        }
        best = min(distances, key=distances.get)
        assert tuple(found.place[t, h, w].tolist()) == best
        assert found.distance[t, h, w].item() == pytest.approx(distances[best], rel=1e-4)


def test_images_have_patches_too():
    image = random_clip(3, 9, 9)
    found = nearest_patches(image[:, 2:8, 3:8], image, (3, 3))
    assert found.distance.max() < 1e-5
    assert found.place[0, 0, 0].tolist() == [0, 2, 3]


@pytest.mark.parametrize("patch", [(9, 3, 3), (0, 3, 3), (3, 3)])
def test_patches_that_do_not_fit_are_refused(patch):
    with pytest.raises(InputError, match="does not fit"):
        nearest_patches(random_clip(3, 4, 6, 6), random_clip(3, 4, 6, 6), patch)


@pytest.fixture(scope="module")
def wide():
    """Smooth noise, wide enough to look at through a moving window of 24 x 40."""
    return noise_clip(frames=13, height=30, width=52).video


@pytest.mark.slow
def test_a_moved_copy_is_diverse_but_not_novel(wide):
    real = wide[..., :24, :40]
    windows = torch.stack([wide[..., i : i + 24, 2 * i : 2 * i + 40] for i in range(1, 7)])
    other = noise_clip(frames=13, height=24, width=40, seed=1).video
    assert diversity(windows, real) > 0.3
    assert novelty(real[None], real) == pytest.approx(0, abs=1e-4)
    assert novelty(windows[:2], real) < 0.2 * novelty(other[None], real)


@pytest.mark.slow
def test_novelty_is_the_distance_relative_to_that_of_two_random_parts():
    real, made = (noise_clip(frames=4, height=18, width=22, seed=seed).video for seed in (0, 1))

    def parts(video):
        return video.unfold(1, 3, 1).unfold(2, 9, 1).unfold(3, 9, 1).movedim(0, 3).flatten(0, 2).flatten(1)

    pairs = (parts(real)[:, None] - parts(real)).square().mean(2)
    at_random = pairs.sum() / (len(pairs) * (len(pairs) - 1))  # no part is paired with itself
    closest = (parts(made)[:, None] - parts(real)).square().mean(2).min(1).values.mean()
    assert novelty(made[None], real) == pytest.approx((closest / at_random).item(), rel=1e-3)


def test_a_clip_without_variety_has_no_novelty():
    with pytest.raises(InputError, match="parts of the real clip are alike"):
        novelty(torch.zeros(1, 3, 4, 20, 20), torch.zeros(3, 4, 20, 20))


def field(offsets, shape=(8, 30, 40)):
    """Matches whose neighbours lie at these offsets, `t h w 3` or a single one."""
    here = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij"), dim=-1)
    return Matches(torch.zeros(shape), here + offsets)


def test_nnfdiv_is_nothing_for_one_offset_and_nearly_one_for_random_ones():
    random = torch.randint(-100, 100, (8, 30, 40, 3), generator=torch.Generator().manual_seed(0))
    halves = torch.zeros(8, 30, 40, 3, dtype=torch.long)
    halves[:, :, 20:] = torch.tensor([1, -2, 3])
    assert nnfdiv(field(torch.tensor([0, 0, 0]))) < 0.01
    assert nnfdiv(field(torch.tensor([2, -7, 11]))) < 0.01
    assert nnfdiv(field(torch.tensor([0, 0, 0]))) < nnfdiv(field(halves)) < 0.1
    assert 0.9 < nnfdiv(field(random)) <= 1.01


def test_an_images_field_has_no_time_whose_zeros_would_count_as_order():
    random = torch.randint(-100, 100, (1, 60, 80, 3), generator=torch.Generator().manual_seed(0))
    random[..., 0] = 0
    assert 0.9 < nnfdiv(field(random, (1, 60, 80))) <= 1.01
    assert nnfdiv(field(torch.tensor([0, -7, 11]), (1, 60, 80))) < 0.02


def test_nnfdist_is_the_mean_distance():
    matches = Matches(torch.tensor([[[0.5, 1.5]]]), torch.zeros(1, 1, 2, 3, dtype=torch.long))
    assert nnfdist(matches) == 1


def test_copies_have_a_smooth_field_and_noise_a_broken_one(wide):
    real, moved = wide[:, :6, :16, :20], wide[:, :6, 3:19, 5:25]
    noise = random_clip(3, 6, 16, 20)
    (copy_div, copy_dist), (moved_div, moved_dist), (noise_div, noise_dist) = (
        nearest_field(clip[None], real) for clip in (real, moved, noise)
    )
    assert copy_div < 0.05
    assert copy_div < moved_div < noise_div
    assert copy_dist < 1e-6 < moved_dist < noise_dist
    both = nearest_field(torch.stack([real, noise]), real)
    assert both == pytest.approx(((copy_div + noise_div) / 2, (copy_dist + noise_dist) / 2), rel=1e-3)
