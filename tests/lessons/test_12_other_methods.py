"""Lesson 12: its table says what the rows say, its view answers."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from common import noise_clip, tiny_config

from hpvae_nb import fit, load_clip, preset
from hpvae_nb.baselines import Vgpnn
from hpvae_nb.errors import InputError
from hpvae_nb.lessons.l12_other_methods import experiment, figures
from hpvae_nb.lessons.l12_other_methods.experiment import NoisePoint
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


@pytest.fixture
def rows():
    """Two methods on a clip; on each measure `first` has 1 and 2, `second` 1.75 and 3."""
    values = {("first", 0): 1.0, ("first", 1): 2.0, ("second", 0): 1.75, ("second", 1): 3.0}
    every = [
        {"clip": "a clip", "method": method, "seed": seed, **dict.fromkeys(experiment.MEASURES, value)}
        for (method, seed), value in values.items()
    ]
    return pd.DataFrame(every)


def test_best_is_the_least_distance_and_the_most_diversity(rows):
    assert experiment.ranking(rows, "a clip", "svfid") == ["first", "second"]
    assert experiment.ranking(rows, "a clip", "diversity") == ["second", "first"]


def test_a_win_is_clear_when_no_seed_of_another_reaches_it(rows):
    assert not experiment.clear(rows, "a clip", "svfid")
    rows.loc[rows["method"] == "second", "svfid"] = [2.5, 3]
    assert experiment.clear(rows, "a clip", "svfid")
    assert not experiment.clear(rows, "a clip", "diversity")
    rows.loc[rows["method"] == "second", "diversity"] = [2.5, 3]
    assert experiment.clear(rows, "a clip", "diversity")


def test_the_table_has_mean_and_range_and_stars_the_best(rows):
    table = experiment.table(rows, "a clip")
    assert list(table.columns) == ["first", "second"]
    starred = {
        -1: ["1.50 (1.00-2.00)*", "2.38 (1.75-3.00)"],
        0: ["1.50 (1.00-2.00)", "2.38 (1.75-3.00)"],
        1: ["1.50 (1.00-2.00)", "2.38 (1.75-3.00)*"],
    }
    assert list(table.index) == [measure.title for measure in experiment.MEASURES.values()]
    for measure in experiment.MEASURES.values():
        assert list(table.loc[measure.title]) == starred[measure.direction]
    rows.loc[:, "svfid"] = 100.4
    assert list(experiment.table(rows, "a clip").loc["SVFID (patches)"]) == ["100*", "100"]


def test_the_comparison_draws_every_mean_and_range(rows):
    rows.loc[0, "sampling_seconds"] = 0.1
    rows.loc[0, "training_seconds"] = 0
    figure = figures.comparison(rows)
    for axis, measure in zip(figure.axes, experiment.MEASURES.values(), strict=False):
        assert axis.get_title() == measure.title
        assert axis.get_xlabel() == measure.reading
        (means,), (bars,) = [line for line in axis.lines if line.get_marker() == "o"], axis.collections
        low = rows[measure.name].min()
        assert np.array(bars.get_segments())[:, :, 0] == pytest.approx(np.array([[low, 2], [1.75, 3]]))
        assert means.get_xdata().tolist() == [(low + 2) / 2, 2.375]
        assert axis.get_xscale() == ("log" if measure.name == "sampling_seconds" else "linear")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["first", "second"]
    with pytest.raises(InputError, match="at least one clip"):
        figures.comparison(rows.iloc[:0])


def test_numbers_are_those_of_the_rows_seed_by_seed():
    rows = pd.DataFrame(
        {"clip": "a clip", "point": point, "seed": seed, **dict.fromkeys(experiment.MEASURES, place + seed / 10)}
        for place, point in enumerate([*experiment.METHODS, "no freezing"])
        for seed in (1, 0)
    )
    found = experiment.of_methods(rows)
    means = experiment.statistics(found, "a clip", "svfid")
    assert list(means.index) == list(experiment.METHODS.values())
    assert means.loc["HP-VAE-GAN"].tolist() == pytest.approx([0.05, 0, 0.1])
    assert means.loc["VGPNN"].tolist() == pytest.approx([4.05, 4, 4.1])
    with pytest.raises(InputError, match="VGPNN on 'a clip'"):
        experiment.of_methods(rows[rows["point"] != "VGPNN"])


def test_every_method_of_the_evidence_is_in_the_table():
    assert set(experiment.METHODS) == {evidence.WHOLE, *evidence.METHODS}


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
    assert experiment.measure_noise(model, samples=3, seed=1) == expected
    assert experiment.measure_noise(make(0, False), samples=2) == NoisePoint(0, 0, pytest.approx(0, abs=1e-6), 1)


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
    assert not seed.disabled
    sigma.value = 0
    assert "novelty 0.00, survival 1.00" in text.value
    assert seed.disabled
    assert completeness.disabled
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

    points = [experiment.measure_noise(copier(sigma, False), samples=2) for sigma in (5, 20)]
    return copies_view(copier, points, clip.fps)


EXAMPLES = {"copies_view": ("1 clip copied at 4 levels, 3 curves", lambda model: example())}  # see test_widgets
