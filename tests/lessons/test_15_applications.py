"""Lesson 15: what is left of an object, who comes closest, and a workbench whose result follows its brush."""

import io

import numpy as np
import pytest
import torch
from common import noise_clip, tiny_config
from PIL import Image
from scipy import ndimage

import hpvae_nb as hp
from hpvae_nb.applications import given
from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l15_applications import experiment, figures, views


def softened(mask, grow, blur):
    return given.soft_mask(torch.from_numpy(mask), grow, blur, 0)


def grown(mask, footprint, blur, truncate=3.0):
    return ndimage.gaussian_filter(
        ndimage.binary_dilation(mask, footprint).astype(np.float32), blur, mode="nearest", truncate=truncate
    )


def around(grow):
    return np.mgrid[-grow : grow + 1, -grow : grow + 1]


def disc(grow):
    return (around(grow) ** 2).sum(0) <= grow**2


def pieces(model, composite, start, antialias=True):
    small = resize(composite, model.shapes[start], antialias=antialias)
    return model.refine(small[None], start, seed=0)[0]


def mixed(composite, soft, made):
    return (1 - soft) * composite + soft * made


def harmonized(model, composite, soft, start):
    return mixed(composite, soft, pieces(model, composite, start))


def enough(left, least):
    return [n for n, share in enumerate(left) if share >= least]


def walked(z_rec, u, alpha, beta, inertia=None, push=None, forget=False):
    inertia, push = beta if inertia is None else inertia, 1 - beta if push is None else push
    z = [z_rec, z_rec]
    for fresh in u:
        before = z_rec if forget else z[-2]
        z.append(alpha * z_rec + (1 - alpha) * (z[-1] + inertia * (z[-1] - before) + push * fresh))
    return torch.stack(z[1:])


WRONG = {  # see test_exercises
    "soft_mask": {
        "it has not grown": lambda mask, grow, blur: softened(mask, 0, blur),
        "its edge is hard": lambda mask, grow, blur: softened(mask, grow, 0),
        "grows by a square": lambda mask, grow, blur: grown(mask, np.ones((2 * grow + 1,) * 2), blur),
        "grows by a diamond": lambda mask, grow, blur: grown(mask, abs(around(grow)).sum(0) <= grow, blur),
        "grow first and blur then": lambda mask, grow, blur: ndimage.grey_dilation(
            softened(mask, 0, blur).numpy(), footprint=disc(grow)
        ),
        "three standard deviations": lambda mask, grow, blur: grown(mask, disc(grow), blur, truncate=4.0),
        "was wanted": lambda mask, grow, blur: softened(mask, grow, blur)[1:],
        "term by term": lambda mask, grow, blur: 1 - softened(mask, grow, blur),
        "stopped with": lambda mask, grow, blur: mask @ np.ones(99),
    },
    "harmonize": {
        "inside and outside": lambda model, x, soft, n: mixed(pieces(model, x, n), soft, x),
        "the whole picture was drawn anew": lambda model, x, soft, n: pieces(model, x, n),
        "the mask has become hard": lambda model, x, soft, n: mixed(x, (soft > 0.5).float(), pieces(model, x, n)),
        "shrinks by picking pixels": lambda model, x, soft, n: mixed(x, soft, model.refine(x[None], n, seed=0)[0]),
        "antialias=True": lambda model, x, soft, n: mixed(x, soft, pieces(model, x, n, antialias=False)),
        "nothing has changed": lambda model, x, soft, n: x,
        "a scale too low": lambda model, x, soft, n: harmonized(model, x, soft, max(0, n - 1)),
        "was wanted": lambda model, x, soft, n: harmonized(model, x, soft, n)[None],
        "a tensor was wanted": lambda model, x, soft, n: 0,
    },
    "best_start": {
        "the object is gone there": lambda left, detail, least: detail.index(max(detail)),
        "that is the detail itself": lambda left, detail, least: max(detail[n] for n in enough(left, least)),
        "there, most of the object is left": lambda left, detail, least: left.index(max(left)),
        "the first with enough left": lambda left, detail, least: enough(left, least)[0],
        "least detail": lambda left, detail, least: min(enough(left, least), key=lambda n: detail[n]),
        "left >= least": lambda left, detail, least: -1,
    },
    "walk": {
        "the pull to z_rec is missing": lambda z, u, a, b: walked(z, u, 0, b),
        "it has no inertia": lambda z, u, a, b: walked(z, u, a, b, inertia=0),
        "alpha and 1 - alpha": lambda z, u, a, b: walked(z, u, 1 - a, b),
        "beta and 1 - beta": lambda z, u, a, b: walked(z, u, a, 1 - b),
        "full strength": lambda z, u, a, b: walked(z, u, a, b, push=1),
        "z_(t-1) stays at z_rec": lambda z, u, a, b: walked(z, u, a, b, forget=True),
        "the first map should be z_rec": lambda z, u, a, b: torch.cat(
            [walked(z, u, a, b)[1:], walked(z, u, a, b)[-1:]]
        ),
        "(5, 2, 3, 4) was wanted": lambda z, u, a, b: walked(z, u, a, b)[1:],
    },
}


@pytest.fixture(scope="module")
def picture():
    return hp.Clip(noise_clip(2, 24, 36).video[:, 0], name="picture")


@pytest.fixture(scope="module")
def model(picture):
    config = tiny_config(dims=2, vae_levels=1, sized_side="longer", fine_size=36, coarse_size=9)
    return hp.fit(picture, config, device="cpu", precision="float32")


