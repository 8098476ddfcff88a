"""Lesson 8: its checks tell right from wrong answers, its boxes and borders do what they say, its views answer."""

import io
import math

import pytest
import torch
from common import every_mistake, mistake_is_named, noise_clip, solution_and_stub_are_judged
from PIL import Image

import hpvae_nb as hp
from hpvae_nb.core.resampling import shapes_for_latent
from hpvae_nb.errors import InputError
from hpvae_nb.lab import show
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l08_sampling_and_interpolation import checks as check
from hpvae_nb.lessons.l08_sampling_and_interpolation import figures
from hpvae_nb.lessons.l08_sampling_and_interpolation import views as widgets
from hpvae_nb.lessons.l08_sampling_and_interpolation.figures import Box

LESSON = "08_sampling_and_interpolation"


def turned(a, b, t, angle):
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def cosine(a, b):
    return (a * b).sum() / (a.norm() * b.norm())


def paste(z, fresh, *box):
    z[(..., *(slice(*ends) for ends in box))] = fresh[(..., *(slice(*ends) for ends in box))]
    return z


WRONG = {
    "slerp": {
        "straight line": lambda a, b, t: (1 - t) * a + t * b,
        "changed places": lambda a, b, t: hp.slerp(b, a, t),
        "sin(angle) is missing": lambda a, b, t: turned(a, b, t, cosine(a, b).arccos()) * cosine(a, b).arccos().sin(),
        "scaled to length 1": lambda a, b, t: hp.slerp(a, b, t) / hp.slerp(a, b, t).norm(),
        "take arccos": lambda a, b, t: turned(a, b, t, cosine(a, b)),
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
        "squared": lambda a, b, w: (1 - w) ** 2 * a + w**2 * b,
        "hard border": lambda a, b, w: torch.where(w < 0.5, a, b),
        "was wanted": lambda a, b, w: a[0],
    },
    "resample": {
        "inside and outside": lambda z, f, *box: paste(f.clone(), z, *box),
        "at all times": lambda z, f, t, *box: paste(z.clone(), f, (0, 99), *box),
        "one site too long": lambda z, f, *box: paste(z.clone(), f, *((first, end + 1) for first, end in box)),
        "nothing has changed": lambda z, f, *box: z,
        "everything is new": lambda z, f, *box: f,
        "written over": paste,
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_right_answers_and_untouched_stubs(name, capsys):
    solution_and_stub_are_judged(check, LESSON, name, capsys)


@every_mistake(WRONG)
def test_mistakes_are_named(name, words, capsys):
    mistake_is_named(check, WRONG, name, words, capsys)


def test_a_dot_product_is_no_cosine(capsys):
    check.slerp(lambda a, b, t: turned(a, b, t, (a * b).sum().clamp(-1, 1).arccos()))
    assert capsys.readouterr().out.startswith("Not quite: ")


def test_an_empty_box_is_refused():
    with pytest.raises(InputError, match="no rows: its ends are 3 and 3"):
        Box((0, 1), (3, 3), (0, 1))


def test_a_box_keeps_its_place_at_another_size():
    """A site of 3 covers a quarter, a half and a quarter of 5 pixels' way from first to last centre."""
    assert Box((0, 3), (0, 3), (0, 3)).scaled((3, 3, 3), (5, 9, 3)) == Box((0, 5), (0, 9), (0, 3))
    middle = Box((1, 2), (1, 2), (1, 2)).scaled((3, 3, 3), (9, 17, 3))
    assert middle == Box((2, 6), (4, 12), (1, 2))


def test_borders_and_blends():
    assert figures.border(4, 2, 0).tolist() == [0, 0, 1, 1]
    assert figures.border(4, 2, 4).tolist() == [0.125, 0.375, 0.625, 0.875]
    a, b = torch.randn(2, 1, 64, 4, 50, 24, generator=torch.Generator().manual_seed(0))
    spread = figures.blend(a, b, figures.border(24, 12, 12)).std(dim=(0, 1, 2, 3))
    torch.testing.assert_close(spread, torch.ones(24), atol=0.03, rtol=0)


@pytest.fixture(scope="module")
def wide(trained):
    """Two latent maps of a clip much wider than the field of a small model, and a box in the left one's corner."""
    a, b = (trained.latent(1, seed=seed, size=(13, 18, 150)) for seed in (1, 2))
    return a, figures.resample(a, b, Box((0, 2), (1, 4), (2, 5))), Box((0, 2), (1, 4), (2, 5))


def test_a_change_ends_at_its_field_when_statistics_are_held(trained, wide):
    a, new, box = wide
    field = figures.reach(trained, box, tuple(a.shape[2:]))
    with figures.held_statistics(trained, a, seed=0):
        change = figures.change(*(trained.decode(z, seed=0)[0] for z in (a, new)))
    outside = ~field.mask(tuple(change.shape))
    assert outside.any()
    assert change[outside].max() == 0
    edge = change[..., field.columns[1] - 3 : field.columns[1]]
    assert edge.max() > 0, "the bound is exact, not merely safe"


def test_held_statistics_are_those_of_the_map(trained, wide):
    a, new, _ = wide
    usual = trained.decode(new, seed=0)
    with figures.held_statistics(trained, a, seed=0):
        torch.testing.assert_close(trained.decode(a, seed=0), trained.decode(a, seed=0))
        held = trained.decode(a, seed=0)
    torch.testing.assert_close(held, trained.decode(a, seed=0), atol=1e-4, rtol=0)
    assert torch.equal(trained.decode(new, seed=0), usual), "and are let go afterwards"


def test_held_statistics_are_let_go_after_an_error(trained, wide):
    usual = trained.decode(wide[0], seed=0)
    with pytest.raises(InputError), figures.held_statistics(trained, wide[0][:, :1]):
        pass
    assert torch.equal(trained.decode(wide[0], seed=0), usual)


def test_reach_at_scale_0_is_the_box_and_half_the_field():
    """Without finer scales, only the first generator's own field remains."""
    one = hp.fit(
        noise_clip(height=20, width=32), hp.preset("smoke", scales=1, vae_levels=1, iterations=1), device="cpu"
    )
    half = hp.receptive_field(one.network.generators[0])[0] // 2
    latent = (4, 20, 30)
    assert shapes_for_latent(one.shapes, latent)[-1] == latent
    assert figures.reach(one, Box((0, 1), (9, 10), (8, 10)), latent) == Box(
        (0, min(4, 1 + half)), (9 - half, 10 + half), (8 - half, 10 + half)
    )


def test_outline_lasts_as_long_as_the_box():
    clip = torch.zeros(3, 4, 6, 8)
    drawn = figures.outlined(clip, Box((1, 3), (1, 4), (2, 6)), width=32)
    assert drawn.shape == (3, 4, 24, 32)
    assert [bool((drawn[:, frame] != 0).any()) for frame in range(4)] == [False, True, True, False]
    assert drawn[:, 1, 4, 8].tolist() == pytest.approx([0xD5 / 127.5 - 1, 0x5E / 127.5 - 1, -1])
    assert not drawn[:, 1, :4].any()
    assert not clip.any()


def test_a_loop_has_no_jump(trained):
    a, b = (trained.latent(1, seed=seed) for seed in (1, 2))
    way = figures.loop(trained, a, b, steps=5, moment=0)
    assert way.shape == (3, 8, *trained.shapes[-1][1:])
    assert torch.equal(way[:, 1], way[:, 7])
    torch.testing.assert_close(way[:, 0], trained.decode(a, noise=0)[0, :, 0])
    torch.testing.assert_close(way[:, 4], trained.decode(b, noise=0)[0, :, 0])


def test_figures(trained):
    a, b = (trained.latent(1, seed=seed) for seed in (1, 2))
    lengths = figures.path_lengths(a, b)
    sphere, line = (curve.get_ydata() for curve in lengths.axes[0].lines[:2])
    assert min(sphere) > 0.95
    assert min(line) == pytest.approx(math.sqrt(0.5), abs=0.05)
    change = torch.rand(3, 6, 8) * (torch.arange(8) < 5)
    maps = figures.change_maps({"one": change, "two": change}, Box((0, 1), (0, 3), (0, 3)), Box((0, 3), (0, 6), (0, 5)))
    assert [axis.get_title(loc="left") for axis in maps.axes[:2]] == ["one", "two"]
    for figure in (lengths, maps, figures.border_spread({"a": a, "b": b})):
        assert png(figure).startswith(b"\x89PNG")


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
    assert (image.n_frames, *image.size) == (25, 2 * width * scale, height * scale)
    assert words.startswith(f"25 frames, {2 * width} px wide")
