"""Lesson 8: its figures show what they say, its views answer."""

import io
import math

import numpy as np
import pytest
import torch
from common import pixels
from PIL import Image

import hpvae_nb as hp
from hpvae_nb.core.steering import Box
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lessons.l08_sampling_and_interpolation import checks as check
from hpvae_nb.lessons.l08_sampling_and_interpolation import figures
from hpvae_nb.lessons.l08_sampling_and_interpolation import views as widgets


def turned(a, b, t, angle):
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def cosine(a, b):
    return (a * b).sum() / (a.norm() * b.norm())


def paste(z, fresh, *box):
    z[(..., *(slice(*ends) for ends in box))] = fresh[(..., *(slice(*ends) for ends in box))]
    return z


def paste_first(z, fresh, *box):
    first = tuple(slice(*ends) for ends in box)
    z[first] = fresh[first]
    return z


def by_axis(a, b, t, dim):
    cosines = (a * b).sum(dim, keepdim=True) / (a.norm(dim=dim, keepdim=True) * b.norm(dim=dim, keepdim=True))
    return turned(a, b, t, cosines.arccos())


WRONG = {  # see test_exercises
    "slerp": {
        "straight line": lambda a, b, t: (1 - t) * a + t * b,
        "changed places": lambda a, b, t: hp.slerp(b, a, t),
        "sin(angle) is missing": lambda a, b, t: turned(a, b, t, cosine(a, b).arccos()) * cosine(a, b).arccos().sin(),
        "scaled to length 1": lambda a, b, t: hp.slerp(a, b, t) / hp.slerp(a, b, t).norm(),
        "take arccos": lambda a, b, t: turned(a, b, t, cosine(a, b)),
        "each site is turned by an angle of its own": lambda a, b, t: by_axis(a, b, t, 1),
        "each row is turned by an angle of its own": lambda a, b, t: by_axis(a, b, t, -1),
        "it hurries in the middle": lambda a, b, t: (
            a.norm() * torch.nn.functional.normalize(a.lerp(b, t).flatten(), dim=0).reshape(a.shape)
        ),
        "measure it": lambda a, b, t: turned(a, b, t, torch.tensor(math.pi / 2)),
        "was wanted": lambda a, b, t: hp.slerp(a, b, t).flatten(),
        "a tensor was wanted": lambda a, b, t: 1.0,
        "term by term": lambda a, b, t: a + b,
        "stopped with RuntimeError": lambda a, b, t: a @ torch.ones(99),
    },
    "blend": {
        "add up to 1": lambda a, b, w: (1 - w) * a + w * b,
        "changed places": lambda a, b, w: w.sqrt() * a + (1 - w).sqrt() * b,
        "cos and sin": lambda a, b, w: (w * math.pi / 2).cos() * a + (w * math.pi / 2).sin() * b,
        "b's share of it is w²": lambda a, b, w: ((1 - w) * a + w * b) / ((1 - w) ** 2 + w**2).sqrt(),
        "squared": lambda a, b, w: (1 - w) ** 2 * a + w**2 * b,
        "hard border": lambda a, b, w: torch.where(w < 0.5, a, b),
        "was wanted": lambda a, b, w: a[0],
    },
    "resample": {
        "inside and outside": lambda z, f, *box: paste(f.clone(), z, *box),
        "at all times": lambda z, f, t, *box: paste(z.clone(), f, (0, 99), *box),
        "one site too long": lambda z, f, *box: paste(z.clone(), f, *((first, end + 1) for first, end in box)),
        "nothing has changed": lambda z, f, *box: z,
        "begin with ...": lambda z, f, *box: paste_first(z.clone(), f, *box),
        "everything is new": lambda z, f, *box: f,
        "written over": paste,
    },
}


def test_a_dot_product_is_no_cosine(capsys):
    check.slerp(lambda a, b, t: turned(a, b, t, (a * b).sum().clamp(-1, 1).arccos()))
    assert capsys.readouterr().out.startswith("Not quite: ")


def test_outline_lasts_as_long_as_the_box():
    clip = torch.zeros(3, 4, 6, 8)
    drawn = figures.outlined(clip, Box((1, 3), (1, 4), (2, 6)), width=32)
    assert drawn.shape == (3, 4, 24, 32)
    assert [bool((drawn[:, frame] != 0).any()) for frame in range(4)] == [False, True, True, False]
    assert drawn[:, 1, 4, 8].tolist() == pytest.approx([0xD5 / 127.5 - 1, 0x5E / 127.5 - 1, -1])
    assert not drawn[:, 1, :4].any()
    assert not clip.any()


def test_the_straight_line_is_too_short_and_so_is_a_plain_blend(trained):
    a, b = (trained.latent(1, seed=seed) for seed in (1, 2))
    sphere, line = (curve.get_ydata() for curve in figures.path_lengths(a, b).axes[0].lines[:2])
    assert min(sphere) > 0.95
    assert min(line) == pytest.approx(math.sqrt(0.5), abs=0.05)
    plain, other = figures.border_spread({"plain": (a + b) / 2, "a": a}).axes[0].lines
    assert [curve.get_label() for curve in (plain, other)] == ["plain", "a"]
    assert list(other.get_ydata()) == pytest.approx([a[..., column].std().item() for column in range(a.shape[-1])])
    assert max(plain.get_ydata()) < 0.9


