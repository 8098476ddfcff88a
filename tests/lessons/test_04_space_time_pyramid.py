"""Lesson 4: its checks tell right from wrong, its figures say what is true, its views follow their controls."""

import math
from pathlib import Path

import matplotlib
import pytest
import torch
import torch.nn.functional as F
from common import answers, noise_clip
from einops import rearrange

import hpvae_nb
from hpvae_nb import InputError, preset
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l04_space_time_pyramid import checks as check
from hpvae_nb.lessons.l04_space_time_pyramid import figures
from hpvae_nb.lessons.l04_space_time_pyramid.views import kept_frames_view, what_is_missing_view

matplotlib.use("Agg")
FOLDER = Path(hpvae_nb.__file__).parent.parent / "notebooks"
NAMES = ("slice_length", "rate_of", "stretch")


@pytest.mark.parametrize("name", NAMES)
def test_stub_and_solution(name, capsys):
    getattr(check, name)(answers("04_space_time_pyramid")["stub", name])
    assert capsys.readouterr().out == f"Not yet: {name} still returns nothing\n"
    getattr(check, name)(answers("04_space_time_pyramid")["solution", name])
    assert capsys.readouterr().out.startswith("Right: ")


def halves(video, frames, **options):
    return F.interpolate(video[None], (frames, *video.shape[2:]), **options)[0]


def weights_swapped(video, frames):
    t = video.shape[1]
    place = torch.linspace(0, t - 1, frames)
    left = place.floor().long().clamp(max=t - 2)
    weight = rearrange(place - left, "t -> t 1 1")
    return weight * video[:, left] + (1 - weight) * video[:, left + 1]


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("slice_length", lambda rates: math.lcm(*rates), "which rate 4 misses: one more"),
        ("slice_length", lambda rates: math.prod(rates) + 1, "the product is no least multiple"),
        ("slice_length", lambda rates: max(rates) + 1, "suit rate 4 alone"),
        ("slice_length", lambda rates: 100, "the shortest slice has 13 frames"),
        ("slice_length", lambda rates: rates[9], "stopped with IndexError"),
        ("rate_of", lambda n, scales, rates: rates[n * len(rates) // scales], "4 equal parts"),
        ("rate_of", lambda n, scales, rates: rates[round(n * (len(rates) - 1) / (scales - 1))], "rounded down"),
        ("rate_of", lambda n, scales, rates: rates[::-1][n * (len(rates) - 1) // (scales - 1)], "largest rate"),
        ("rate_of", lambda n, scales, rates: 1, "scale 0 got rate 1"),
        ("rate_of", lambda n, scales, rates: rates[min(n, len(rates) - 1)], "but should give [4, 4, 4, 3"),
        ("stretch", lambda v, n: halves(v, n, mode="trilinear", align_corners=False), "corners are not aligned"),
        ("stretch", lambda v, n: halves(v, n, mode="nearest"), "you repeat frames"),
        ("stretch", lambda v, n: v[:, torch.linspace(0, v.shape[1] - 1, n).round().long()], "you repeat frames"),
        ("stretch", weights_swapped, "weights are swapped"),
        ("stretch", lambda v, n: v, "only t may change"),
        ("stretch", lambda v, n: torch.zeros(v.shape[0], n, *v.shape[2:]), "differ from linear interpolation"),
    ],
)
def test_wrong_answers_are_told_why(name, wrong, said, capsys):
    getattr(check, name)(wrong)
    out = capsys.readouterr().out
    assert out.startswith("Not quite: ")
    assert said in out


def test_time_is_even_only_with_aligned_corners():
    torch.testing.assert_close(figures.shown_times(4, 13, aligned=True), torch.arange(13.0))
    loose = figures.shown_times(4, 13, aligned=False)
    assert loose[0] == loose[1] == 0
    torch.testing.assert_close(loose[-2:], torch.tensor([12.0, 12.0]))
    torch.testing.assert_close(loose.diff()[3:9], torch.full((6,), 16 / 13))


def test_kept_frames_marks_the_rates_that_lose_the_end():
    clip = noise_clip(frames=13)
    for frames, lost in ((12, 3), (13, 0)):
        figure = figures.kept_frames(clip, (4, 3, 2, 1), frames)
        assert [text.get_text() for text in figure.axes[0].texts] == ["lost"] * lost
        assert png(figure).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="13 frames, but the slice needs 14"):
        figures.kept_frames(clip, (1,), 14)


@pytest.mark.slow
def test_schedules_draw_what_is_planned():
    figure = figures.schedules({"paper": preset("paper"), "released": preset("released")}, 144 / 256)
    heights, frames, _ = (axis.lines[0].get_ydata() for axis in figure.axes)
    assert list(heights) == [32, 43, 57, 75, 100, 133, 177, 236, 256, 256]
    assert list(frames) == [4, 4, 4, 5, 5, 5, 7, 7, 7, 13]
    png(figure)


def test_kept_frames_view(capsys):
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
