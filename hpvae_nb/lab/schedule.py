"""Who learns when: parts of a network from above to below, scales from left to right."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR, subplots

ORDER = ("E", "head", "G", "stage", "tail", "D")
FROZEN: dict[str, Any] = {"facecolor": "0.93", "hatch": "////", "edgecolor": "white"}


def part(weight: str) -> str:
    """The part of a network that a weight belongs to: `E`, `G0`, `G1`, ...; of ConSinGAN `head`, `stage 0`, `tail`."""
    kind, number = weight.split(".")[:2]
    return {"encoder": "E", "generators": f"G{number}", "stages": f"stage {number}"}.get(kind, kind)


def training_schedule(
    methods: Mapping[str, Sequence[Mapping[str, int] | Collection[str]]], numbers: str = ""
) -> Figure:
    """A chart for each method: filled where a part learns, hatched where it is frozen, empty where it isn't there yet.

    Args:
        methods: by the titles they get, for each scale the parts that learn there, as `part` names them, each with a
            number if there is one; and `"D"`, which makes it a GAN scale.
        numbers: what they mean.

    Raises:
        InputError: when there is no method.
    """
    if not methods:
        raise InputError("there is nothing to draw: give at least one method and its scales")
    rows = {title: sorted(set().union(*scales), key=_place) for title, scales in methods.items()}
    size = (2.4 * len(methods), 0.9 + 0.3 * max(map(len, rows.values())))
    figure, axes = subplots(1, len(methods), figsize=size, squeeze=False)
    for axis, (title, scales) in zip(axes[0], methods.items(), strict=True):
        begun: set[str] = set()
        for scale, learning in enumerate(scales):
            begun |= {*learning}
            for row, name in enumerate(rows[title]):
                if name in learning:
                    color = GAN_COLOR if "D" in learning else VAE_COLOR
                    axis.add_patch(Rectangle((scale, row), 1, 1, facecolor=color, edgecolor="white", linewidth=2))
                    if isinstance(learning, Mapping):
                        axis.text(scale + 0.5, row + 0.5, str(learning[name]), ha="center", va="center", fontsize=9)
                elif name in begun:
                    axis.add_patch(Rectangle((scale, row), 1, 1, linewidth=2, **FROZEN))
        axis.set(xlim=(0, len(scales)), ylim=(len(rows[title]), 0), xlabel="scale that is trained")
        axis.set_xticks([n + 0.5 for n in range(len(scales))], [str(n) for n in range(len(scales))])
        axis.set_yticks([row + 0.5 for row in range(len(rows[title]))], rows[title])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_title(title, fontsize=10)
    legend = [Patch(facecolor=VAE_COLOR, label="learns at a VAE scale")]
    legend += [Patch(facecolor=GAN_COLOR, label="learns at a GAN scale"), Patch(label="frozen", **FROZEN)]
    legend += [Patch(facecolor="none", label=numbers)] if numbers else []
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), fontsize=8)
    return figure


def _place(name: str) -> tuple[int, int]:
    kind, number = re.fullmatch(r"(\D*?) ?(\d*)", name).groups()  # type: ignore[union-attr]
    return ORDER.index(kind), int(number or 0)
