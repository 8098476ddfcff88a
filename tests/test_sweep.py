"""Sweeps: what a specification stands for, that nothing is lost or run twice, and that Ray changes no row."""

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pandas as pd
import pytest
import torch
from common import TINY, environment, same_weights
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

from hpvae_nb import InputError, fit, load_clip, load_image, load_model, metrics, preset
from hpvae_nb.baselines import METHODS
from hpvae_nb.cli import app
from hpvae_nb.io import checkpoint
from hpvae_nb.io.hold import Hold
from hpvae_nb.lab import show
from hpvae_nb.metrics import METRICS
from hpvae_nb.studies import sweeps
from hpvae_nb.studies.sweeps import (
    cluster,
    expand,
    read_results,
    read_spec,
    results,
    run_sweep,
    run_trial,
    runner,
    select,
)
from hpvae_nb.studies.sweeps.results import missing, trial_folder
from hpvae_nb.studies.sweeps.runner import sessions

TAKES = ["finished", "training_seconds", "processor_seconds", "sampling_seconds", "measuring_seconds"]
TAKES += ["peak_bytes", "sessions"]
FEW = {"metrics": ["diversity", "reconstruction_error"], "samples": 3, "device": "cpu", "precision": "float32"}
SMALL = {"preset": "smoke", **TINY, **FEW}


def lasting(rows):
    """The rows, by trial, without what two runs of one trial cannot share; and without columns that are empty."""
    return rows.drop(columns=TAKES).sort_values("trial", ignore_index=True).dropna(axis=1, how="all")


def of(trial, rows):
    """The one row of a trial."""
    return rows[rows["trial"] == trial.name].squeeze()


def test_lists_are_crossed_and_runs_are_joined():
    spec = {"clip": ["pedestrians", "bunny"], "seed": [0, 1, 2], "vae_levels": [1, 3], "beta": 0.5}
    trials = expand(spec)
    wanted = list(itertools.product(spec["clip"], spec["seed"], spec["vae_levels"], [0.5]))
    assert [(t.clip, t.seed, t.config.vae_levels, t.config.beta) for t in trials] == wanted
    assert {t.config.preset for t in trials} == {"laptop"}
    runs = [{"vae_levels": [1, 2]}, {"freeze": [True, False]}, {"preset": "smoke", "sampling_rates": [[2, 1]]}]
    joined = expand({"clip": "bunny", "metrics": ["diversity"], "lr": "1e-4", "runs": runs})
    # M = 3 without changes is frozen already: it stands in the second run alone
    assert [t.changes for t in joined] == [
        {"vae_levels": 1, "lr": 1e-4},
        {"vae_levels": 2, "lr": 1e-4},
        {"lr": 1e-4},
        {"freeze": False, "lr": 1e-4},
        {"sampling_rates": (2, 1), "lr": 1e-4},
    ]
    assert {t.metrics for t in joined} == {("diversity",)}
    assert expand({"clip": "bunny", "runs": [{}, {"freeze": True}, {"seed": [0, 0]}]}) == expand({"clip": "bunny"})
    inner = [{"vae_levels": 1}, {"vae_levels": 5, "iterations": 9}]
    budgets = [{"budget": 100, "iterations": 100, "runs": inner}, {"budget": 300, "iterations": 300, "runs": inner[:1]}]
    assert [
        (t.budget, t.config.vae_levels, t.config.iterations) for t in expand({"clip": "bunny", "runs": budgets})
    ] == [
        (100, 1, 100),
        (100, 5, 9),
        (300, 1, 300),
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"clip": "bunny", "vae_level": 1}, "no key 'vae_level'.*nearest is 'vae_levels'"),
        ({"clips": ["bunny"]}, "no key 'clips'.*nearest is 'clip'"),
        ({"seed": [0, 1]}, "names no clip"),
        ({"clip": "bunny", "method": ["hpvae", "magic"]}, "no method 'magic'; the nearest is"),
        ({"clip": "bunny", "metrics": ["beauty"]}, "no metric 'beauty'; there are diversity"),
        ({"clip": "bunny", "metrics": ["sifid"]}, "sifid is not measured of clips .dims: 3.; there are diversity"),
        (
            {"clip": "bunny", "dims": 2, "metrics": ["diversity", "svfid"]},
            "svfid is not measured of images .dims: 2.; there are .*sifid",
        ),
        ({"clip": "bunny", "seed": [0, -1]}, "seed is -1"),
        ({"clip": "bunny", "samples": 1}, "samples is 1, but must be a whole number of at least 2"),
        ({"clip": "bunny", "beta": [1.0, -1.0]}, "beta is -1.0"),
        ({"clip": "bunny", "sampling_rates": [2, 1]}, "sampling_rates is 2, but must be a tuple"),
        ({"clip": "bunny", "preset": "huge"}, "no preset 'huge'"),
        ({"clip": "bunny", "precision": "int8"}, "precision is 'int8'"),
        (
            {"clip": "bunny", "ways": [{"pul": 1}]},
            "no way to sample by 'pul'; there are size, .* strips",
        ),
        ({"clip": "bunny", "runs": {"seed": 1}}, "runs is {'seed': 1}, but must be a list of mappings"),
        (["bunny"], "a specification is a mapping"),
    ],
    ids=str,
)
def test_a_wrong_specification_is_refused_before_anything_runs(tmp_path, spec, said):
    with pytest.raises(InputError, match=said):
        expand(spec)
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))  # which is YAML too
    with pytest.raises(InputError, match=f"spec.yaml: .*{said}"):
        read_spec(tmp_path / "spec.yaml")


