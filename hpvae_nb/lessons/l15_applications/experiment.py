"""What is left of a pasted object, and how close an enlarged picture comes to the one that was reduced (lesson 15)."""

import torch
from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import require


def left_and_detail(place: Tensor, composite: Tensor, made: Tensor, inside: Tensor) -> tuple[float, float]:
    """How much of a pasted object is left, and how much happens in it from pixel to pixel.

    Args:
        place: the picture before anything was pasted, `3 h w` in [-1, 1].
        composite: with the object in it.
        made: what came of that.
        inside: where the object is, bool `h w`.

    Returns:
        The distance of its mean colour from the place's, as a share of what it was; and the root mean square of the
        difference between neighbours in a row, where values span 2.
    """
    colour, was, now = (x[:, inside].mean(1) for x in (place, composite, made))
    both = inside[:, 1:] & inside[:, :-1]
    steps = (made[..., 1:] - made[..., :-1])[:, both]
    return float((now - colour).norm() / (was - colour).norm()), float(steps.square().mean().sqrt())


def bicubic(image: Tensor, factor: float) -> Tensor:
    """A picture `3 h w` in [-1, 1], enlarged by cubic curves through pixels that are neighbours.

    They are Pillow's, with a = -0.5, which keep a slope a slope; PyTorch has others unless it is asked for `antialias`.
    """
    size = [round(factor * side) for side in image.shape[1:]]
    return torch.nn.functional.interpolate(image[None], size, mode="bicubic", antialias=True)[0].clamp(-1, 1)


def psnr(real: Tensor, made: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [-1, 1], in dB; more is closer."""
    measures = require("skimage.metrics", "measuring pictures", "scikit-image")
    return float(measures.peak_signal_noise_ratio(real.numpy(), made.numpy(), data_range=2))


def corrected(made: Tensor, given: Tensor, times: int = 5) -> Tensor:
    """An enlarged picture, changed until it gives the small one again when it is reduced.

    Source: Irani and Peleg 1991, "Improving resolution by image registration": what is missing, enlarged, is added.
    """
    factor = made.shape[-1] / given.shape[-1]
    for _ in range(times):
        missing = given - resize(made, tuple(given.shape[-2:]), antialias=True)
        made = (made + bicubic(missing, factor)).clamp(-1, 1)
    return made
