"""The one table of metrics: its functions are the metrics', its directions are right, a new entry is all it takes."""

import math
import types

import pytest
import torch
from common import TINY, noise_clip

from hpvae_nb import metrics
from hpvae_nb.metrics import COSTS, METRICS, Metric
from hpvae_nb.metrics.table import NEIGHBOUR_FIELDS
from hpvae_nb.studies.sweeps import expand, run_trial

REAL = noise_clip(frames=5, height=28, width=36).video
NOISE = torch.rand(2, *REAL.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
MODEL = types.SimpleNamespace(reconstruct=lambda: NOISE[1:])
WITHOUT_WEIGHTS = [name for name in METRICS if name != "svfid_efficientnet"]


def test_a_metric_is_found_by_its_name():
    assert all(metric.name == name for name, metric in (METRICS | COSTS).items())
    assert len({metric.title for metric in (METRICS | COSTS).values()}) == len(METRICS) + len(COSTS)


@pytest.mark.parametrize("name", ["diversity", "novelty", "survival", "temporal_consistency"])
def test_the_tables_function_is_the_metric(name):
    assert METRICS[name].measure(NOISE, REAL, MODEL) == {name: getattr(metrics, name)(NOISE, REAL)}


def test_scores_keep_their_extractor_and_reconstructions_are_the_models():
    score = metrics.svfid(NOISE, REAL)
    assert METRICS["svfid"].measure(NOISE, REAL, MODEL) == {"svfid": score.value, "svfid_extractor": "patches"}
    error = metrics.reconstruction_error(NOISE[1], REAL)
    assert METRICS["reconstruction_error"].measure(NOISE, REAL, MODEL) == {"reconstruction_error": error}


def test_one_field_gives_two_metrics():
    small = NOISE[:, :, :3, :9, :9].repeat(NEIGHBOUR_FIELDS, 1, 1, 1, 1)
    found = METRICS["nnfdiv"].measure(small, REAL[:, :3, :9, :9], MODEL)
    assert found == METRICS["nnfdist"].measure(small, REAL[:, :3, :9, :9], MODEL)
    assert tuple(found.values()) == metrics.nearest_field(small[:NEIGHBOUR_FIELDS], REAL[:, :3, :9, :9])
    assert list(found) == ["nnfdiv", "nnfdist"]


def test_directions_say_who_is_better():
    lower, higher, neither = (Metric("", "", "", direction) for direction in (-1, 1, 0))
    assert [metric.at_least_as_good(1, 2) for metric in (lower, higher, neither)] == [True, False, False]
    assert [metric.at_least_as_good(2, 1) for metric in (lower, higher, neither)] == [False, True, False]
    assert [metric.at_least_as_good(2, 2) for metric in (lower, higher, neither)] == [True, True, False]
    assert [metric.arrow for metric in (lower, higher, neither)] == [" ↓", " ↑", ""]
    assert neither.reading == "neither way is better"


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_what_measures_likeness_finds_the_clip_better_than_noise_and_variety_the_reverse(name):
    itself = REAL.expand(2, *REAL.shape)
    models = (types.SimpleNamespace(reconstruct=lambda made=made: made) for made in (itself, NOISE))
    a, b = (METRICS[name].measure(s, REAL, m)[name] for s, m in zip((itself, NOISE), models, strict=True))
    assert math.copysign(1, a - b) * METRICS[name].direction == {"diversity": -1, "nnfdiv": -1, "novelty": 0}.get(
        name, 1
    )


def test_a_new_metric_is_one_entry(monkeypatch, tmp_path):
    brightness = Metric("brightness", "brightness", "of white", 0, lambda samples, real, model: samples.mean().item())
    monkeypatch.setitem(METRICS, "brightness", brightness)
    spec = {"preset": "smoke", **TINY, "clip": "bunny", "metrics": ["brightness"], "samples": 2, "device": "cpu"}
    row = run_trial(expand(spec)[0], tmp_path)
    assert row["error"] is None
    assert -1 < row["brightness"] < 1
