"""The evidence: intervals and verdicts against calculations by hand, the bundled rows, and how they are compared."""

import importlib.util
import math
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from common import SOURCE
from scipy import stats

from hpvae_nb import InputError, load_model
from hpvae_nb.lessons.l13_reproducing_the_paper import figures
from hpvae_nb.studies import claims, evidence, intervals, sweeps
from hpvae_nb.studies.sweeps.results import describe, trial_folder, write_results

STUDIES = {evidence.CLIPS: claims.CLAIMS, evidence.IMAGES: claims.IMAGE_CLAIMS}
EACH = pytest.mark.parametrize("study", STUDIES, ids=["clips", "images"])


def trials_of(study):
    return sweeps.read_spec(evidence.folder() / study.spec)


@pytest.fixture(scope="module")
def trials():
    return trials_of(evidence.CLIPS)


@pytest.fixture(scope="module")
def rows():
    return evidence.rows()


def made_of(study):
    """Rows as a sweep leaves them, with numbers that depend on point and seed alone."""
    found = []
    for trial in trials_of(study):
        level = study.points.index(trial.point) + 1
        row = describe(trial) | {name: level + 0.01 * trial.seed for name in trial.metrics}
        found.append(row | {"metrics": list(trial.metrics), "device": "one", "torch": "2", "precision": "float32"})
    return evidence.named(pd.DataFrame(found), study)


@pytest.fixture(scope="module")
def made():
    return made_of(evidence.CLIPS)


def test_an_interval_is_students():
    values = [0.31, 0.36, 0.42]
    found = intervals.interval(values)
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    assert f"{found:.2f}" == f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]"
    assert intervals.interval([1.0]).high == math.inf
    with pytest.raises(InputError, match="at least one seed"):
        intervals.interval([])
    with pytest.raises(InputError, match="at least 2 seeds"):
        intervals.reach(1.0, 1)


@EACH
def test_the_specification_has_every_point_for_every_clip_and_seed(study):
    named = [(trial.clip, trial.point, trial.seed) for trial in trials_of(study)]
    assert len(set(named)) == len(named)
    assert {point for _, point, _ in named} == set(study.points)
    assert len(named) == len(study.points) * len({c for c, _, _ in named}) * len({s for _, _, s in named})


@EACH
def test_every_claims_measure_and_points_are_in_the_specification(study):
    (measured,) = {trial.metrics for trial in trials_of(study)}
    for claim in STUDIES[study]:
        assert set(claim.points) <= set(study.points)
        assert claim.metric in measured


WHAT_A_POINT_CHANGES = {
    **{f"M = {m}": ("hpvae", {"vae_levels": m}) for m in (1, 2, 5, 7)},
    "M = 3": ("hpvae", {}),
    "no freezing": ("hpvae", {"freeze": False}),
    "decoder r = 1": ("hpvae", {"decoder_kernel": 1}),
    "encoder r = 1": ("hpvae", {"encoder_kernel": 1}),
    **{name: (name.lower().replace("patchvae", "patch_vae"), {}) for name in evidence.METHODS},
}


def test_a_points_name_says_what_its_trainings_change(trials, rows):
    for trial in trials:
        method, changes = WHAT_A_POINT_CHANGES[trial.point]
        assert (trial.method, trial.changes | {"iterations": 0}) == (method, changes | {"iterations": 0})
    assert dict(zip(rows["trial"], rows["point"], strict=True)) == {trial.name: trial.point for trial in trials}


def test_a_point_of_images_says_what_it_changes_of_the_whole_method():
    trials = trials_of(evidence.IMAGES)
    assert {trial.config.dims for trial in trials} == {2}
    (whole,) = {trial.config for trial in trials if trial.point == evidence.WHOLE}
    assert whole.vae_levels == 3
    for trial in trials:
        changed = {name for name, value in trial.config.to_dict().items() if value != whole.to_dict()[name]}
        if trial.point in evidence.LEVELS:
            assert (trial.method, f"M = {trial.config.vae_levels}") == ("hpvae", trial.point)
            assert changed <= {"vae_levels"}
        else:
            assert trial.method == trial.point.lower()
            assert changed <= {"iterations"}
    assert max(trial.config.vae_levels for trial in trials) == whole.scales  # without any GAN scale


