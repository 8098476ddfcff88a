"""The benchmark script runs from the command line and prints whole tables; no time it finds is checked."""

import importlib
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from common import TINY, cpu_trainer

from hpvae_nb.recipe.presets import preset
from hpvae_nb.studies import sweeps
from hpvae_nb.training.clock import Trial

ROOT = Path(__file__).parents[1]
NUMBER = r"\d+(\.\d+)?"
TIMES = rf"{NUMBER} \({NUMBER}\)"
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
CLOCK = rf"{NUMBER} (s|min|h)"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What a quick run writes to its file, which is also what it prints."""
    file = tmp_path_factory.mktemp("benchmark") / "tables.md"
    command = [sys.executable, "benchmarks/step.py", "--quick", "--device", "cpu"]
    done = subprocess.run(
        [*command, "--growth", "--sampling", "--first-preview", "--out", str(file)],
        cwd=ROOT,
        env=ONE_THREAD,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == file.read_text().strip()
    return file.read_text()


@pytest.fixture(scope="module")
def tables(output):
    """Each Markdown table as rows of cells, without its rule."""
    blocks = [block.splitlines() for block in output.split("\n\n") if block.startswith("|")]
    return [[line.strip("| ").split(" | ") for line in lines if "---" not in line] for lines in blocks]


@pytest.mark.slow
def test_machine_and_contenders_are_named(output):
    first = output.splitlines()[0]
    where = r"; 1 threads of .*PyTorch \d.*device cpu; ours in \w+\d\d"
    assert re.search(r"Preset smoke on pedestrians, whole clips at each step\..*" + where, first)


@pytest.mark.slow
def test_one_row_for_each_scale_and_one_for_the_run(tables):
    config = preset("smoke")
    titles, *rows, total = tables[0]
    assert titles[:6] == ["scale", "shape", "kind", "ours ms", "literal ms", "ratio"]
    assert len(rows) == config.scales
    for n, (scale, shape, kind, ours, literal, ratio, speed, share, steps) in enumerate(rows):
        assert int(scale) == n
        assert shape.count(" x ") == 2
        assert kind == ("VAE" if n < config.vae_levels else "GAN")
        assert all(re.fullmatch(TIMES, times) for times in (ours, literal))
        assert float(ratio) == pytest.approx(first(literal) / first(ours), rel=0.05, abs=0.06)
        assert re.fullmatch(NUMBER, speed)
        assert re.fullmatch(r"\d+ %", share)
        assert int(steps) >= 3
    assert total[0] == f"all, x {config.iterations}"
    assert all(re.fullmatch(CLOCK, time) for time in total[3:5])


def first(times):
    return float(times.split()[0])


@pytest.mark.slow
def test_memory_of_each_contender(tables):
    _, *rows = tables[1]
    assert [row[0] for row in rows] == ["ours", "literal"]
    for _, before, peak in rows:
        assert 0 < float(before) <= float(peak)


@pytest.mark.slow
def test_sampling(tables):
    _, *sampling = tables[4]
    assert [row[0] for row in sampling] == ["1", "8"]
    for _, median, least, late, _ in sampling:
        assert 0 < float(least) <= float(median) <= float(late)


@pytest.mark.slow
def test_first_preview(output):
    assert re.search(rf"first preview: {NUMBER} s", output)


@pytest.mark.slow
def test_the_precision_study_compares_both(tmp_path):
    command = [sys.executable, "benchmarks/precision.py", "--preset", "smoke", "--samples", "3"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "study")], cwd=ROOT, env=ONE_THREAD, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "study.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith(("| scale", "| diversity"))]
    assert len(rows) == preset("smoke").scales + 1
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)
    assert (tmp_path / "study.png").stat().st_size > 10_000


@pytest.mark.slow
def test_enlarging_has_a_row_for_each_picture_and_way(tmp_path):
    command = [sys.executable, "benchmarks/enlarging.py", "--pictures", "coffee", "grass", "--size", "32"]
    out = tmp_path / "page.md"
    done = subprocess.run(
        [*command, "--iterations", "1", "--out", str(out)], cwd=ROOT, env=ONE_THREAD, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in out.read_text().splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["coffee"] * 5 + ["grass"] * 5
    assert [row[1] for row in rows[:2]] == ["bilinear", "bicubic"]
    assert all(float(corrected) > float(plain) > 0 for _, _, plain, corrected, _ in rows)


def test_layout_compares_at_equal_diversity(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    layout = importlib.import_module("layout")

    def row(way, diversity, *distances):
        return layout.Row(way, 1.0, [diversity], {"patches": list(distances)}, [0.0], [0.0])

    blends = [row("blend", 0.6, 5.0, 7.0), row("blend", 0.4, 3.0, 5.0)]  # means 6 and 4, standard errors of 1
    for diversity, there in ((0.5, 5.0), (0.4, 4.0), (0.6, 6.0), (0.9, 6.0)):  # beyond the blend, its most diverse
        less, half = layout.gain(row("strips", diversity, 1.0, 3.0), blends, "patches")
        assert less == pytest.approx(there - 2)
        assert half == pytest.approx(1.96 * 2**0.5)
    assert math.isnan(layout.gain(row("strips", 0.3, 1.0, 3.0), blends, "patches")[0])


def test_noise_like_the_means_has_their_mean_and_covariance(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    layout = importlib.import_module("layout")
    means = torch.tensor([[[1.0, 3.0, 2.0]], [[0.0, 0.0, -3.0]]])  # c h w
    drawn = torch.stack([layout.textured(means, 0, sample) for sample in range(4000)])
    torch.testing.assert_close(drawn.mean((0, 2, 3)), means.mean((1, 2)), rtol=0, atol=0.05)
    apart = drawn - means.mean((1, 2), keepdim=True)
    centred = means - means.mean((1, 2), keepdim=True)
    same = torch.einsum("chw,dhw->cd", centred, centred) / 3
    torch.testing.assert_close(torch.einsum("bchw,bdhw->cd", apart, apart) / (4000 * 3), same, rtol=0, atol=0.1)
    # One to the left: by the two pairs of neighbours that a row of three has.
    shifted = torch.einsum("chw,dhw->cd", centred[..., :-1], centred[..., 1:]) / 3
    found = torch.einsum("bchw,bdhw->cd", apart[..., :-1], apart[..., 1:]) / (4000 * 2)
    torch.testing.assert_close(found, shifted, rtol=0, atol=0.1)


@pytest.mark.slow
def test_layout_has_a_row_for_each_way(tmp_path):
    command = [sys.executable, "benchmarks/layout.py", "--models", "pedestrians_m1", "--samples", "2", "--seeds", "1"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "layout")], cwd=ROOT, env=ONE_THREAD, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [line.strip("| ").split(" | ") for line in (tmp_path / "layout.md").read_text().splitlines()]
    ways = [line[0] for line in lines if len(line) == 8][2:]
    assert ways[:5] == ["the prior", "blend 0.05", "blend 0.1", "blend 0.2", "strips=2"]
    assert ways[-2:] == ["other windows", "the film"]
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("layout.png", "layout_samples.png"))


@pytest.mark.slow
def test_growth_with_size_and_with_frames(tables):
    for _, *rows in tables[2:4]:
        assert len(rows) >= 2
        voxels = [float(row[1]) for row in rows]
        assert voxels == sorted(set(voxels))
        for _, _, step, per_voxel, peak in rows:
            assert re.fullmatch(TIMES, step)
            assert float(per_voxel) > 0
            assert float(peak) > 0


@pytest.mark.slow
def test_without_time_the_literal_is_left_out():
    command = [sys.executable, "benchmarks/step.py", "--quick", "--device", "cpu", "--within", "0"]
    done = subprocess.run(command, cwd=ROOT, env=ONE_THREAD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    scales = [row for row in rows if row[0].isdigit()]
    assert len(scales) == preset("smoke").scales
    assert all(re.fullmatch(TIMES, row[3]) and row[4:6] == ["-", "-"] for row in scales)
    assert [row[2].split(": ")[1] for row in rows if row[0] in ("ours", "literal")] == ["longer than 0 s"] * 2
    assert done.stderr.splitlines()[1:] == [line for line in done.stdout.splitlines() if line[2:3].isdigit()]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("no engine")])
def test_a_literal_that_fails_is_left_out_and_said(monkeypatch, capsys, clip, tiny, error):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import step

    def fails(trainer):
        raise error

    monkeypatch.setattr(step, "literal_of", fails)
    trainer = step.climb(cpu_trainer(clip, tiny), 0)
    times = step.take_turns(trainer, True, trainer.device, 0.0, 2)
    assert [len(times[name]) for name in times] == [2]
    assert capsys.readouterr().err == f"the literal is left out from here on: {error}\n"


@pytest.mark.slow
def test_an_unknown_preset_is_refused():
    command = [sys.executable, "benchmarks/step.py", "--preset", "nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "laptop" in done.stderr


@pytest.mark.slow
def test_methods_are_timed_against_the_first(tmp_path):
    file = tmp_path / "methods.md"
    command = [
        sys.executable,
        "benchmarks/methods.py",
        "--points",
        "M = 7",
        "M = 5",
        "--rounds",
        "1",
        "--iterations",
        "1",
    ]
    done = subprocess.run([*command, "--out", str(file)], cwd=ROOT, env=ONE_THREAD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == file.read_text().strip()
    first, second = (re.split(r" *\| *", line)[1:6] for line in file.read_text().splitlines()[-2:])
    assert (first[0], first[2], first[3]) == ("M = 7", "1.00", "100")
    assert float(second[2]) > 1  # a critic at two scales costs more than it saves
    assert float(second[4]) == pytest.approx(100 * float(second[1]), abs=1)


def test_a_training_costs_its_steps_at_each_scale_and_what_entering_takes(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import cost

    (trial,) = sweeps.expand({"clip": "pedestrians", "preset": "smoke", **TINY, "coarse_iterations": 40})
    steps = [trial.config.steps(n) for n in range(4)]
    assert steps[0] == 40
    assert steps[-1] == TINY["iterations"]
    monkeypatch.setattr(
        cost, "try_scale", lambda trainer, scale, now: Trial(typical=1e6, mean=10.0**scale, entering=0.5)
    )
    training, sampling, model = cost.trained(trial)
    assert training == 4 * 0.5 + steps[0] + 10 * steps[1] + 100 * steps[2] + 1000 * steps[3]
    assert sampling > 0
    assert model.scales == 4


def test_the_page_of_costs_says_what_its_rows_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import cost

    rows = sweeps.read_results(ROOT / "docs" / "cost.parquet")
    assert cost.page(rows) == (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert set(rows["point"]) == {*cost.POINTS, *cost.CHECKED}
