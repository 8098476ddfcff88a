"""Lesson 12: its table says what the rows say, its view answers."""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from common import noise_clip, tiny_config

from hpvae_nb import fit, load_clip, preset
from hpvae_nb.baselines import Vgpnn
from hpvae_nb.errors import InputError
from hpvae_nb.lessons.l12_other_methods import figures
from hpvae_nb.lessons.l12_other_methods.figures import NoisePoint
from hpvae_nb.lessons.l12_other_methods.views import copies_view
from hpvae_nb.metrics import diversity, novelty, survival
from hpvae_nb.studies import evidence


def both(logits, p):
    q = torch.sigmoid(logits)
    return q * (q / p).log(), (1 - q) * ((1 - q) / (1 - p)).log()


def placed(chosen, gather):
    """`gather` is called with the votes so far and each entry's, at its place."""
    a, b, d, c, t, h, w = chosen.shape
    found = torch.full((c, t + a - 1, h + b - 1, w + d - 1), torch.nan)
    for i, j, k in np.ndindex(a, b, d):
        here = (slice(None), slice(i, i + t), slice(j, j + h), slice(k, k + w))
        found[here] = gather(found[here], chosen[i, j, k])
    return found


def total(chosen):
    return placed(chosen, lambda so_far, vote: so_far.nan_to_num(0) + vote)


def votes(chosen):
    return total(torch.ones_like(chosen))


def median(chosen):
    a, b, d, c, t, h, w = chosen.shape
    ballots = torch.full((a * b * d, c, t + a - 1, h + b - 1, w + d - 1), torch.nan)
    for n, (i, j, k) in enumerate(np.ndindex(a, b, d)):
        ballots[n, :, i : i + t, j : j + h, k : k + w] = chosen[i, j, k]
    return ballots.nanmedian(0).values


def reverse(p, logits):
    q = torch.sigmoid(logits)
    return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()


WRONG = {  # see test_exercises
    "occurrence_kl": {
        "'it does not occur' is an outcome too": lambda logits, p: both(logits, p)[0],
        "'it occurs' is an outcome too": lambda logits, p: both(logits, p)[1],
        "KL[prior || posterior]": lambda logits, p: reverse(torch.tensor(p), logits),
        "never negative": lambda logits, p: -sum(both(logits, p)),
        "the prior is missing": lambda logits, p: sum(both(logits, 0.5)) - math.log(2),
        "cross entropy": lambda logits, p: F.binary_cross_entropy(
            torch.full_like(logits, p), torch.sigmoid(logits), reduction="none"
        ),
        "a logit is no probability yet": lambda q, p: (
            q * (q.abs() / p).log() + (1 - q) * ((1 - q).abs() / (1 - p)).log()
        ),
        "these are bits": lambda logits, p: sum(both(logits, p)) / math.log(2),
        "not for an encoder that is sure": lambda logits, p: sum(both(logits, p)),
        "was wanted": lambda logits, p: sum(both(logits, p)).sum(),
        "term by term": lambda logits, p: torch.sigmoid(logits),
        "stopped with": lambda logits, p: logits @ torch.ones(99),
    },
    "average": {
        "do not divide": total,
        "everywhere, but a corner is covered by one patch": lambda chosen: (
            total(chosen) / chosen[..., 0, 0, 0, 0].numel()
        ),
        "later patches overwrite earlier ones": lambda chosen: placed(chosen, lambda so_far, vote: vote),
        "this is the median": median,
        "the corner goes the wrong way": lambda chosen: total(chosen.flip(0, 1, 2)) / votes(chosen),
        "was wanted": lambda chosen: chosen.mean((0, 1, 2)),
        "term by term": lambda chosen: votes(chosen),
        "stopped with": lambda chosen: chosen @ torch.ones(99),
    },
}


# Figures


@pytest.mark.slow
def test_the_schedule_marks_what_is_trained_frozen_and_not_there_yet():
    scales = [{"encoder", "generators.0"}, {"generators.1", "critic"}]
    figure = figures.schedule({"a method": scales})
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["E", "$G^0$", "$G^1$", "D"]
    assert [text.get_text() for text in axis.texts] == ["frozen", "frozen"]
    assert [(text.get_position()[0], text.get_position()[1]) for text in axis.texts] == [(1.5, 0.5), (1.5, 1.5)]
    assert len(axis.patches) == 6
    with pytest.raises(InputError, match="at least one method"):
        figures.schedule({})


@pytest.mark.parametrize(
    ("name", "part"),
    [("stages.2.0.0.weight", "stages.2"), ("generators.1.body.0.0.bias", "generators.1"), ("tail.weight", "tail")],
)
def test_a_weight_belongs_to_a_part(name, part):
    assert figures.part(name) == part


@pytest.fixture
def numbers():
    """Two methods; on each measure `first` has 1 and 2, `second` 1.75 and 3."""
    return {
        "a clip": {
            "first": {name: [1, 2] for name in figures.MEASURES},
            "second": {name: [1.75, 3] for name in figures.MEASURES},
        }
    }


def test_best_is_the_least_distance_and_the_most_diversity(numbers):
    assert figures.ranking(numbers, "a clip", "svfid") == ["first", "second"]
    assert figures.ranking(numbers, "a clip", "diversity") == ["second", "first"]


