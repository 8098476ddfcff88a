"""The page on what changes of the recipe are worth: it says what its rows say, and what it tries does something."""

import importlib
import math
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import fit
from hpvae_nb.studies.sweeps.results import read_results

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def recipe():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        return importlib.import_module("recipe")


def test_the_page_is_that_of_its_rows(recipe):
    rows = read_results(recipe.ROWS)
    assert recipe.PAGE.read_text() == recipe.page(rows)
    assert set(rows["clip"]) == set(recipe.CLIPS)
    assert (rows["iterations"] == rows["variant"].map(lambda name: recipe.VARIANTS[name].iterations)).all()


def test_a_change_is_that_of_logarithms_and_bold_when_it_is_sure(recipe):
    assert recipe.change([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]) == "**+100 [+100, +100]**"
    assert recipe.change([2.0, 1.0, 1.0], [1.0, 2.0, 1.0]).startswith("+0 [")
    assert recipe.change([2.0, 2.0], [1.0, 1.0]) == "+100"
    assert recipe.change([0.0, 1.0], [1.0, 2.0]) == "from or to 0"
    assert recipe.change([math.nan, 1.0], [1.0, 2.0]) == ""


def test_a_row_is_compared_with_that_of_its_clip_and_seed(recipe):
    plain = {"processor_seconds": 80.0, "iterations": 3, **dict.fromkeys(recipe.MEASURED, 1.0)}
    rows = [
        {"variant": name, "clip": clip, "seed": seed, **plain, "diversity": factor * (seed + 1)}
        for name, factor in (("before", 1.0), ("new", 1.5))
        for clip in recipe.CLIPS
        for seed in (0, 1, 2)
    ]
    line = recipe.changes(pd.DataFrame(rows[::-1]), "before", ["new"]).splitlines()[-1].split(" | ")
    assert line[:2] == ["| new", "6"]
    assert line[2 + list(recipe.MEASURED).index("diversity")] == "**+50 [+50, +50]**"


def windows_trained():
    return fit(noise_clip(), tiny_config(window=900, pool=3, iterations=12), seed=0, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def usual():
    return windows_trained()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae", "end", "frame"])
def test_what_no_setting_does_changes_the_training(recipe, usual, name):
    with recipe.VARIANTS[name].patch():
        changed = windows_trained()
    again = windows_trained()
    scale = 0 if name == "vae" else usual.config.scales - 1
    same = [
        torch.equal(a, b)
        for a, b in zip(*(m.network.generators[scale].parameters() for m in (usual, changed)), strict=True)
    ]
    assert not all(same)
    for a, b in zip(usual.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b), "the patch is gone"


def test_a_border_like_the_clips_is_one(recipe):
    clip = noise_clip(height=24, width=32).video
    assert recipe.border(torch.stack([clip, clip]), clip, None) == pytest.approx(1)
    framed = clip.clone()
    framed[..., :2, :] = 1
    framed[..., -2:, :] = -1
    assert recipe.border(framed[None], clip, None) > 1.2
