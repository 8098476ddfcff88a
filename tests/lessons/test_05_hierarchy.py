"""Lesson 5: residuals add up; gradients go where the paper says."""

import pytest
import torch
import torch.nn.functional as F
from common import noise_clip, pixels, tiny_config

from hpvae_nb import fit, preset
from hpvae_nb.core.steering import rms
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l05_hierarchy import experiment, figures
from hpvae_nb.lessons.l05_hierarchy.views import flow_view


def up(x, shape, corners=True):
    return F.interpolate(x, size=shape, mode="trilinear", align_corners=corners)


WRONG = {  # see test_exercises
    "refine": {
        "residual alone": lambda x, shape, g: g(up(x, shape)),
        "was not asked": lambda x, shape, g: up(x, shape),
        "not aligned": lambda x, shape, g: up(x, shape, False) + g(up(x, shape, False)),
        "not the small one": lambda x, shape, g: up(x, shape) + up(g(x), shape),
        "nearest neighbours": lambda x, shape, g: F.interpolate(x, size=shape) + g(F.interpolate(x, size=shape)),
        "was wanted": lambda x, shape, g: x + g(x),
        "the released code's": lambda x, shape, g: (up(x, shape) + g(up(x, shape))).tanh(),
        "subtracted": lambda x, shape, g: up(x, shape) - g(up(x, shape)),
        "term by term": lambda x, shape, g: up(x, shape) * g(up(x, shape)),
    },
    "vae_loss": {
        "scale 0 is not held in place": lambda n, rn, z, rz, kl, b: (n - rn).norm() + b * kl,
        "scale n is missing": lambda n, rn, z, rz, kl, b: (z - rz).norm() + b * kl,
        "β weighs all": lambda n, rn, z, rz, kl, b: b * ((n - rn).norm() + (z - rz).norm() + kl),
        "β is missing": lambda n, rn, z, rz, kl, b: (n - rn).norm() + (z - rz).norm() + kl,
        "KL is subtracted": lambda n, rn, z, rz, kl, b: (n - rn).norm() + (z - rz).norm() - b * kl,
        "KL is missing": lambda n, rn, z, rz, kl, b: (n - rn).norm() + (z - rz).norm(),
        "squared; equation": lambda n, rn, z, rz, kl, b: (n - rn).norm() ** 2 + (z - rz).norm() ** 2 + b * kl,
        "mean squared": lambda n, rn, z, rz, kl, b: F.mse_loss(n, rn) + F.mse_loss(z, rz) + b * kl,
        "stopped with RuntimeError": lambda n, rn, z, rz, kl, b: (n - rz).norm(),
    },
    "trained": {
        "you train G1; the generators between": lambda n, m: {"E", *(f"G{k}" for k in range(n + 1))},
        "G0 must learn too": lambda n, m: {"E", f"G{n}"} if n else {"E"},
        "nobody judges": lambda n, m: {"E", "G0", f"G{n}"} if n < m else {f"G{n}"},
        "this is a GAN scale": lambda n, m: {"E", "G0", f"G{n}"},
        "VAE scales have none": lambda n, m: {"E", "G0", f"G{n}", f"D{n}"} if n < m else {f"G{n}", f"D{n}"},
        "which stays frozen": lambda n, m: {"E", "G0", f"G{n}"} if n < m else {"G0", f"G{n}", f"D{n}"},
    },
}


def flow_config(**changes):
    return preset("smoke", scales=5, coarse_size=6, fine_size=12, channels=2, latent=2, **{"vae_levels": 3, **changes})


def test_gradient_flow():
    config = flow_config()
    assert experiment.gradient_flow(config, 0) == {"E": "trained", "G0": "trained"}
    middle = experiment.gradient_flow(config, 2)
    assert middle == {"E": "trained", "G0": "trained", "G1": "passed through", "G2": "trained"}
    top = experiment.gradient_flow(config, 4)
    assert [name for name in top if top[name] == "trained"] == ["G4", "D4"]
    assert {top[name] for name in ("E", "G0", "G1", "G2", "G3")} == {"untouched"}


def test_flow_of_a_scale_that_is_not_there():
    with pytest.raises(InputError, match=r"scale is 5, .* 0\.\.4"):
        experiment.gradient_flow(flow_config(), 5)


