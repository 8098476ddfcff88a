"""Lesson 13: its views answer, and a training run again is compared."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from common import TINY
from PIL import Image

from hpvae_nb.lessons.l13_reproducing_the_paper import checks as check
from hpvae_nb.lessons.l13_reproducing_the_paper import views
from hpvae_nb.studies import claims, evidence, sweeps
from hpvae_nb.studies.intervals import reach


def slope(levels, values):
    apart = levels - levels.mean()
    return apart @ values / apart.square().sum()


def count(half, size):
    return next((n for n in range(2, check.MOST) if half(n) < size), check.MOST)


def deviation(changes):
    return np.std(changes, ddof=1)


WRONG = {  # see test_exercises
    "trend": {
        "that is the slope itself": slope,
        "the slope is right, but in what": lambda m, v: slope(m, v) / v.mean(0),
        "first and the last point": lambda m, v: 100 * (v[-1] - v[0]) / (m[-1] - m[0]) / v.mean(0),
        "not of its first value": lambda m, v: 100 * slope(m, v) / v[0],
        "each seed's own mean": lambda m, v: 100 * slope(m, v) / v.mean(),
        "need not go through 0": lambda m, v: 100 * (m @ v) / m.square().sum() / v.mean(0),
        "sum of squares": lambda m, v: 100 * ((m - m.mean()) @ v) / v.mean(0),
        "was wanted": lambda m, v: v,
        "term by term": lambda m, v: v.mean(0),
        "stopped with": lambda m, v: v @ m,
    },
    "seeds_needed": {
        "can be a fall": lambda c: count(lambda n: reach(deviation(c), n), np.mean(c)),
        "narrower with n in two ways": lambda c: count(
            lambda n: reach(deviation(c), len(c)) * math.sqrt(len(c) / n), abs(np.mean(c))
        ),
        "deviation with n - 1": lambda c: count(lambda n: reach(np.std(c), n), abs(np.mean(c))),
        "one seed fewer would do": lambda c: check.seeds_for(c) + 1,
        "go one further": lambda c: check.seeds_for(c) - 1,
        "begin with n = 2": lambda c: max(len(c), check.seeds_for(c)),
        "a whole number was wanted": lambda c: 3.5,
        "it takes": lambda c: 400,
        "stopped with": lambda c: c + 1,
    },
}


def test_that_many_seeds_are_just_enough():
    for changes in ([4.0, 6.0, 5.0], [-3.0, 1.0, -4.0]):
        enough = check.seeds_for(changes)
        size, spread = abs(np.mean(changes)), deviation(changes)
        assert reach(spread, enough) < size <= reach(spread, enough - 1)
    assert check.seeds_for([1.0, -1.0]) == check.MOST


@pytest.fixture(scope="module")
def rows():
    return evidence.rows()


@pytest.mark.slow
def test_every_finding_shows_samples_and_the_numbers_of_all_seeds(rows):
    finding, clip, picture, text = views.findings_view(rows).children
    seen = set()
    for name in evidence.clips(rows):
        clip.value = name
        for number, claim in enumerate(claims.CLAIMS):
            finding.value = number
            found = claim.found(rows, name)
            assert text.value.endswith(f"same direction: {claim.verdict(found)}")
            for point in (claim.points[0], claim.points[-1]):
                for value in evidence.values(rows, name, point, claim.metric):
                    assert f"{value:.3g}" in text.value
            seen.add(picture.value)
    assert len(seen) == len({(clip, c.points[0], c.points[-1]) for c in claims.CLAIMS for clip in evidence.clips(rows)})
    assert Image.open(io.BytesIO(picture.value)).size == (512, 144)


@pytest.fixture
def small(tmp_path):
    """A trial of seconds, and its row."""
    spec = {"preset": "smoke", **TINY, "clip": "bunny", "metrics": ["diversity", "novelty"], "samples": 2}
    (trial,) = sweeps.expand({**spec, "device": "cpu", "precision": "float32"})
    row = sweeps.run_trial(trial, tmp_path / "first")
    return trial, pd.DataFrame([row | {"point": "M = 2"}])


def run_again(view):
    view.children[1].children[0].click()
    view.training.wait()
    return view.children[3].value


@pytest.mark.slow
def test_a_training_run_again_stands_beside_the_bundled_row(small, tmp_path):
    trial, rows = small
    view = views.rerun_panel(rows, [trial], tmp_path / "again")
    assert [label for label, _ in view.children[0].options] == ["bunny, M = 2, seed 0"]
    said = run_again(view)
    assert said.count("as expected") == 2
    assert f"{rows.loc[0, 'diversity']:.4g}" in said
    assert view.children[2].value == 1
    changed = views.rerun_panel(rows.assign(diversity=9.0), [trial], tmp_path / "again")
    assert "outside" in run_again(changed)


@pytest.mark.slow
def test_a_training_that_is_stopped_goes_on(small, tmp_path, monkeypatch):
    trial, rows = small
    view = views.rerun_panel(rows, [trial], tmp_path / "again")
    start, stop = view.children[1].children
    real = sweeps.run_trial

    def stopped_at_once(trial, folder, tell):
        return real(trial, folder, lambda share: (stop.click(), tell(share)))

    monkeypatch.setattr(sweeps, "run_trial", stopped_at_once)
    assert "Start goes on" in run_again(view)
    assert (start.disabled, stop.disabled) == (False, True)
    assert not (tmp_path / "again" / trial.name / "row.json").exists()
    monkeypatch.setattr(sweeps, "run_trial", real)
    assert run_again(view).count("as expected") == 2


def test_what_goes_wrong_is_said(small, tmp_path):
    trial, rows = small
    (tmp_path / "again").write_text("a file")
    assert 'role="alert"' in run_again(views.rerun_panel(rows, [trial], tmp_path / "again"))


EXAMPLES = {"findings_view": ("8 clips", lambda model: views.findings_view(evidence.rows()))}  # see test_widgets
