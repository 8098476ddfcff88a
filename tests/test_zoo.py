"""The trained models that come with the package: all there, small, with cards that tell the truth, and reproducible."""

import re

import pytest
import torch
from common import SOURCE, run_python, same_weights

import hpvae_nb as hp
from hpvae_nb.io import checkpoint
from hpvae_nb.lab import show
from hpvae_nb.metrics import diversity

MODELS = SOURCE / "data" / "models"
CLIPS, LEVELS = ("bunny", "pedestrians"), (1, 2, 3, 4, 5, 7)
NAMES = [f"{clip}_m{levels}" for clip in CLIPS for levels in LEVELS]
LARGE = {f"{clip}_{size}": f"laptop-{size}" for clip in ("koi", "balloons") for size in (128, 256)}
PICTURES = {"coffee": "laptop-image", "rocket": "laptop-image", "parasols": "laptop-texture"}


def test_every_clip_has_a_model_for_every_m_with_a_card():
    assert hp.bundled_models() == sorted([*NAMES, *LARGE, *PICTURES])
    assert sorted(file.stem for file in MODELS.glob("*.md")) == sorted([*NAMES, *LARGE, *PICTURES])
    assert sum(file.stat().st_size for file in MODELS.iterdir()) < 20e6


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_what_its_name_says(name):
    model = hp.load_model(name, device="cpu")
    clip, levels = name.rsplit("_m", 1)
    assert model.name == clip
    assert model.config == hp.preset("laptop", vae_levels=int(levels))
    assert model.scales == model.config.scales, "trained to its end"
    assert model.facts["seed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_a_large_model_is_what_its_card_says(name):
    model, card = hp.load_model(name, device="cpu", precision="float32"), (MODELS / f"{name}.md").read_text()
    clip = hp.load_clip(name.partition("_")[0])
    assert model.name == clip.name
    assert model.config == hp.preset(LARGE[name], padding="replicate")
    assert model.scales == model.config.scales
    error = float(re.search(r"mean squared error ([\d.]+)", card)[1])
    real = show.real_at_last_scale(model, clip)
    assert (model.reconstruct()[0] - real).square().mean().item() == pytest.approx(error, rel=0.2, abs=1e-4)
    assert f"python -m hpvae_nb train {clip.name} --preset {LARGE[name]} --set padding=replicate --seed 0" in card


@pytest.mark.parametrize("name", PICTURES)
def test_a_model_of_a_picture_is_what_its_card_says(name):
    file = MODELS / f"{name}.safetensors"
    assert file.stat().st_size < 1e6
    model, card, image = hp.load_model(name, device="cpu"), file.with_suffix(".md").read_text(), hp.load_image(name)
    assert model.config == hp.preset(PICTURES[name])
    assert model.scales == model.config.scales
    error = float(re.search(r"mean squared error ([\d.]+)", card)[1])
    real = show.real_at_last_scale(model, image)
    assert (model.reconstruct()[0] - real).square().mean().item() == pytest.approx(error, rel=0.2, abs=1e-4)
    assert f"python -m hpvae_nb train {name} --preset {model.config.preset} --seed 0" in card


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pedestrians_m3", "bunny_m7"])
def test_a_card_tells_what_the_model_does(name):
    card = (MODELS / f"{name}.md").read_text()
    model = hp.load_model(name, device="cpu")
    real = show.real_at_last_scale(model, hp.load_clip(model.name))
    written = float(re.search(r"\*\*diversity\*\* ([\d.]+)", card)[1])
    assert diversity(model.sample(50, seed=0), real) == pytest.approx(written, abs=0.01)  # precisions differ
    error = float(re.search(r"mean squared error ([\d.]+)", card)[1])
    assert (model.reconstruct()[0] - real).square().mean().item() == pytest.approx(error, rel=0.2, abs=1e-4)
    assert f"python -m hpvae_nb train {model.name} --preset laptop --set vae_levels={model.config.vae_levels}" in card


def test_storing_in_8_bits_moves_no_weight_by_more_than_half_a_step():
    generator = torch.Generator().manual_seed(0)
    state = {
        "kernel": torch.randn(6, 5, 3, 3, 3, generator=generator) * torch.logspace(-6, 2, 6).reshape(6, 1, 1, 1, 1),
        "matrix": torch.zeros(4, 3),
        "bias": torch.randn(7, generator=generator),
    }
    packed = checkpoint.pack("network", state, compact=True)
    assert packed["network/kernel"].dtype == torch.int8
    again = checkpoint.unpack("network", packed)
    assert again.keys() == state.keys()
    step = (state["kernel"].flatten(1).abs().amax(1) / 127).clamp_min(2**-24)
    off = (again["kernel"] - state["kernel"]).flatten(1).abs().amax(1)
    assert (off <= 0.5 * step + 127 * step * 2**-11 + 2**-25).all(), "half a step, and the rounding of the step itself"
    assert not again["matrix"].any()
    torch.testing.assert_close(again["bias"].float(), state["bias"], atol=0, rtol=2**-11)


@pytest.mark.slow
def test_make_zoo_trains_stores_and_describes(tmp_path):
    """Twice, with another number of trainings beside each other: the same weights."""
    for jobs in (1, 2):
        models = tmp_path / f"models{jobs}"
        options = ["--preset", "smoke", "--clips", "pedestrians", "--vae-levels", 1, 2, "--jobs", jobs]
        options += ["--large", "--pictures"]  # none
        done = run_python(
            SOURCE / "data" / "train_models.py", *options, "--runs", tmp_path / f"runs{jobs}", "--models", models
        )
        assert done.returncode == 0, done.stderr
        assert sorted(file.name for file in models.iterdir()) == [
            f"pedestrians_m{levels}.{kind}" for levels in (1, 2) for kind in ("md", "safetensors")
        ]
    once, again = (hp.load_model(tmp_path / f"models{jobs}" / "pedestrians_m2.safetensors") for jobs in (1, 2))
    assert same_weights(once, again)
    whole = tmp_path / "runs1" / "pedestrians_m2" / "model.safetensors"
    assert (tmp_path / "models1" / "pedestrians_m2.safetensors").stat().st_size < whole.stat().st_size
