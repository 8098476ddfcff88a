"""Every preset, every field's source, every limit by its sentence."""

import dataclasses
import inspect
import json
import re

import pytest

from hpvae_nb import Config, InputError, preset, presets
from hpvae_nb.recipe.config import from_dict

SOURCES = re.compile(r"paper|released|measured|Gulrajani")

WRONG = [  # field, value, and what the sentence must name beside the value
    ("window", 0, "or None to do without"),
    ("window_choices", 0, "at least 1"),
    ("pool", 0, "or None to do without"),
    ("pool_every", 1.5, "at least 1"),
    ("penalty_every", 0, "at least 1"),
    ("cosine", 1, "True or False"),
    ("critic_lr", 0, "above 0"),
    ("average", 1.0, "[0, 1)"),
    ("average", -0.1, "[0, 1)"),
    ("coarse_iterations", 0, "or None for `iterations` everywhere"),
    ("dims", 4, "3 (video) and 2 (image)"),
    ("dims", 1, "3 (video) and 2 (image)"),
    ("scales", 0, "at least 1"),
    ("scales", 2.5, "whole number"),
    ("coarse_size", 3, "at least 4"),
    ("coarse_size", 300, "fine_size 256"),
    ("coarse_size", "big", "whole pixels"),
    ("fine_size", 3, "at least 4"),
    ("fine_size", 31, "coarse_size 32"),
    ("sized_side", "depth", "'height', 'width', 'longer'"),
    ("step", 1.0, "(1, 4]"),
    ("step", 4.5, "(1, 4]"),
    ("step", float("nan"), "(1, 4]"),
    ("step", "wide", "(1, 4]"),
    ("rounding", "up", "'nearest', 'released'"),
    ("sampling_rates", (), "at least 1"),
    ("sampling_rates", (4, 0), "at least 1"),
    ("sampling_rates", (2, 4, 1), "fall"),
    ("sampling_rates", (2, 2, 1), "fall"),
    ("sampling_rates", (4, 2), "end in 1"),
    ("sampling_rates", (16, 9, 7, 1), "up to 240"),
    ("sampling_rates", 4, "tuple"),
    ("antialias", "no", "True or False"),
    ("channels", 0, "at least 1"),
    ("latent", -1, "at least 1"),
    ("kernel", 4, "odd"),
    ("kernel", 0, "odd"),
    ("kernel", None, "odd"),
    ("padding", "reflect", "'zeros', 'replicate'"),
    ("encoder_kernel", 2, "odd"),
    ("decoder_kernel", -1, "odd"),
    ("encoder_layers", 0, "at least 1"),
    ("generator_layers", 1, "at least 2"),
    ("critic_layers", 1, "at least 2"),
    ("generator_tanh", 1, "True or False"),
    ("residual", 1, "True or False"),
    ("output_tanh", None, "True or False"),
    ("critic_tail_spectral", "yes", "True or False"),
    ("warm_start", "some", "'all', 'residual', 'none'"),
    ("vae_levels", 0, "1..10"),
    ("vae_levels", 11, "1..10"),
    ("beta", -0.1, "at least 0"),
    ("beta", float("inf"), "finite"),
    ("kl_reduction", "sites", "'sum', 'mean'"),
    ("reconstruction", "l1", "'l2', 'mse'"),
    ("equation_8_at_scale_0", 0, "True or False"),
    ("reconstruction_weight", -1, "at least 0"),
    ("adversarial_weight", float("nan"), "finite"),
    ("penalty_weight", "high", "finite number"),
    ("penalty_norm", "batch", "'site', 'sample'"),
    ("noise_amplitude", -1.0, "at least 0"),
    ("iterations", 0, "at least 1"),
    ("iterations", True, "whole number"),
    ("lr", 0, "above 0"),
    ("lr", float("inf"), "above 0"),
    ("lr_decay", 0, "(0, 1]"),
    ("lr_decay", 1.5, "(0, 1]"),
    ("freeze", "G^1", "True or False"),
    ("adam_betas", (0.9,), "two numbers"),
    ("adam_betas", (0.9, 1.0), "[0, 1)"),
    ("adam_betas", 0.9, "tuple"),
    ("clip_norm", 0, "above 0"),
    ("batch", 0, "at least 1"),
    ("every_window", "all", "True or False"),
]


@pytest.mark.parametrize(("field", "value", "limit"), WRONG, ids=lambda value: str(value)[:20])
def test_a_value_out_of_range_is_refused_by_name_value_and_limit(field, value, limit):
    with pytest.raises(InputError) as caught:
        Config().replace(**{field: value})
    sentence = str(caught.value)
    assert field in sentence
    assert limit in sentence
    named = [str(value), *map(str, value[-1:])] if isinstance(value, tuple) else [str(value)]
    assert any(name in sentence for name in named)


