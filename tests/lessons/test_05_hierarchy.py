"""Lesson 5: its checks tell right from wrong answers; residuals add up; gradients go where the paper says."""

import pytest
import torch
import torch.nn.functional as F
from common import every_mistake, mistake_is_named, noise_clip, solution_and_stub_are_judged, tiny_config

from hpvae_nb import fit, preset
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l05_hierarchy import checks as check
from hpvae_nb.lessons.l05_hierarchy import figures
from hpvae_nb.lessons.l05_hierarchy.views import flow_picture, flow_view


def up(x, shape, corners=True):
    return F.interpolate(x, size=shape, mode="trilinear", align_corners=corners)


WRONG = {
    "refine": {
        "residual alone": lambda x, shape, g: g(up(x, shape)),
        "was not asked": lambda x, shape, g: up(x, shape),
        "not aligned": lambda x, shape, g: up(x, shape, False) + g(up(x, shape, False)),
        "not the small one": lambda x, shape, g: up(x, shape) + up(g(x), shape),
        "nearest neighbours": lambda x, shape, g: F.interpolate(x, size=shape) + g(F.interpolate(x, size=shape)),
        "was wanted": lambda x, shape, g: x + g(x),
        "term by term": lambda x, shape, g: up(x, shape) - g(up(x, shape)),
    },
    "vae_loss": {
        "scale 0 is not held in place": lambda n, rn, z, rz, kl, b: (n - rn).norm() + b * kl,
        "scale n is missing": lambda n, rn, z, rz, kl, b: (z - rz).norm() + b * kl,
        "β weighs all": lambda n, rn, z, rz, kl, b: b * ((n - rn).norm() + (z - rz).norm() + kl),
        "β is missing": lambda n, rn, z, rz, kl, b: (n - rn).norm() + (z - rz).norm() + kl,
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


@pytest.mark.parametrize("name", WRONG)
def test_right_answers_and_untouched_stubs(name, capsys):
    solution_and_stub_are_judged(check, "05_hierarchy", name, capsys)


@every_mistake(WRONG)
def test_mistakes_are_named(name, words, capsys):
    mistake_is_named(check, WRONG, name, words, capsys)


def flow_config(**changes):
    return preset("smoke", scales=5, coarse_size=6, fine_size=12, channels=2, latent=2, **{"vae_levels": 3, **changes})


def test_gradient_flow():
    config = flow_config()
    assert figures.gradient_flow(config, 0) == {"E": "trained", "G0": "trained"}
    middle = figures.gradient_flow(config, 2)
    assert middle == {"E": "trained", "G0": "trained", "G1": "passed through", "G2": "trained"}
    top = figures.gradient_flow(config, 4)
    assert [name for name in top if top[name] == "trained"] == ["G4", "D4"]
    assert {top[name] for name in ("E", "G0", "G1", "G2", "G3")} == {"untouched"}


def test_flow_of_a_scale_that_is_not_there():
    with pytest.raises(InputError, match=r"scale is 5, .* 0\.\.4"):
        figures.gradient_flow(flow_config(), 5)


def test_flow_view():
    view = flow_view(flow_config())
    scale, levels, picture, text = view.children
    before = picture.value
    scale.value = 2
    assert picture.value != before
    assert text.value == "Scale 2 (VAE). Trained: E, G0, G2; passed through: G1."
    levels.value = 1
    assert text.value == "Scale 2 (GAN). Trained: G2, D2; untouched: E, G0, G1."
    assert picture.value == flow_picture(flow_config(vae_levels=1), 2)[0]


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
    path = figures.reconstruction_steps(model, noise_clip())
    assert len(path) == 3
    for step, shape in zip(path, model.shapes[1:], strict=True):
        assert step.up.shape == step.out.shape == step.real.shape == (3, *shape)
        torch.testing.assert_close(step.up + step.residual, step.out)
    torch.testing.assert_close(path[-1].out, model.reconstruct()[0])


def test_figures(model):
    path = figures.reconstruction_steps(model, noise_clip())
    sheet = figures.residual_sheet(path, 2)
    assert [axis.get_title() for axis in sheet.axes[:3]] == ["scale 1 (VAE)", "scale 2 (GAN)", "scale 3 (GAN)"]
    config = flow_config()
    diagram = figures.flow_diagram(figures.gradient_flow(config, 3), config)
    assert {"E", "G³", "D³"} <= {text.get_text() for text in diagram.axes[0].texts}
    for figure in (sheet, figures.residual_sizes(path, 2), figures.growth_sheet(model), diagram):
        assert png(figure).startswith(b"\x89PNG")


def test_a_single_scale_has_no_residuals():
    model = fit(noise_clip(), tiny_config(scales=1, vae_levels=1, iterations=1), device="cpu")
    with pytest.raises(InputError, match="scale 0 alone"):
        figures.reconstruction_steps(model, noise_clip())
