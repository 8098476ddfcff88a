"""Lesson 9: its measures rank as they should, its view answers."""

import dataclasses
import io

import pytest
import torch
from PIL import Image

from hpvae_nb import load_clip
from hpvae_nb.errors import InputError
from hpvae_nb.lab import show
from hpvae_nb.lessons.l09_diversity_and_realism import experiment, figures
from hpvae_nb.lessons.l09_diversity_and_realism.experiment import Point
from hpvae_nb.lessons.l09_diversity_and_realism.views import BESIDE, WIDTH, levels_view
from hpvae_nb.metrics import Score, svfid


def cross(a, b):
    return torch.linalg.eigvals(a @ b).real.clamp_min(0).sqrt().sum()


def keep(beats):
    """An answer that keeps whatever no other point beats."""
    return lambda points: {
        m for m, a in points.items() if not any(beats(b, a) for other, b in points.items() if other != m)
    }


WRONG = {  # see test_exercises
    "frechet": {
        "the means are missing": lambda m, a, n, b: a.trace() + b.trace() - 2 * cross(a, b),
        "the covariances are missing": lambda m, a, n, b: (m - n).square().sum(),
        "not by their mean": lambda m, a, n, b: (m - n).square().mean() + a.trace() + b.trace() - 2 * cross(a, b),
        "eigvals, not eigvalsh": lambda m, a, n, b: (
            (m - n).square().sum() + a.trace() + b.trace() - 2 * torch.linalg.eigvalsh(a @ b).clamp_min(0).sqrt().sum()
        ),
        "no number": lambda m, a, n, b: torch.tensor(-1.0).sqrt(),
        "is not squared": lambda m, a, n, b: (m - n).norm() + a.trace() + b.trace() - 2 * cross(a, b),
        "counts twice": lambda m, a, n, b: (m - n).square().sum() + a.trace() + b.trace() - cross(a, b),
        "has to be taken off": lambda m, a, n, b: (m - n).square().sum() + a.trace() + b.trace() + 2 * cross(a, b),
        "still needs its root": lambda m, a, n, b: (m - n).square().sum() + a.trace() + b.trace() - 2 * (a @ b).trace(),
        "root of every entry": lambda m, a, n, b: (
            (m - n).square().sum() + a.trace() + b.trace() - 2 * (a @ b).clamp_min(0).sqrt().sum()
        ),
        "stopped with": lambda m, a, n, b: a @ torch.ones(99),
        "was wanted": lambda m, a, n, b: a + b,
        "term by term": lambda m, a, n, b: a.trace(),
    },
    "unbeaten": {
        "a smaller distance is better": keep(lambda b, a: b[0] >= a[0] and b[1] >= a[1] and b != a),
        "only the extremes": lambda points: {
            m
            for m, (d, f) in points.items()
            if d == max(x for x, _ in points.values()) or f == min(y for _, y in points.values())
        },
        "those are the beaten ones": lambda points: (
            set(points) - keep(lambda b, a: b[0] >= a[0] and b[1] <= a[1] and b != a)(points)
        ),
        "equal in one number": keep(lambda b, a: b[0] > a[0] and b[1] < a[1]),
        "merely its equal": keep(lambda b, a: b[0] >= a[0] and b[1] <= a[1]),
        "is right": lambda points: {1},
        "a set is wanted": max,
        "stopped with KeyError": lambda points: {points[99]},
    },
}


def test_a_point_holds_the_models_own_numbers(trained, pedestrians):
    real = show.real_at_last_scale(trained, pedestrians)
    point = experiment.measure(trained, real, samples=6, seed=3)
    assert point.levels == trained.config.vae_levels
    assert torch.equal(point.samples, trained.sample(6, seed=3))
    assert point.diversity > 0
    assert point.distance.value > 0


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return [
        Point(m, torch.rand(6, 3, 5, 18, 32, generator=generator) * 2 - 1, 0.1 * m, Score(1.0 + m, "SVFID", "patches"))
        for m in (1, 2, 3)
    ]


def test_curves_show_every_point_and_the_chosen_m(points):
    figure = figures.curves({"one": points, "two": points[:2]}, chosen=2)
    diversity, distance = figure.axes
    assert [list(line.get_ydata()) for line in diversity.lines[:2]] == [
        pytest.approx([0.1, 0.2, 0.3]),
        pytest.approx([0.1, 0.2]),
    ]
    assert list(distance.lines[0].get_xdata()) == [1, 2, 3]
    assert list(diversity.lines[2].get_xdata()) == [2, 2]
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["diversity: higher is better", "SVFID (patches): lower is better"]
    with pytest.raises(InputError, match="measure at least one model"):
        figures.curves({"one": []})


def test_the_plane_names_every_model(points):
    figure = figures.plane(points, [1, 3])
    assert [text.get_text() for text in figure.axes[0].texts] == ["M = 1", "M = 2", "M = 3"]
    dots = figure.axes[0].collections
    assert [dot.get_offsets().tolist() for dot in dots] == [
        [[point.distance.value, point.diversity]] for point in points
    ]
    filled = [tuple(dot.get_facecolor()[0]) != (1, 1, 1, 1) for dot in dots]
    assert filled == [True, False, True]


def test_moving_a_control_moves_samples_and_numbers(points):
    clip, levels, sample, picture, text = levels_view({"one": points, "two": points[::-1]}, 24).children
    assert Image.open(io.BytesIO(picture.value)).size[0] == WIDTH
    for control, value, words in [(levels, 3, "M = 3: diversity 0.30"), (sample, 2, f"samples 2 to {BESIDE + 1}")]:
        before = picture.value
        control.value = value
        assert picture.value != before
        assert words in text.value
    clip.value = "two"
    assert text.value.startswith("two, M = 3")


def example(model):
    """The view of three models, which are one and the same here: what it shows takes as long."""
    clip = load_clip("pedestrians", frames=model.config.frames)
    point = Point(1, model.sample(10, seed=0), 0.5, svfid(clip.video[None], clip.video))
    points = [dataclasses.replace(point, levels=levels, samples=point.samples.flip(0)) for levels in (1, 3, 7)]
    return levels_view({"one": points, "two": points[::-1]}, model.fps)


EXAMPLES = {"levels_view": ("4 ready clips, 2 curves", example)}  # see test_widgets