def test_a_row_without_a_known_point_is_refused_and_never_the_whole_method(made):
    ablation = made.iloc[[0]].assign(residual=False)
    assert evidence.WHOLE in made["point"].unique()
    for name in ("no residual", None, float("nan")):
        with pytest.raises(InputError, match=r"is of the point .*, but points are M = 1, .*: name it in"):
            evidence.named(pd.concat([made, ablation.assign(point=name)]))
    with pytest.raises(InputError, match="is of the point None"):
        evidence.named(made.drop(columns="point"))
    with pytest.raises(InputError, match="of the point 'GPNN'.*name it in data/evidence/spec.yaml"):
        evidence.named(made_of(evidence.IMAGES).query("point == 'GPNN'"))
    with pytest.raises(InputError, match="of the point 'no freezing'.*name it in data/evidence/images.yaml"):
        evidence.named(made.query("point == 'no freezing'"), evidence.IMAGES)


def test_a_change_is_relative_and_paired(made):
    claim = claims.Claim("", "", "svfid", ("no freezing", "M = 3"), 1)
    a, b = (evidence.values(made, "bunny", name, "svfid") for name in claim.points)
    assert list(a.index) == [0, 1, 2]
    assert claim.measured(made, "bunny") == pytest.approx([100 * (x - y) / y for x, y in zip(a, b, strict=True)])
    shuffled = made.sample(frac=1, random_state=0)  # pairs are those of a seed, wherever its rows stand
    assert claim.measured(shuffled, "bunny") == pytest.approx(claim.measured(made, "bunny"))
    logs = np.log(np.array(a) / np.array(b))
    low, high = stats.t.interval(0.95, 2, loc=logs.mean(), scale=stats.sem(logs))
    found = claim.found(made, "bunny")
    assert (found.low, found.high) == pytest.approx((100 * np.expm1(low), 100 * np.expm1(high)))
    assert found.mean == pytest.approx(100 * (np.exp(logs.mean()) - 1))
    both = [change for clip in evidence.clips(made) for change in claim.measured(made, clip)]
    assert claim.measured(made).tolist() == both
    with pytest.raises(InputError, match="no row of 'M = 9' on 'bunny'"):
        evidence.values(made, "bunny", "M = 9", "svfid")


def test_a_trend_is_the_slope_of_a_straight_line(made):
    claim = claims.Claim("", "", "diversity", evidence.LEVELS, 1)
    levels = [1, 2, 3, 5, 7]
    for seed, found in enumerate(claim.measured(made, "bunny")):
        values = [evidence.values(made, "bunny", f"M = {level}", "diversity")[seed] for level in levels]
        assert found == pytest.approx(100 * stats.linregress(levels, values).slope / np.mean(values))


@pytest.mark.parametrize(
    ("low", "high", "direction", "said"),
    [(1, 3, 1, "yes"), (1, 3, -1, "no"), (-3, -1, -1, "yes"), (-3, -1, 1, "no"), (-1, 3, 1, "unclear")],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low, high, direction, said):
    claim = claims.Claim("", "", "svfid", ("M = 7", "M = 3"), direction)
    assert claim.verdict(intervals.Interval((low + high) / 2, low, high)) == said
    assert claim.verdict(intervals.interval([2.0])) == "unclear"


