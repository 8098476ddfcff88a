"""Widgets are thin: what they show is what a plain function returns; and what all lessons' views have in common."""

import io
import re
import subprocess
import sys

import pytest
import torch
from common import SOURCE, environment, examples, noise_clip
from PIL import Image
from torch import nn

from hpvae_nb import lessons, preset
from hpvae_nb.core.receptive_field import gradient_map
from hpvae_nb.lab.background import Background
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l00_quickstart.views import sample_picture, seed_view
from hpvae_nb.lessons.l01_patches import figures as patches
from hpvae_nb.lessons.l02_receptive_field import figures as fields
from hpvae_nb.lessons.l02_receptive_field.experiment import measured_nearby
from hpvae_nb.lessons.l06_wgan_gp import experiment
from hpvae_nb.lessons.l06_wgan_gp import figures as critic
from hpvae_nb.recipe.build import make_encoder, make_generator


def test_seed_view_follows_its_slider(trained):
    slider, picture, text = seed_view(trained, count=2).children
    assert picture.value == sample_picture(trained, 0, count=2)
    slider.value = 3
    assert "seed 3" in text.value
    assert picture.value == sample_picture(trained, 3, count=2) != sample_picture(trained, 0, count=2)


def test_pictures_stand_side_by_side(trained):
    picture = Image.open(io.BytesIO(sample_picture(trained, 0, count=3, width=64)))
    assert picture.n_frames == 13
    assert picture.size == (3 * 64, 2 * 18)


def test_every_view_has_an_example():
    """Those that the lessons' tests bring along are all there are, so none goes untested below."""
    assert sorted(examples()) == sorted(lessons.views())


@pytest.mark.slow
@pytest.mark.parametrize("name", examples())
def test_every_view_speaks_and_moves(name, trained):
    """Each control has a description, each picture a sentence for those who cannot see it; and none fails."""
    _, _, make = examples()[name]
    *controls, picture, text = make(trained).children
    assert all(control.description for control in controls)
    assert picture.tooltip
    assert not picture.tooltip.startswith("Picture for"), "it says nothing of its picture"
    for control in controls:
        assert "alert" not in text.value
        control.value = other(control)
    Background.stop_any()
    assert "alert" not in text.value


def other(control):
    """A value beside the one that a control has."""
    if isinstance(control.value, bool):
        return not control.value
    if hasattr(control, "options"):
        return next(value for _, value in control._options_full if value != control.value)
    step = getattr(control, "step", 1)
    if isinstance(control.value, tuple):
        return control.value[0], control.value[1] - step
    return control.value + (step if control.value < control.max else -step)


def drawn_again():
    """Figures that views draw into again: for each, how to draw it, by number and into which."""
    video = noise_clip(height=24, width=40).video
    config = preset("smoke", channels=4, latent=4)
    encoder, generator = make_encoder(config), make_generator(config, 0)
    real, fake = experiment.toy_points(40)
    shots = experiment.train_toy(real, fake, 10.0, steps=20)
    clips, maps = {"real": video, "noise": -video}, {"real": video[0], "noise": video[1]}
    sites = [(0, 3, 5), (6, 9, 20)]
    return {
        "find": lambda k, old: patches.find_figure(video, sites[k], 5 + 2 * k, figure=old),
        "field": lambda k, old: fields.field_figure(video, (3, 3 + 2 * k, 3), sites[k], figure=old),
        "latent": lambda k, old: fields.latent_figure(video, encoder, generator, sites[k], figure=old),
        "surface": lambda k, old: critic.surface_figure({str(k): shots[k]}, real, fake, figure=old),
        "maps": lambda k, old: critic.maps_figure(clips, maps, 5 * k, figure=old),
    }


@pytest.mark.parametrize("name", ["find", "field", "latent", "surface", "maps"])
def test_a_figure_drawn_into_again_is_the_figure_drawn_anew(name):
    draw = drawn_again()[name]
    old = draw(0, None)
    first = png(old, quick=True)
    assert png(draw(1, old), quick=True) == png(draw(1, None), quick=True) != first


@pytest.mark.parametrize("site", [(0, 0, 0), (3, 5, 6), (6, 10, 12)])
def test_a_field_measured_nearby_is_the_field_measured_everywhere(site):
    """Exactly so without activations, where gradients don't depend on what passes; borders are borders either way."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.Conv3d(2, 1, 5, padding=2))
    nearby = measured_nearby(lambda shape, at: gradient_map(network, shape, at), (7, 11, 13), site, (3, 3, 3))
    torch.testing.assert_close(nearby, gradient_map(network, (7, 11, 13), site))


@pytest.mark.slow
def test_the_benchmark_of_views_prints_a_table(trained, tmp_path):
    model, out = trained.save(tmp_path / "model.safetensors"), tmp_path / "views.md"
    command = [sys.executable, "benchmarks/widgets.py", "--model", str(model), "--times", "6", "--out", str(out)]
    done = subprocess.run(command, cwd=SOURCE, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == out.read_text().strip()
    number = r"(\d+(?:\.\d+)?)"
    cells = rf"^\| (\w+_view) \| (\d+) \| .* \| {number} \| {number} \| {number} \| (?:yes|no) \| \d+ \|$"
    rows = re.findall(cells, out.read_text(), re.MULTILINE)
    assert [name for name, *_ in rows] == [name for name in examples() if name != "beta_view"]
    assert all(0 < float(median) <= float(late) for _, _, median, late, _ in rows)
    cells = rf"^\| (\w+_view) \| \d+ \| (coarse, \d+ px|the finest) \| {number} \| {number} \| \d+ \| {number} \|$"
    large = re.findall(cells, out.read_text(), re.MULTILINE)
    assert [name for name, *_ in large] == ["seed_view", "border_view", "box_view"]
    ((first, last),) = re.findall(rf"^\| beta_view \| 3 \| {number} \| {number} \|$", out.read_text(), re.MULTILINE)
    assert float(first) < float(last)
