"""Lesson 2: fields are what the formula says, and its figures show what it says."""

import math

import pytest
import torch
from common import pixels

from hpvae_nb import empirical_receptive_field, load_clip, preset, receptive_field, scale_shapes
from hpvae_nb.core.receptive_field import gradient_map
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l02_receptive_field import experiment, figures
from hpvae_nb.lessons.l02_receptive_field.views import field_picture, field_view, latent_picture, latent_view
from hpvae_nb.recipe.build import make_encoder, make_generator
from hpvae_nb.recipe.pyramid import real_samples


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


WRONG = {  # see test_exercises
    "field": {
        "adds k - 1": lambda kernels, strides, dilations: sum(kernels),
        "start from r = 1": chain(start=0),
        "own stride does not widen": chain(stride="own"),
        "multiply it after adding": chain(stride="alone"),
        "must multiply": chain(stride="none"),
        "dilation d spreads": chain(dilate=False),
        "r is": lambda kernels, strides, dilations: 7,
    },
    "extent": {
        "off by one": lambda gradient: reach(gradient, plus=0),
        "leaves holes": counted,
        "wrong order": lambda gradient: reach(gradient)[::-1],
        "one number for each": lambda gradient: 3,
    },
    "depth_for": {
        "rounded down": lambda size, kernel: (size - 1) // (kernel - 1),
        "round up": lambda size, kernel: (size - 1) / (kernel - 1),
        "solve 1": lambda size, kernel: math.ceil(size / kernel),
        "stopped with ZeroDivisionError": lambda size, kernel: size / 0,
    },
}


@pytest.mark.parametrize(("depth", "kernel", "dilation"), [(1, 3, 1), (5, 3, 1), (3, 5, 2), (4, 1, 1)])
@pytest.mark.parametrize("dims", [2, 3])
def test_stacks_see_what_the_formula_says(depth, kernel, dilation, dims):
    net = experiment.stack(depth, kernel, dilation, dims=dims, channels=4)
    r = 1 + depth * (kernel - 1) * dilation
    assert receptive_field(net) == empirical_receptive_field(net, (1, *[r + 4] * dims)) == (r,) * dims


def test_an_even_kernel_is_refused():
    with pytest.raises(InputError, match="must be odd"):
        experiment.stack(2, 4)


def test_stacks_leave_the_callers_random_numbers_alone():
    torch.manual_seed(1)
    first = torch.rand(1)
    torch.manual_seed(1)
    experiment.stack(3)
    assert torch.equal(torch.rand(1), first)


def test_windows_of_a_flat_map_hold_their_area():
    flat = torch.ones(9, 9)
    assert experiment.share_within(flat, 3) == pytest.approx(1 / 9)
    assert experiment.share_within(flat, 99) == 1
    assert experiment.side_holding(flat, 0.5) == 7
    point = torch.zeros(9, 9)
    point[4, 4] = 1
    assert experiment.side_holding(point, 1.0) == 1


def test_the_effective_field_falls_behind_with_depth():
    shallow, deep = (
        experiment.side_holding(experiment.average_map(d, side=45, repeats=3)) / (1 + 2 * d) for d in (2, 16)
    )
    assert deep < shallow <= 1


def test_border_share_counts_sites_by_brute_force():
    shape, r = (6, 8), (3, 5)
    inside = sum(1 <= h < 5 and 2 <= w < 6 for h in range(6) for w in range(8))
    assert experiment.border_share(shape, r) == pytest.approx(1 - inside / 48)
    assert experiment.border_share((4,), (11,)) == 1


def test_a_patch_is_shaped_by_all_latents_in_reach():
    generator = make_generator(preset("smoke", channels=4, latent=4), 0)
    (r, *_) = receptive_field(generator)
    shaping = gradient_map(generator, (4, 15, 15, 15), patch=(5, 5, 5))
    assert reach(shaping) == [r + 5 - 1] * 3


def networks(name="smoke"):
    config = preset(name, channels=4, latent=4)
    return make_encoder(config), make_generator(config, 0)


@pytest.mark.parametrize("site", [(0, 0, 0), (6, 9, 16), (12, 17, 31)])
def test_latent_picture_reaches_every_corner(site):
    video, both = torch.rand(3, 13, 18, 32), networks()
    picture, sentence = latent_picture(video, *both, *site)
    figure = figures.latent_figure(video, *both, site)
    assert png(picture) == png(figure)
    assert f"frame {site[0]}" in sentence
    in_space, in_time = (figure.axes[k].patches[1] for k in (1, 4))  # the box around z_i, without its rim
    assert in_space.get_xy() == (site[2] - 0.5, site[1] - 0.5)
    assert in_time.get_xy() == (site[2] - 0.5, site[0] - 0.5)


@pytest.mark.slow
def test_views_follow_their_controls(clip):
    copies = [clip.video[:, :4, :6, :10], clip.video]
    kernel, depth, scale, picture, text = field_view(copies).children
    assert picture.value == png(field_picture(copies, 3, 5, 1)[0], quick=True)
    scale.value, depth.value, kernel.value = 0, 2, 5
    assert picture.value == png(field_picture(copies, 5, 2, 0)[0], quick=True)
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


def test_gradients_and_their_windows_are_drawn():
    average = experiment.average_map(2, side=17, repeats=2)
    (axis,) = figures.maps_figure([average], ["two layers"], 9).axes
    shown = pixels(axis)
    assert (axis.get_title(), shown.shape, shown.max()) == ("two layers", (9, 9), 1)
    assert ((shown > 0).sum(axis=0) == [0, 0, 5, 5, 5, 5, 5, 0, 0]).all()
    left, right = figures.effective_figure(average, 5).axes
    effective = experiment.side_holding(average)
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["theory: 5 x 5", f"90 %: {effective} x {effective}"]
    assert [box.get_width() for box in left.patches[1::2]] == [5, effective]
    assert right.lines[0].get_ydata()[-1] == pytest.approx(100)


def test_depth_and_choice_are_drawn(clip, tiny):
    theory, effective = figures.depth_figure([1, 2], [3, 4]).axes[0].lines
    assert (list(theory.get_ydata()), list(effective.get_ydata())) == ([3, 5], [3, 4])
    shapes = scale_shapes(tiny, clip)
    space, time = figures.choice_figure(shapes, {"thing": 0.2}, 11).axes
    assert [line.get_label() for line in space.lines] == ["thing", "the whole height", "r = 11"]
    assert list(space.lines[0].get_ydata()) == [0.2 * width for _, _, width in shapes]
    assert list(time.lines[0].get_ydata()) == [frames for frames, _, _ in shapes]


def copies():
    """A clip at every scale."""
    config, clip = preset("laptop"), load_clip("pedestrians", frames=13)
    return [real_samples(config, clip, n, shape)[0] for n, shape in enumerate(scale_shapes(config, clip))]


EXAMPLES = {  # see test_widgets
    "field_view": ("2 pictures", lambda model: field_view(copies())),
    "latent_view": (
        "2 measured fields, 6 pictures",
        lambda model: latent_view(load_clip("pedestrians", frames=13, size=48).video, *networks("laptop")),
    ),
}
