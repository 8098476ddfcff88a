"""Scores that know their extractor; Fréchet distance against closed forms and scipy; SVFID on hand-made clips."""

import numpy as np
import pytest
import torch
from common import noise_clip
from scipy.linalg import sqrtm

from hpvae_nb import InputError
from hpvae_nb.core.resampling import resize
from hpvae_nb.metrics import (
    PatchFeatures,
    Score,
    frechet_distance,
    make_extractor,
    mean_score,
    sifid,
    svfid,
    svfid_each,
)
from hpvae_nb.metrics.features import k_means, triangle_activation
from hpvae_nb.metrics.frechet import Gaussian, distance


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(mean, covariance, count):
    """`count` rows with exactly this mean and covariance."""
    rows = normal(count, len(mean), seed=1)
    rows = rows - rows.mean(0)
    rows = rows @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T).reshape(covariance.shape))).T
    return rows @ torch.linalg.cholesky(covariance).T + mean


def test_one_dimension_has_a_closed_form():
    a, b = (exact(torch.full((1,), m).double(), torch.full((1, 1), s**2).double(), 50) for m, s in ((1, 2), (4, 0.5)))
    assert frechet_distance(a, b) == pytest.approx((4 - 1) ** 2 + (2 - 0.5) ** 2)


def test_covariances_that_commute_have_a_closed_form():
    axes = torch.linalg.qr(normal(5, 5)).Q
    spreads = torch.tensor([[3.0, 2, 1, 0.5, 0.1], [1.0, 2, 0.2, 4, 0.1]], dtype=torch.float64)
    a, b = (exact(torch.zeros(5, dtype=torch.float64), axes @ torch.diag(s**2) @ axes.T, 40) for s in spreads)
    assert frechet_distance(a, b) == pytest.approx((spreads[0] - spreads[1]).square().sum().item())


def test_general_covariances_agree_with_the_matrix_root_of_scipy():
    a, b = normal(300, 6) @ normal(6, 6, seed=2) + 1, normal(200, 6, seed=3) @ normal(6, 6, seed=4)
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(cov_a @ cov_b).real
    expected = (a.mean(0) - b.mean(0)).square().sum().item() + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(float(expected))


def test_fewer_rows_than_dimensions_are_handled():
    # Embedding few dimensions in many must change nothing, though both covariances become singular.
    a, b = normal(12, 4), 2 * normal(9, 4, seed=1) + 1
    wide = torch.linalg.qr(normal(60, 60)).Q[:4]
    assert frechet_distance(a @ wide, b @ wide) == pytest.approx(frechet_distance(a, b), rel=1e-9)
    assert frechet_distance(a @ wide, a @ wide) == pytest.approx(0, abs=1e-9)


def test_the_distance_of_equal_normals_is_zero_and_never_negative():
    root = normal(8, 8)
    same = Gaussian(torch.zeros(8, dtype=torch.float64), root)
    turned = Gaussian(same.mean, torch.linalg.qr(normal(8, 8, seed=5)).Q @ root)  # another root of one covariance
    assert 0 <= distance(same, turned) < 1e-9


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (normal(5, 3), normal(5, 4), "both need one width"),
        (normal(1, 3), normal(5, 3), "n >= 2"),
        (normal(5, 3), torch.full((5, 3), torch.nan), "NaN or infinite"),
    ],
)
def test_features_without_a_distance_are_refused(a, b, words):
    with pytest.raises(InputError, match=words):
        frechet_distance(a, b)


def test_a_score_is_never_printed_without_its_extractor():
    score = Score(0.12345, "SVFID", "c3d 1a2b3c4d")
    assert str(score) == "SVFID 0.1235 (c3d 1a2b3c4d)"
    assert f"{score:.1f}" == "SVFID 0.1 (c3d 1a2b3c4d)"
    assert repr(score).count("c3d 1a2b3c4d") == 1


def test_scores_of_one_kind_compare_subtract_divide_and_average():
    low, high = Score(1.0, "SVFID", "patches"), Score(3.0, "SVFID", "patches")
    assert low < high
    assert high >= low
    assert max(low, high) == high
    assert high - low == Score(2.0, "SVFID", "patches")
    assert high / low == 3
    assert mean_score([low, high]) == Score(2.0, "SVFID", "patches")


OPERATIONS = [
    lambda a, b: a < b,
    lambda a, b: a >= b,
    lambda a, b: a - b,
    lambda a, b: a / b,
    lambda a, b: mean_score([a, b]),
    lambda a, b: min(a, b),
]


@pytest.mark.parametrize("operate", OPERATIONS)
@pytest.mark.parametrize("other", [Score(1.0, "SVFID", "c3d"), Score(1.0, "SIFID", "patches"), 1.0])
def test_scores_of_other_kinds_do_nothing_together(operate, other):
    with pytest.raises(InputError, match=r"cannot be compared|is no Score"):
        operate(Score(1.0, "SVFID", "patches"), other)


def test_no_scores_have_no_mean():
    with pytest.raises(InputError, match="no scores"):
        mean_score([])


@pytest.fixture(scope="module")
def real(pedestrians):
    return resize(pedestrians.video, (24, 43), antialias=True)


