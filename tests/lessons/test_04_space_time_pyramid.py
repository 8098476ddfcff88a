"""Lesson 4: its figures say what is true, its views follow their controls."""

import math

import pytest
import torch
import torch.nn.functional as F
from common import noise_clip, pixels
from einops import rearrange

from hpvae_nb import InputError, load_clip, preset, scale_shapes
from hpvae_nb.lessons.l04_space_time_pyramid import experiment, figures
from hpvae_nb.lessons.l04_space_time_pyramid.views import kept_frames_view, what_is_missing_view


def halves(video, frames, **options):
    return F.interpolate(video[None], (frames, *video.shape[2:]), **options)[0]


def weights_swapped(video, frames):
    t = video.shape[1]
    place = torch.linspace(0, t - 1, frames)
    left = place.floor().long().clamp(max=t - 2)
    weight = rearrange(place - left, "t -> t 1 1")
    return weight * video[:, left] + (1 - weight) * video[:, left + 1]


WRONG = {  # see test_exercises
    "slice_length": {
        "which rate 4 misses: one more": lambda rates: math.lcm(*rates),
        "the product is no least multiple": lambda rates: math.prod(rates) + 1,
        "suit rate 4 alone": lambda rates: max(rates) + 1,
        "the shortest slice has 13 frames": lambda rates: 100,
        "stopped with IndexError": lambda rates: rates[9],
    },
    "rate_of": {
        "4 equal parts": lambda n, scales, rates: rates[n * len(rates) // scales],
        "rounded down": lambda n, scales, rates: rates[round(n * (len(rates) - 1) / (scales - 1))],
        "largest rate": lambda n, scales, rates: rates[::-1][n * (len(rates) - 1) // (scales - 1)],
        "scale 0 got rate 1": lambda n, scales, rates: 1,
        "but should give [4, 4, 4, 3": lambda n, scales, rates: rates[min(n, len(rates) - 1)],
    },
    "stretch": {
        "corners are not aligned": lambda v, n: halves(v, n, mode="trilinear", align_corners=False),
        "you repeat frames": lambda v, n: halves(v, n, mode="nearest"),
        "mix the frame before": lambda v, n: v[:, torch.linspace(0, v.shape[1] - 1, n).round().long()],
        "weights are swapped": weights_swapped,
        "only t may change": lambda v, n: v,
        "differ from linear interpolation": lambda v, n: torch.zeros(v.shape[0], n, *v.shape[2:]),
    },
}


def test_time_is_even_only_with_aligned_corners():
    torch.testing.assert_close(experiment.shown_times(4, 13, aligned=True), torch.arange(13.0))
    loose = experiment.shown_times(4, 13, aligned=False)
    assert loose[0] == loose[1] == 0
    torch.testing.assert_close(loose[-2:], torch.tensor([12.0, 12.0]))
    torch.testing.assert_close(loose.diff()[3:9], torch.full((6,), 16 / 13))


def test_kept_frames_marks_the_rates_that_lose_the_end():
    clip = noise_clip(frames=13)
    for frames, lost in ((12, 3), (13, 0)):
        figure = figures.kept_frames(clip, (4, 3, 2, 1), frames)
        (axis,) = figure.axes
        assert [text.get_text() for text in axis.texts] == ["lost"] * lost
        assert axis.get_yticklabels()[0].get_text() == f"every 4: T = {3 + (frames == 13)}"
        last = [box.get_x() + 0.5 for box in axis.patches]
        assert last == [rate * ((frames - 1) // rate) for rate in (4, 3, 2, 1)]
        picture = pixels(axis)  # every kept frame at its moment, white between
        drawn = [(picture[0, frame * figures.THUMBNAIL[1]] < 255).any() for frame in range(6)]
        assert drawn == [frame % 4 == 0 for frame in range(6)]
    with pytest.raises(InputError, match="13 frames, but the slice needs 14"):
        figures.kept_frames(clip, (1,), 14)


@pytest.mark.slow
def test_schedules_draw_what_is_planned():
    figure = figures.schedules({"paper": preset("paper"), "released": preset("released")}, 144 / 256)
    heights, frames, _ = (axis.lines[0].get_ydata() for axis in figure.axes)
    assert list(heights) == [32, 43, 57, 75, 100, 133, 177, 236, 256, 256]
    assert list(frames) == [4, 4, 4, 5, 5, 5, 7, 7, 7, 13]


def test_what_is_missing_is_the_difference(tiny):
    clip = noise_clip()
    below, real, missing = (pixels(axis) for axis in figures.what_is_missing(tiny, clip, 2, 6).axes)
    assert missing == pytest.approx(127.5 + (real.astype(float) - below), abs=1.1)
    frames = [pixels(axis).shape for axis in figures.patch_reach(tiny, clip, 3, (0, 2)).axes]
    assert frames == [(*shape[1:], 3) for shape in (scale_shapes(tiny, clip)[n] for n in (0, 2))]


def test_alignment_draws_the_moments_shown():
    moments, speed = figures.alignment(4, 13).axes
    assert list(moments.lines[0].get_ydata()) == pytest.approx(list(range(13)))
    assert list(speed.lines[0].get_ydata()) == pytest.approx([1] * 12)
    assert max(speed.lines[1].get_ydata()) == pytest.approx(16 / 13)


def test_kept_frames_view():
    rates, frames, picture, words = kept_frames_view(noise_clip(frames=14)).children
    before = picture.value
    frames.value = 13
    assert picture.value != before
    assert words.value == (
        "Frame 12, the last, is kept by every rate. The shortest slice for these rates has 13 frames."
    )
    rates.value = (5, 2, 1)
    assert "lost by every 5." in words.value


def test_a_view_says_what_went_wrong():
    short = noise_clip(frames=6)
    _, frames, picture, words = kept_frames_view(short).children
    frames.max, before = 9, picture.value
    frames.value = 9
    assert "6 frames, but the slice needs 9" in words.value
    assert picture.value == before


def test_what_is_missing_view(tiny):
    clip = noise_clip()
    scale, moment, aligned, picture, words = what_is_missing_view(tiny, clip).children
    seen = {picture.value}
    for control, value in ((scale, 3), (moment, 1), (aligned, False)):
        control.value = value
        seen.add(picture.value)
    assert len(seen) == 4
    assert "corners not aligned" in words.value


EXAMPLES = {  # see test_widgets
    "kept_frames_view": ("1 table of frames", lambda model: kept_frames_view(load_clip("pedestrians"))),
    "what_is_missing_view": (
        "3 frames",
        lambda model: what_is_missing_view(
            preset("paper", scales=7, fine_size=144), load_clip("pedestrians", frames=13)
        ),
    ),
}
