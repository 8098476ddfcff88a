"""Patches cut and put back, as rows, the nearest of them, and the vote: each against a calculation of another kind."""

import itertools
import sys

import numpy as np
import pytest
import torch
from einops import reduce, repeat

from hpvae_nb.core import patches
from hpvae_nb.core.patches import approximate_search, nearest, patch_grid, patch_rows, principal_axes, vote
from hpvae_nb.errors import InputError

PATCH = (2, 3, 2)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_cutting_is_undone():
    video = torch.randn(3, 4, 6, 8)
    assert torch.equal(patches.put_back(patches.cut(video, 2), 2, 3, 4), video)


def test_shuffling_moves_every_pixel_and_loses_none():
    video = torch.randn(3, 5, 7, 9)
    mixed = patches.shuffled(video, 2)
    assert mixed.shape == (3, 4, 6, 8)
    assert torch.equal(mixed[0].flatten().sort().values, video[0, :4, :6, :8].flatten().sort().values)
    with pytest.raises(InputError, match="does not fit"):
        patches.shuffled(video, 6)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_distances_are_those_of_the_definition(size):
    video = torch.randn(3, 4, 7, 9)
    windows = video.unfold(2, size, 1).unfold(3, size, 1)
    chosen = torch.stack([video[:, 1, 2 : 2 + size, 3 : 3 + size], torch.randn(3, size, size)])
    off = windows - repeat(chosen, "k c b d -> k c 1 1 1 b d")
    torch.testing.assert_close(
        patches.distance_maps(video, chosen), reduce(off**2, "k c t h w b d -> k t h w", "mean"), atol=1e-5, rtol=1e-5
    )


def test_long_tiles_are_shuffled_alike_in_all_frames():
    video = torch.arange(2.0 * 9 * 13).reshape(1, 2, 9, 13)
    mixed = patches.shuffled(video, (2, 4, 4))
    assert mixed.shape == (1, 2, 8, 12)
    assert torch.equal(mixed.flatten().sort().values, video[..., :8, :12].flatten().sort().values)
    assert not torch.equal(mixed, video[..., :8, :12])
    assert torch.equal(mixed[0, 1] - mixed[0, 0], torch.full((8, 12), 9.0 * 13))  # the same order in all frames


def test_a_row_is_the_patch_at_its_place_in_the_grid():
    video = numbers(2, 3, 4, 5, 6)
    rows = patch_rows(video, PATCH)
    grid = patch_grid((4, 5, 6), PATCH)
    assert rows.shape == (2 * 3 * 3 * 5, 3 * 2 * 3 * 2)
    for row, (b, t, h, w) in zip(rows, itertools.product(range(2), *map(range, grid)), strict=True):
        assert torch.equal(row, video[b, :, t : t + 2, h : h + 3, w : w + 2].flatten())


@pytest.mark.parametrize("block", [1, 100, 2**20])
def test_the_nearest_key_is_the_one_a_direct_search_finds(monkeypatch, block):
    monkeypatch.setattr(patches, "_BLOCK", block)
    queries, keys = 3 + numbers(50, 7), 3 + numbers(40, 7, seed=1)
    weights = numbers(40, seed=2).exp()
    squared = torch.cdist(queries.double(), keys.double()).square()
    for weight in (None, weights):
        wanted, place = (squared if weight is None else squared * weight).min(1)
        index, distance = nearest(queries, keys, weight)
        assert torch.equal(index, place)
        torch.testing.assert_close(distance.double(), wanted, rtol=1e-4, atol=1e-4)


def test_principal_axes_keep_most_of_the_distances_and_never_lengthen_them():
    rows = numbers(200, 3) @ numbers(3, 10, seed=1) + 0.01 * numbers(200, 10, seed=2)
    axes = principal_axes(rows, 3)
    torch.testing.assert_close(axes.T @ axes, torch.eye(3), rtol=0, atol=1e-5)
    near, true = torch.pdist(rows @ axes), torch.pdist(rows)
    assert (near <= true + 1e-4).all()
    assert near.sum() > 0.99 * true.sum()


def test_the_approximate_search_mostly_finds_the_nearest():
    pytest.importorskip("faiss")
    keys = numbers(2000, 8)
    queries = keys + 0.1 * numbers(2000, 8, seed=1)
    assert (approximate_search(keys)(queries) == nearest(queries, keys)[0]).float().mean() > 0.95
    assert torch.equal(approximate_search(keys[:3])(keys[:3]), torch.arange(3))


def test_without_its_library_the_approximate_search_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match="pip install faiss-cpu"):
        approximate_search(numbers(5, 2))


@pytest.mark.parametrize("ballots", [1, 2**24])
def test_each_voxel_is_the_lower_median_of_the_patches_that_cover_it(monkeypatch, ballots):
    monkeypatch.setattr(patches, "_BALLOTS", ballots)
    values = numbers(2, 3, 3, 4, 5)
    rows = patch_rows(values, PATCH).reshape(-1, 3, *PATCH).numpy()
    corners = torch.randint(len(rows), (3, 2, 4), generator=torch.Generator().manual_seed(1))
    votes = {}
    for (t, h, w), row in np.ndenumerate(corners.numpy()):
        for a, b, d in itertools.product(*map(range, PATCH)):
            votes.setdefault((t + a, h + b, w + d), []).append(rows[row, :, a, b, d])
    made = vote(values, corners, PATCH)
    assert made.shape == (1, 3, 4, 4, 5)
    for (t, h, w), ballot in votes.items():
        lower_median = np.sort(ballot, axis=0)[(len(ballot) - 1) // 2]
        assert np.array_equal(made[0, :, t, h, w].numpy(), lower_median)