def test_a_specification_that_is_no_yaml_or_not_there(tmp_path):
    (tmp_path / "spec.yaml").write_text("clip: [bunny\nseed: 0")
    with pytest.raises(InputError, match="is no YAML.*line 2"):
        read_spec(tmp_path / "spec.yaml")
    with pytest.raises(InputError, match="cannot read .*none.yaml"):
        read_spec(tmp_path / "none.yaml")


def test_a_name_tells_trainings_apart_whatever_is_measured():
    spec = {"clip": ["bunny", "a/bunny.mp4"], "seed": [0, 1], "beta": [0.5, 0.25], "start": [0, 5]}
    names = {trial.name for trial in expand(spec)}
    assert len(names) == 16
    assert any(name.startswith("bunny_hpvae_laptop_beta=0.5_seed=1_") for name in names)
    others = {"samples": 7, "metrics": ["diversity"], "ways": [{"pull": 0.5}], "point": "a name", "budget": 100}
    assert names == {trial.name for trial in expand(spec | others)}
    assert not any("/" in name or len(name) > 100 for name in names)


def test_a_point_has_a_name_and_a_training_has_one_point(tmp_path, swept, small):
    runs = [{"point": "whole"}, {"point": "no freezing", "freeze": False}]
    trials = expand({"clip": ["bunny", "pedestrians"], "runs": runs})
    assert [trial.point for trial in trials] == ["whole", "whole", "no freezing", "no freezing"]
    assert [trial.clip for trial in select(trials, {"point": "no freezing"})] == ["bunny", "pedestrians"]
    with pytest.raises(InputError, match="'whole' and 'freezing' are one training, bunny_"):
        expand({"clip": "bunny", "runs": [{"point": "whole"}, {"point": "freezing", "freeze": True}]})
    named = dataclasses.replace(small[0], point="a name")  # and of a row from before, training and name stay together
    assert run_trial(named, trial_folder(swept[0], named))["point"] == "a name"


@pytest.fixture(scope="module")
def small():
    """Two trainings, and a clip that is not there between them."""
    return expand({**SMALL, "clip": ["pedestrians", "nowhere.mp4", "bunny"], "seed": 4})


