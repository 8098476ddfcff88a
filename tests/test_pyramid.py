"""Schedules, sizes and training samples: against the paper, the released code, and over random configurations."""

import math
import warnings
from itertools import pairwise

import pytest
import torch
from common import noise_clip
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hpvae_nb import Clip, InputError, preset, scale_shapes
from hpvae_nb.core.resampling import resize, shapes_for_latent, shapes_for_output, upsample
from hpvae_nb.recipe.pyramid import coarsest, planned_shapes, real_samples, sampling_rate, side_length

WIDTHS = [33, 41, 51, 65, 81, 102, 129, 162, 204, 256]
HEIGHTS = [18, 23, 28, 36, 45, 57, 72, 91, 114, 144]
quick = settings(max_examples=60, deadline=None)
RATES = st.lists(st.integers(2, 6), unique=True, max_size=3).map(lambda rates: (*sorted(rates, reverse=True), 1))


@st.composite
def configurations(draw):
    coarse = draw(st.integers(4, 24))
    return preset(
        "paper",
        dims=3,
        scales=draw(st.integers(1, 12)),
        vae_levels=1,
        coarse_size=coarse,
        fine_size=draw(st.integers(coarse, 64)),
        sized_side=draw(st.sampled_from(["height", "width"])),
        step=draw(st.one_of(st.none(), st.floats(1.05, 3))),
        rounding=draw(st.sampled_from(["nearest", "released"])),
        sampling_rates=draw(RATES),
        antialias=draw(st.booleans()),
    )


ASPECTS = st.floats(0.4, 2.5)


