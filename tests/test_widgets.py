"""Widgets are thin: what they show is what a plain function returns."""

import io

from PIL import Image

from hpvae_nb.widgets import seed_view
from hpvae_nb.widgets.sampling import sample_picture


def test_seed_view_follows_its_slider(trained):
    slider, picture, text = seed_view(trained, count=2).children
    assert picture.value == sample_picture(trained, 0, count=2)
    slider.value = 3
    assert "seed 3" in text.value
    assert picture.value == sample_picture(trained, 3, count=2) != sample_picture(trained, 0, count=2)


def test_pictures_stand_side_by_side(trained):
    picture = Image.open(io.BytesIO(sample_picture(trained, 0, count=3, width=64)))
    assert picture.n_frames == 13
    assert picture.size == (3 * 64, 2 * 18)
