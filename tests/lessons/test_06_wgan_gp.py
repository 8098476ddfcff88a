"""Lesson 6: its toy obeys the arithmetic, its views follow their controls."""

import pytest
import torch
from common import pixels
from torch import nn

from hpvae_nb import InputError, load_clip, preset, scale_shapes
from hpvae_nb.core.convolution import convolve
from hpvae_nb.core.patches import shuffled
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.lessons.l06_wgan_gp import experiment, figures
from hpvae_nb.lessons.l06_wgan_gp.views import critic_map_view, toy_view
from hpvae_nb.recipe.build import make_discriminator
from hpvae_nb.recipe.pyramid import real_samples


def penalty(of=lambda slope: (slope.flatten(1).norm(dim=1) - 1).square().mean(), graph=True, blend=None):
    """An answer to exercise 1 with one part exchanged."""

    def answer(critic, real, fake, epsilon):
        at = epsilon * real + (1 - epsilon) * fake if blend is None else blend(real, fake, epsilon)
        at = at.clone().requires_grad_()
        return of(torch.autograd.grad(critic(at).sum(), at, create_graph=graph)[0])

    return answer


WRONG = {  # see test_exercises
    "gradient_penalty": {
        "inside the norm": penalty(lambda s: (s - 1).flatten(1).norm(dim=1).square().mean()),
        "a norm at each site": penalty(lambda s: (s.norm(dim=1) - 1).square().mean()),
        "over the whole batch": penalty(lambda s: (s.norm() - 1).square()),
        "square is missing": penalty(lambda s: (s.flatten(1).norm(dim=1) - 1).mean()),
        "towards 0": penalty(lambda s: s.flatten(1).norm(dim=1).square().mean()),
        "E is a mean": penalty(lambda s: (s.flatten(1).norm(dim=1) - 1).square().sum()),
        "all slopes come out too small": lambda critic, real, fake, epsilon: penalty()(
            lambda x: critic(x).mean(), real, fake, epsilon
        ),
        "average over the samples": penalty(lambda s: (s.flatten(1).norm(dim=1) - 1).square()),
        "term by term": penalty(lambda s: s.sum()),
        "create_graph=True": penalty(graph=False),
        "swapped in the blend": penalty(blend=lambda real, fake, e: (1 - e) * real + e * fake),
        "taken at the real samples": penalty(blend=lambda real, fake, e: real),
        "your code stopped": lambda critic, real, fake, epsilon: critic(real[0, 0, 0]),
    },
    "critic_loss": {
        "signs of the scores are swapped": lambda a, b, p, w: a.mean() - b.mean() + w * p,
        "maximises": lambda a, b, p, w: a.mean() - b.mean() - w * p,
        "steepness costs": lambda a, b, p, w: b.mean() - a.mean() - w * p,
        "lambda is missing": lambda a, b, p, w: b.mean() - a.mean() + p,
        "instead of summing": lambda a, b, p, w: b.sum() - a.sum() + w * p,
    },
    "generator_loss": {
        "sign of the scores is turned": lambda e, s, w: e + w * s.mean(),
        "beta_adv is missing": lambda e, s, w: e - s.mean(),
        "instead of summing": lambda e, s, w: e - w * s.sum(),
        "cut off": lambda e, s, w: (e - w * s.mean()).detach(),
        "term by term": lambda e, s, w: e * 7,
    },
}


@pytest.fixture(scope="module")
def toy():
    real, fake = experiment.toy_points(64)
    return real, fake, {weight: experiment.train_toy(real, fake, weight, steps=120) for weight in (0.0, 1.0)}


def test_transport_cost_of_a_shift_is_its_length():
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert experiment.transport_cost(points, points[order] + torch.tensor([3.0, 4.0])) == pytest.approx(5, abs=1e-5)
    with pytest.raises(InputError, match="equally many"):
        experiment.transport_cost(points, points[:3])


def test_expected_is_the_maximum():
    slope, distance = experiment.expected(0.7, 1.6)
    objective = [s * 1.6 - 0.7 * (s - 1) ** 2 for s in (slope - 0.01, slope, slope + 0.01)]
    assert max(objective) == objective[1]
    assert distance == slope * 1.6


def test_the_penalty_bounds_the_critic(toy):
    real, fake, histories = toy
    slope, _ = experiment.expected(1.0, experiment.transport_cost(real, fake))
    assert histories[1.0][-1].slope == pytest.approx(slope, rel=0.3)
    assert histories[0.0][-1].slope > 20 * slope
    inside = experiment.train_toy(real, fake, 10.0, reading="inside", steps=120)
    assert inside[-1].distance < 0


