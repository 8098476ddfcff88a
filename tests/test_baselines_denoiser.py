"""The patch denoiser: what it takes a noisy patch for, and the clips that it makes."""

import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import Clip, InputError, fit, load_model
from hpvae_nb.baselines import PatchDenoiser
from hpvae_nb.baselines.denoiser import Denoiser, overlaid, weighted_means
from hpvae_nb.core.patches import nearest, patch_grid, patch_rows

CPU = {"seed": 0, "device": "cpu", "precision": "float32"}
SMALL = PatchDenoiser(coarse_size=8, steps=1)
PATCH = (2, 3, 3)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_each_key_counts_by_its_distance():
    queries, keys = numbers(7, 5), numbers(20, 5, seed=1)
    found = weighted_means(queries, keys, 0.8)
    for query, mean in zip(queries, found, strict=True):
        chances = torch.stack([(-(query - key).square().sum() / (2 * 0.8**2)).exp() for key in keys])
        wanted = sum(chance * key for chance, key in zip(chances, keys, strict=True)) / chances.sum()
        torch.testing.assert_close(mean, wanted)
    torch.testing.assert_close(weighted_means(queries, keys, 1e-4), keys[nearest(queries, keys)[0]])
    torch.testing.assert_close(weighted_means(queries, keys, 1e4), keys.mean(0).expand(7, -1), rtol=0, atol=1e-3)


def test_patches_of_a_clip_laid_over_each_other_are_the_clip():
    clip = numbers(1, 3, 4, 6, 7)
    torch.testing.assert_close(overlaid(patch_rows(clip, PATCH), patch_grid((4, 6, 7), PATCH), PATCH), clip)


def test_noise_is_taken_off_a_clip_that_is_known():
    clip = numbers(1, 3, 4, 6, 7)
    noisy = clip + 0.2 * numbers(*clip.shape, seed=2)
    for components, left in ((None, 0.05), (40, 0.8)):
        clean = Denoiser(clip, PATCH, components)(noisy, 0.2)
        assert (clean - clip).abs().mean() < left * (noisy - clip).abs().mean()


def test_one_patch_gives_its_patch_whatever_the_noise(tmp_path):
    clip = numbers(1, 3, *PATCH)
    torch.testing.assert_close(Denoiser(clip, PATCH, None)(numbers(1, 3, *PATCH, seed=3), 1.0), clip)


def test_little_noise_gives_the_clip_back_and_much_another():
    clip = noise_clip()
    copies, others = (fit(clip, tiny_config(), method=PatchDenoiser(coarse_size=8, sigma=s), **CPU) for s in (0.1, 30))
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
        ({"patch": (3, 3)}, "patch is .3, 3., but must be three whole numbers"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        PatchDenoiser(**settings)