def test_a_win_is_clear_when_no_seed_of_another_reaches_it(numbers):
    assert not figures.clear(numbers, "a clip", "svfid")
    numbers["a clip"]["second"]["svfid"] = [2.5, 3]
    assert figures.clear(numbers, "a clip", "svfid")
    assert not figures.clear(numbers, "a clip", "diversity")
    numbers["a clip"]["second"]["diversity"] = [2.5, 3]
    assert figures.clear(numbers, "a clip", "diversity")


def test_the_table_has_mean_and_range_and_stars_the_best(numbers):
    head, *lines = figures.table(numbers, "a clip").splitlines()
    assert head.split() == ["first", "second"]
    starred = {
        -1: "1.50 (1.00-2.00)*  2.38 (1.75-3.00)",
        0: "1.50 (1.00-2.00)   2.38 (1.75-3.00)",
        1: "1.50 (1.00-2.00)   2.38 (1.75-3.00)*",
    }
    for line, measure in zip(lines, figures.MEASURES.values(), strict=True):
        assert line.startswith(measure.title)
        assert re.sub(" +", " ", line).endswith(re.sub(" +", " ", starred[measure.sign]))


def test_the_comparison_draws_every_mean_and_range(numbers):
    figure = figures.comparison(numbers)
    for axis, measure in zip(figure.axes, figures.MEASURES.values(), strict=False):
        assert axis.get_title() == measure.title
        ranges, means = axis.lines[::2], axis.lines[1::2]
        assert [list(line.get_xdata()) for line in ranges] == [[1, 2], [1.75, 3]]
        assert [line.get_xdata()[0] for line in means] == [1.5, 2.375]
    with pytest.raises(InputError, match="at least one clip"):
        figures.comparison({})


def test_numbers_are_those_of_the_rows_seed_by_seed():
    rows = [
        {"clip": "a clip", "point": point, "seed": seed, **dict.fromkeys(figures.MEASURES, place + seed / 10)}
        for place, point in enumerate(figures.METHODS.values())
        for seed in (1, 0)
    ]
    numbers = figures.numbers_of(rows)
    assert list(numbers["a clip"]) == list(figures.METHODS)
    assert numbers["a clip"]["HP-VAE-GAN"]["novelty"] == [0, 0.1]
    assert numbers["a clip"]["VGPNN"]["svfid"] == [4, 4.1]
    with pytest.raises(InputError, match="VGPNN"):
        figures.numbers_of([row for row in rows if row["point"] != "VGPNN"])


def test_every_method_of_the_evidence_is_in_the_table():
    assert set(figures.METHODS.values()) == {evidence.WHOLE, *evidence.METHODS.values()}


# VGPNN's noise


@pytest.fixture(scope="module")
def make():
    config = tiny_config(fine_size=20)

    def copier(sigma, completeness):
        settings = {"sigma": sigma, "iterations": 1, "time_factor": 0.5, "alpha": 0.005 if completeness else None}
        return fit(noise_clip(height=20, width=28), config, device="cpu", method=Vgpnn(**settings))

    return copier


@pytest.mark.slow
def test_a_noise_point_holds_the_measures_of_its_samples(make):
    model = make(10, False)
    samples, real = model.sample(3, seed=1), model.reconstruct()[0]
    expected = NoisePoint(10, diversity(samples, real), novelty(samples, real), survival(samples, real))
    assert figures.measure_noise(model, samples=3, seed=1) == expected
    assert figures.measure_noise(make(0, False), samples=2) == NoisePoint(0, 0, pytest.approx(0, abs=1e-6), 1)


POINTS = [NoisePoint(20, 0.5, 0.1, 0.4), NoisePoint(0, 0, 0, 1)]


def test_noise_curves_are_in_the_order_of_sigma_and_mark_the_chosen():
    figure = figures.noise_curves(POINTS, chosen=20)
    for axis, values in zip(figure.axes, ([0, 0.5], [0, 0.1], [1, 0.4]), strict=True):
        assert list(axis.lines[0].get_ydata()) == values
        assert list(axis.lines[1].get_xdata()) == [1, 1]
        assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "20"]
    with pytest.raises(InputError, match="at least one sigma"):
        figures.noise_curves([])


@pytest.mark.slow
def test_moving_a_control_moves_sample_and_numbers(make):
    sigma, seed, completeness, picture, text = copies_view(make, POINTS, 24).children
    assert "novelty 0.00, survival 1.00" in text.value
    said = [text.value]
    for control, value in ((sigma, 20), (seed, 3), (completeness, True)):
        before = picture.value
        control.value = value
        assert picture.value != before
        said.append(text.value)
    assert said[-1].startswith("σ = 20, seed 3, completeness on")
    found = make(20, True)
    wanted = novelty(found.sample(1, seed=3), found.reconstruct()[0])
    assert re.search(r"novelty ([\d.]+)", said[-1])[1] == f"{wanted:.2f}"


def example():
    clip, config = load_clip("pedestrians"), preset("smoke", coarse_size=16)

    def copier(sigma, completeness):
        settings = {"iterations": 1, "time_factor": 0.6, "components": 48, "sigma": sigma}
        settings["alpha"] = 0.005 if completeness else None
        return fit(clip, config, device="cpu", method=Vgpnn(**settings))

    points = [figures.measure_noise(copier(sigma, False), samples=2) for sigma in (5, 20)]
    return copies_view(copier, points, clip.fps)


EXAMPLES = {"copies_view": ("1 clip copied at 4 levels, 3 curves", lambda model: example())}  # see test_widgets