def test_changes_are_drawn_below_box_and_field():
    change = torch.rand(3, 6, 8) * (torch.arange(8) < 5)
    box, field = Box((0, 1), (0, 3), (0, 3)), Box((0, 3), (0, 6), (0, 5))
    *maps, bar = figures.change_maps({"one": change, "two": change}, box, field).axes
    assert [axis.get_title(loc="left") for axis in maps] == ["one", "two"]
    shown = pixels(maps[0])
    assert shown[:, :5] == pytest.approx(change.amax(dim=0)[:, :5].numpy())
    assert np.isnan(shown[:, 5:]).all(), "no change has no place on a logarithmic scale"
    sizes = {(drawn.get_width(), drawn.get_height(), drawn.get_linestyle()) for drawn in maps[0].patches}
    assert sizes == {(5, 6, "--"), (3, 3, "-")}
    assert bar.get_ylabel() == "largest change over time"


VIEWS = {
    "steer": (lambda model, clip: widgets.steer_view(model, clip), 0, 7),
    "loop": (lambda model, clip: widgets.loop_view(model), 2, 1.0),
    "border": (lambda model, clip: widgets.border_view(model), 2, 0),
    "box": (lambda model, clip: widgets.box_view(model), 4, (4, 7)),
    "size": (lambda model, clip: widgets.size_view(model), 1, 25),
}


@pytest.mark.parametrize("name", VIEWS)
def test_moving_a_control_changes_the_picture(name, trained, pedestrians):
    make, control, value = VIEWS[name]
    *controls, picture, text = make(trained, pedestrians).children
    before, words = picture.value, text.value
    assert words
    assert "alert" not in words
    assert all(control.description for control in controls)
    controls[control].value = value
    assert picture.value != before
    assert "alert" not in text.value


def test_noise_and_start_reach_the_model(trained, pedestrians):
    *controls, picture, text = widgets.steer_view(trained, pedestrians).children
    seed, noise_seed, start, noise, last = controls
    noise.value = last.value = 0
    quiet = picture.value
    noise_seed.value = 3
    assert picture.value == quiet, "without noise its seed does nothing"
    start.value = trained.scales - 1
    assert text.value.startswith(f"The real clip stands for scale {trained.scales - 2};")
    real = show.real_at_last_scale(trained, pedestrians)
    wanted = trained.refine(real[None], trained.scales - 2, seed=3, noise=0)[0]
    assert picture.value == show.animation(wanted, trained.fps, width=widgets.WIDTH)
    seed.value = 50
    assert picture.value == show.animation(wanted, trained.fps, width=widgets.WIDTH), "z is not drawn"


def test_a_border_at_the_edge_leaves_one_clip(trained):
    left, _, at, softness, picture, _ = widgets.border_view(trained).children
    softness.value, at.value = 0, at.max
    only = trained.decode(trained.latent(1, seed=left.value), seed=0)[0]
    assert picture.value == show.animation(only, trained.fps, width=widgets.WIDTH)


def test_sliders_without_effect_are_greyed_and_say_why(trained, pedestrians):
    view = widgets.steer_view(trained, pedestrians)
    *controls, _, text = view.children
    assert not any(control.disabled for control in controls)
    with moved(view, start=trained.scales - 1):
        greyed = {name for name, control in view.controls.items() if control.disabled}
        assert greyed == {"seed", *(f"noise_{n}" for n in range(trained.config.vae_levels, trained.scales - 1))}
        assert "has no effect: z is thrown at scale 0, which is not drawn." in text.value
        view.controls[f"noise_{trained.scales - 1}"].value = 0
        assert view.controls["noise_seed"].disabled
    assert not any(control.disabled for control in controls)
    border = widgets.border_view(trained)
    for place, name in ((border.controls["at"].max, "right"), (0, "left")):
        with moved(border, at=place, softness=0):
            assert [name for name, control in border.controls.items() if control.disabled] == [name]


def test_an_empty_box_becomes_a_sentence(trained):
    *_, columns, picture, text = widgets.box_view(trained).children
    before = picture.value
    columns.value = (3, 3)
    assert "the box has no columns: its ends are 3 and 3, so pull them apart" in text.value
    assert picture.value == before
    columns.value = (0, 3)
    assert "outside by" in text.value


def test_the_size_is_the_size_asked_for(trained):
    height, width = trained.shapes[-1][1:]
    picture, words = widgets.size_picture(trained, seed=0, frames=25, width=2 * width)
    image, scale = Image.open(io.BytesIO(picture)), widgets.WIDTH // width
    assert (image.n_frames, *image.size) == (25, 3 * width * scale, height * scale)
    columns = np.asarray(image.convert("RGB")).min(axis=(0, 2))
    assert (columns[2 * width * scale :] == 255).all(), "white beside it, so that people stay as large"
    assert columns[2 * width * scale - 1] < 255
    assert words.startswith(f"25 frames, {2 * width} px wide")


EXAMPLES = {  # see test_widgets
    "steer_view": ("1 clip", lambda model: widgets.steer_view(model, hp.load_clip("pedestrians", frames=13))),
    "border_view": ("1 clip", lambda model: widgets.border_view(model)),
    "box_view": ("1 clip, and 1 more for a new seed", lambda model: widgets.box_view(model)),
    "loop_view": ("8 clips for new seeds, two scales below the finest", lambda model: widgets.loop_view(model)),
    "size_view": ("1 clip of 1 to 12 times the size", lambda model: widgets.size_view(model)),
}
