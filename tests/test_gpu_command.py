"""`make gpu`: what it leaves, rehearsed on the CPU, and that no part takes another along. No time is checked."""

import argparse
import io
import os
import re
import signal
import subprocess
import sys

import pytest
import torch
from common import SOURCE, environment

from hpvae_nb import preset

pytestmark = pytest.mark.skipif(not (SOURCE / "benchmarks").is_dir(), reason="needs the source checkout")

BENCHMARKS = SOURCE / "benchmarks"
CHECKPOINTS = """
import os, signal, time
try:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    print("a checkpoint is left")
"""
DEAF = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("going on", flush=True)
time.sleep(60)
"""


@pytest.fixture
def gpu(monkeypatch):
    """The script as a module, with little patience; what it does to signals is undone."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu

    monkeypatch.setattr(gpu, "GRACE", 0.5)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield gpu
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def piece(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import piece

    return piece


@pytest.fixture
def with_parts(gpu, monkeypatch, tmp_path):
    """Calls the command with snippets of Python in place of its parts; returns its exit code and summary, if any."""

    def call(parts, minutes=8):
        prepare = parts.get("prepare", 'print(\'{"machine": "a toy"}\')')
        monkeypatch.setattr(gpu, "piece", lambda *_: [sys.executable, "-c", prepare])
        monkeypatch.setattr(gpu, "command", lambda name, *_: [sys.executable, "-c", parts.get(name, "print('fine')")])
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path), "--minutes", str(minutes)])
        code, page = gpu.main(), tmp_path / "summary.md"
        return code, page.read_text() if page.exists() else None

    return call


def endings(summary):
    """How each part ended, by its name."""
    return dict(re.findall(r"^\| (tests|step|estimate|train) \| ([^|]+) \| \d+ \|$", summary, re.MULTILINE))


@pytest.mark.slow
def test_a_rehearsal_leaves_everything_in_one_folder(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    summary = (tmp_path / "summary.md").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + summary
    assert endings(summary) == dict.fromkeys(("tests", "step", "estimate", "train"), "done")
    assert "test_gpu_and_cpu_make_the_same_samples" in (tmp_path / "tests.xml").read_text()
    assert "pedestrians, 13 x 144 x 256" in summary
    scales = preset("smoke").scales
    assert len(re.findall(r"^\| \d \|.*\|$", summary, re.MULTILINE)) == 2 * scales  # of the step and of the estimate
    assert re.search(r"All of `smoke` would take \d+(\.\d+)? (s|min|h) here", summary)
    assert re.search(r"in all: \d+ of 32\.", summary)
    assert (tmp_path / "training" / "checkpoint.safetensors").exists()
    assert picture(tmp_path / "contact_sheet.png").size[0] > 100


def picture(path):
    from PIL import Image

    image = Image.open(io.BytesIO(path.read_bytes()))
    image.load()
    return image


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(
        r"No GPU can be used here \(.+\); with --quick everything runs small on the CPU\.\n", done.stderr
    )
    assert done.stdout == ""
    assert not (tmp_path / "run").exists()


def test_missing_packages_are_named(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "NEEDED", ("torch", "einstein", "noops"))
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 2
    assert capsys.readouterr().err == f"{sys.executable} lacks einstein, noops: pip install einstein noops\n"


def test_without_pytest_the_tests_are_skipped(with_parts, gpu, monkeypatch):
    find = gpu.importlib.util.find_spec
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None if name == "pytest" else find(name))
    code, summary = with_parts({})
    assert code == 0
    assert endings(summary)["tests"] == "skipped: pytest is not installed (pip install pytest)"


def test_a_part_that_fails_takes_no_other_along(with_parts):
    code, summary = with_parts({"step": "print('measured a little'); raise SystemExit('CUDA out of memory')"})
    assert code == 1
    assert endings(summary) == {"tests": "done", "step": "failed with exit code 1", "estimate": "done", "train": "done"}
    assert "measured a little\nCUDA out of memory\n```" in summary


@pytest.mark.slow
def test_a_part_that_hangs_is_ended(with_parts):
    code, summary = with_parts({"estimate": DEAF}, minutes=0.5)
    assert code == 1
    assert endings(summary)["estimate"] == "out of time"
    assert endings(summary)["train"] in ("done", "out of time")
    assert "going on\n```" in summary


