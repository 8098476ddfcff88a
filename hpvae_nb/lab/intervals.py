"""Means with their intervals, and axes of changes in percent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

FAR = 1e4  # where the bar of an interval ends that has no end


def dots_and_bars(axis: Axes, means: ArrayLike, lows: ArrayLike, highs: ArrayLike, at: ArrayLike, **style: Any) -> None:
    """A dot for each mean, and a bar from its low to its high end, at these heights.

    Args:
        style: of `Axes.errorbar`, such as `fmt="o"`, `color` and `label`.
    """
    low, high = (np.clip(ends, -FAR, FAR) for ends in (lows, highs))
    reach = np.abs([low, high] - np.array(means))
    axis.errorbar(means, at, xerr=reach, **{"fmt": "o", "elinewidth": 2, **style})


def percent_axis(axis: Axes, ticks: Sequence[int], *, straight: float) -> None:
    """Changes in percent from left to right: straight up to so many, and logarithmic beyond, with a line at 0."""
    axis.axvline(0, color="black", linewidth=1)
    axis.set_xscale("symlog", linthresh=straight)
    axis.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks], fontsize=8)