def test_every_field_but_the_name_has_a_limit_tested_above():
    assert {field for field, _, _ in WRONG} == {field.name for field in dataclasses.fields(Config)} - {"preset"}


def test_every_field_names_its_source():
    lines = inspect.getsource(Config).splitlines()
    for field in dataclasses.fields(Config):
        if field.name == "preset":
            continue
        (line,) = [line for line in lines if line.strip().startswith(f"{field.name}:")]
        comment = line.partition("#")[2]
        assert SOURCES.search(comment), f"{field.name} says nothing of where its default comes from: {line}"


@pytest.mark.parametrize("name", presets())
def test_presets_are_valid_named_and_survive_json(name):
    config = preset(name)
    assert config.preset == name
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config
    learns_sets = config.dims == 3 and config.scales == 1
    of_table_1 = learns_sets or name == "laptop-32"
    assert config.frames == (16 if of_table_1 else 13 if config.dims == 3 else 1)  # the paper's LCM(4, 3, 2, 1) + 1


def test_a_changed_preset_survives_json():
    config = preset("released", sampling_rates=[2, 1], clip_norm=None, step=1.5, dims=2, beta=0)
    again = from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert isinstance(again.sampling_rates, tuple)
    assert again.frames == 1  # an image


def test_the_paper_preset_has_the_papers_numbers():
    paper = preset("paper")
    assert (paper.scales, paper.vae_levels, paper.coarse_size, paper.fine_size, paper.step) == (10, 3, 32, 256, 1.33)
    assert (paper.channels, paper.latent, paper.lr, paper.beta, paper.adversarial_weight) == (64, 128, 5e-4, 0.1, 0.1)
    assert (paper.iterations, paper.kl_reduction, paper.reconstruction) == (20_000, "sum", "l2")


def test_the_released_preset_has_the_released_numbers():
    released = preset("released")
    assert (released.encoder_layers, released.generator_layers, released.critic_layers) == (3, 7, 7)
    assert (released.beta, released.reconstruction_weight, released.penalty_weight) == (1.0, 10.0, 0.1)
    assert (released.adam_betas, released.clip_norm, released.iterations) == ((0.5, 0.999), 5.0, 50_000)
    assert released.output_tanh
    assert not released.generator_tanh
    assert not released.critic_tail_spectral


def test_unknown_names_lead_to_the_nearest():
    with pytest.raises(InputError, match=r"'laptp'.*nearest is 'laptop'.*all: paper, released"):
        preset("laptp")
    with pytest.raises(InputError, match=r"no setting 'vae_level'.*nearest is 'vae_levels'"):
        preset("smoke", vae_level=2)
    with pytest.raises(InputError, match="nearest is 'iterations'"):
        Config().replace(iteration=3)


def test_a_configuration_cannot_be_changed_in_place():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.beta = 1.0
    changed = config.replace(beta=1.0)
    assert (config.beta, changed.beta) == (0.1, 1.0)
    assert hash(config) != hash(changed)


def test_direct_construction_is_checked_too():
    with pytest.raises(InputError, match="kernel is 2"):
        Config(kernel=2)


def test_which_scales_are_vae():
    config = preset("paper")
    assert [config.is_vae(n) for n in range(5)] == [True, True, True, False, False]


def test_a_decoder_kernel_holds_at_vae_scales_alone():
    assert [preset("paper", decoder_kernel=1).generator_kernel(n) for n in range(5)] == [1, 1, 1, 3, 3]
    assert [preset("paper", kernel=5).generator_kernel(n) for n in (0, 9)] == [5, 5]


def test_steps_fall_from_the_coarsest_scale_to_the_finest():
    assert [preset("smoke", iterations=7).steps(n) for n in range(4)] == [7] * 4
    falling = preset("smoke", coarse_iterations=80, iterations=10)
    assert [falling.steps(n) for n in range(4)] == [80, 40, 20, 10]
    assert [falling.steps_below(n) for n in range(5)] == [0, 80, 120, 140, 150]
    assert preset("smoke", scales=1, vae_levels=1, coarse_iterations=5, iterations=9).steps(0) == 5


def test_presets_of_images_are_those_of_video_in_two_dimensions():
    for kind, changes in (("paper", {}), ("released", {"iterations": 5_000})):
        image = preset(f"{kind}-image")
        assert image == preset(kind, preset=f"{kind}-image", dims=2, **changes)
    released = preset("released-image")
    assert (released.coarse_size, released.fine_size, released.channels, released.latent) == (32, 256, 64, 128)
    assert (released.batch, released.scales) == (2, 10)