@pytest.mark.slow
@EACH
def test_the_table_has_a_line_for_every_claim(study):
    made = made_of(study)
    lines = claims.table(made, STUDIES[study]).splitlines()
    assert len(lines) == 2 + len(STUDIES[study])
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    order = []
    for line, claim in zip(lines[2:], claims.ordered(made, STUDIES[study]), strict=True):
        for clip in (*evidence.clips(made), None):
            assert f"{claim.found(made, clip):+.0f} %" in line
        order.append(claim.verdict(claim.found(made)))
        assert line.endswith(f"| {order[-1]} |")
    assert order == sorted(order, key=["no", "unclear", "yes"].index)
    assert len(set(order)) > 1


# Over budgets


@pytest.fixture(scope="module")
def over_budgets():
    """Rows as the sweep of budgets will leave them: what a claim finds doubles with each larger budget."""
    made = made_of(evidence.BUDGETS)
    for name in made["metrics"].iloc[0]:
        made[name] = made[name] ** (1 + (made["budget"] >= 300) + (made["budget"] >= 1000))
    return made


def test_rows_of_a_budget_come_with_those_that_have_none(over_budgets):
    assert evidence.budgets(over_budgets) == [100, 300, 1000]
    found = evidence.at(over_budgets, 300)
    assert set(found["point"]) == set(evidence.POINTS)
    assert set(found["budget"].dropna()) == {300}
    assert set(found["point"][found["budget"].isna()]) == {"VGPNN"}
    assert evidence.clips(found) == ["pedestrians", "bunny", "balloons"]
    assert evidence.clips(found, ["M = 3", "ConSinGAN"]) == ["pedestrians", "bunny"]
    with pytest.raises(InputError, match=r"no row of the budget 20: budgets are \[100, 300, 1000\]"):
        evidence.at(over_budgets, 20)


def test_a_claim_is_followed_over_the_budgets_that_have_both_its_ends(over_budgets):
    singan = claims.Claim("", "", "svfid", ("M = 3", "SinGAN"), -1)
    found = singan.over_budgets(over_budgets)
    assert list(found) == [100, 300, 1000]
    for budget, change in found.items():
        rows = evidence.at(over_budgets, budget)
        assert change == singan.found(rows)
        assert len(singan.measured(rows)) == 9
    assert list(singan.over_budgets(over_budgets, "balloons")) == [100, 300, 1000]
    consingan = claims.Claim("", "", "svfid", ("M = 3", "ConSinGAN"), -1)
    assert list(consingan.over_budgets(over_budgets)) == [100, 300]
    assert list(consingan.over_budgets(over_budgets, "balloons")) == []


def test_a_trend_goes_through_the_levels_that_were_measured(over_budgets):
    claim = claims.Claim("", "", "diversity", evidence.LEVELS, 1)
    rows = evidence.at(over_budgets, 1000)  # without M = 2 and M = 5
    values = [evidence.values(rows, "bunny", f"M = {level}", "diversity")[0] for level in (1, 3, 7)]
    slope = stats.linregress([1, 3, 7], values).slope
    assert claim.measured(rows, "bunny")[0] == pytest.approx(100 * slope / np.mean(values))
    with pytest.raises(InputError, match="no row of 'M = 7'"):
        claim.measured(rows[rows["point"] != "M = 7"], "bunny")


def test_the_budget_table_says_how_a_verdict_went(over_budgets):
    lines = claims.budget_table(over_budgets).splitlines()
    assert len(lines) == 2 + len(claims.CLAIMS)
    shown = claims.latest_first(over_budgets)
    last = [claim.verdict(list(claim.over_budgets(over_budgets).values())[-1]) for claim in shown]
    assert last == sorted(last, key=claims.VERDICTS.index)
    for line, claim in zip(lines[2:], shown, strict=True):
        found = claim.over_budgets(over_budgets).values()
        assert line.endswith(f"| {' → '.join(map(claim.verdict, found))} |")
        assert all(f"{change:+.0f} %" in line for change in found)


