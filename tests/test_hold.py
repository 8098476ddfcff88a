"""Two trainings in one folder at once: the second is refused, and nothing of the first is lost."""

import subprocess
import sys
import threading

import pytest
from common import environment, same_weights, tiny_config

from hpvae_nb import CheckpointError, InputError, fit, load_model, train
from hpvae_nb.io import checkpoint
from hpvae_nb.io.hold import LOCK, Hold

CPU = {"device": "cpu", "precision": "float32"}
REFUSED = r"is being written to by another training or sweep: wait for its end or stop it, or choose another folder"

# Without PyTorch, which would be most of the test's time.
HOLDER = """
import sys, types
from importlib.machinery import PathFinder
package = types.ModuleType("hpvae_nb")
package.__path__ = [sys.argv[2]]
sys.modules["hpvae_nb"] = package
from pathlib import Path
from hpvae_nb.io.hold import Hold
with Hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def tiny():
    return tiny_config(iterations=3)


@pytest.fixture
def other(tmp_path):
    """Another process, which holds the folder until it is ended."""
    from hpvae_nb import __path__ as ours

    command = [sys.executable, "-c", HOLDER, tmp_path, ours[0]]
    process = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def in_a_thread(work):
    """What comes of the work in another thread: its error, or None."""
    errors = []

    def run():
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return errors[0] if errors else None


@pytest.mark.slow
def test_a_folder_that_another_process_trains_in_is_refused_until_that_one_is_killed(tmp_path, clip, tiny, other):
    with pytest.raises(InputError, match=REFUSED) as raised:
        fit(clip, tiny, out=tmp_path, **CPU)
    assert str(tmp_path) in str(raised.value)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    other.kill()
    other.wait()
    assert (tmp_path / LOCK).exists()
    fit(clip, tiny, out=tmp_path, resume=True, **CPU)


@pytest.mark.slow
def test_so_is_a_sweeps(tmp_path, other):
    sweeps = pytest.importorskip("hpvae_nb.studies.sweeps")
    with pytest.raises(InputError, match=REFUSED):
        sweeps.run_sweep([], tmp_path)


def test_a_half_written_file_of_another_process_stays(tmp_path, clip, tiny, other):
    """It would be in the middle of writing a checkpoint."""
    half = tmp_path / ".checkpoint.safetensors.4242.1.tmp"
    half.touch()
    with pytest.raises(InputError, match=REFUSED):
        fit(clip, tiny, out=tmp_path, **CPU)
    assert half.exists()


@pytest.mark.slow
def test_threads_of_one_process_hold_a_folder_from_each_other(tmp_path, clip, tiny):
    events = train(clip, tiny, out=tmp_path, **CPU)
    next(events)
    error = in_a_thread(lambda: fit(clip, tiny, out=tmp_path, resume=True, **CPU))
    assert isinstance(error, InputError)
    assert "is being written to by another training" in str(error)
    assert same_weights(fit(clip, tiny, **CPU), [event.model for event in events][-1])
    assert in_a_thread(lambda: fit(clip, tiny, out=tmp_path, resume=True, **CPU)) is None


def test_a_loop_that_broke_off_gives_way_to_the_next_of_its_thread(tmp_path, clip, tiny):
    broken = train(clip, tiny, out=tmp_path, checkpoint_every=2, **CPU)
    next(broken)
    model = fit(clip, tiny, out=tmp_path, resume=True, **CPU)
    with pytest.raises(CheckpointError, match="a later training goes on in .*: this one stops, and wrote nothing"):
        list(broken)
    assert same_weights(model, load_model(tmp_path, device="cpu", precision="float32"))


def test_closing_it_later_writes_nothing_over_the_next_ones_files(tmp_path, clip, tiny):
    broken = train(clip, tiny, out=tmp_path, **CPU)
    next(broken)
    fit(clip, tiny, out=tmp_path, resume=True, **CPU)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    broken.close()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_so_does_one_whose_thread_has_ended(tmp_path, clip, tiny):
    kept = []

    def begin():
        kept.append(train(clip, tiny, out=tmp_path, **CPU))
        next(kept[0])

    assert in_a_thread(begin) is None
    fit(clip, tiny, out=tmp_path, resume=True, **CPU)


def test_an_ended_a_closed_and_a_failed_training_hold_nothing(tmp_path, clip, tiny, monkeypatch):
    fit(clip, tiny, out=tmp_path / "ended", **CPU)
    events = train(clip, tiny, out=tmp_path / "closed", **CPU)
    next(events)
    events.close()
    monkeypatch.setattr(checkpoint, "write", lambda *_: (_ for _ in ()).throw(CheckpointError("full")))
    with pytest.raises(CheckpointError, match="full"):
        fit(clip, tiny, out=tmp_path / "failed", **CPU)
    for name in ("ended", "closed", "failed"):
        assert in_a_thread(Hold(tmp_path / name).__enter__) is None, name


@pytest.mark.parametrize("error", [OSError(38, "Function not implemented"), NotImplementedError()])
def test_where_a_drive_has_no_locks_it_goes_without(tmp_path, monkeypatch, error):
    def acquire(lock):
        raise error

    monkeypatch.setattr("hpvae_nb.io.hold.FileLock.acquire", acquire)
    with Hold(tmp_path):
        (tmp_path / "written").touch()
        assert isinstance(in_a_thread(Hold(tmp_path).__enter__), InputError), "of this process it knows"