@pytest.fixture(scope="module")
def swept(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, run_sweep(small, out, serial=True)


@pytest.mark.slow
def test_a_row_holds_what_training_by_hand_gives(swept, small):
    out, rows = swept
    assert len(rows) == 3
    for trial in (small[0], small[2]):
        row = of(trial, rows)
        clip = load_clip(trial.clip)
        model = fit(clip, preset("smoke", **TINY), seed=4, device="cpu", precision="float32")
        real = show.real_at_last_scale(model, clip)
        assert row["diversity"] == metrics.diversity(model.sample(3, seed=4), real)
        assert row["reconstruction_error"] == (model.reconstruct()[0] - real).square().mean().item()
        assert same_weights(model, load_model(trial_folder(out, trial) / "run", device="cpu"))
        assert (row["clip"], row["method"], row["seed"], row["samples"]) == (trial.clip, "hpvae", 4, 3)
        assert pd.isna(row["error"])
        assert {name: row[name] for name in trial.config.to_dict()} == trial.config.to_dict() | {
            "sampling_rates": [4, 3, 2, 1],
            "adam_betas": [0.5, 0.999],
        }
        assert row["code"].startswith("0.")
        assert row["device"].endswith("(1 thread)")
        assert (row["precision"], row["torch"], row["sessions"]) == ("float32", torch.__version__, 1)
        assert all(row[name] > 0 for name in ("training_seconds", "sampling_seconds", "measuring_seconds"))


def test_one_bad_clip_is_a_row_with_a_sentence(swept, small):
    _, rows = swept
    bad = of(small[1], rows)
    assert bad["error"].startswith("there is no file or folder 'nowhere.mp4'")
    assert pd.isna(bad["diversity"])


def test_the_results_file_holds_all_rows(swept):
    out, rows = swept
    for place in (out, out / "results.parquet"):
        assert_frame_equal(read_results(place).map(listed), rows.map(listed), check_dtype=False)
    with pytest.raises(InputError, match="nothing.parquet holds no results"):
        read_results(out / "nothing.parquet")


@pytest.mark.slow
def listed(value):
    """A file holds lists as arrays, and another sort of nothing where there is none."""
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return list(value)
    return None if pd.isna(value) else value


def test_a_sweep_called_again_trains_nothing_again(swept, small, monkeypatch):
    out, before = swept
    trained = []

    def watched(clip, config, **options):
        trained.append(clip.name)
        return train(clip, config, **options)

    train = runner.train
    monkeypatch.setattr(runner, "train", watched)
    assert_frame_equal(lasting(run_sweep(small, out, serial=True)), lasting(before))
    assert trained == []
    other = {**SMALL, "samples": 4, "metrics": ["diversity"]}
    more = expand({**other, "clip": ["pedestrians", "bunny"], "seed": [4, 5]})
    rows = run_sweep(more, out, serial=True)
    assert len(rows) == 5  # those of before are not forgotten
    assert trained == ["pedestrians", "pedestrians", "bunny", "bunny"]  # two of them only to be measured anew:
    assert all(len(sessions(trial_folder(out, trial))) == 1 for trial in more)
    assert {of(trial, rows)["samples"] for trial in more} == {4}


def test_an_interrupted_trial_goes_on_where_it_was(swept, small, tmp_path):
    trial, shares = small[0], []

    def interrupt(share):
        assert torch.get_num_threads() == 1
        shares.append(share)
        if len(shares) == 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(trial, tmp_path, interrupt)
    assert not (tmp_path / "row.json").exists()
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 1
    row = run_trial(trial, tmp_path)
    assert [(s["scale"], s["iteration"]) for s in sessions(tmp_path)] == [(0, 1), (2, 4)]  # five steps a scale
    whole = swept[1][swept[1]["trial"] == trial.name]
    assert_frame_equal(lasting(pd.DataFrame([row])), lasting(whole))
    assert row["sessions"] == 2


def test_a_metric_without_a_number_does_not_take_the_others_along(tmp_path):
    (trial,) = expand({**SMALL, "clip": "pedestrians", "metrics": ["svfid", "diversity"]})
    row = run_trial(trial, tmp_path)  # the tiny clip is too small for the default features
    assert row["unmeasured"].startswith("svfid: ")
    assert "svfid" not in row
    assert row["error"] is None
    assert row["diversity"] > 0


def test_a_trained_model_is_measured_in_every_way_of_sampling_that_is_asked_for(tmp_path):
    spec = {**SMALL, "clip": "pedestrians", "metrics": ["diversity"], "method": "singan"}
    (trial,) = expand(spec | {"ways": [{"pull": 0.5}, {"pull": 0.5, "noise": 2}]})
    row = run_trial(trial, tmp_path)
    model, found = load_model(tmp_path / "run", device="cpu", precision="float32"), results.ways_of(row)
    assert [way["way"] for way in found] == [{"pull": 0.5}, {"pull": 0.5, "noise": 2}]
    for way in found:
        real = show.real_at_last_scale(model, trial.load())
        assert way["diversity"] == metrics.diversity(model.sample(3, seed=trial.seed, **way["way"]), real)
        assert way["unmeasured"] is None
    rows = pd.DataFrame([row])
    assert missing([trial], rows) == []
    (less,), (more,), (other,) = (expand(spec | changed) for changed in ({}, {"ways": [{"pull": 0.9}]}, {"seed": 1}))
    assert missing([less, more, other], rows) == [more, other]
    assert missing([less], rows.drop(columns="ways")) == []  # as rows were, once
    assert missing([less], rows.assign(error="failed")) == [less]
    assert missing([dataclasses.replace(less, samples=4)], rows) == [dataclasses.replace(less, samples=4)]


@pytest.mark.slow
def test_a_score_keeps_the_name_of_its_extractor(tmp_path):
    (trial,) = expand(
        {**SMALL, "clip": "pedestrians", "fine_size": 64, "scales": 2, "vae_levels": 1, "metrics": ["svfid"]}
    )
    row = run_trial(trial, tmp_path)
    assert row["error"] is None
    assert row["svfid"] > 0
    assert isinstance(row["svfid_extractor"], str)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture file, 300 x 225 pixels."""
    picture = load_image("koi", size=(225, 300)).video
    return show.save_clip(tmp_path_factory.mktemp("photo") / "pond", picture, 1)


@pytest.mark.slow
@pytest.mark.parametrize("dims", [3, 2])
def test_every_method_makes_a_row_with_every_metric(tmp_path, photo, dims):
    shapes = {"scales": 2, "coarse_size": 48, "fine_size": 52, "vae_levels": 1, "iterations": 1, "samples": 2}
    small = {**SMALL, **shapes, "clip": "pedestrians" if dims == 3 else str(photo), "dims": dims, "metrics": []}
    own = {
        "consingan": {"stages": 2},
        "vgpnn": {"iterations": 1},
        "gpnn": {"iterations": 2},
        "patch_denoiser": {"steps": 1},
    }
    runs = [{"method": name, "settings": own.get(name, {})} for name in METHODS]
    rows = run_sweep(expand({**small, "runs": runs}), tmp_path / "out", serial=True)
    assert {row.method: json.loads(row.settings) for row in rows.itertuples()} == {n: own.get(n, {}) for n in METHODS}
    assert rows[["error", "unmeasured"]].isna().all(axis=None)
    assert set(rows["dims"]) == {dims}
    measured = list(metrics.applicable(dims))
    assert set(METRICS) & set(rows.columns) == set(measured)
    assert rows[measured].notna().all(axis=None)
    assert set(rows[measured].dtypes) == {torch.zeros(1, dtype=torch.float64).numpy().dtype}


def test_a_sweep_of_pictures_reads_them_as_images_and_says_so_in_its_rows(tmp_path, photo):
    names = [str(photo), "balloons"]  # of a clip, its first frame
    trials = expand({**SMALL, "dims": 2, "clip": names, "metrics": ["diversity", "reconstruction_error"]})
    rows = run_sweep(trials, tmp_path / "out", serial=True)
    assert set(rows["dims"]) == {2}
    for trial, name in zip(trials, names, strict=True):
        image = load_image(name)
        model = fit(image, preset("smoke", **TINY, dims=2), seed=0, device="cpu", precision="float32")
        row = of(trial, rows)
        assert row["diversity"] == metrics.diversity(model.sample(3, seed=0), show.real_at_last_scale(model, image))
        assert same_weights(model, load_model(trial_folder(tmp_path / "out", trial) / "run", device="cpu"))
    both = expand({**SMALL, "clip": "balloons", "dims": [2, 3]})
    assert [trial.load().dims for trial in both] == [2, 3]
    assert both[0].name != both[1].name
    costs = sweeps.estimate_cost(trials, read_results(tmp_path / "out"))
    assert len(costs[0].seconds) == 2
    with pytest.raises(InputError, match="nothing like balloons"):
        sweeps.estimate_cost(both[1:], rows)  # a clip does not take as long as a picture


def test_another_folders_files_are_left_alone(tmp_path, small):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(InputError, match="not empty and holds no sweep"):
        run_sweep(small, tmp_path, serial=True)
    with pytest.raises(InputError, match="which is a file"):
        run_sweep(small, tmp_path / "thesis.txt", serial=True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def rows_of(seconds, **common):
    """A table of rows that took so many seconds of training, and one each of sampling and measuring for ten samples."""
    config = json.loads(json.dumps(preset("laptop").to_dict()))  # as files hold it
    base = {"error": None, "device": "abacus", "method": "hpvae", "settings": "{}", "samples": 10, **config, **common}
    took = [{"training_seconds": s, "sampling_seconds": 1.0, "measuring_seconds": 1.0} for s in seconds]
    return pd.DataFrame([base | times for times in took])


def test_a_sweep_costs_what_its_trials_cost():
    trials = expand({"clip": [f"clip{i}" for i in range(5)], "samples": 50, "vae_levels": [3, 1]})
    rows = pd.concat([rows_of([100.0, 120.0]), rows_of([7.0], vae_levels=1), rows_of([1.0], error="failed")])
    (cost,) = sweeps.estimate_cost(trials, rows)
    assert cost.seconds == [120.0, 17.0] * 5  # means, and 50 samples take five times the seconds of ten
    assert cost.wall_seconds(1) == sum(cost.seconds)
    assert cost.wall_seconds(2) == 3 * 120.0  # two trials of 120 and all five short ones fit beside three long ones
    assert cost.wall_seconds(8) == 120.0
    assert cost.wall_range(1) == (5 * (110.0 + 17.0), 5 * (130.0 + 17.0))  # had all been as quick, or as slow, as one
    assert cost.wall_range(8) == (110.0, 130.0)
    text = sweeps.cost_text(trials, [cost])
    assert "10 trials: 5 clips, 1 methods, 50 samples each" in text
    assert "| 8 | 2 min 0 s | 1 min 50 s | 2 min 10 s |" in text
    assert sweeps.estimate_cost(expand({"clip": "clip0", "beta": 0.5}), rows)[0].seconds == [120.0]
    with pytest.raises(InputError, match="nothing like clip0_hpvae_laptop_iterations=9_seed=0_.* on abacus"):
        sweeps.estimate_cost(expand({"clip": "clip0", "iterations": 9}), rows)
    with pytest.raises(InputError, match="nothing like clip0_hpvae_laptop_window=4000"):  # whose steps cost less
        sweeps.estimate_cost(expand({"clip": "clip0", "window": 4000}), rows)
    with pytest.raises(InputError, match="no trial that ended well"):
        sweeps.estimate_cost(trials, rows_of([1.0], error="failed"))


def command(*arguments):
    return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, ["sweep", *map(str, arguments)], catch_exceptions=False, prog_name="python -m hpvae_nb"
    )


def test_the_command_line_runs_a_sweep_and_says_what_another_would_cost(tmp_path):
    spec, out = tmp_path / "spec.yaml", tmp_path / "out"
    spec.write_text(json.dumps({**SMALL, "clip": ["pedestrians", "nowhere.mp4"]}))
    ran = command(spec, "--out", out, "--serial")
    assert ran.exit_code == 2
    assert "1 of 2 trials have a row" in ran.output
    assert "failed: there is no file or folder 'nowhere.mp4'" in ran.output
    assert "error: 1 trials failed, such as nowhere_hpvae" in ran.output
    again = command(spec, "--out", tmp_path / "again", "--serial", "--known", out)
    assert "0 of 1 trials have a row" in again.output  # only the one that failed is tried again
    costs = command(spec, "--estimate", out)
    assert costs.exit_code == 0
    assert "2 trials: 2 clips, 1 methods, 3 samples each" in costs.output
    assert "| 64 | " in costs.output
    assert "error: --out is missing" in command(spec).output


def test_without_ray_trials_run_one_after_another_and_it_is_said(tmp_path, small, swept, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    rows = run_sweep(small[:1], tmp_path / "out")
    assert "one trial after another: side by side they need Ray" in capsys.readouterr().out
    assert_frame_equal(lasting(rows), lasting(swept[1][swept[1]["trial"] == small[0].name]))


def wait_for(found, seconds=240):
    """What `found` returns, once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return value


LONG = {**SMALL, "iterations": 120, "clip": ["pedestrians", "nowhere.mp4", "bunny"]}


@pytest.fixture(scope="module")
def serial_rows(tmp_path_factory):
    return run_sweep(expand(LONG), tmp_path_factory.mktemp("s") / "out", serial=True)


def kill_a_worker(out, trial):
    """SIGKILL the process that trains, once it has a checkpoint; where that checkpoint is."""
    file = trial_folder(out, trial) / "run" / "checkpoint.safetensors"
    wait_for(file.exists)
    os.kill(sessions(trial_folder(out, trial))[-1]["process"], signal.SIGKILL)
    values = checkpoint.read(file, "checkpoint")[1]
    return values["scale"], values["iteration"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ray_starts_a_killed_worker_again_from_its_checkpoint_and_gives_the_same_rows(tmp_path, serial_rows):
    pytest.importorskip("ray")
    spec, out, trials = tmp_path / "spec.yaml", tmp_path / "out", expand(LONG)
    spec.write_text(json.dumps(LONG))
    command = [sys.executable, "-m", "hpvae_nb", "sweep", str(spec), "--out", str(out)]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        place = kill_a_worker(out, trials[0])
        said, errors = process.communicate(timeout=400)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 2, errors
    assert "2 of 3 trials have a row" in said
    starts = [(s["scale"], s["iteration"]) for s in sessions(trial_folder(out, trials[0]))]
    assert starts[0] == (0, 1)
    assert starts[1:] == [(place[0], place[1] + 1)] if place[1] < 120 else [(place[0] + 1, 1)]
    rows = read_results(out)
    assert of(trials[0], rows)["sessions"] == 2
    assert of(trials[2], rows)["sessions"] == 1
    assert_frame_equal(lasting(rows).map(listed), lasting(serial_rows).map(listed), check_dtype=False, check_like=True)


@pytest.fixture
def two_nodes(monkeypatch):
    """A cluster of two nodes on this machine, of one CPU each: its address, and the process that rules the second."""
    utils, psutil = pytest.importorskip("ray.cluster_utils"), pytest.importorskip("psutil")
    scratch = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # the paths of Ray's sockets have to be short
    monkeypatch.setenv("RAY_TMPDIR", scratch)
    nodes, soon = utils.Cluster(), {"health_check_period_ms": 1000}  # a lost node is missed within seconds
    try:
        nodes.add_node(include_dashboard=False, _system_config=soon)
        second = nodes.add_node()
        yield nodes.address, psutil.Process(second.all_processes["raylet"][0].process.pid)
    finally:
        nodes.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_sweep_on_two_nodes_survives_the_loss_of_one(tmp_path, serial_rows, two_nodes):
    (address, second), out, trials = two_nodes, tmp_path / "out", expand(LONG)
    lost = []

    def on_second():
        """A trial with a checkpoint whose worker is of the second node."""
        workers = {child.pid for child in second.children(recursive=True)}
        begun = [t for t in trials if (trial_folder(out, t) / "run" / "checkpoint.safetensors").exists()]
        return next((t for t in begun if sessions(trial_folder(out, t))[-1]["process"] in workers), None)

    def lose_second():
        lost.append(wait_for(on_second, 900))
        for process in [second, *second.children(recursive=True)]:
            process.kill()

    killer = threading.Thread(target=lose_second)
    killer.start()
    rows = run_sweep(trials, out, address=address)
    killer.join()
    starts = [(s["scale"], s["iteration"]) for s in sessions(trial_folder(out, lost[0]))]
    assert len(starts) == 2
    assert starts[0] == (0, 1) < starts[1]
    assert_frame_equal(lasting(rows).map(listed), lasting(serial_rows).map(listed), check_dtype=False, check_like=True)


def test_a_trial_waits_for_the_lock_of_a_lost_machine_but_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PAUSE", 0.01)
    held, gone = threading.Event(), threading.Event()

    def hold():
        with Hold(tmp_path):
            held.set()
            gone.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    cluster.wait_until_free(tmp_path, 0.05)
    assert other.is_alive()
    threading.Timer(0.1, gone.set).start()
    cluster.wait_until_free(tmp_path, 60)
    assert gone.is_set()
    other.join()
    cluster.wait_until_free(tmp_path / "new", 60)


def test_a_trial_that_died_for_good_is_a_row_with_a_sentence_and_runs_at_the_next_call(
    tmp_path, monkeypatch, swept, small
):
    monkeypatch.setattr(cluster, "run", lambda waiting, out, address, progress: progress.ended(waiting[0], None))
    row = of(small[0], run_sweep(small[:1], tmp_path / "out", address="any"))
    assert row["error"].startswith("the worker died")
    rows = run_sweep(small[:1], tmp_path / "out", serial=True)
    assert_frame_equal(lasting(rows), lasting(swept[1][swept[1]["trial"] == small[0].name]), check_like=True)


def test_no_cluster_at_an_address(tmp_path, small):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="is for clients from outside"):
        run_sweep(small, tmp_path, address="ray://nowhere:10001")


def test_some_trials_of_a_specification_are_chosen_by_their_values():
    trials = expand({"clip": ["pedestrians", "bunny"], "seed": [0, 1], "runs": [{"vae_levels": [1, 3]}, {"lr": 1e-3}]})
    chosen = select(trials, {"clip": "bunny", "vae_levels": 3, "lr": 5e-4})
    assert [(t.clip, t.seed, t.config.vae_levels, t.config.lr) for t in chosen] == [
        ("bunny", 0, 3, 5e-4),
        ("bunny", 1, 3, 5e-4),
    ]
    assert select(trials, {}) == trials
    with pytest.raises(InputError, match="no key 'sed'.*nearest is 'seed'"):
        select(trials, {"sed": 0})
    with pytest.raises(InputError, match="none of the 12 trials has clip=bunny, seed=7"):
        select(trials, {"clip": "bunny", "seed": 7})


def test_a_metric_whose_package_is_missing_costs_one_number(monkeypatch, tmp_path):
    def needs_a_package(samples, real, model):
        raise ImportError("features of it need the package such: pip install such")

    without = dataclasses.replace(METRICS["svfid_efficientnet"], function=needs_a_package)
    monkeypatch.setitem(METRICS, "svfid_efficientnet", without)
    (trial,) = expand({**SMALL, "clip": "bunny", "metrics": ["svfid_efficientnet", "diversity"]})
    row = run_trial(trial, tmp_path)
    assert row["error"] is None
    assert row["diversity"] > 0
    assert row["unmeasured"] == "svfid_efficientnet: features of it need the package such: pip install such"
