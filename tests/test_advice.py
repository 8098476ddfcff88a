"""Advice: large things and small things are told apart, on pictures of which we know."""

import pytest
import torch

from hpvae_nb import Clip, InputError, advise, load_clip, load_image
from hpvae_nb.recipe.advice import coarse_share

LARGE, SMALL = (
    ["coffee", "rocket", "chelsea", "astronaut", "parasols"],
    ["hubble_deep_field", "brick", "grass", "gravel"],
)


@pytest.mark.parametrize("name", LARGE)
def test_what_is_still_there_at_16_pixels(name):
    assert advise(load_image(name)) == "laptop-image"


@pytest.mark.parametrize("name", SMALL)
def test_what_is_not(name):
    assert advise(load_image(name)) == "laptop-texture"


def test_the_share_is_that_of_waves_longer_than_two_coarse_pixels():
    x = torch.arange(192) / 192
    slow, fast = (0.5 * torch.sin(2 * torch.pi * waves * x).expand(3, 96, 192) for waves in (1, 40))
    assert coarse_share(Clip(slow)) > 0.9
    assert coarse_share(Clip(fast)) < 0.02
    assert coarse_share(Clip((slow + fast) * 0.9)) == pytest.approx(0.5, abs=0.05)


def test_what_can_not_be_advised_on():
    with pytest.raises(InputError, match="is a video, but advice is for images"):
        advise(load_clip("koi"))
    with pytest.raises(InputError, match="one flat colour"):
        advise(Clip(torch.zeros(3, 32, 32)))
