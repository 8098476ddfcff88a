"""Lesson 7: its figures and its view show what noise and plan decide; see test_dashboard for the dashboard."""

import pytest
import torch.nn.functional as F
from common import noise_clip, pixels, tiny_config

from hpvae_nb import fit
from hpvae_nb.lab.show import animation, to_uint8
from hpvae_nb.lessons.l07_hp_vae_gan import checks as check
from hpvae_nb.lessons.l07_hp_vae_gan import figures
from hpvae_nb.lessons.l07_hp_vae_gan.views import noise_view


def up(x, shape, corners=True):
    return F.interpolate(x, size=shape, mode="trilinear", align_corners=corners)


def read_on(events, limit):
    """Stops in time, and leaves the training hanging."""
    for event in events:
        if event.seconds >= limit:
            return event.model
    return event.model


def too_late(events, limit):
    for event in events:
        if event.seconds > limit:
            break
    events.close()
    return event.model


def only_in_time(events, limit):
    for event in events:
        if event.seconds >= limit:
            events.close()
            return event.model


def too_early(events, limit):
    model = "none"
    for event in events:
        if event.seconds >= limit - 1:
            break
    events.close()
    return event.model or model


def to_the_end(events, limit):
    return [event.model for event in events][-1]


def returns_event(events, limit):
    for event in events:
        if event.seconds >= limit:
            break
    events.close()
    return event


WRONG = {  # see test_exercises
    "random_scale": {
        "in the sum too": lambda b, s, g, n, a: up(b, s) + a * n + g(up(b, s) + a * n),
        "went around the generator": lambda b, s, g, n, a: up(b, s) + a * n + g(up(b, s)),
        "no noise": lambda b, s, g, n, a: up(b, s) + g(up(b, s)),
        "amplitude is missing": lambda b, s, g, n, a: up(b, s) + g(up(b, s) + n),
        "residual alone": lambda b, s, g, n, a: g(up(b, s) + a * n),
        "the noise alone": lambda b, s, g, n, a: up(b, s) + g(a * n),
        "a tanh around the sum": lambda b, s, g, n, a: (up(b, s) + g(up(b, s) + a * n)).tanh(),
        "corners are not aligned": lambda b, s, g, n, a: up(b, s, False) + g(up(b, s, False) + a * n),
        "was wanted": lambda b, s, g, n, a: b,
        "stopped with RuntimeError": lambda b, s, g, n, a: b + a * n,
        "against the formula": lambda b, s, g, n, a: up(b, s) - g(up(b, s) + a * n),
    },
    "noise_amplitude": {
        "factor 0.1 is missing": lambda m, r: (m - r).square().mean().sqrt(),
        "root is missing": lambda m, r: 0.1 * F.mse_loss(m, r),
        "root and the factor 0.1": lambda m, r: F.mse_loss(m, r),
        "below the root": lambda m, r: (0.1 * F.mse_loss(m, r)).sqrt(),
        "the same everywhere": lambda m, r: 0.1 * (m - r).std(),
        "grows with the clip": lambda m, r: 0.1 * (m - r).norm(),
        "mean of the absolute error": lambda m, r: 0.1 * (m - r).abs().mean(),
        "cancel": lambda m, r: 0.1 * (m - r).mean(),
        "one amplitude for the whole scale": lambda m, r: 0.1 * (m - r).abs(),
    },
    "train_for": {
        "left hanging": read_on,
        "you went on too far, by 1": lambda events, limit: too_late(events, limit + 0.6),
        "has reached it, so take >=": too_late,
        "when events run out, too": only_in_time,
        "you made": too_early,
        "you went on to its end": to_the_end,
        "return the model of the last event": returns_event,
    },
}


def test_an_amplitude_may_be_a_number(capsys):
    check.noise_amplitude(lambda made, real: 0.1 * (made - real).square().mean().sqrt().item())
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.fixture(scope="module")
def model():
    return fit(noise_clip(), tiny_config(iterations=6), device="cpu", precision="float32")


def test_what_noise_and_plan_change_is_shown(model):
    *cells, bar = figures.noise_sheet(model).axes
    titles = ["plan A, noise 1", "plan A, noise 2", "plan B, noise 1", "changed by noise", "changed by plan"]
    assert [axis.get_title() for axis in cells] == titles
    first, second = (model.decode(model.latent(1, seed=0), seed=draw)[0, :, 6] for draw in (1, 2))
    assert (pixels(cells[0]) == to_uint8(first)).all()
    assert pixels(cells[3]) == pytest.approx((second - first).abs().mean(0).numpy())
    assert bar.get_ylabel() == "difference"


def test_noise_sizes_are_the_amplitudes(model):
    bars = figures.noise_sizes(model).axes[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx(model.network.amplitudes[1:])
    assert [bar.get_hatch() for bar in bars] == ["//", "", ""]


def test_noise_view(model):
    plan, draw, strength, picture, text = noise_view(model).children
    assert picture.value == animation(model.decode(model.latent(1, seed=0), seed=0)[0], model.fps)
    strength.value = 0
    silent = picture.value
    draw.value = 3
    assert picture.value == silent
    plan.value = 1
    assert picture.value != silent
    assert text.value.startswith("plan 1, noise 3, 0 times as strong as in training")
    assert draw.disabled
    assert text.value.endswith("has no effect: noise of strength 0 is none.")


EXAMPLES = {"noise_view": ("1 clip", lambda model: noise_view(model))}  # see test_widgets
