"""Lesson 14: what its figures and views show, and that its stored samples are of what it says."""

import io

import numpy as np
import pytest
import torch
from common import noise_clip, tiny_config
from einops import rearrange
from PIL import Image

from hpvae_nb import Clip, fit, load_image, load_model, scale_shapes
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l14_images import experiment, figures, views


def over(*axes, correction=0, epsilon=1e-5):
    """An answer that normalises over these axes."""

    def answer(x):
        mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=correction, keepdim=True)
        return (x - mean) / (variance + epsilon).sqrt()

    return answer


def of_sites(normalise):
    """An answer made from the axes of sites, however many there are."""
    return lambda x: normalise(*range(2, x.ndim))(x)


def spread(x):
    return x.std(tuple(range(2, x.ndim)), correction=0, keepdim=True)


def mean(x):
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


def by(rule):
    """An answer that gives every picture what `rule` says of its things."""
    return lambda things, r: {name: rule(*thing, r) for name, thing in things.items()}


WRONG = {  # see test_exercises
    "normalise": {
        "of the whole batch": of_sites(lambda *sites: over(0, *sites)),
        "the channels share": of_sites(lambda *sites: over(1, *sites)),
        "every frame has statistics of its own": over(-2, -1),
        "every row has": over(-1),
        "the mean is still in it": lambda x: x / spread(x),
        "the spread is still in it": lambda x: x - mean(x),
        "by the variance": lambda x: (x - mean(x)) / spread(x).square(),
        "n - 1": of_sites(lambda *sites: over(*sites, correction=1)),
        "was wanted": lambda x: x.mean(0),
        "term by term": lambda x: 2 * x,
        "stopped with": lambda x: over(2, 3)(rearrange(x, "b c h w -> b c h w")),
    },
    "covered": {
        "take the smaller of r and each side": lambda shapes, r: [r * r / (h * w) for h, w in shapes],
        "these are pixels": lambda shapes, r: [min(r, h) * min(r, w) for h, w in shapes],
        "the share of one side; ": lambda shapes, r: [min(r, w) / w for _, w in shapes],
        "the share of one side, the height": lambda shapes, r: [min(r, h) / h for h, _ in shapes],
        "pictures are not square": lambda shapes, r: [min(1, r / max(shape)) ** 2 for shape in shapes],
        "does not see": lambda shapes, r: [1 - min(r, h) * min(r, w) / (h * w) for h, w in shapes],
        "need a list of 2 numbers": lambda shapes, r: 0.5,
        "one number for each scale": lambda shapes, r: shapes,
        "term by term": lambda shapes, r: [0.5] * len(shapes),
        "stopped with ZeroDivisionError": lambda shapes, r: [1 / 0],
    },
    "choose": {
        "the other way round": by(lambda count, share, r: (2 if count < 10 else 1, min(48, int(r / share)))),
        "10 are many already": by(lambda count, share, r: (1 if count <= 10 else 2, min(48, int(r / share)))),
        "rounded up": by(lambda count, share, r: (1 if count < 10 else 2, min(48, -int(-r / share // 1)))),
        "which r has to cover": by(lambda count, share, r: (1 if count < 10 else 2, int(r * share))),
        "not above 48": by(lambda count, share, r: (1 if count < 10 else 2, int(r / share))),
        "M comes first": by(lambda count, share, r: (min(48, int(r / share)), 1 if count < 10 else 2)),
        "an entry for each": lambda things, r: {},
        "is right, you give": by(lambda count, share, r: (5, 5)),
        "stopped with": lambda things, r: things["nothing"],
    },
}


# Figures


def test_a_box_covers_the_share_that_stands_above_it():
    shapes = [(8, 12), (22, 33)]
    figure = figures.boxes({"all": (torch.zeros(3, 44, 66), shapes), "less": (torch.zeros(3, 30, 30), [(11, 11)])}, 11)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["8 x 12: 92 %", "22 x 33: 17 %", "11 x 11: 100 %", ""]
    covered, small, whole = ([(box.get_width(), box.get_height()) for box in axis.patches] for axis in figure.axes[:3])
    assert covered == [(11, 8)] * 2
    assert small == whole == [(11, 11)] * 2
    assert [axis.get_ylabel() for axis in figure.axes] == ["all", "", "less", ""]
    assert [axis.images[0].get_array().shape[:2] for axis in figure.axes[:3]] == [*shapes, (11, 11)]
    png(figure)


def test_a_share_below_one_percent_is_not_called_none():
    figure = figures.boxes({"large": (torch.zeros(3, 128, 192), [(128, 192)])}, 11)
    assert figure.axes[0].get_title() == "128 x 192: 0.5 %"


def test_no_picture_is_no_figure():
    with pytest.raises(InputError, match="give a picture"):
        figures.boxes({}, 11)


# Stored samples


@pytest.mark.parametrize("name", experiment.CHOICES)
def test_samples_of_a_choice_are_as_large_as_its_recipe_says(name):
    choice = experiment.CHOICES[name]
    *_, finest = scale_shapes(choice.config, load_image(choice.picture))
    made = experiment.samples(name)
    assert made.shape == (experiment.SAMPLES, 3, *finest)
    assert made.std(dim=0).mean() > 0.02, "they are different pictures"  # SinGAN knows the cup by heart


def test_every_stored_file_is_of_a_choice():
    files = {path.stem for path in experiment.sample_file("any").parent.iterdir()}
    assert files == set(experiment.CHOICES)
    with pytest.raises(InputError, match="there is no choice 'cofee'"):
        experiment.samples("cofee")


@pytest.mark.slow
def test_a_choice_trains_what_it_says():
    changes = {**tiny_config(dims=2).to_dict(), "vae_levels": 1}
    choice = experiment.Choice("rocket", "smoke", changes, "singan")
    model = choice.train()
    assert model.config == choice.config
    assert model.method.name == "singan"
    assert model.name == "rocket"
    assert model.facts["seed"] == 0


# Views


@pytest.fixture(scope="module")
def trained_on():
    picture = Clip(noise_clip(frames=1, height=40, width=60).video[:, 0], name="noise")
    model = fit(picture, tiny_config(dims=2), seed=0, device="cpu")
    return {"one": (model, picture), "other": (model, Clip(-picture.video, name="negative"))}


def pixels(picture):
    """`h w 3` of what is drawn, without the white beside it, which is never in a picture of noise."""
    shown = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    assert shown.shape[1] == views.SIDES[1]
    return shown[:, ~(shown == 255).all((0, 2))]


def test_moving_a_control_moves_the_picture(trained_on):
    names, seed, start, height, width, picture, text = views.image_size_view(trained_on).children
    assert pixels(picture.value).shape == (128, 192, 3)
    assert "128 x 192 px" in text.value
    for control, value in ((seed, 5), (height, 96), (width, 240), (start, 1)):
        before = picture.value
        control.value = value
        assert picture.value != before
    assert pixels(picture.value).shape == (96, 240, 3)
    assert "stands for scale 0" in text.value
    before = picture.value
    names.value = "other"
    assert picture.value != before, "the picture below the start is the other one"


@pytest.mark.parametrize("start", [0, 1, 3])
def test_a_coarse_picture_is_shown_as_large_as_its_fine_one(trained_on, start):
    model, picture = trained_on["one"]
    assert model.scales == 4
    drawn = {"seed": 1, "start": start, "height": 96, "width": 160}
    made = [pixels(views.size_picture(model, picture, **drawn, scales=scales)[0]) for scales in (1, 2, None)]
    assert [one.shape for one in made] == [(96, 160, 3)] * 3
    colours = [len(np.unique(one.reshape(-1, 3), axis=0)) for one in made]
    assert colours[0] < colours[1] < colours[2], "less is drawn"


def test_the_way_leads_from_one_seed_to_the_other(trained_on):
    _, a, b, way, picture, text = views.image_way_view(trained_on).children
    a.value, b.value, way.value = 3, 7, 0.0
    first = pixels(picture.value)
    assert first.shape[:2] == trained_on["one"][0].shapes[-1]
    assert "0% of the way from seed 3 to seed 7" in text.value
    assert b.disabled
    way.value = 1.0
    assert (a.disabled, b.disabled) == (True, False)
    assert (pixels(picture.value) != first).any()
    b.value = 3
    assert (pixels(picture.value) == first).all()
    assert "has no effect: both seeds are the same" in text.value


def example():
    return {name: (load_model(name), load_image(name)) for name in ("coffee", "rocket", "parasols")}


EXAMPLES = {  # see test_widgets
    "image_size_view": ("1 picture of 128 x 192", lambda model: views.image_size_view(example())),
    "image_way_view": ("1 picture of 128 x 192", lambda model: views.image_way_view(example())),
}
