"""Lesson 3: its checks tell right from wrong answers, its figures show what it says, its slider trains anew."""

import asyncio

import pytest
import torch
from common import every_mistake, mistake_is_named, noise_clip, solution_and_stub_are_judged, tiny_config

from hpvae_nb import fit
from hpvae_nb.core import losses
from hpvae_nb.errors import InputError
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l03_patch_vae import checks as check
from hpvae_nb.lessons.l03_patch_vae import figures
from hpvae_nb.lessons.l03_patch_vae import views as widgets


def kl_entries(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar)


WRONG = {
    "kl_map": {
        "one number for every entry": kl_entries,
        "a single number": lambda mu, logvar: kl_entries(mu, logvar).sum(),
        "your map is": lambda mu, logvar: kl_entries(mu, logvar).sum(dim=(1, 2)),
        "add up": lambda mu, logvar: kl_entries(mu, logvar).mean(1),
        "twice too much": lambda mu, logvar: 2 * kl_entries(mu, logvar).sum(1),
        "sign": lambda mu, logvar: -kl_entries(mu, logvar).sum(1),
        "log σ² was taken for log σ": lambda mu, logvar: kl_entries(mu, 2 * logvar).sum(1),
        "log σ² was taken for σ²": lambda mu, logvar: 0.5 * (mu**2 + logvar - 1 - logvar.abs().log()).sum(1),
        "-1 is missing": lambda mu, logvar: (kl_entries(mu, logvar) + 0.5).sum(1),
        "term by term": lambda mu, logvar: (mu**2).sum(1),
        "stopped with RuntimeError": lambda mu, logvar: mu @ torch.ones(99),
    },
    "reparameterize": {
        "by the variance": lambda mu, logvar, e: mu + e * logvar.exp(),
        "by log σ²": lambda mu, logvar, e: mu + e * logvar,
        "by log σ:": lambda mu, logvar, e: mu + e * logvar / 2,
        "nothing random": lambda mu, logvar, e: mu,
        "without ε": lambda mu, logvar, e: mu + (logvar / 2).exp(),
        "μ is missing": lambda mu, logvar, e: e * (logvar / 2).exp(),
        "no gradient": lambda mu, logvar, e: (mu + e * (logvar / 2).exp()).detach(),
        "was wanted": lambda mu, logvar, e: mu[0],
    },
    "vae_loss": {
        "it weighs the KL": lambda x, y, m, v, b: b * (x - y).norm() + kl_entries(m, v).sum(),
        "β is missing": lambda x, y, m, v, b: (x - y).norm() + kl_entries(m, v).sum(),
        "sums over patches": lambda x, y, m, v, b: (x - y).norm() + b * kl_entries(m, v).mean(),
        "takes its root": lambda x, y, m, v, b: (x - y).norm() ** 2 + b * kl_entries(m, v).sum(),
        "mean squared": lambda x, y, m, v, b: (x - y).square().mean() + b * kl_entries(m, v).sum(),
        "subtracted": lambda x, y, m, v, b: (x - y).norm() - b * kl_entries(m, v).sum(),
        "one number": lambda x, y, m, v, b: (x - y).square(),
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_right_answers_and_untouched_stubs(name, capsys):
    solution_and_stub_are_judged(check, "03_patch_vae", name, capsys)


@every_mistake(WRONG)
def test_mistakes_are_named(name, words, capsys):
    mistake_is_named(check, WRONG, name, words, capsys)


@pytest.fixture(scope="module")
def model():
    return fit(noise_clip(), tiny_config(iterations=4), device="cpu", precision="float32")


def test_look(model):
    seen = figures.look(model, samples=3)
    assert seen.real.shape == seen.reconstructed.shape == seen.random[0].shape == (3, *model.shapes[0])
    assert seen.nats == pytest.approx(losses.kl_divergence(*model.encode(model.coarse), "sites").mean().item())
    assert seen.error == pytest.approx((seen.real - seen.reconstructed).square().mean().sqrt().item())


def test_a_model_without_its_clip_is_refused(model):
    bare = type(model)(model.network, model.shapes, model.config, coarse=None, fps=24, name="bare")
    with pytest.raises(InputError, match="without its training clip"):
        figures.look(bare)


def test_oddness_is_zero_where_rows_have_one_colour():
    rows = torch.linspace(-1, 1, 5)[None, None, :, None].expand(3, 2, 5, 7).clone()
    assert figures.oddness(rows).abs().max() < 1e-6
    rows[:, 0, 2, 3] = 1
    assert figures.oddness(rows).argmax() == 2 * 7 + 3


@pytest.mark.slow
def test_figures(model):
    seen = figures.look(model)
    sheet = figures.vae_sheet(model)
    assert len(sheet.axes) == 2 * 3 * model.shapes[0][0] + 1
    compared = figures.compare({"one": model, "two": model}, samples=3)
    assert [axis.get_title() for axis in compared.axes[:5]] == [
        "reconstructed",
        "KL map",
        "random 1",
        "random 2",
        "random 3",
    ]
    for figure in (sheet, compared, figures.kl_landscape(), figures.kl_against_oddness(seen.kl, seen.real)):
        assert png(figure).startswith(b"\x89PNG")


def test_only_scale_0_is_trained():
    events = list(widgets.first_scale(noise_clip(), tiny_config(iterations=3)))
    assert [event.iteration for event in events] == [1, 2, 3]
    assert {event.scale for event in events} == {0}


@pytest.mark.slow
def test_the_slider_trains_anew(model):
    """Where no event loop runs, the change returns with the new model."""
    view = widgets.beta_view(noise_clip(), model)
    slider, bar, picture, text = view.children
    before = picture.value
    assert before == widgets.beta_picture(model)[0]
    slider.value = 100
    assert picture.value != before
    assert text.value.startswith("β = 100: a patch costs")
    assert bar.value == bar.max == 4


@pytest.mark.slow
def test_a_newer_value_ends_the_older_training(model, monkeypatch):
    trained = []

    def watched(clip, config):
        for event in original(clip, config):
            trained.append(config.beta)
            yield event

    original = widgets.first_scale
    monkeypatch.setattr(widgets, "first_scale", watched)

    async def move():
        view = widgets.beta_view(noise_clip(), model)
        slider, bar, _, text = view.children
        slider.value = 10
        while not trained:
            await asyncio.sleep(0.01)
        slider.value = 0.1
        assert bar.value == 0
        await asyncio.wait_for(widgets.settled(view), 20)
        return text.value

    assert asyncio.run(move()).startswith("β = 0.1: a patch costs")
    assert 1 <= trained.count(10) < 4
    assert trained[-4:] == [0.1] * 4


def test_a_failure_becomes_a_sentence(model, monkeypatch):
    def broken(clip, config):
        raise InputError("no such clip <here>")

    monkeypatch.setattr(widgets, "first_scale", broken)
    view = widgets.beta_view(noise_clip(), model)
    view.children[0].value = 10
    assert "No model for β = 10. no such clip &lt;here&gt;" in view.children[3].value
