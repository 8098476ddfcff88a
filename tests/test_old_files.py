"""Models and a checkpoint that were written before the rooms, by the code of version 0.1.0's first days, still load.

The clip was `noise_clip()`, the recipe `tiny_config` with two channels; `about.json` holds what they made then.
"""

import json
import shutil
from pathlib import Path

import pytest
from common import noise_clip

from hpvae_nb import fit, load_model
from hpvae_nb.baselines import METHODS
from hpvae_nb.recipe.config import from_dict

OLD = Path(__file__).parent / "data" / "before_rooms"
ABOUT = json.loads((OLD / "about.json").read_text())
METHODS_THEN = [name for name in METHODS if name in ABOUT]
CPU = {"device": "cpu", "precision": "float32"}


@pytest.mark.parametrize("name", METHODS_THEN)
def test_an_old_model_makes_the_same_clips(name):
    model, before = load_model(OLD / f"{name}.safetensors", **CPU), ABOUT[name]
    sample = model.sample(2, seed=5)[1]
    assert model.method.name == name
    assert [sample.mean().item(), sample.std().item()] == pytest.approx(before["sample"], abs=1e-4)
    assert model.reconstruct().mean().item() == pytest.approx(before["reconstruction"], abs=1e-4)


def test_an_old_run_goes_on_to_the_model_that_it_would_have_become(tmp_path):
    shutil.copytree(OLD / "run", tmp_path / "run")
    config = json.loads((OLD / "run" / "run.json").read_text())["config"]
    model = fit(noise_clip(), from_dict(config), out=tmp_path / "run", resume=True, **CPU)
    assert model.scales == model.config.scales
    assert [len(records) for records in model.facts["history"]] == [2, 2, 2, 2]
    sample = model.sample(1, seed=5)
    assert [sample.mean().item(), sample.std().item()] == pytest.approx(ABOUT["resumed"]["sample"], abs=2e-3)