@pytest.mark.slow
def test_figures_draw(toy):
    real, fake, histories = toy
    (axis,) = figures.points_figure(real, fake, pairs=3).axes
    assert len(axis.lines) == 3
    assert torch.equal(torch.tensor(axis.collections[0].get_offsets()), real.double())
    shot = histories[1.0][-1]
    score, steep, *bars = figures.surface_figure({"λ = 1": shot}, real, fake).axes
    assert [axis.get_title() for axis in (score, steep)] == ["λ = 1: score D", "λ = 1: steepness ‖∇D‖"]
    assert (pixels(score) == shot.surface.numpy()).all()
    assert (pixels(steep) == shot.steepness.numpy()).all()
    assert len(bars) == 2
    slope, distance = figures.training_figure(histories, 1.6).axes
    assert [line.get_label() for line in slope.lines[:2]] == ["λ = 0", "λ = 1"]
    assert list(distance.lines[0].get_ydata()) == [shot.distance for shot in histories[0.0]]
    assert [line.get_ydata()[0] for line in (slope.lines[2], distance.lines[2])] == list(experiment.expected(1.0, 1.6))


def test_maps_stand_below_their_clips():
    clips = {name: torch.rand(3, 4, 6, 8) * 2 - 1 for name in ("real", "noise")}
    maps = {name: clip.mean(dim=0) for name, clip in clips.items()}
    figure = figures.maps_figure(clips, maps, frame=2)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["real", "noise"]
    assert (pixels(figure.axes[1]) == to_uint8(clips["noise"][:, 2])).all()
    assert (pixels(figure.axes[3]) == maps["noise"][2].numpy()).all()
    assert figure.axes[2].images[0].get_clim() == figure.axes[3].images[0].get_clim(), "one scale for all"


def test_only_pytorchs_own_penalty_needs_a_kernel_as_large_as_the_clip():
    clips, weight = torch.randn(2, 3, 5, 8, 12, requires_grad=True), torch.randn(4, 3, 3, 3, 3, requires_grad=True)

    def gradient(layer):
        (slope,) = torch.autograd.grad(layer(clips, weight).sum(), clips, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), weight)

    def plain(x, weight):
        return nn.functional.conv3d(x, weight, padding=1)

    assert experiment.kernels(lambda: plain(clips, weight)) == [(3, 3, 3)]
    assert experiment.kernels(lambda: gradient(plain)) == [(3, 3, 3), (5, 8, 12)]
    assert max(map(max, experiment.kernels(lambda: gradient(convolve)))) == 3
    assert experiment.kernels(lambda: clips + 1) == []


def test_each_part_is_timed_at_its_shortest(monkeypatch):
    moments = iter([0, 1, 3, 7, 10, 12, 13, 18])
    monkeypatch.setattr(experiment, "perf_counter", lambda: next(moments))
    clips, weight = torch.randn(1, 2, 3, 4, 5, requires_grad=True), torch.randn(2, 2, 1, 1, 1, requires_grad=True)
    seconds = experiment.penalty_seconds(lambda x, w: nn.functional.conv3d(x, w), clips, weight, runs=2)
    assert seconds == [1, 1, 4]
    figure = figures.parts_figure({"PyTorch": seconds, "ours": [1, 2, 2]})
    assert [round(bar.get_width()) for bar in figure.axes[0].patches] == [1000, 1000, 4000, 1000, 2000, 2000]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["PyTorch", "ours"]


def test_toy_view(toy):
    real, fake, histories = toy
    play, weight, step, picture, words = toy_view(histories, real, fake).children
    assert play.max == step.max == 120
    trained = picture.value
    step.value = 0
    assert picture.value != trained
    said = words.value
    step.value, weight.value = 120, 0.0
    assert words.value != said
    assert "Distance" in words.value


def test_critic_map_view():
    critic = nn.Conv3d(3, 1, 1)
    clips = {name: torch.rand(3, 4, 6, 8) * 2 - 1 for name in ("real", "noise")}
    slider, picture, words = critic_map_view(critic, clips).children
    before = picture.value
    slider.value = 3
    assert picture.value != before
    assert words.value.startswith("Frame 3: the highest mean score goes to")
    slider.max = 9
    slider.value = 9
    assert "IndexError" in words.value


def trained_toys():
    real, fake = experiment.toy_points()
    return {weight: experiment.train_toy(real, fake, weight) for weight in (0, 1, 10)}, real, fake


def critic_and_clips():
    """A critic as in the lesson, untrained, since that takes as long, with four clips to judge."""
    config = preset("smoke", scales=3, fine_size=40, channels=16, latent=16, critic_layers=4)
    clip = load_clip("pedestrians", frames=13)
    real = real_samples(config, clip, 2, scale_shapes(config, clip)[2])[0]
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clips = {"real": real, "upside down": real.flip(-2), "shuffled": shuffled(real, (13, 4, 4)), "noise": noise}
    return make_discriminator(config).eval(), clips


EXAMPLES = {  # see test_widgets
    "toy_view": ("2 maps", lambda model: toy_view(*trained_toys())),
    "critic_map_view": ("8 pictures", lambda model: critic_map_view(*critic_and_clips())),
}