def test_svfid_is_the_mean_of_distances_of_the_extractors_features(real):
    samples = torch.stack([real.flip(-1), real.flip(1)])
    patches = PatchFeatures(real)
    by_hand = [
        sum(frechet_distance(a, b) for a, b in zip(patches(sample), patches(real), strict=True)) / 2
        for sample in samples
    ]
    assert [score.value for score in svfid_each(samples, real)] == pytest.approx(by_hand)
    assert svfid(samples, real).value == pytest.approx(sum(by_hand) / 2)
    assert svfid(samples, real).extractor == "patches"


def test_svfid_ranks_the_clip_before_later_frames_before_noise(real, pedestrians):
    later = resize(pedestrians.video, (24, 43), antialias=True).roll(1, dims=-1)
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    itself, moved, random = (svfid(clip[None], real) for clip in (real, later, noise))
    assert itself.value == pytest.approx(0, abs=1e-6)
    assert itself < moved < random


def phases_scrambled(clip, seed=0):
    """Another clip with the same mean and autocovariance: the spectrum's phases are those of noise."""
    mean = clip.mean((1, 2, 3), keepdim=True)
    noise = torch.fft.fftn(normal(1, *clip.shape[1:], seed=seed).float(), dim=(1, 2, 3))
    spectrum = torch.fft.fftn(clip - mean, dim=(1, 2, 3))
    return torch.fft.ifftn(spectrum * noise / noise.abs(), dim=(1, 2, 3)).real + mean


def test_the_typical_patches_see_what_means_and_covariances_of_pixels_cannot():
    # On a torus, so that the autocovariance is exactly that of the original.
    frames, height, width = torch.meshgrid(torch.arange(8), torch.arange(32), torch.arange(32), indexing="ij")
    balls = ((height % 16 - 8) ** 2 + ((width + frames) % 16 - 8) ** 2 < 12).float() * 1.2 - 0.6
    clip = balls.expand(3, -1, -1, -1)
    scrambled = phases_scrambled(clip)

    def pixels(video):
        wrapped = torch.nn.functional.pad(video, (0, 4, 0, 4, 0, 2), mode="circular")
        return wrapped.unfold(1, 3, 1).unfold(2, 5, 1).unfold(3, 5, 1).flatten(4).movedim(0, 3).flatten(0, 2).flatten(1)

    plain = frechet_distance(pixels(scrambled), pixels(clip)) / pixels(clip).var(0).sum().item()
    assert plain < 1e-4
    blurred = resize(resize(clip[None], (20, 20), antialias=True), (32, 32))[0]
    assert svfid(scrambled[None], clip) > svfid(blurred[None], clip)


def test_each_centre_settles_in_the_middle_of_what_is_nearest_to_it():
    rows = normal(200, 3).float()
    centres = k_means(rows, 5, torch.Generator().manual_seed(0), iterations=100)
    own = torch.cdist(rows, centres).argmin(1)
    torch.testing.assert_close(centres, torch.stack([rows[own == k].mean(0) for k in range(5)]))


def test_the_triangle_is_zero_for_centres_beyond_the_mean_distance():
    rows, centres = torch.zeros(1, 2), torch.tensor([[1.0, 0], [2, 0], [6, 0]])  # mean distance 3
    assert triangle_activation(rows, centres).tolist() == [[2, 1, 0]]


def test_an_image_is_scored_as_a_video_of_one_frame():
    clip = noise_clip(height=24, width=40).video
    image, other = clip[:, 0], clip[:, 6]
    score = sifid(other[None], image)
    assert score.metric == "SIFID"
    assert score.value == svfid(other[None, :, None], image[:, None]).value > 0
    with pytest.raises(InputError, match="use svfid"):
        sifid(clip[None], clip)


def test_samples_of_another_size_are_compared_at_their_own_scale(pedestrians, real):
    assert svfid(real[None], pedestrians).value == pytest.approx(0, abs=1e-6)
    wide = torch.cat([real, real.flip(-1)], dim=-1)
    assert svfid(wide[None], real) < svfid(real.flip(1)[None], real)


VIDEO = noise_clip(height=24, width=40).video


@pytest.mark.parametrize(
    ("samples", "clip", "words"),
    [
        (VIDEO, VIDEO, r"sample\[None\]"),
        (VIDEO[None, :1], VIDEO, "are wanted"),
        (VIDEO[None], VIDEO[:, 0], "are wanted"),
        (VIDEO[None][:0], VIDEO, "at least one sample"),
        (torch.full_like(VIDEO, torch.nan)[None], VIDEO, "samples holds values that are NaN"),
        (VIDEO[None, ..., :8, :8], VIDEO, "use larger samples"),
    ],
)
def test_other_input_is_refused(samples, clip, words):
    with pytest.raises(InputError, match=words):
        svfid(samples, clip)


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("vgg", None, "no extractor 'vgg'"),
        ("c3d", None, "needs its published weights"),
        ("patches", "a.pt", "no weights"),
    ],
)
def test_extractors_by_name_say_what_they_need(name, weights, words):
    with pytest.raises(InputError, match=words):
        make_extractor(name, VIDEO, weights)
