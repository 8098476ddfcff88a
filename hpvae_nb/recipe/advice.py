"""Which preset suits a picture: one for things that are still there at 16 pixels, or one for what is smaller."""

from hpvae_nb.core.resampling import Shape, resize
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.recipe.presets import preset
from hpvae_nb.recipe.pyramid import planned_shapes

_LARGE = 0.1  # measured, lesson 14: parasols keep a sixth, and come out best from there; galaxies and grass keep less


def coarse_share(image: Clip) -> float:
    """How much of a picture is large: the share of its variance, in 0..1, that is left at the preset's coarsest scale.

    Both sizes, the finest and the coarsest, are those of `laptop-image`.

    Raises:
        InputError: for a video, or a picture of one flat colour.
    """
    if image.dims != 2:
        raise InputError(f"{image.name!r} is a video, but advice is for images: load_image takes its first frame")
    coarsest, *_, finest = planned_shapes(preset("laptop-image"), image.size[0] / image.size[1])
    fine, coarse = (_variance(image, tuple(max(1, side) for side in shape)) for shape in (finest, coarsest))
    if fine < 1e-6:
        raise InputError(f"{image.name!r} has one flat colour, and no patches to learn: take another picture")
    return coarse / fine


def _variance(image: Clip, size: Shape) -> float:
    return resize(image.video, size, antialias=True).var(dim=(-2, -1)).sum().item()


def advise(image: Clip) -> str:
    """The preset for a picture: `"laptop-texture"` for what is too small for a coarsest scale of 16 pixels.

    Ours: a thing must fit into what a patch of r sites sees at the coarsest scale, or its parts come out side by side;
    so `"laptop-image"`, unless there is hardly anything left to see.

    Raises:
        InputError: as `coarse_share`.
    """
    return "laptop-image" if coarse_share(image) > _LARGE else "laptop-texture"