@pytest.mark.slow
def test_the_figure_over_budgets_has_a_chart_for_every_claim(over_budgets):
    figure = figures.over_budgets(over_budgets)
    drawn = [axis for axis in figure.axes if axis.axison]
    assert len(drawn) == len(claims.CLAIMS)
    for claim, axis in zip(claims.latest_first(over_budgets), drawn, strict=True):
        found = claim.over_budgets(over_budgets)
        (means,) = [line for line in axis.lines if line.get_marker() == "o"]
        assert means.get_xydata().tolist() == pytest.approx(
            np.array([(budget, claim.direction * change.mean) for budget, change in found.items()])
        )
        assert evidence.PAPER_BUDGET in np.concatenate([line.get_xdata() for line in axis.lines])


@pytest.mark.parametrize("study", [evidence.BUDGETS, evidence.IMAGE_BUDGETS], ids=["clips", "images"])
def test_a_budget_is_the_mean_number_of_steps_a_scale(study):
    for trial in trials_of(study):
        if trial.budget is not None:
            steps = trial.config.steps_below(trial.config.scales) / trial.config.scales
            assert steps == pytest.approx(trial.budget, rel=0.02)


def test_bundled_rows_of_budgets_are_of_their_specification():
    trials = {trial.name: trial for trial in trials_of(evidence.BUDGETS)}
    for row in evidence.rows(evidence.BUDGETS).to_dict("records"):
        trial = trials[row["trial"]]
        assert (row["point"], row["error"], row["unmeasured"]) == (trial.point, None, None)
        assert row["budget"] == trial.budget or (pd.isna(row["budget"]) and trial.budget is None)
        assert sweeps.missing([trial], pd.DataFrame([row])) == []


@pytest.mark.slow
def test_figures_show_every_seed_and_every_claim(made):
    figure = figures.tradeoff(made)
    assert len(figure.axes) == 6
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_ydata()) for line in dots] == [3] * len(evidence.LEVELS)
    forest = figures.forest_plot(made)
    shown = claims.ordered(made)
    assert [text.get_text() for text in forest.axes[0].get_yticklabels()] == [
        f"{claim.says} ({claim.title})" for claim in shown
    ]
    for axis, clip in zip(forest.axes, (*evidence.clips(made), None), strict=True):
        dots = np.concatenate([line.get_xydata() for line in axis.lines if line.get_marker() in figures.MARKERS])
        means = [[claim.direction * claim.found(made, clip).mean, place] for place, claim in enumerate(shown)]
        assert sorted(dots.tolist()) == pytest.approx(np.array(sorted(means)))


def test_on_the_same_machine_numbers_come_back(made):
    assert evidence.reproduced(evidence.compare(made.assign(svfid=made["svfid"] * 1.005), made))
    found = evidence.compare(made.assign(svfid=made["svfid"] * 1.02, diversity=made["diversity"] * 0.97), made)
    outside = found[~found["within"]]
    assert set(outside["metric"]) == {"svfid", "diversity"}
    assert len(outside) == 2 * len(made)
    assert not evidence.reproduced(found)
    assert not evidence.reproduced(found.iloc[:0])


def test_on_another_machine_a_number_lies_where_a_further_seeds_would(made):
    further = intervals.prediction([1.0, 1.01, 1.02])
    low, high = further.low, further.high
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, loc=1.01, scale=0.01 * math.sqrt(1 + 1 / 3)))
    elsewhere = made[made["point"] == "M = 1"].iloc[[0]].assign(device="two")
    inside = evidence.compare(elsewhere.assign(svfid=high - 1e-6), made)
    assert inside["within"].all()
    assert inside["low"].to_numpy() == pytest.approx(low)
    assert inside["high"].to_numpy() == pytest.approx(high)
    outside = evidence.compare(elsewhere.assign(svfid=high + 1e-6), made)
    assert outside["metric"][~outside["within"]].tolist() == ["svfid"]