def test_flow_view():
    view = flow_view(flow_config())
    scale, levels, picture, text = view.children
    before = picture.value
    scale.value = 2
    assert picture.value != before
    assert text.value == "Scale 2 (VAE). Trained: E, G0, G2; passed through: G1."
    levels.value = 1
    config = flow_config(vae_levels=1)
    assert text.value == "Scale 2 (GAN). Trained: G2, D2; untouched: E, G0, G1."
    assert picture.value == png(figures.flow_diagram(experiment.gradient_flow(config, 2), config), quick=True)


def test_a_failure_becomes_a_sentence(monkeypatch):
    view = flow_view(flow_config())

    def broken(config, scale):
        raise InputError("no such scale")

    monkeypatch.setattr("hpvae_nb.lessons.l05_hierarchy.views.gradient_flow", broken)
    view.children[0].value = 1
    assert "no such scale" in view.children[3].value


@pytest.fixture(scope="module")
def model():
    return fit(noise_clip(), tiny_config(iterations=2), device="cpu", precision="float32")


def test_reconstruction_steps(model):
    path = experiment.reconstruction_steps(model, noise_clip())
    assert len(path) == 3
    for step, shape in zip(path, model.shapes[1:], strict=True):
        assert step.up.shape == step.out.shape == step.real.shape == (3, *shape)
        torch.testing.assert_close(step.up + step.residual, step.out)
    torch.testing.assert_close(path[-1].out, model.reconstruct()[0])


def test_residuals_are_shown_below_what_they_add_to(model):
    path = experiment.reconstruction_steps(model, noise_clip())
    cells = figures.residual_sheet(path, model.config).axes
    assert [axis.get_title() for axis in cells[:3]] == ["scale 1 (VAE)", "scale 2 (GAN)", "scale 3 (GAN)"]
    assert [axis.get_ylabel().split("\n")[0] for axis in cells[::3]] == ["from below", "added", "reconstructed", "real"]
    step, frame = path[2], round(0.5 * (path[2].out.shape[1] - 1))
    shown = [pixels(axis) for axis in cells[2::3]]
    expected = [step.up, (figures.GAIN * step.residual).clamp(-1, 1), step.out, step.real]
    assert all((ours == to_uint8(clip[:, frame])).all() for ours, clip in zip(shown, expected, strict=True))


def test_sizes_and_growth_are_those_of_the_clips(model):
    path = experiment.reconstruction_steps(model, noise_clip())
    before, after, added = figures.residual_sizes(path, model.config).axes[0].lines
    assert list(before.get_ydata()) == [rms(step.up - step.real) for step in path]
    assert list(after.get_ydata()) == [rms(step.out - step.real) for step in path]
    assert list(added.get_ydata()) == [rms(step.residual) for step in path]
    cells = figures.growth_sheet(model, samples=2).axes
    assert [axis.get_title()[:7] for axis in cells[:4]] == [f"scale {n}" for n in range(4)]
    assert [pixels(axis).shape[:2] for axis in cells] == [shape[1:] for shape in model.shapes] * 2


def test_the_diagram_names_every_network_and_its_state():
    config = flow_config()
    (axis,) = figures.flow_diagram(experiment.gradient_flow(config, 3), config).axes
    said = [text.get_text() for text in axis.texts]
    assert [name for name in said if name in ("E", "G⁰", "G¹", "G²", "G³", "D³")] == ["E", "G⁰", "G¹", "G²", "G³", "D³"]
    assert (said.count("trained"), said.count("untouched")) == (2, 4)
    assert [box.get_hatch() for box in axis.patches[:6]] == ["//"] * 4 + [None] * 2


def test_a_single_scale_has_no_residuals():
    model = fit(noise_clip(), tiny_config(scales=1, vae_levels=1, iterations=1), device="cpu")
    with pytest.raises(InputError, match="scale 0 alone"):
        experiment.reconstruction_steps(model, noise_clip())


PAPER = preset("paper", scales=6, coarse_size=8, fine_size=16, step=None, channels=4, latent=4)
EXAMPLES = {"flow_view": ("1 training step, 1 diagram", lambda model: flow_view(PAPER))}  # see test_widgets
