"""Lesson 3: its figures show what it says, its slider trains anew."""

import threading

import pytest
import torch
from common import noise_clip, pixels, tiny_config

from hpvae_nb import fit, load_clip, preset, train
from hpvae_nb.core import losses
from hpvae_nb.errors import InputError
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l03_patch_vae import experiment, figures
from hpvae_nb.lessons.l03_patch_vae import views as widgets


def kl_entries(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar)


WRONG = {  # see test_exercises
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
        "numbers of your own": lambda mu, logvar, e: mu + torch.randn(mu.shape) * (logvar / 2).exp(),
        "torch.rand draws between 0 and 1": lambda mu, logvar, e: mu + torch.rand_like(e) * (logvar / 2).exp(),
        "not a number: log": lambda mu, logvar, e: mu + e * logvar.sqrt(),
        "sign of ε": lambda mu, logvar, e: mu - e * (logvar / 2).exp(),
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
        "the released code's way": lambda x, y, m, v, b: (x - y).square().mean() + b * kl_entries(m, v).mean(),
        "squared, and the KL is a mean": lambda x, y, m, v, b: (x - y).norm() ** 2 + b * kl_entries(m, v).mean(),
        "averaged over patches": lambda x, y, m, v, b: (x - y).norm() + b * kl_entries(m, v).sum(1).mean(),
        "without squares": lambda x, y, m, v, b: (x - y).abs().sum() + b * kl_entries(m, v).sum(),
        "twice too much": lambda x, y, m, v, b: (x - y).norm() + 2 * b * kl_entries(m, v).sum(),
        "subtracted": lambda x, y, m, v, b: (x - y).norm() - b * kl_entries(m, v).sum(),
        "one number": lambda x, y, m, v, b: (x - y).square(),
    },
}


@pytest.fixture(scope="module")
def model():
    return fit(noise_clip(), tiny_config(iterations=4), device="cpu", precision="float32")


def test_look(model):
    seen = experiment.look(model, samples=3)
    assert seen.real.shape == seen.reconstructed.shape == seen.random[0].shape == (3, *model.shapes[0])
    assert seen.nats == pytest.approx(losses.kl_divergence(*model.encode(model.coarse), "sites").mean().item())
    assert seen.error == pytest.approx((seen.real - seen.reconstructed).square().mean().sqrt().item())


def test_a_model_without_its_clip_is_refused(model):
    bare = type(model)(model.network, model.shapes, model.config, coarse=None, fps=24, name="bare")
    with pytest.raises(InputError, match="without its training clip"):
        experiment.look(bare)


def test_oddness_is_zero_where_rows_have_one_colour():
    rows = torch.linspace(-1, 1, 5)[None, None, :, None].expand(3, 2, 5, 7).clone()
    assert experiment.oddness(rows).abs().max() < 1e-6
    rows[:, 0, 2, 3] = 1
    assert experiment.oddness(rows).argmax() == 2 * 7 + 3


def test_a_sheet_shows_the_model_and_its_samples(model):
    seen, frames = experiment.look(model, samples=3), model.shapes[0][0]
    *cells, bar = figures.vae_sheet(model).axes
    rows = [cells[k : k + 2 * frames + 1] for k in range(0, len(cells), 2 * frames + 1)]
    assert [row[0].get_ylabel() for row in rows] == ["real", "reconstructed", "KL map"]
    assert [row[frames + 1].get_ylabel() for row in rows] == ["random 1", "random 2", "random 3"]
    assert bar.get_ylabel() == figures.KL_LABEL
    shown = [[pixels(axis) for axis in (row[1], row[-1])] for row in rows]
    assert (shown[0][0] == to_uint8(seen.real[:, 1])).all()
    assert (shown[1][0] == to_uint8(seen.reconstructed[:, 1])).all()
    assert shown[2][0] == pytest.approx(seen.kl[1].clamp(figures.KL_LEAST, figures.KL_MOST).numpy())
    assert all((row[1] == to_uint8(clip[:, -1])).all() for row, clip in zip(shown, seen.random, strict=True))


