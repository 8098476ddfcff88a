"""Lesson 2: its checks tell right answers from typical wrong ones, and its figures show what it says."""

import math
import re

import pytest
import torch
from common import answers

from hpvae_nb import empirical_receptive_field, preset, receptive_field, scale_shapes
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l02_receptive_field import checks as check
from hpvae_nb.lessons.l02_receptive_field import figures as fields
from hpvae_nb.lessons.l02_receptive_field.views import field_picture, field_view, latent_picture, latent_view
from hpvae_nb.recipe.build import make_encoder, make_generator

EXERCISES = ["field", "extent", "depth_for"]


def said(name, answer, capsys):
    getattr(check, name)(answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", EXERCISES)
def test_solutions_are_right(name, capsys):
    for _ in range(5):  # the checks draw at random
        assert said(name, answers("02_receptive_field")["solution", name], capsys).startswith("Right: ")


@pytest.mark.parametrize("name", EXERCISES)
def test_stubs_are_not_yet(name, capsys):
    assert said(name, answers("02_receptive_field")["stub", name], capsys).startswith("Not yet: ")


def chain(start=1, lose=1, stride="later", dilate=True):
    """A solution of exercise 1 with mistakes to order."""

    def answer(kernels, strides, dilations):
        r, jump = start, 1
        for k, s, d in zip(kernels, strides, dilations, strict=True):
            jump = {"own": jump * s, "alone": s, "none": 1, "later": jump}[stride]
            r += (k - lose) * (d if dilate else 1) * jump
            jump = jump * s if stride == "later" else jump
        return r

    return answer


def reach(gradient, plus=1):
    sites = torch.nonzero(gradient)
    return (sites.max(dim=0).values - sites.min(dim=0).values + plus).tolist()


def counted(gradient):
    return [int((gradient > 0).any(dim=tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("field", lambda kernels, strides, dilations: sum(kernels), "adds k - 1"),
        ("field", chain(start=0), "start from r = 1"),
        ("field", chain(stride="own"), "own stride"),
        ("field", chain(stride="alone"), "own stride"),
        ("field", chain(stride="none"), "must multiply"),
        ("field", chain(dilate=False), "dilation d spreads"),
        ("field", lambda kernels, strides, dilations: 7, "r is"),
        ("extent", lambda gradient: reach(gradient, plus=0), "off by one"),
        ("extent", counted, "leaves holes"),
        ("extent", lambda gradient: reach(gradient)[::-1], "wrong order"),
        ("extent", lambda gradient: 3, "one number for each"),
        ("depth_for", lambda size, kernel: (size - 1) // (kernel - 1), "rounded down"),
        ("depth_for", lambda size, kernel: (size - 1) / (kernel - 1), "round up"),
        ("depth_for", lambda size, kernel: math.ceil(size / kernel), "solve 1"),
        ("depth_for", lambda size, kernel: size / 0, "stopped with ZeroDivisionError"),
    ],
)
def test_typical_mistakes_are_named(name, answer, mistake, capsys):
    message = said(name, answer, capsys)
    assert message.startswith("Not quite: ")
    assert re.search(mistake, message)


@pytest.mark.parametrize(("depth", "kernel", "dilation"), [(1, 3, 1), (5, 3, 1), (3, 5, 2), (4, 1, 1)])
@pytest.mark.parametrize("dims", [2, 3])
def test_stacks_see_what_the_formula_says(depth, kernel, dilation, dims):
    net = fields.stack(depth, kernel, dilation, dims=dims, channels=4)
    r = 1 + depth * (kernel - 1) * dilation
    assert receptive_field(net) == empirical_receptive_field(net, (1, *[r + 4] * dims)) == (r,) * dims


def test_an_even_kernel_is_refused():
    with pytest.raises(InputError, match="must be odd"):
        fields.stack(2, 4)


def test_stacks_leave_the_callers_random_numbers_alone():
    torch.manual_seed(1)
    first = torch.rand(1)
    torch.manual_seed(1)
    fields.stack(3)
    assert torch.equal(torch.rand(1), first)


def test_windows_of_a_flat_map_hold_their_area():
    flat = torch.ones(9, 9)
    assert fields.share_within(flat, 3) == pytest.approx(1 / 9)
    assert fields.share_within(flat, 99) == 1
    assert fields.side_holding(flat, 0.5) == 7
    point = torch.zeros(9, 9)
    point[4, 4] = 1
    assert fields.side_holding(point, 1.0) == 1


def test_the_effective_field_falls_behind_with_depth():
    shallow, deep = (fields.side_holding(fields.average_map(d, side=45, repeats=3)) / (1 + 2 * d) for d in (2, 16))
    assert deep < shallow <= 1


def test_border_share_counts_sites_by_brute_force():
    shape, r = (6, 8), (3, 5)
    inside = sum(1 <= h < 5 and 2 <= w < 6 for h in range(6) for w in range(8))
    assert fields.border_share(shape, r) == pytest.approx(1 - inside / 48)
    assert fields.border_share((4,), (11,)) == 1


def test_a_patch_is_shaped_by_all_latents_in_reach():
    generator = make_generator(preset("smoke", channels=4, latent=4), 0)
    (r, *_) = receptive_field(generator)
    shaping = fields.patch_map(generator, (4, 15, 15, 15), (7, 7, 7), (5, 5, 5))
    assert reach(shaping) == [r + 5 - 1] * 3
    assert any(isinstance(module, torch.nn.GroupNorm) for module in generator.modules())  # only the copy lost its norms


def networks():
    config = preset("smoke", channels=4, latent=4)
    return make_encoder(config), make_generator(config, 0)


@pytest.mark.parametrize("site", [(0, 0, 0), (6, 9, 16), (12, 17, 31)])
def test_latent_picture_reaches_every_corner(site):
    picture, sentence = latent_picture(torch.rand(3, 13, 18, 32), *networks(), *site)
    assert picture.startswith(b"\x89PNG")
    assert f"frame {site[0]}" in sentence


@pytest.mark.slow
def test_views_follow_their_controls(clip):
    copies = [clip.video[:, :4, :6, :10], clip.video]
    kernel, depth, scale, picture, text = field_view(copies).children
    assert picture.value == field_picture(copies, 3, 5, 1)[0]
    scale.value, depth.value, kernel.value = 0, 2, 5
    assert picture.value == field_picture(copies, 5, 2, 0)[0]
    assert "r = 9" in text.value
    assert "100 % of its pixels" in text.value
    *_, column, picture, _ = latent_view(clip.video, *networks()).children
    before = picture.value
    column.value = 1
    assert picture.value != before


def test_a_view_says_what_went_wrong(clip):
    *_, scale, picture, text = field_view([clip.video]).children
    scale.max, scale.value = 5, 5
    assert "No picture for these values" in text.value
    assert picture.value


def test_the_other_figures_are_drawn(clip, tiny):
    average = fields.average_map(2, side=17, repeats=2)
    assert png(fields.maps_figure([average], ["two layers"], 9))
    assert png(fields.effective_figure(average, 5))
    assert png(fields.depth_figure([1, 2], [3, 5]))
    assert png(fields.choice_figure(scale_shapes(tiny, clip), {"thing": 0.2}, 11))