def test_what_cannot_be_compared_is_refused(made):
    with pytest.raises(InputError, match="is not among the bundled rows"):
        evidence.compare(made.iloc[[0]].assign(trial="another"), made)
    with pytest.raises(InputError, match="failed: no such clip"):
        evidence.compare(made.iloc[[0]].assign(error="no such clip"), made)
    for lost in (made.iloc[[0]].assign(svfid=np.nan), made.iloc[[0]].drop(columns="svfid")):
        found = evidence.compare(lost, made)
        assert found["metric"][~found["within"]].tolist() == ["svfid"]


# What is bundled


@EACH
def test_every_trial_has_a_bundled_row_with_all_its_metrics(study):
    rows, distance = evidence.rows(study), "svfid" if study is evidence.CLIPS else "sifid"
    assert set(rows["trial"]) == {trial.name for trial in trials_of(study)}
    for row in rows.to_dict("records"):
        assert row["error"] is None
        assert row["unmeasured"] is None
        assert all(math.isfinite(row[name]) for name in row["metrics"])
        assert row[f"{distance}_extractor"] == "patches"
        assert row[f"{distance}_efficientnet_extractor"].startswith("efficientnet-lite0")
        assert row["training_seconds"] > 0 or row["method"] in ("vgpnn", "gpnn", "patch_denoiser")
        assert re.fullmatch("[0-9a-f]{12}", row["commit"])


@pytest.mark.slow
@EACH
def test_every_point_has_samples_to_look_at(study):
    for clip in evidence.clips(evidence.rows(study)):
        shapes = set()
        for point in study.points:
            samples = evidence.samples(clip, point, study)
            assert samples.std() > 0.05  # a night sky has little
            shapes.add(tuple(samples.shape))
        (shape,) = shapes
        assert shape == (4, 3, 13, 36, 64) if study is evidence.CLIPS else shape[:2] == (4, 3)
    assert sum(file.stat().st_size for file in evidence.folder().rglob("*.*")) < 5e6  # samples, and models of lesson 16


def test_samples_are_those_of_their_file(tmp_path, monkeypatch):
    from hpvae_nb.lab import show

    one = torch.rand(4, 3, 5, 6, 8).mul(2).sub(1).repeat_interleave(6, -1).repeat_interleave(6, -2)
    monkeypatch.setattr(evidence, "data_dir", lambda: tmp_path)
    evidence.sample_file("bunny", "M = 3").parent.mkdir(parents=True)
    grid = evidence.grid(one)
    show.save_video(evidence.sample_file("bunny", "M = 3"), grid, 24, width=grid.shape[-1])
    again = evidence.samples("bunny", "M = 3")
    assert again.shape == one.shape
    assert (again - one).abs().mean() < 0.1
    nearest = [(again[i] - one).abs().mean((1, 2, 3, 4)).argmin().item() for i in range(4)]
    assert nearest == [0, 1, 2, 3]


# The command behind `make evidence`


def check(*arguments):
    command = [sys.executable, SOURCE / "data" / "evidence.py", "check", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=SOURCE)


@pytest.mark.slow
@pytest.mark.skipif(not (SOURCE / "data" / "evidence.py").exists(), reason="needs the source checkout")
def test_make_evidence_passes_equal_rows_and_fails_others(tmp_path, rows):
    mine = rows[(rows["clip"] == "bunny") & (rows["seed"] == 1)]
    write_results(tmp_path, mine)
    told = check(tmp_path, "--clip", "bunny", "--seed", "1")
    assert told.returncode == 0, told.stderr
    count = mine["metrics"].map(len).sum()
    assert told.stdout.splitlines()[-1] == f"{count} of {count} numbers lie where they should"
    write_results(tmp_path, mine.assign(svfid=2 * mine["svfid"], novelty=0.0))
    told = check(tmp_path, "--clip", "bunny", "--seed", "1")
    assert told.returncode == 1
    assert told.stdout.count("outside") == 2 * len(mine)
    write_results(tmp_path, mine.drop(columns="point"))  # of a sweep from before points had names
    assert check(tmp_path, "--clip", "bunny", "--seed", "1").returncode == 0
    write_results(tmp_path, mine[1:])
    told = check(tmp_path, "--clip", "bunny", "--seed", "1")
    assert told.returncode == 2
    assert f"lacks 1 of {len(mine)} trials" in told.stderr


