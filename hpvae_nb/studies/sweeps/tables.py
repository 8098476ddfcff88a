"""What a trial can be: the methods that train, and the metrics that measure what they make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any

from torch import Tensor

from hpvae_nb import baselines, metrics
from hpvae_nb.training.events import Event, train

NEIGHBOUR_FIELDS = 8  # samples whose nearest-neighbour fields are computed, at two seconds each

Method = Callable[..., Generator[Event, None, Any]]
"""Called as `hpvae_nb.train` is, with the method's own `settings`; returns something that `sample`s."""

Measured = float | metrics.Score | dict[str, float]
Metric = Callable[[Any, Tensor, Tensor], Measured]
"""From what was trained, its samples `b c t h w` and the clip `c t h w` at their size, to one number or several."""


def _train(name: str, clip: Any, config: Any, *, settings: Any = None, **options: Any) -> Any:
    return train(clip, config, method=baselines.make_method(name, settings), **options)


METHODS: dict[str, Method] = {name: functools.partial(_train, name) for name in baselines.METHODS}


def _neighbour_field(samples: Tensor, real: Tensor) -> dict[str, float]:
    return dict(zip(("nnfdiv", "nnfdist"), metrics.nearest_field(samples[:NEIGHBOUR_FIELDS], real), strict=True))


METRICS: dict[str, Metric] = {
    "diversity": lambda model, samples, real: metrics.diversity(samples, real),
    "svfid": lambda model, samples, real: metrics.svfid(samples, real),
    "svfid_efficientnet": lambda model, samples, real: metrics.svfid(samples, real, "efficientnet-lite0"),
    "sliced_wasserstein": lambda model, samples, real: metrics.sliced_wasserstein(samples, real),
    "novelty": lambda model, samples, real: metrics.novelty(samples, real),
    "neighbour_field": lambda model, samples, real: _neighbour_field(samples, real),
    "survival": lambda model, samples, real: metrics.survival(samples, real),
    "temporal_consistency": lambda model, samples, real: metrics.temporal_consistency(samples, real),
    "reconstruction_error": lambda model, samples, real: metrics.reconstruction_error(model.reconstruct()[0], real),
}