@quick
@given(configurations(), ASPECTS)
def test_time_keeps_both_ends_and_every_axis_grows(config, aspect):
    shapes = planned_shapes(config, aspect)
    assert len(shapes) == config.scales
    for n, (frames, _, _) in enumerate(shapes):
        assert frames == math.lcm(*config.sampling_rates) // sampling_rate(config, n) + 1
    for below, above in pairwise(shapes):
        assert all(a <= b for a, b in zip(below, above, strict=True))
    assert shapes[-1][0] == config.frames  # the finest scale keeps every frame
    rates = [sampling_rate(config, n) for n in range(config.scales)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == config.sampling_rates[0] or config.scales == 1


@quick
@given(configurations(), ASPECTS)
def test_the_ends_have_the_configured_size(config, aspect):
    shapes = planned_shapes(config, aspect)
    side = 1 if config.sized_side == "height" else 2
    if config.step is None:
        assert shapes[-1][side] == config.fine_size
    else:
        expected = min(config.coarse_size * config.step ** (config.scales - 1), config.fine_size)
        assert shapes[-1][side] - expected == pytest.approx(0, abs=1)
        assert shapes[-1][side] <= config.fine_size
    if config.step is not None:
        assert shapes[0][side] == config.coarse_size
    elif config.scales > 1:
        assert config.coarse_size <= shapes[0][side] <= config.coarse_size + 1
    for shape in shapes:
        other = shape[side] / aspect if config.sized_side == "height" else shape[side] * aspect
        assert abs(shape[3 - side] - other) <= 1


@settings(max_examples=25, deadline=None)
@given(configurations(), st.integers(8, 40), st.integers(8, 40), st.integers(0, 3))
def test_first_and_last_frame_keep_their_place_at_every_scale(config, height, width, more):
    assume((height if config.sized_side == "height" else width) >= config.coarse_size)
    clip = noise_clip(config.frames + more, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shapes = scale_shapes(config, clip)
        except InputError:
            assume(False)
    for n, shape in enumerate(shapes):
        samples = real_samples(config, clip, n, shape)[:1]
        assert tuple(samples.shape) == (1, 3, *shape)
        for place, frame in ((0, 0), (-1, math.lcm(*config.sampling_rates))):
            alone = resize(clip.video[None, :, frame], shape[-2:], antialias=config.antialias)
            torch.testing.assert_close(samples[:, :, place], alone, rtol=0, atol=1e-6)
        if n == 0:
            torch.testing.assert_close(coarsest(config, clip.video[None, :, : config.frames], shape), samples)


@quick
@given(st.integers(2, 9), st.integers(1, 30), st.integers(0, 10))
def test_upsampling_in_time_keeps_the_end_frames(frames, more, seed):
    video = torch.randn(2, 3, frames, 5, 6, generator=torch.Generator().manual_seed(seed))
    up = upsample(video, (frames + more, 5, 6))
    assert torch.equal(up[:, :, 0], video[:, :, 0])
    torch.testing.assert_close(up[:, :, -1], video[:, :, -1], rtol=0, atol=1e-5)  # its place is rounded: 23 * (7 / 23)
    assert upsample(video, (frames, 5, 6)) is video


def test_upsampling_keeps_corner_pixels_and_a_straight_line():
    ramp = torch.linspace(-1, 1, 4).reshape(1, 1, 4, 1, 1).expand(1, 1, 4, 3, 3).contiguous()
    up = upsample(ramp, (13, 7, 9))
    torch.testing.assert_close(up[0, 0, :, 3, 4], torch.linspace(-1, 1, 13))
    picture = torch.rand(1, 3, 3, 4)
    big = upsample(picture, (9, 16))
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        torch.testing.assert_close(big[..., row, column], picture[..., row, column])


def test_the_papers_schedule():
    config = preset("paper")
    heights = [side_length(config, n) for n in range(10)]
    assert heights == [32, 43, 57, 75, 100, 133, 177, 236, 256, 256]  # 32 * 1.33 ** n, at most 256
    shapes = planned_shapes(config, 144 / 256)
    assert [frames for frames, _, _ in shapes] == [4, 4, 4, 5, 5, 5, 7, 7, 7, 13]  # 12 / omega + 1
    assert shapes[0] == (4, 32, 57)
    assert shapes[-1] == (13, 256, 455)


def test_the_released_codes_sizes():
    """Widths ceil(256 * (1/8)^((9-n)/9)) rounded up in floating point (33 for 32), heights int(width * aspect)."""
    shapes = planned_shapes(preset("released"), 144 / 256)
    assert [shape[2] for shape in shapes] == WIDTHS
    assert [shape[1] for shape in shapes] == HEIGHTS
    assert [shape[0] for shape in shapes] == [4, 4, 4, 5, 5, 5, 7, 7, 7, 13]


@pytest.mark.parametrize("scales", range(2, 41))
def test_rates_are_indexed_as_the_released_code_does(scales):
    rates = (4, 3, 2, 1)
    config = preset("released", scales=scales, vae_levels=1, sampling_rates=rates)
    for n in range(scales):  # its calc_init_scale: int((n / stop_scale) * (len(rates) - 1))
        assert sampling_rate(config, n) == rates[int((n / (scales - 1)) * (len(rates) - 1))], n


def test_an_image_has_no_time():
    config = preset("smoke", dims=2)
    clip = Clip(noise_clip(height=32, width=48).video[:, 0])
    shapes = scale_shapes(config, clip)
    assert all(len(shape) == 2 for shape in shapes)
    assert tuple(real_samples(config, clip, 3, shapes[3]).shape) == (1, 3, *shapes[3])


TRAINED = planned_shapes(preset("laptop"), 9 / 16)


def test_the_trained_size_is_its_own_plan():
    assert shapes_for_output(TRAINED, TRAINED[-1]) == TRAINED
    assert shapes_for_output(TRAINED, TRAINED[-1][1:]) == TRAINED  # (H, W) alone keeps the time
    assert shapes_for_latent(TRAINED, TRAINED[0]) == TRAINED


@quick
@given(st.integers(9, 80), st.integers(8, 100), st.integers(8, 200), st.integers(0, 5), st.integers(0, 5))
def test_other_sizes_end_where_asked_and_grow_with_the_request(frames, height, width, taller, longer):
    shapes = shapes_for_output(TRAINED, (frames, height, width))
    assert shapes[-1] == (frames, height, width)
    assert len(shapes) == len(TRAINED)
    for below, above in pairwise(shapes):
        assert all(a <= b for a, b in zip(below, above, strict=True))
    larger = shapes_for_output(TRAINED, (frames + longer, height + taller, width))
    assert all(a <= b for small, big in zip(shapes, larger, strict=True) for a, b in zip(small, big, strict=True))


@quick
@given(st.integers(2, 20), st.integers(2, 30), st.integers(2, 50))
def test_latent_and_output_sizes_are_inverse(frames, height, width):
    shapes = shapes_for_latent(TRAINED, (frames, height, width))
    assert shapes[0] == (frames, height, width)
    assert shapes_for_output(TRAINED, shapes[-1])[0] == (frames, height, width)


def test_twice_the_time_is_twice_the_intervals():
    assert [shape[0] for shape in shapes_for_output(TRAINED, (25, 36, 64))] == [
        2 * (shape[0] - 1) + 1 for shape in TRAINED
    ]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((1, 36, 64), "too small"),
        ((13, 1, 64), "too small"),
        ((13, 0, 64), "too small"),
        ((13, -36, 64), "too small"),
        ((13, 36.5, 64), "whole numbers"),
        ((64,), "must be (T, H, W) or (H, W)"),
        ((1, 13, 36, 64), "must be (T, H, W)"),
    ],
)
def test_impossible_sizes_are_refused(size, said):
    with pytest.raises(InputError) as caught:
        shapes_for_output(TRAINED, size)
    assert said in str(caught.value)
    assert str(size) in str(caught.value) or "..." in said


