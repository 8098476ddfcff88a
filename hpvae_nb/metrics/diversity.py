"""How much samples differ from each other."""

import numpy as np
from einops import rearrange
from torch import Tensor

from hpvae_nb.errors import InputError, require
from hpvae_nb.io.clips import Clip


def diversity(samples: Tensor, real: Tensor | Clip) -> float:
    """Standard deviation of each pixel's lightness over samples, averaged, relative to that of the clip.

    Source: section 4.2, after Shaham et al. 2019 (SinGAN): "intensity values (in LAB space) of each pixel over 50
    randomly generated videos"; SinGAN took 100 images. 0: all samples are equal. It says nothing of quality: noise is
    diverse. Few samples show less of it: n of them about the root of 1 - 1/n of what very many do.

    Args:
        samples: `b c t h w` (or `b c h w`) in [-1, 1], b of at least 2; 50 in the paper.
        real: the training clip, `c t h w` (or `c h w`; several training pictures: `c n h w`), of any size.

    Returns:
        A ratio of at least 0.

    Raises:
        InputError: fewer than two samples, other shapes, or a clip of one flat colour.
        ImportError: when scikit-image is missing.
    """
    clip = real.video if isinstance(real, Clip) else real
    fits = (samples.ndim, clip.ndim) in ((5, 4), (4, 3), (4, 4))
    if len(samples) < 2 or not fits or samples.shape[1] != 3 or clip.shape[0] != 3:
        wanted = "'b 3 t h w' with b >= 2 and '3 t h w' are wanted (or the same without t)"
        raise InputError(f"samples are {tuple(samples.shape)} and real is {tuple(clip.shape)}, but {wanted}")
    spread = lightness(clip).std()
    if spread < 1e-3:
        raise InputError("the real clip has one flat intensity, so there is nothing to measure diversity against")
    return float(np.stack([lightness(sample) for sample in samples]).std(axis=0).mean() / spread)


def lightness(video: Tensor) -> np.ndarray:
    """L of CIELAB in 0..100: `c t h w` (or `c h w`) in [-1, 1] to `t h w` (`h w`)."""
    color = require("skimage.color", "converting colours", "scikit-image")
    return color.rgb2lab(rearrange((video.float().clamp(-1, 1) + 1) / 2, "c ... -> ... c").cpu().numpy())[..., 0]