def test_a_pytorch_that_does_not_start_is_said(with_parts, gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "PREPARING", 0.1)
    assert with_parts({"prepare": "import time; time.sleep(60)"}) == (2, None)
    assert "PyTorch does not start" in capsys.readouterr().err


def test_ctrl_c_leaves_what_is_there(with_parts, tmp_path):
    code, summary = with_parts({"step": CHECKPOINTS})
    assert code == 130
    assert endings(summary) == {"tests": "done", "step": "stopped by Ctrl-C", "estimate": "not run", "train": "not run"}
    assert (tmp_path / "step.log").read_text() == "a checkpoint is left\n"


def test_the_parts_fit_into_the_time(with_parts, gpu, monkeypatch):
    limits = []
    monkeypatch.setattr(gpu, "run", lambda part, limit, options: limits.append(limit))
    with_parts({}, minutes=8)
    assert sum(limits[:3]) + 2 * 60 < 8 * 60  # the training always gets two minutes, and all that others leave
    assert 2 * 60 < limits[3] < 8 * 60


@pytest.mark.parametrize("name", ["step", "estimate", "train"])
def test_a_part_ends_before_it_is_ended(gpu, tmp_path, name):
    options = argparse.Namespace(out=tmp_path, quick=False)
    command = gpu.command(name, 100, options)
    seconds = max(float(word.split("=")[1]) for word in command if word.startswith(("--within=", "--seconds=")))
    assert 0 < seconds <= 100 - gpu.STARTING
    assert "--quick" not in command


def test_a_training_goes_on_where_it_stopped(piece, tmp_path):
    config, device = preset("smoke", iterations=2, scales=2, vae_levels=1), torch.device("cpu")
    piece.prepare(tmp_path, config, device)
    for made in (1, 2, 3, 4):
        text = piece.train(tmp_path, config, device, seconds=0)
        assert f"in all: {made} of 4." in text
        assert ("The training is finished." in text) == (made == 4)
    assert "Iterations made now: 0," in piece.train(tmp_path, config, device, seconds=0)


def test_what_is_left_follows_from_the_measured_steps(piece, tmp_path):
    config = preset("smoke", iterations=100, scales=2, vae_levels=1)
    assert "not measured" in piece.left(tmp_path, config, {"scale": 0, "iteration": 50})
    (tmp_path / piece.MEASURED).write_text("[0.1]")
    assert "1 scales only" in piece.left(tmp_path, config, {"scale": 0, "iteration": 50})
    (tmp_path / piece.MEASURED).write_text("[0.1, 0.5]")
    assert piece.left(tmp_path, config, {"scale": 0, "iteration": 50}) == "By the measured steps, 55.0 s are left."
    assert piece.left(tmp_path, config, {"scale": 1, "iteration": 80}) == "By the measured steps, 10.0 s are left."


def test_without_pyav_balloons_are_drawn_and_kept(piece, monkeypatch, tmp_path):
    def load_clip(*_, **__):
        raise ImportError("the package 'av' is needed")

    config, device = preset("smoke"), torch.device("cpu")
    monkeypatch.setattr(piece.hpvae_nb, "load_clip", load_clip)
    assert "PyAV is not installed" in piece.prepare(tmp_path, config, device)["clip"]
    kept = piece.load(config, str(tmp_path / piece.CLIP))
    monkeypatch.undo()
    assert "drawn balloons, 13 x 144 x 256" in piece.prepare(tmp_path, config, device)["clip"]  # not replaced
    balloons = piece.hpvae_nb.load_clip("balloons")
    assert kept.fps == balloons.fps
    assert (kept.video - balloons.video).abs().mean() < 0.02  # as good as what was encoded


def test_pictures_need_no_package(piece, tmp_path):
    pixels = torch.randint(0, 256, (5, 7, 3), dtype=torch.uint8).numpy()
    (tmp_path / "a.png").write_bytes(piece.png(pixels))
    assert picture(tmp_path / "a.png").tobytes() == pixels.tobytes()


def test_a_driver_that_does_not_answer_is_no_error(piece, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert piece.driver().startswith("not known")
