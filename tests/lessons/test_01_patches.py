"""Lesson 1: its checks tell right answers from typical wrong ones, and its figures show what it says."""

import re

import pytest
import torch
from common import answers
from einops import rearrange, reduce, repeat

from hpvae_nb import load_clip
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l01_patches import checks as check
from hpvae_nb.lessons.l01_patches import figures
from hpvae_nb.lessons.l01_patches.views import find_picture, find_view, shuffle_picture, shuffle_view

EXERCISES = ["put_back", "count", "distance_map"]


def said(name, answer, capsys):
    getattr(check, name)(answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", EXERCISES)
def test_solutions_are_right_and_stubs_are_not_yet(name, capsys):
    assert said(name, answers("01_patches")["solution", name], capsys).startswith("Right: ")
    assert said(name, answers("01_patches")["stub", name], capsys).startswith("Not yet: ")


def interleaved(tiles, t, h, w):
    return rearrange(tiles, "(t h w) c a b d -> c (a t) (b h) (d w)", t=t, h=h, w=w)


def columns_first(tiles, t, h, w):
    return rearrange(tiles, "(t w h) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w)


def reshaped(tiles, t, h, w):
    _, c, a, b, d = tiles.shape
    return tiles.reshape(c, t * a, h * b, w * d)


def squares(video, patch):
    a, b, d = patch.shape[1:]
    windows = video.unfold(1, a, 1).unfold(2, b, 1).unfold(3, d, 1)
    return (rearrange(windows, "c t h w a b d -> t h w c a b d") - patch) ** 2


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("put_back", interleaved, "interleaved"),
        ("put_back", columns_first, r"order \(t w h\)"),
        ("put_back", reshaped, "reshape only cuts"),
        ("put_back", lambda tiles, t, h, w: tiles, "expected shape"),
        ("count", lambda t, h, w, size: t * h * w, "stick out"),
        ("count", lambda t, h, w, size: (t - size) * (h - size) * (w - size), "off by one"),
        ("count", lambda t, h, w, size: (t // size) * (h // size) * (w // size), "may overlap"),
        ("distance_map", lambda v, p: squares(v, p).sum((3, 4, 5, 6)), "average"),
        ("distance_map", lambda v, p: squares(v, p).mean((3, 4, 5, 6)).sqrt(), "root"),
        ("distance_map", lambda v, p: squares(v, p).sqrt().mean((3, 4, 5, 6)), "absolute values"),
        ("distance_map", lambda v, p: squares(v, p).mean((4, 5, 6)), "for each channel"),
        ("distance_map", lambda v, p: v - p, "your code stopped with RuntimeError"),
    ],
)
def test_typical_mistakes_are_named(name, answer, mistake, capsys):
    message = said(name, answer, capsys)
    assert message.startswith("Not quite: ")
    assert re.search(mistake, message)


def test_cutting_is_undone():
    video = torch.randn(3, 4, 6, 8)
    assert torch.equal(figures.put_back(figures.cut(video, 2), 2, 3, 4), video)


def test_shuffling_moves_every_pixel_and_loses_none():
    video = torch.randn(3, 5, 7, 9)
    mixed = figures.shuffled(video, 2)
    assert mixed.shape == (3, 4, 6, 8)
    assert torch.equal(mixed[0].flatten().sort().values, video[0, :4, :6, :8].flatten().sort().values)
    with pytest.raises(InputError, match="does not fit"):
        figures.shuffled(video, 6)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_distances_are_those_of_the_definition(size):
    video = torch.randn(3, 4, 7, 9)
    windows = video.unfold(2, size, 1).unfold(3, size, 1)
    patches = torch.stack([video[:, 1, 2 : 2 + size, 3 : 3 + size], torch.randn(3, size, size)])
    off = windows - repeat(patches, "k c b d -> k c 1 1 1 b d")
    torch.testing.assert_close(
        figures.distance_maps(video, patches), reduce(off**2, "k c t h w b d -> k t h w", "mean"), atol=1e-5, rtol=1e-5
    )


def test_a_planted_copy_is_found():
    video = torch.rand(3, 3, 30, 40) * 0.1
    patch = torch.rand(3, 5, 5) * 2 - 1
    for frame, row, column in [(0, 3, 4), (0, 20, 30), (2, 8, 9)]:
        video[:, frame, row : row + 5, column : column + 5] = patch
    found = figures.find(video, (0, 3, 4), 5)
    assert found["in this frame"].site == (0, 20, 30)
    assert found["in another frame"].site == (2, 8, 9)
    assert found["in another frame"].difference < 0.1
    assert torch.equal(found["in this frame"].patch, patch)


def test_recurrence_orders_its_sources():
    street, other = (load_clip(name, size=64).video for name in ("pedestrians", "bunny"))
    found = figures.recurrence(street, other, 5, count=40)
    assert all(len(values) == 40 and bool((values.diff() >= 0).all()) for values in found.values())
    middle = {name: values.median() for name, values in found.items()}
    assert middle["in another frame"] < middle["in this frame"]
    assert middle["in this frame"] < min(middle["in another clip"], middle["in shuffled pixels"])
    assert png(figures.recurrence_figure(found))


@pytest.mark.parametrize("corner", [(0, 0, 0), (12, 35, 63)])
def test_find_picture_reaches_every_corner(corner):
    video = load_clip("pedestrians", size=64).video
    picture, sentence = find_picture(video, *corner, size=15)
    assert picture.startswith(b"\x89PNG")
    assert sentence.count("%") == 3


def test_views_follow_their_controls():
    video = load_clip("pedestrians", size=64).video
    size, picture, text = shuffle_view(video).children
    assert picture.value == shuffle_picture(video, 4)[0]
    size.value = 9
    assert picture.value == shuffle_picture(video, 9)[0]
    assert "28 cubes of side 9" in text.value
    _, row, _, _, picture, _ = find_view(video).children
    before = picture.value
    row.value = 5
    assert picture.value != before


def test_a_view_says_what_went_wrong():
    view = find_view(load_clip("pedestrians", size=64).video)
    *_, size, picture, text = view.children
    before = picture.value
    size.max, size.value = 101, 101
    assert "No picture for these values" in text.value
    assert picture.value == before