# What is measured


def test_an_object_is_left_whole_half_or_not_at_all():
    place, inside = torch.full((3, 8, 8), -0.5), torch.zeros(8, 8, dtype=torch.bool)
    inside[2:5, 2:6] = True
    composite = torch.where(inside, torch.tensor(0.5), place)
    for share in (0.0, 0.5, 1.0):
        left, detail = experiment.left_and_detail(place, composite, torch.lerp(place, composite, share), inside)
        assert (left, detail) == pytest.approx((share, 0))
    stripes = composite + 0.2 * (torch.arange(8) % 2)
    assert experiment.left_and_detail(place, composite, stripes, inside)[1] == pytest.approx(0.2)


def test_peaks_are_twice_the_unit():
    assert experiment.psnr(torch.zeros(3, 4, 4), torch.full((3, 4, 4), 0.2)) == pytest.approx(20)


def test_bicubic_enlarges_a_slope_exactly_and_what_is_corrected_reduces_to_what_was_given(picture):
    slope = (torch.arange(12) / 12).expand(3, 12, 12)
    inner = experiment.bicubic(slope, 2)[:, 8:-8, 8:-8]
    torch.testing.assert_close(inner, ((torch.arange(24) - 0.5) / 24)[8:-8].expand_as(inner), atol=1e-5, rtol=0)
    small = resize(picture.video, (12, 18), antialias=True)
    made = experiment.bicubic(small, 2)
    before, after = (
        (resize(x, (12, 18), antialias=True) - small).square().mean() for x in (made, experiment.corrected(made, small))
    )
    assert after < before / 10
    assert experiment.psnr(picture.video, experiment.corrected(made, small)) > experiment.psnr(picture.video, made)


def test_curves_are_the_numbers_over_the_start():
    figure = figures.start_curves([0.2, 0.8, 0.9], [0.3, 0.2, 0.1], least=0.75)
    (left, least), (detail,) = (axis.lines for axis in figure.axes)
    assert list(left.get_ydata()) == [0.2, 0.8, 0.9]
    assert set(least.get_ydata()) == {0.75}
    assert list(detail.get_ydata()) == [0.3, 0.2, 0.1]
    assert list(detail.get_xdata()) == [0, 1, 2]


# The workbench


def shown(bench):
    return np.asarray(Image.open(io.BytesIO(bench.view.children[-2].value)))


def act(canvas, call):
    if views.MODES[call] == "move":
        canvas.copy((2, 2, 8, 8), (12, 20))
    else:
        canvas.stroke([(23, 15)], size=6)


@pytest.mark.parametrize("call", views.MODES)
def test_the_result_follows_the_brush(model, picture, call):
    bench = views.workbench(model, picture, call)
    *controls, _, text = bench.view.children
    assert np.array_equal(shown(bench), to_uint8(bench.brush.painting))
    assert text.value.startswith("Nothing is painted yet")
    act(bench.brush, call)
    options = {} if call == "inpaint" else {"start": controls[0].value}
    made = views.redrawn(model, call, bench.brush, **options)
    assert np.array_equal(shown(bench), to_uint8(made))
    assert not torch.equal(made, bench.brush.painting)
    controls[-1].value = 3
    assert np.array_equal(shown(bench), to_uint8(views.redrawn(model, call, bench.brush, seed=3, **options)))
    bench.brush.clear()
    assert text.value.startswith("Nothing is painted yet")


def test_the_calls_are_the_models(model, picture):
    bench = views.workbench(model, picture, "harmonize")
    act(bench.brush, "harmonize")
    painting, mask = bench.brush.painting, bench.brush.mask
    wanted = {
        "paint_to_image": model.paint_to_image(painting, start=1),
        "harmonize": model.harmonize(painting, mask, start=1),
        "edit": model.edit(painting, mask, start=1),
    }
    for call, made in wanted.items():
        assert torch.equal(views.redrawn(model, call, bench.brush, start=1), made)
    assert torch.equal(views.redrawn(model, "inpaint", bench.brush, seed=2), model.inpaint(painting, mask, seed=2))


def test_a_start_scale_moves_the_result_and_a_full_mask_becomes_a_sentence(model, picture):
    bench = views.workbench(model, picture, "harmonize")
    start, _, _, text = bench.view.children
    act(bench.brush, "harmonize")
    before = shown(bench)
    start.value = 0
    assert not np.array_equal(shown(bench), before)
    assert text.value.startswith("Drawn anew from scale 0, seed 0")
    bench.brush.stroke([(18, 12)], size=99)
    assert "mask holds everything: leave out at least one pixel" in text.value


def test_not_every_application_begins_with_a_brush(model, picture):
    with pytest.raises(InputError, match="call is 'enlarge', but a brush begins one of 'paint_to_image', 'harm"):
        views.workbench(model, picture, "enlarge")


def test_a_living_picture_follows_its_sliders(model):
    alpha, beta, _, picture, text = views.living_view(model).children
    loop = Image.open(io.BytesIO(picture.value))
    assert (loop.n_frames, loop.size) == (2 * views.FRAMES - 2, (36, 24))
    before = picture.value
    beta.value = 0.2
    assert picture.value != before
    alpha.value = 0.5
    assert "α = 0.5 and β = 0.2" in text.value
    beta.value = 1
    still = picture.value
    alpha.value = 0.1
    assert picture.value == still
    assert alpha.disabled


EXAMPLES = {  # see test_widgets
    "living_view": ("16 frames there and back", lambda model: views.living_view(model)),
}
