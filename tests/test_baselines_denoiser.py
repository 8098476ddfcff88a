"""The patch denoiser: what it takes a noisy patch for, and the clips that it makes."""

from dataclasses import replace

import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import Clip, InputError, fit, load_model
from hpvae_nb.baselines import PatchDenoiser
from hpvae_nb.baselines.denoiser import Denoiser, patch_places, weighted_means
from hpvae_nb.core.patches import nearest, patch_rows

CPU = {"seed": 0, "device": "cpu", "precision": "float32"}
SMALL = PatchDenoiser(coarse_size=8, coarse_steps=3, steps=1, patch=(3, 5, 5))
PATCH = (2, 3, 3)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_each_value_counts_by_the_distance_of_its_key():
    queries, keys, values = numbers(7, 5), numbers(20, 5, seed=1), numbers(20, 4, seed=2)
    found = weighted_means(queries, keys, values, 0.8)
    for query, mean in zip(queries, found, strict=True):
        chances = torch.stack([(-(query - key).square().sum() / (2 * 0.8**2)).exp() for key in keys])
        wanted = sum(chance * value for chance, value in zip(chances, values, strict=True)) / chances.sum()
        torch.testing.assert_close(mean, wanted)
    torch.testing.assert_close(weighted_means(queries, keys, values, 1e-3), values[nearest(queries, keys)[0]])
    everything = values.mean(0).expand(7, -1)
    torch.testing.assert_close(weighted_means(queries, keys, values, 1e4), everything, rtol=0, atol=1e-5)


def test_patches_lie_where_their_rows_say_and_leave_no_voxel_out_at_any_stride():
    clip = numbers(1, 3, 4, 6, 8)
    assert torch.equal(clip.flatten()[patch_places((3, 4, 6, 8), PATCH)], patch_rows(clip, PATCH))
    for stride in (2, 3):
        places = patch_places((3, 4, 6, 8), PATCH, stride)
        assert len(places) < len(patch_rows(clip, PATCH))
        assert torch.equal(places.unique(), torch.arange(clip.numel()))


def test_where_patches_overlap_their_mean_counts():
    """Against a loop over patches and voxels."""
    clip, noisy = numbers(1, 3, 3, 5, 4), numbers(1, 3, 3, 5, 4, seed=4)
    rows = patch_rows(clip, PATCH)
    means = iter(weighted_means(patch_rows(noisy, PATCH), rows, rows, 2.0).reshape(-1, 3, *PATCH))
    said, votes = torch.zeros_like(clip), torch.zeros_like(clip)
    for t in range(2):
        for h in range(3):
            for w in range(2):
                said[0, :, t : t + 2, h : h + 3, w : w + 3] += next(means)
                votes[0, :, t : t + 2, h : h + 3, w : w + 3] += 1
    torch.testing.assert_close(Denoiser(clip, PATCH, None)(noisy, 2.0), said / votes)


def test_noise_is_taken_off_a_clip_that_is_known():
    clip = numbers(1, 3, 4, 6, 7)
    noisy = clip + 0.2 * numbers(*clip.shape, seed=2)
    for components, left in ((None, 0.05), (40, 0.8)):
        clean = Denoiser(clip, PATCH, components)(noisy, 0.2)
        assert (clean - clip).abs().mean() < left * (noisy - clip).abs().mean()


def test_one_patch_gives_its_patch_whatever_the_noise():
    clip = numbers(1, 3, *PATCH)
    torch.testing.assert_close(Denoiser(clip, PATCH, None)(numbers(1, 3, *PATCH, seed=3), 1.0), clip)


def test_little_noise_gives_the_clip_back_and_much_another():
    clip = noise_clip()
    copies, others = (fit(clip, tiny_config(), method=replace(SMALL, sigma=s), **CPU) for s in (0.1, 30))
    real = copies.reconstruct()
    apart = [(model.sample(2, seed=1) - real).abs().mean().item() for model in (copies, others)]
    assert 4 * apart[0] < apart[1]
    assert torch.equal(others.sample(2, seed=1), others.sample(3, seed=1)[:2])


def test_it_is_kept_and_makes_other_sizes(tmp_path):
    model = fit(noise_clip(), tiny_config(), method=SMALL, **CPU)
    again = load_model(model.save(tmp_path / "model"), device="cpu", precision="float32")
    assert again.method == SMALL
    assert torch.equal(again.sample(2, seed=5), model.sample(2, seed=5))
    wide = model.sample(1, seed=5, size=(13, 18, 48))
    assert wide.shape == (1, 3, 13, 18, 48)
    assert wide.isfinite().all()


def test_images_too():
    image = noise_clip().video[:, 0]
    model = fit(Clip(image, 1, "picture"), tiny_config(dims=2, fine_size=24), method=SMALL, **CPU)
    assert model.sample(2, seed=0).shape == (2, 3, *model.shapes[-1])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sigma": -1}, "sigma is -1, but must be at least 0"),
        ({"least": 0}, "least is 0, but must be above 0, and at most again, 0.3"),
        ({"least": 0.5}, "least is 0.5, but must be above 0, and at most again, 0.3"),
        ({"steps": 0}, "steps is 0, but must be at least 1"),
        ({"coarse_steps": 0}, "coarse_steps is 0, but must be at least 1"),
        ({"stride": 6}, "stride is 6, but must be 1..5, the side of a patch"),
        ({"patch": (3, 3)}, "patch is .3, 3., but must be three whole numbers"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        PatchDenoiser(**settings)
