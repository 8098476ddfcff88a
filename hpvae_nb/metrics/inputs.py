"""What every metric asks of the samples and the training clip it is given."""

import torch
from torch import Tensor

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip


def checked_pair(samples: Tensor, real: Tensor | Clip) -> tuple[Tensor, Tensor]:
    """Samples and the training clip at the same scale, ready to be compared.

    They may differ in length, height and width, since patches are compared; but a pixel must mean the same in both.

    Args:
        samples: `b 3 t h w` (or `b 3 h w`) in [-1, 1].
        real: the training clip. A `Clip` is resized to the samples' height (bilinear, averaging over what a smaller
            pixel covers). A tensor `3 t h w` (or `3 h w`) in [-1, 1] is taken as it is: what a model was trained on,
            `hpvae_nb.lab.show.real_at_last_scale(model, clip)`, also for samples of another size than the model's own.
            Of a model of several pictures it is all of them, `3 n h w`.

    Returns:
        The samples `b 3 t h w` and the clip `3 t h w` as float32; an image gets one frame, n pictures stay n frames.

    Raises:
        InputError: other shapes, no sample, or values that are not finite.
    """
    clip = real.video if isinstance(real, Clip) else real
    fits = (samples.ndim, clip.ndim) in ((5, 4), (4, 3), (4, 4))
    if not fits or samples.shape[1] != 3 or clip.shape[0] != 3:
        wanted = (
            "'b 3 t h w' and '3 t h w' are wanted (or 'b 3 h w' and '3 h w' or '3 n h w'): one sample is sample[None]"
        )
        raise InputError(f"samples are {tuple(samples.shape)} and real is {tuple(clip.shape)}, but {wanted}")
    if 0 in samples.shape:
        raise InputError(f"samples of shape {tuple(samples.shape)} hold nothing: give at least one sample")
    for name, video in (("samples", samples), ("real", clip)):
        if not bool(torch.isfinite(video).all()):
            raise InputError(f"{name} holds values that are NaN or infinite: repair or leave out such clips")
    samples, clip = samples.detach().float(), clip.detach().float().to(samples.device)
    if samples.ndim == 4:
        samples, clip = samples[:, :, None], clip if clip.ndim == 4 else clip[:, None]
    height, (own_height, own_width) = samples.shape[-2], clip.shape[-2:]
    if isinstance(real, Clip) and height != own_height:
        clip = resize(clip, (height, max(1, round(own_width * height / own_height))), antialias=True)
    return samples, clip