def test_models_are_compared_row_by_row(model):
    *cells, bar = figures.compare({"one": model, "two": model}, samples=3).axes
    titles = ["reconstructed", "KL map", "random 1", "random 2", "random 3"]
    assert [axis.get_title() for axis in cells[:5]] == titles
    assert [axis.get_ylabel() for axis in cells[::5]] == ["one", "two"]
    assert all(len(axis.images) == 1 for axis in cells)
    assert bar.get_ylabel() == figures.KL_LABEL


def test_the_landscape_has_its_minimum_at_the_star_and_the_scatter_a_dot_for_each_patch(model):
    (axis,) = figures.kl_landscape().axes
    assert axis.lines[0].get_xydata().tolist() == [[0, 1]]
    assert min(text.get_text() for text in axis.texts) == "0.05"
    seen = experiment.look(model)
    (dots,) = figures.kl_against_oddness(seen.kl, seen.real).axes[0].collections
    expected = torch.stack([experiment.oddness(seen.real).flatten(), seen.kl.flatten()], dim=1)
    assert dots.get_offsets().data == pytest.approx(expected.numpy())


def test_only_scale_0_is_trained():
    events = list(experiment.first_scale(noise_clip(), tiny_config(iterations=3)))
    assert [event.iteration for event in events] == [1, 2, 3]
    assert {event.scale for event in events} == {0}


@pytest.mark.slow
def test_the_slider_trains_anew(model):
    view = widgets.beta_view(noise_clip(), model)
    slider, bar, picture, text = view.children
    before = picture.value
    assert before == widgets.beta_picture(model)[0]
    slider.value = 100
    assert view.training.wait() == "done"
    assert picture.value != before
    assert text.value.startswith("β = 100: a patch costs")
    assert bar.value == bar.max == 4


@pytest.mark.slow
def test_a_newer_value_ends_the_older_training(model, monkeypatch):
    trained, begun, go_on = [], threading.Event(), threading.Event()

    def watched(clip, config):
        for event in experiment.first_scale(clip, config):
            trained.append(config.beta)
            yield event
            begun.set()
            go_on.wait(5)

    monkeypatch.setattr(widgets, "first_scale", watched)
    view = widgets.beta_view(noise_clip(), model)
    slider, bar, _, text = view.children
    slider.value = 10
    older = view.training
    assert begun.wait(20)
    older.stop()  # as the next line does, which then waits for the step that is being made
    go_on.set()
    slider.value = 0.1
    assert older.state == "stopped"
    assert view.training.wait() == "done"
    assert text.value.startswith("β = 0.1: a patch costs")
    assert bar.value == 4
    assert 1 <= trained.count(10) < 4
    assert trained[-4:] == [0.1] * 4


def test_the_models_own_value_shows_the_model(model, monkeypatch):
    monkeypatch.setattr(widgets, "first_scale", lambda clip, config: [])
    view = widgets.beta_view(noise_clip(), model)
    shown = [part.value for part in view.children]
    with moved(view, beta=0.1):
        assert view.children[3].value == "β = 0.1: training ..."
    assert [part.value for part in view.children] == shown


def test_a_value_that_is_passed_over_is_not_trained(model, monkeypatch):
    asked = []
    monkeypatch.setattr(widgets, "first_scale", lambda clip, config: asked.append(config.beta) or [])
    view = widgets.beta_view(noise_clip(), model)
    for view.children[0].value in (10, 1, 0.1):
        pass
    view.training.wait()
    assert asked == [0.1]


def test_a_failure_becomes_a_sentence(model, monkeypatch):
    def broken(clip, config):
        raise InputError("no such clip <here>")

    monkeypatch.setattr(widgets, "first_scale", broken)
    view = widgets.beta_view(noise_clip(), model)
    view.children[0].value = 10
    assert view.training.wait() == "failed"
    assert "No model for β = 10. no such clip &lt;here&gt;" in view.children[3].value
    assert view.children[1].value == 4, "the bar is not left half way"


def example():
    """The view as in the notebook, with a model that has made a single step."""
    clip = load_clip("balloons", frames=13)
    model = next(train(clip, preset("laptop", coarse_size=16, iterations=300), seed=0)).model
    return widgets.beta_view(clip, model)


EXAMPLES = {"beta_view": ("24 pictures, while it trains anew", lambda model: example())}  # see test_widgets
