"""Lesson 1: patches are cut, put back and found again, and its figures show what it says."""

import numpy as np
import pytest
import torch
from common import pixels
from einops import rearrange

from hpvae_nb import load_clip
from hpvae_nb.core.patches import shuffled
from hpvae_nb.lab.render import png
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l01_patches import experiment, figures
from hpvae_nb.lessons.l01_patches.views import find_picture, find_view, shuffle_picture, shuffle_view


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


WRONG = {  # see test_exercises
    "put_back": {
        "interleaved": interleaved,
        "order (t w h)": columns_first,
        "reshape only cuts": reshaped,
        "was wanted": lambda tiles, t, h, w: tiles,
    },
    "count": {
        "stick out": lambda t, h, w, size: t * h * w,
        "off by one": lambda t, h, w, size: (t - size) * (h - size) * (w - size),
        "may overlap": lambda t, h, w, size: (t // size) * (h // size) * (w // size),
    },
    "distance_map": {
        "average": lambda v, p: squares(v, p).sum((3, 4, 5, 6)),
        "root": lambda v, p: squares(v, p).mean((3, 4, 5, 6)).sqrt(),
        "absolute values": lambda v, p: squares(v, p).sqrt().mean((3, 4, 5, 6)),
        "for each channel": lambda v, p: squares(v, p).mean((4, 5, 6)),
        "your code stopped with RuntimeError": lambda v, p: v - p,
    },
}


def test_a_planted_copy_is_found():
    video = torch.rand(3, 3, 30, 40) * 0.1
    patch = torch.rand(3, 5, 5) * 2 - 1
    for frame, row, column in [(0, 3, 4), (0, 20, 30), (2, 8, 9)]:
        video[:, frame, row : row + 5, column : column + 5] = patch
    found = experiment.find(video, (0, 3, 4), 5)
    assert found["in this frame"].site == (0, 20, 30)
    assert found["in another frame"].site == (2, 8, 9)
    assert found["in another frame"].difference < 0.1
    assert torch.equal(found["in this frame"].patch, patch)


def test_recurrence_orders_its_sources():
    street, other = (load_clip(name, size=64).video for name in ("pedestrians", "bunny"))
    found = experiment.recurrence(street, other, 5, count=40)
    assert all(len(values) == 40 and bool((values.diff() >= 0).all()) for values in found.values())
    middle = {name: values.median() for name, values in found.items()}
    assert middle["in another frame"] < middle["in this frame"]
    assert middle["in this frame"] < min(middle["in another clip"], middle["in shuffled pixels"])
    lines = figures.recurrence_figure(found).axes[0].lines
    assert [line.get_label() for line in lines] == list(found)
    assert all(list(line.get_xdata()) == found[line.get_label()].tolist() for line in lines)
    assert all(line.get_ydata()[-1] == 100 for line in lines)


@pytest.mark.parametrize(("centre", "site"), [((0, 0, 0), (0, 0, 0)), ((12, 35, 63), (12, 21, 49))])
def test_find_picture_reaches_every_corner(centre, site):
    video = load_clip("pedestrians", size=64).video
    picture, sentence = find_picture(video, *centre, size=15)
    assert png(picture) == png(figures.find_figure(video, site, 15))
    assert sentence.count("%") == 3


def test_a_patch_is_shown_beside_what_is_like_it():
    video = load_clip("pedestrians", size=64).video
    found = experiment.find(video, (3, 4, 5), 7)
    figure = figures.find_figure(video, (3, 4, 5), 7, found)
    axes = {axis.get_label(): axis for axis in figure.axes}
    shown = [pixels(axes[str(number)]) for number in range(4)]
    wanted = [video[:, 3, 4:11, 5:12], *(match.patch for match in found.values())]
    assert all(np.array_equal(ours, to_uint8(patch)) for ours, patch in zip(shown, wanted, strict=True))
    (column, row), _ = (axes["frame"].patches[k].get_xy() for k in (1, 3))
    assert (row, column) == (3.5, 4.5)
    assert pixels(axes["map"]).min() == 0, "the patch itself"


def test_tiles_are_drawn_apart_and_shuffled():
    video = load_clip("balloons", frames=12, size=64).video
    apart, mixed = (pixels(axis) for axis in figures.tiles_figure(video, 4).axes)
    assert apart.shape == (9 * 6, 16 * 6, 3)
    assert (apart[0] == 255).all()
    assert np.array_equal(apart[1:5, 1:5], to_uint8(video[:, 0, :4, :4]))
    assert np.array_equal(mixed, to_uint8(shuffled(video, 4)[:, 0]))


def test_the_same_box_covers_less_of_a_larger_clip(clip):
    figure = figures.scales_figure([clip.video, clip.video[..., ::2, ::2]], 5)
    assert [axis.get_title() for axis in figure.axes] == ["20 x 12 px", "10 x 6 px"]
    assert [axis.patches[1].get_xy() for axis in figure.axes] == [(6.5, 2.5), (1.5, -0.5)]


def test_views_follow_their_controls():
    video = load_clip("pedestrians", size=64).video
    size, picture, text = shuffle_view(video).children
    assert picture.value == png(shuffle_picture(video, 4)[0], quick=True)
    size.value = 9
    assert picture.value == png(shuffle_picture(video, 9)[0], quick=True)
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


EXAMPLES = {  # see test_widgets
    "shuffle_view": ("2 frames", lambda model: shuffle_view(load_clip("balloons", frames=12, size=64).video)),
    "find_view": (
        "search of a clip, 6 pictures",
        lambda model: find_view(load_clip("pedestrians", frames=13, size=128).video),
    ),
}