IN_CHECKOUT = pytest.mark.skipif(not (SOURCE / "docs" / "evidence.md").exists(), reason="needs the source checkout")


@IN_CHECKOUT
@EACH
def test_the_page_of_claims_is_that_of_the_bundled_rows(study):
    page = (SOURCE / "docs" / "evidence.md").read_text()
    assert f"\n\n{claims.table(evidence.rows(study), STUDIES[study])}\n" in page, "run `python data/evidence.py page`"


# From a sweep of images to its rows, samples, table and figures


@pytest.fixture
def script(monkeypatch, tmp_path):
    """`data/evidence.py`, with a folder of its own."""
    spec = importlib.util.spec_from_file_location("evidence_script", SOURCE / "data" / "evidence.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(evidence, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "evidence")
    (tmp_path / "evidence").mkdir()
    return module


@pytest.mark.slow
@IN_CHECKOUT
def test_a_sweep_of_images_becomes_rows_samples_a_table_and_figures(script, tmp_path, rows):
    bundled = yaml.safe_load((SOURCE / "data" / "evidence" / "images.yaml").read_text())
    small = {"preset": "smoke", "dims": 2, "scales": 7, "coarse_size": 6, "fine_size": 50, "iterations": 2}
    spec = bundled | small | {"samples": 2, "seed": [1], "clip": ["koi", "balloons"]}  # the first frame of each
    for run in spec["runs"]:
        run.pop("iterations", None)
    (tmp_path / "evidence" / "images.yaml").write_text(yaml.safe_dump(spec))
    trials, out = trials_of(evidence.IMAGES), tmp_path / "out"
    sweeps.run_sweep([trial for trial in trials if trial.point != "M = 5"], out, serial=True)
    script.collect(out, evidence.IMAGES)  # what has ended is kept
    assert len(evidence.rows(evidence.IMAGES)) == 2 * (len(evidence.IMAGE_POINTS) - 1)
    sweeps.run_sweep(trials, out, serial=True)
    script.collect(out, evidence.IMAGES)
    found = evidence.rows(evidence.IMAGES)
    assert list(zip(found["clip"], found["point"], strict=True)) == [
        (clip, point) for clip in spec["clip"] for point in evidence.IMAGE_POINTS
    ]
    (whole,) = sweeps.select(trials, {"clip": "koi", "point": "M = 3"})
    model = load_model(trial_folder(out, whole) / "run", device="cpu")
    kept = evidence.samples("koi", "M = 3", evidence.IMAGES)
    assert (kept - model.sample(4, seed=1)).abs().mean() < 0.1
    write_results(tmp_path / "evidence", rows)
    page = script.page()
    for study, made in ((evidence.CLIPS, rows), (evidence.IMAGES, found)):
        assert f"\n\n{claims.table(made, STUDIES[study])}\n" in page
    assert [f"evidence_{name}.png" for name in script.figures()] == re.findall(r"\((\w+\.png)\)", page)
    assert script.check(out, evidence.IMAGES, "koi", 1)
    write_results(out, found.assign(sifid=2 * found["sifid"], novelty=0.0))
    assert not script.check(out, evidence.IMAGES, "koi", 1)


@EACH
def test_bundled_rows_tell_what_their_specification_costs(study):
    """Those of clips are older than some settings, and had what are now the defaults."""
    trials = trials_of(study)
    (cost,) = sweeps.estimate_cost(trials, evidence.rows(study))
    assert len(cost.seconds) == len(trials)
    assert min(cost.seconds) > 0
