"""Lesson 6: its checks tell right from wrong, its toy obeys the arithmetic, its views follow their controls."""

from pathlib import Path

import matplotlib
import pytest
import torch
from common import answers
from torch import nn

import hpvae_nb
from hpvae_nb import InputError
from hpvae_nb.core.convolution import convolve
from hpvae_nb.lab.render import png
from hpvae_nb.lessons.l06_wgan_gp import checks as check
from hpvae_nb.lessons.l06_wgan_gp import experiment as cost
from hpvae_nb.lessons.l06_wgan_gp import figures
from hpvae_nb.lessons.l06_wgan_gp.views import critic_map_view, toy_view

matplotlib.use("Agg")
FOLDER = Path(hpvae_nb.__file__).parent.parent / "notebooks"
NAMES = ("gradient_penalty", "critic_loss", "generator_loss")


@pytest.mark.parametrize("name", NAMES)
def test_stub_and_solution(name, capsys):
    getattr(check, name)(answers("06_wgan_gp")["stub", name])
    assert capsys.readouterr().out == f"Not yet: {name} still returns nothing\n"
    getattr(check, name)(answers("06_wgan_gp")["solution", name])
    assert capsys.readouterr().out.startswith("Right: ")


def penalty(of=lambda slope: (slope.flatten(1).norm(dim=1) - 1).square().mean(), graph=True, blend=None):
    """An answer to exercise 1 with one part exchanged."""

    def answer(critic, real, fake, epsilon):
        at = epsilon * real + (1 - epsilon) * fake if blend is None else blend(real, fake, epsilon)
        at = at.clone().requires_grad_()
        return of(torch.autograd.grad(critic(at).sum(), at, create_graph=graph)[0])

    return answer


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (penalty(lambda s: (s - 1).flatten(1).norm(dim=1).square().mean()), "inside the norm"),
        (penalty(lambda s: (s.norm(dim=1) - 1).square().mean()), "a norm at each site"),
        (penalty(lambda s: (s.norm() - 1).square()), "over the whole batch"),
        (penalty(lambda s: (s.flatten(1).norm(dim=1) - 1).mean()), "square is missing"),
        (penalty(lambda s: s.flatten(1).norm(dim=1).square().mean()), "towards 0"),
        (penalty(lambda s: (s.flatten(1).norm(dim=1) - 1).square()), "average over the samples"),
        (penalty(lambda s: s.sum()), "the value differs"),
        (penalty(graph=False), "create_graph=True"),
        (penalty(blend=lambda real, fake, e: (1 - e) * real + e * fake), "swapped in the blend"),
        (penalty(blend=lambda real, fake, e: real), "taken at the real samples"),
        (lambda critic, real, fake, epsilon: critic(real[0, 0, 0]), "your code stopped"),
    ],
)
def test_wrong_penalties_are_told_why(wrong, said, capsys):
    check.gradient_penalty(wrong)
    out = capsys.readouterr().out
    assert out.startswith("Not quite: ")
    assert said in out


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("critic_loss", lambda a, b, p, w: a.mean() - b.mean() + w * p, "signs of the scores are swapped"),
        ("critic_loss", lambda a, b, p, w: a.mean() - b.mean() - w * p, "maximises"),
        ("critic_loss", lambda a, b, p, w: b.mean() - a.mean() - w * p, "steepness costs"),
        ("critic_loss", lambda a, b, p, w: b.mean() - a.mean() + p, "lambda is missing"),
        ("critic_loss", lambda a, b, p, w: b.sum() - a.sum() + w * p, "instead of summing"),
        ("generator_loss", lambda e, s, w: e + w * s.mean(), "sign of the scores is turned"),
        ("generator_loss", lambda e, s, w: e - s.mean(), "beta_adv is missing"),
        ("generator_loss", lambda e, s, w: e - w * s.sum(), "instead of summing"),
        ("generator_loss", lambda e, s, w: (e - w * s.mean()).detach(), "cut off"),
        ("generator_loss", lambda e, s, w: e * 7, "the value differs"),
    ],
)
def test_wrong_losses_are_told_why(name, wrong, said, capsys):
    getattr(check, name)(wrong)
    out = capsys.readouterr().out
    assert out.startswith("Not quite: ")
    assert said in out


