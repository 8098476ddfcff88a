"""The one table of metrics: what each is called, its unit, which way is better, and the function that measures it.

A new metric is one entry here: sweeps measure it, and tables and figures of all lessons name and read it accordingly.
Clips and images have most of them in common; a Fréchet distance has another name for each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from einops import rearrange
from torch import Tensor

from hpvae_nb.metrics.consistency import reconstruction_error, temporal_consistency
from hpvae_nb.metrics.diversity import diversity
from hpvae_nb.metrics.frechet import sifid, svfid
from hpvae_nb.metrics.novelty import nearest_field, novelty
from hpvae_nb.metrics.score import Score
from hpvae_nb.metrics.sliced import sliced_wasserstein
from hpvae_nb.metrics.survival import survival

NEIGHBOUR_FIELDS = 8  # samples whose nearest-neighbour fields are computed, at two seconds each
READINGS = {1: "higher is better", 0: "neither way is better", -1: "lower is better"}
ARROWS = {1: " ↑", 0: "", -1: " ↓"}
CLIPS, IMAGES = (3,), (2,)
EFFICIENTNET = "efficientnet-lite0"


@dataclass(frozen=True)
class Metric:
    """A number that is measured of samples.

    Attributes:
        name: of the column in a table of results.
        title: for people.
        unit: of the number.
        direction: 1 where those who report it call a higher number better, -1 where a lower one, 0 where neither is
            by itself. Whether a worthless generator can win that way is another question: see `metrics.sanity`.
        function: from samples `b c t h w`, the clip `c t h w` (a set of pictures `c n h w`) at their size and what made
            them (which only what samples don't show is asked for, such as its `reconstruct()`) to the number, or to
            several at once by name. None for what is noted while a model is trained and used.
        dims: 3 among them if it can be measured of clips, 2 if of images, which have no t.
    """

    name: str
    title: str
    unit: str
    direction: Literal[1, 0, -1]
    function: Callable[[Tensor, Tensor, Any], float | Score | dict[str, float]] | None = None
    dims: tuple[int, ...] = (2, 3)

    @property
    def reading(self) -> str:
        """Which way is better, in words."""
        return READINGS[self.direction]

    @property
    def arrow(self) -> str:
        """Which way is better, to stand behind the title."""
        return ARROWS[self.direction]

    def at_least_as_good(self, a: float, b: float) -> bool:
        """Whether a is at least as good as b; never where neither direction is better."""
        return self.direction != 0 and self.direction * (a - b) >= 0

    def measure(self, samples: Tensor, real: Tensor, model: Any) -> dict[str, Any]:
        """The columns of a row that it fills: the number, and of a `Score` the extractor. Errors are the function's."""
        assert self.function is not None
        value = self.function(samples, real, model)
        if isinstance(value, Score):
            return {self.name: value.value, f"{self.name}_extractor": value.extractor}
        return value if isinstance(value, dict) else {self.name: value}


def _neighbour_field(samples: Tensor, real: Tensor, model: Any) -> dict[str, float]:
    return dict(zip(("nnfdiv", "nnfdist"), nearest_field(samples[:NEIGHBOUR_FIELDS], real), strict=True))


def _reconstruction(samples: Tensor, real: Tensor, model: Any) -> float:
    made = model.reconstruct()
    several = real.ndim == made.ndim  # training pictures, `c n h w`
    return reconstruction_error(rearrange(made, "n c h w -> c n h w") if several else made[0], real)


def _of(function: Callable[..., float | Score], *extractor: str) -> Callable[..., float | Score]:
    return lambda samples, real, model: function(samples, real, *extractor)


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """A table of metrics."""
    return {metric.name: metric for metric in metrics}


# What is called better is what those say who report a metric. Diversity and SVFID: figure 5 of the paper. NNFDIV and
# NNFDIST: SinFusion. Temporal consistency: Lai et al. 2018 rank by it, although below 1 it is no merit. Novelty is this
# project's own, made to expose copies (figure 6): near 0 a model has memorised its clip, but noise has more of it than
# any model, so neither way is better; lesson 12 said so, where lesson 10 and the page on the recipe had higher.
METRICS = by_name(
    Metric("diversity", "diversity", "of the clip's contrast", 1, _of(diversity)),
    Metric("novelty", "novelty", "of the clip's own variety", 0, _of(novelty)),
    Metric("nnfdiv", "NNFDIV", "share left by compression", 1, _neighbour_field),
    Metric("survival", "survival", "share of rare patches", 1, _of(survival)),
    Metric("nnfdist", "NNFDIST", "mean squared difference", -1, _neighbour_field),
    Metric("sliced_wasserstein", "sliced Wasserstein", "of the clip's spread", -1, _of(sliced_wasserstein)),
    Metric("svfid", "SVFID (patches)", "squared distance", -1, _of(svfid), CLIPS),
    Metric("svfid_efficientnet", "SVFID (EfficientNet)", "squared distance", -1, _of(svfid, EFFICIENTNET), CLIPS),
    Metric("sifid", "SIFID (patches)", "squared distance", -1, _of(sifid), IMAGES),
    Metric("sifid_efficientnet", "SIFID (EfficientNet)", "squared distance", -1, _of(sifid, EFFICIENTNET), IMAGES),
    Metric("temporal_consistency", "temporal consistency", "of the clip's error", -1, _of(temporal_consistency), CLIPS),
    Metric("reconstruction_error", "reconstruction error", "mean squared difference", -1, _reconstruction),
)


def applicable(dims: int) -> tuple[str, ...]:
    """Names of the metrics of clips (3) or of images (2)."""
    return tuple(name for name, metric in METRICS.items() if dims in metric.dims)


COSTS = by_name(
    Metric("training_seconds", "training (s)", "s", -1),
    Metric("sampling_seconds", "sampling (s)", "s", -1),
)
"""Columns of results that are no property of the samples, but read the same way."""