@pytest.mark.parametrize(("every", "starts"), [(False, [0, 13, 26, 39]), (True, list(range(48)))])
def test_a_long_clip_is_cut_into_samples(every, starts):
    clip = noise_clip(frames=60, height=16, width=16)
    config = preset("smoke", coarse_size=8, fine_size=16, every_window=every)
    shapes = scale_shapes(config, clip)
    finest = real_samples(config, clip, 3, shapes[3])
    coarse = real_samples(config, clip, 0, shapes[0])
    assert len(finest) == len(coarse) == len(starts)
    for sample, small, start in zip(finest, coarse, starts, strict=True):
        assert torch.equal(sample, clip.video[:, start : start + 13])  # here the finest scale is the clip itself
        torch.testing.assert_close(small, coarsest(config, sample[None], shapes[0])[0], rtol=0, atol=1e-6)


def test_clips_that_cannot_work_are_refused_with_the_way_out():
    config = preset("smoke")
    with pytest.raises(InputError, match=r"has 12 frames.*need 13: load more frames"):
        scale_shapes(config, noise_clip(frames=12, height=32, width=32))
    with pytest.raises(InputError, match=r"is 11x20 px.*needs a width of 12"):
        scale_shapes(config, noise_clip(height=20, width=11))
    with pytest.raises(InputError, match=r"is an image.*for a video: use preset\('laptop-image'\), or set dims=2"):
        scale_shapes(config, Clip(noise_clip(height=32, width=32).video[:, 0]))
    with pytest.raises(InputError, match=r"is a video.*for an image.*dims=3"):
        scale_shapes(config.replace(dims=2), noise_clip(height=32, width=32))
    with pytest.raises(InputError, match=r"12x1 at the coarsest scale.*2 px: crop it"):
        scale_shapes(config, noise_clip(height=4, width=40))


def test_an_enlargement_is_said_and_a_reduction_is_not():
    with pytest.warns(UserWarning, match=r"width of 20 px and is enlarged to 32 px.*fine_size=20"):
        scale_shapes(preset("smoke"), noise_clip(height=20, width=20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scale_shapes(preset("smoke"), noise_clip(height=20, width=32))


def test_the_coarsest_scale_wants_both_ends():
    config = preset("smoke")
    with pytest.raises(InputError, match=r"has 12 frames.*multiple of 4 plus 1, such as 13"):
        coarsest(config, noise_clip(frames=12).video[None], (4, 6, 10))
    with pytest.raises(InputError, match="has 1 frames"):
        coarsest(config, torch.zeros(1, 3, 1, 12, 20), (4, 6, 10))
    assert coarsest(config, noise_clip(frames=25).video[None], (4, 6, 10)).shape[2] == 7


@pytest.mark.parametrize(("height", "width"), [(40, 64), (64, 40), (50, 50)])
def test_the_longer_side_is_sized_whichever_it_is(height, width):
    config = preset("smoke", dims=2, sized_side="longer", coarse_size=16, fine_size=32)
    shapes = scale_shapes(config, Clip(torch.zeros(3, height, width)))
    assert [max(shape) for shape in shapes][:: len(shapes) - 1] == [16, 32]
    assert shapes[-1] == (round(32 * height / max(height, width)), round(32 * width / max(height, width)))


def test_a_picture_below_the_coarsest_scale_is_refused_in_words_of_its_longer_side():
    with pytest.raises(InputError, match="coarsest scale needs a longer side of 16"):
        scale_shapes(preset("laptop-image"), Clip(torch.zeros(3, 9, 15)))