@pytest.fixture(scope="module")
def toy():
    real, fake = figures.toy_points(64)
    return real, fake, {weight: figures.train_toy(real, fake, weight, steps=120) for weight in (0.0, 1.0)}


def test_transport_cost_of_a_shift_is_its_length():
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert figures.transport_cost(points, points[order] + torch.tensor([3.0, 4.0])) == pytest.approx(5, abs=1e-5)
    with pytest.raises(InputError, match="equally many"):
        figures.transport_cost(points, points[:3])


def test_expected_is_the_maximum():
    slope, distance = figures.expected(0.7, 1.6)
    objective = [s * 1.6 - 0.7 * (s - 1) ** 2 for s in (slope - 0.01, slope, slope + 0.01)]
    assert max(objective) == objective[1]
    assert distance == slope * 1.6


def test_the_penalty_bounds_the_critic(toy):
    real, fake, histories = toy
    slope, _ = figures.expected(1.0, figures.transport_cost(real, fake))
    assert histories[1.0][-1].slope == pytest.approx(slope, rel=0.3)
    assert histories[0.0][-1].slope > 20 * slope
    inside = figures.train_toy(real, fake, 10.0, reading="inside", steps=120)
    assert inside[-1].distance < 0


@pytest.mark.slow
def test_figures_draw(toy):
    real, fake, histories = toy
    drawn = [
        figures.points_figure(real, fake, pairs=3),
        figures.surface_figure({"λ = 1": histories[1.0][-1]}, real, fake),
        figures.training_figure(histories, 1.6),
    ]
    assert all(png(figure).startswith(b"\x89PNG") for figure in drawn)


def test_shuffling_keeps_every_pixel_and_moves_blocks():
    video = torch.arange(2.0 * 9 * 13).reshape(1, 1, 2, 9, 13)
    mixed = figures.shuffled_blocks(video, 4)
    assert mixed.shape == (1, 1, 2, 8, 12)
    assert torch.equal(mixed.flatten().sort().values, video[..., :8, :12].flatten().sort().values)
    assert not torch.equal(mixed, video[..., :8, :12])
    assert torch.equal(mixed[0, 0, 1] - mixed[0, 0, 0], torch.full((8, 12), 9.0 * 13))  # the same order in all frames


def test_only_pytorchs_own_penalty_needs_a_kernel_as_large_as_the_clip():
    clips, weight = torch.randn(2, 3, 5, 8, 12, requires_grad=True), torch.randn(4, 3, 3, 3, 3, requires_grad=True)

    def gradient(layer):
        (slope,) = torch.autograd.grad(layer(clips, weight).sum(), clips, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), weight)

    def plain(x, weight):
        return nn.functional.conv3d(x, weight, padding=1)

    assert cost.kernels(lambda: plain(clips, weight)) == [(3, 3, 3)]
    assert cost.kernels(lambda: gradient(plain)) == [(3, 3, 3), (5, 8, 12)]
    assert max(map(max, cost.kernels(lambda: gradient(convolve)))) == 3
    assert cost.kernels(lambda: clips + 1) == []


def test_each_part_is_timed_at_its_shortest(monkeypatch):
    moments = iter([0, 1, 3, 7, 10, 12, 13, 18])
    monkeypatch.setattr(cost, "perf_counter", lambda: next(moments))
    clips, weight = torch.randn(1, 2, 3, 4, 5, requires_grad=True), torch.randn(2, 2, 1, 1, 1, requires_grad=True)
    seconds = cost.penalty_seconds(lambda x, w: nn.functional.conv3d(x, w), clips, weight, runs=2)
    assert seconds == [1, 1, 4]
    figure = cost.parts_figure({"PyTorch": seconds, "ours": [1, 2, 2]})
    assert [round(bar.get_width()) for bar in figure.axes[0].patches] == [1000, 1000, 4000, 1000, 2000, 2000]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["PyTorch", "ours"]
    assert png(figure).startswith(b"\x89PNG")


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
