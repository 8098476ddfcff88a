"""The sheet of all start scales: what was given, and what each makes of it, at the size that it says."""

import numpy as np
import pytest
import torch
from common import noise_clip, pixels, tiny_config

import hpvae_nb as hp
from hpvae_nb.lab.sheet import start_scales
from hpvae_nb.lab.show import to_uint8


@pytest.fixture(scope="module")
def model():
    picture = hp.Clip(noise_clip(2, 24, 36).video[:, 0], name="picture")
    config = tiny_config(dims=2, vae_levels=1, sized_side="longer", fine_size=36, coarse_size=9, iterations=1)
    return hp.fit(picture, config, device="cpu", precision="float32")


def panels(figure):
    return {axis.get_title(): pixels(axis) for axis in figure.axes if axis.images}


def test_every_start_scale_stands_beside_what_was_given(model):
    given, mask = noise_clip(2, 24, 36, seed=1).video[:, 0], torch.zeros(24, 36)
    mask[8:14, 10:20] = 1
    shown = panels(start_scales(model, lambda start: model.harmonize(given, mask, start=start), given))
    sizes = [f"start {n}: {width} x {height} px" for n, (height, width) in enumerate(model.shapes[:-1])]
    assert list(shown) == ["given", *sizes]
    assert np.array_equal(shown["given"], to_uint8(given))
    for start, title in enumerate(sizes):
        assert np.array_equal(shown[title], to_uint8(model.harmonize(given, mask, start=start)))


def test_sizes_are_those_at_which_a_picture_of_another_shape_enters(model):
    wide = noise_clip(2, 12, 72).video[:, 0]
    *_, last = panels(start_scales(model, lambda start: wide, wide))
    assert last == "start 2: {1} x {0} px".format(*model.sizes((12, 72))[2])
    twice = noise_clip(2, 48, 72).video[:, 0]
    *_, last = panels(start_scales(model, lambda start: twice, twice))
    assert last == "start 2: {1} x {0} px".format(*model.shapes[2]), (
        "worked on with as many pixels as it was trained on"
    )


def test_clips_show_their_middle_frame(trained):
    clip = noise_clip(13, 18, 32, seed=2).video
    shown = panels(start_scales(trained, lambda start: -clip / (1 + start), clip))
    assert np.array_equal(shown["given"], to_uint8(clip[:, 6]))
    assert [np.array_equal(picture, to_uint8(-clip[:, 6] / n)) for n, picture in enumerate(shown.values()) if n] == [
        True
    ] * (trained.scales - 1)
