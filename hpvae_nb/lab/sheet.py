"""A sheet of an application's results: the given picture, and what comes of it from each start scale."""

from collections.abc import Callable

from matplotlib.figure import Figure
from torch import Tensor

from hpvae_nb.applications.given import working_size
from hpvae_nb.lab.show import RANDOM, contact_sheet, frame_at
from hpvae_nb.model import Model


def start_scales(model: Model, redraw: Callable[[int], Tensor], given: Tensor) -> Figure:
    """All start scales side by side, for the eye to choose between keeping what was given and drawing it anew.

    Args:
        redraw: from a start scale to what the application makes, such as
            ``lambda start: model.harmonize(composite, mask, start=start)``.
        given: the picture `c h w`, or the clip `c t h w`, that it is made of.

    Returns:
        A figure with a panel for the given picture, and one for each scale below the last, with the size at which the
        picture enters there. Clips show their middle frame.
    """
    sizes = model.sizes(working_size(model, given[None]))[: model.scales - 1]
    panels = [("given", frame_at(given))]
    for start, (*_, height, width) in enumerate(sizes):
        panels.append((f"start {start}: {width} x {height} px", frame_at(redraw(start))))
    return contact_sheet(panels, columns=4, colors=["black"] + [RANDOM] * len(sizes))
