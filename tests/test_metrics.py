"""Diversity: against a calculation by hand, its limits, and what it refuses."""

import numpy as np
import pytest
import torch
from common import noise_clip
from skimage.color import rgb2lab

from hpvae_nb import Clip, InputError
from hpvae_nb.metrics import diversity
from hpvae_nb.metrics.diversity import lightness


def grey(levels):
    """Pixels of these grey levels in [0, 1], as 'c ...' in [-1, 1]."""
    levels = torch.as_tensor(levels, dtype=torch.float32)
    return (levels * 2 - 1).expand(3, *levels.shape).contiguous()


def by_hand(samples, real):
    """Loops over pixels, with the CIE formula of L written out for one colour channel at a time."""

    def light(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y

    def lights(video):
        pixels = ((video.double() + 1) / 2).flatten(1).T.tolist()
        return [light(pixel) for pixel in pixels]

    table = [lights(sample) for sample in samples]
    spreads = []
    for pixel in zip(*table, strict=True):
        mean = sum(pixel) / len(pixel)
        spreads.append((sum((value - mean) ** 2 for value in pixel) / len(pixel)) ** 0.5)
    clip = lights(real)
    middle = sum(clip) / len(clip)
    whole = (sum((value - middle) ** 2 for value in clip) / len(clip)) ** 0.5
    return sum(spreads) / len(spreads) / whole


@pytest.mark.parametrize("sites", [(3, 4, 5), (4, 5)])
def test_it_equals_a_calculation_by_hand(sites):
    samples = torch.rand(6, 3, *sites, generator=torch.Generator().manual_seed(0)) * 2 - 1
    real = torch.rand(3, *sites, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert diversity(samples, real) == pytest.approx(by_hand(samples, real), rel=1e-3)


def test_it_equals_numpy_and_skimage_on_samples_of_a_model(trained, pedestrians):
    samples = trained.sample(6, seed=0)
    lab = np.stack([rgb2lab((s.numpy().transpose(1, 2, 3, 0) + 1) / 2)[..., 0] for s in samples])
    clip = rgb2lab((pedestrians.video.numpy().transpose(1, 2, 3, 0) + 1) / 2)[..., 0]
    expected = np.sqrt(((lab - lab.mean(0)) ** 2).mean(0)).mean() / np.sqrt(((clip - clip.mean()) ** 2).mean())
    assert diversity(samples, pedestrians) == pytest.approx(expected, rel=1e-4)
    assert diversity(samples, pedestrians.video) == diversity(samples, pedestrians)


def test_equal_samples_have_none():
    clip = noise_clip()
    assert diversity(clip.video.expand(5, -1, -1, -1, -1), clip) == pytest.approx(0, abs=1e-6)


def test_pixels_that_are_each_as_spread_as_the_clip_give_one():
    ramp = torch.linspace(0.1, 0.9, 50)
    real = grey(ramp.reshape(1, 5, 10))
    samples = torch.stack([grey(torch.full((1, 2, 2), level.item())) for level in ramp])  # each flat, at its own level
    assert diversity(samples, real) == pytest.approx(1, abs=1e-4)


def test_one_pixel_that_differs_counts_by_its_share():
    dark, light = grey([[[0.2, 0.8], [0.2, 0.8]]]), grey([[[0.2, 0.8], [0.2, 0.8]]])
    light[:, 0, 0, 0] = grey([0.8])[:, 0]
    assert diversity(torch.stack([dark, light]), dark) == pytest.approx(0.25, abs=1e-4)


def test_noise_is_more_diverse_than_a_dimmed_copy_of_it():
    noise = torch.rand(20, 3, 4, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = noise[0]
    assert diversity(0.1 * noise, clip) < diversity(0.5 * noise, clip) < diversity(noise, clip)
    assert diversity(noise, clip) == pytest.approx(1, abs=0.1)


def test_lightness_runs_from_black_to_white():
    values = lightness(grey([[0.0, 1.0]]))
    assert values.shape == (1, 2)
    assert values.tolist()[0] == pytest.approx([0, 100], abs=1e-3)


VIDEO, SAMPLES = torch.rand(3, 4, 5, 6), torch.rand(2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("samples", "real"),
    [
        (SAMPLES[:1], VIDEO),
        (SAMPLES[0], VIDEO),
        (SAMPLES[:, :1], VIDEO),
        (SAMPLES, VIDEO[:1]),
        (SAMPLES, VIDEO[:, 0]),
        (SAMPLES, Clip(VIDEO[:, 0])),
    ],
)
def test_other_shapes_are_refused(samples, real):
    with pytest.raises(InputError, match=r"samples are \(.*'b 3 t h w' with b >= 2"):
        diversity(samples, real)


def test_a_flat_clip_is_refused():
    with pytest.raises(InputError, match="one flat intensity"):
        diversity(SAMPLES, torch.zeros(3, 4, 5, 6))
