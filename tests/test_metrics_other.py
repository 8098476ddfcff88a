"""Sliced Wasserstein against scipy; survival of what is rare; temporal consistency and reconstruction by hand."""

import json

import pytest
import torch
from common import noise_clip
from scipy.stats import wasserstein_distance

from hpvae_nb import Clip, InputError, load_clip
from hpvae_nb.core.resampling import resize
from hpvae_nb.io.clips import data_dir
from hpvae_nb.metrics import (
    diversity,
    nearest_field,
    novelty,
    reconstruction_error,
    sifid,
    sliced_wasserstein,
    survival,
    svfid,
    temporal_consistency,
)
from hpvae_nb.metrics.consistency import matching_error
from hpvae_nb.metrics.sliced import laplacian, wasserstein
from hpvae_nb.metrics.survival import distinctness


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sizes", [(50, 50), (50, 200)])
def test_distances_in_one_dimension_are_those_of_scipy(sizes):
    a, b = (normal(3, size, seed=i).sort(1).values * (i + 1) + i for i, size in enumerate(sizes))
    expected = [wasserstein_distance(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert wasserstein(a, b).tolist() == pytest.approx(expected, rel=1e-5)


def test_sets_of_sizes_that_do_not_divide_are_nearly_right():
    a, b = normal(1, 150).sort(1).values, 2 * normal(1, 231, seed=1).sort(1).values
    assert wasserstein(a, b).item() == pytest.approx(wasserstein_distance(a[0].tolist(), b[0].tolist()), rel=0.02)


def test_bands_add_up_to_the_clip():
    clip = noise_clip(height=30, width=42).video[None]
    fine, middle, coarse = laplacian(clip)
    restored = resize(resize(coarse, middle.shape[-2:]) + middle, fine.shape[-2:]) + fine
    torch.testing.assert_close(restored, clip)
    assert [band.shape[-1] for band in (fine, middle, coarse)] == [42, 21, 11]


def test_a_brighter_clip_is_as_far_as_its_brightness():
    # Only the coarsest band moves, by the same for all patches: along a direction d by |sum(d)| * shift / spread.
    clip = 0.5 * noise_clip(height=32, width=40).video
    score = sliced_wasserstein((clip + 0.1)[None], clip)
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(3 * 3 * 49, 64, generator=generator), dim=0)
    spread = laplacian(clip[None])[2].std(dim=(0, 2, 3, 4))
    per_channel = directions.reshape(3, -1, 64).sum(1) / spread[:, None]
    assert score.value == pytest.approx((0.1 * per_channel.sum(0)).abs().mean().item() / 3, rel=1e-3)
    assert str(score).endswith("(patches of 3x7x7)")


def test_sliced_distance_grows_from_the_clip_to_noise():
    clip = noise_clip(height=32, width=40).video
    noise = normal(*clip.shape)
    scores = [sliced_wasserstein((clip + strength * noise)[None], clip) for strength in (0.0, 0.1, 0.5)]
    assert scores[0].value == 0
    assert scores == sorted(scores)
    with pytest.raises(InputError, match="sides of at least 28 px"):
        sliced_wasserstein(clip[None, ..., :20], clip)


@pytest.fixture(scope="module")
def balloons():
    return resize(load_clip("balloons").video[None], (36, 64), antialias=True)[0]


def balloon_sites(frame, height=36):
    """Rows and columns of the balloons' centres in a frame, at this height."""
    scale = height / 144
    known = json.loads((data_dir() / "balloons.json").read_text())["balloons"]
    return [(round(y * scale), round(x * scale)) for x, y in (balloon["centres"][frame] for balloon in known)]


def test_what_is_most_distinct_in_the_balloon_clip_are_the_balloons(balloons):
    frame = balloons[:, :1]
    rows = frame.unfold(2, 7, 1).unfold(3, 7, 1)[:, 0].permute(1, 2, 0, 3, 4).flatten(2)
    peak = distinctness(rows.flatten(0, 1)).reshape(rows.shape[:2])
    best = peak.flatten().topk(10).indices
    for row, column in zip((best // peak.shape[1]).tolist(), (best % peak.shape[1]).tolist(), strict=True):
        nearest = min(max(abs(row + 3 - y), abs(column + 3 - x)) for y, x in balloon_sites(0))
        assert nearest <= 6


@pytest.mark.slow
def test_diversity_is_high_although_the_content_is_gone(balloons):
    empty = balloons.median(dim=1, keepdim=True).values.median(dim=3, keepdim=True).values.expand_as(balloons)
    levels = torch.linspace(-0.5, 0.5, 6)
    vanished = torch.stack([(empty + level).clamp(-1, 1) for level in levels])
    moved = torch.stack([balloons.roll(3 * i, dims=-1) for i in range(1, 7)])
    assert diversity(vanished, balloons) > diversity(moved, balloons)
    assert survival(vanished, balloons) < 0.05
    assert survival(moved, balloons) > 0.9


@pytest.mark.slow
def test_one_balloon_of_several_survives_by_its_share(balloons):
    kept = balloons.median(dim=3, keepdim=True).values.expand_as(balloons).clone()
    assert survival(kept[None], balloons) < 0.05
    kept[..., :32] = balloons[..., :32]
    assert 0.1 < survival(kept[None], balloons) < 0.9
    assert survival(torch.stack([balloons, kept]), balloons) == pytest.approx(
        (1 + survival(kept[None], balloons)) / 2, abs=1e-6
    )


@pytest.mark.parametrize(
    ("clip", "words"), [(torch.zeros(3, 3, 12, 12), "nothing in it is rare"), (torch.rand(3, 3, 5, 9), "do not fit")]
)
def test_survival_needs_something_rare(clip, words):
    with pytest.raises(InputError, match=words):
        survival(clip[None], clip)


def test_motion_within_reach_is_predicted_and_a_jump_is_not():
    picture = noise_clip(frames=4, height=40, width=60).video[:, 0]
    steady = torch.stack([picture.roll(2 * t, dims=-1) for t in range(5)], dim=1)[..., 10:50]
    jumping = torch.stack([picture.roll(17 * t, dims=-1) for t in range(5)], dim=1)[..., 10:50]
    still = steady[:, :1].expand_as(steady)
    assert matching_error(still) == 0
    assert matching_error(steady) < 0.02 * matching_error(jumping)
    assert temporal_consistency(jumping[None], steady) == pytest.approx(
        matching_error(jumping) / matching_error(steady)
    )


def test_the_error_without_motion_is_the_mean_squared_change():
    # A flat clip that brightens: no shift helps, so what is left is the square of the step.
    levels = torch.tensor([0.0, 0.1, 0.4])
    clip = levels.reshape(1, 3, 1, 1).expand(3, 3, 20, 20)
    assert matching_error(clip) == pytest.approx((0.1**2 + 0.3**2) / 2)
    assert temporal_consistency(torch.stack([clip, clip * 2]), clip) == pytest.approx((1 + 4) / 2)


def test_flicker_is_inconsistent(balloons):
    flicker = balloons + 0.1 * normal(1, balloons.shape[1], 1, 1)
    assert temporal_consistency(flicker.clamp(-1, 1)[None], balloons) > 1.5
    with pytest.raises(InputError, match="stands still"):
        temporal_consistency(balloons[None], balloons[:, :1].expand_as(balloons))
    with pytest.raises(InputError, match="two frames"):
        temporal_consistency(balloons[None, :, :1], balloons)


def test_an_image_follows_from_no_frame_before():
    image = noise_clip(height=30, width=42).video[:, 0]
    with pytest.raises(InputError, match="two frames.*: use a video"):
        temporal_consistency(image[None], image)


def test_an_image_is_measured_as_a_video_of_one_frame():
    clip = noise_clip(height=32, width=40).video
    image, other = clip[:, 0], clip[:, 6]
    score = sliced_wasserstein(other[None], image)
    assert str(score).endswith("(patches of 1x7x7)")
    assert score == sliced_wasserstein(other[None, :, None], image[:, None])
    assert survival(other[None], image) == survival(other[None, :, None], image[:, None])
    assert diversity(clip.transpose(0, 1), image) == pytest.approx(
        diversity(clip.transpose(0, 1)[:, :, None], image[:, None])
    )
    assert reconstruction_error(other, image) == pytest.approx((other - image).square().mean().item())


OF_PATCHES = [svfid, sifid, sliced_wasserstein, survival, novelty, lambda *pair: nearest_field(*pair)[1]]


@pytest.mark.parametrize("measure", OF_PATCHES)
def test_a_photo_is_compared_at_the_samples_size(measure):
    """A `Clip` is as large as its file; what a model was trained on is a reduced copy of it."""
    photo = Clip(noise_clip(height=64, width=80).video[:, 0])
    reduced = resize(photo.video, (32, 40), antialias=True)
    samples = noise_clip(frames=2, height=32, width=40, seed=1).video.transpose(0, 1)
    assert measure(samples, photo) == measure(samples, reduced)
    assert measure(reduced[None], photo) != measure(samples, photo)


def test_reconstruction_error_is_the_mean_square():
    real = torch.zeros(3, 2, 2, 2)
    made = real.clone()
    made[0, 0, 0, 0] = 1
    assert reconstruction_error(made, real) == pytest.approx(1 / 24)
    with pytest.raises(InputError, match="must agree"):
        reconstruction_error(made[:, :1], real)
