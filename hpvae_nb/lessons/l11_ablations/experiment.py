"""Who learns when, and how often a single run would mislead."""

from collections.abc import Sequence

import numpy as np

from hpvae_nb.errors import InputError
from hpvae_nb.lab.schedule import part
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.config import Config
from hpvae_nb.studies import claims, evidence

COLUMNS = ("diversity", *evidence.REALISM, "novelty", "survival")
POINTS = (*evidence.ABLATIONS, "PatchVAE")  # section 4.2 and figure 9


def learners(config: Config) -> list[dict[str, int]]:
    """Which networks learn at each scale, each with the power of `lr_decay` on its learning rate (section 3.2)."""
    network = make_hierarchy(config.replace(channels=1, latent=1))  # who learns does not depend on widths
    found = []
    for scale in range(config.scales):
        if scale > 0:
            network.grow()
        names = {id(weight): part(name) for name, weight in network.named_parameters()}
        found.append({names[id(next(net.parameters()))]: power for net, power in network.trained_at(scale)})
    return found


def reported(point: str, metric: str) -> float | None:
    """The change in percent that the paper reports of a point, where it gives a number."""
    for claim in claims.CLAIMS:
        if claim.paper and claim.points[0] == point and claim.metric == metric:
            return float(claim.paper.removesuffix("%"))
    return None


def misleading_pairs(whole: Sequence[float], ablated: Sequence[float]) -> float:
    """Share of comparisons of one run with one run, whatever their seeds, that contradict the means of all runs.

    Returns:
        From 0 (a single pair of runs would do) to about one half (it is a coin).

    Raises:
        InputError: one of the two has no value.
    """
    if not len(whole) or not len(ablated):
        raise InputError(f"there are {len(whole)} and {len(ablated)} runs to compare: at least one of each is needed")
    direction = np.copysign(1, np.mean(ablated) - np.mean(whole))
    return float((direction * np.subtract.outer(ablated, whole) <= 0).mean())
