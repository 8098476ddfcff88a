"""A full disk: one sentence, what was there before stays, and nothing half-written."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from common import noise_clip, same_weights, tiny_config
from typer.testing import CliRunner

from hpvae_nb import CheckpointError, fit, load_model, train
from hpvae_nb.cli import app
from hpvae_nb.io import checkpoint
from hpvae_nb.lab import show
from hpvae_nb.lab.render import subplots

CPU = {"device": "cpu", "precision": "float32"}
FULL = r"^could not write .*{} \(\d+\.\d MB\): No space left on device; nothing was changed: make room or choose "


def row(path):
    results = pytest.importorskip("hpvae_nb.studies.sweeps.results")
    results.write_row(path.parent, {"trial": "a"})


WRITERS = {
    "file.txt": lambda path: checkpoint.write_bytes(path, b"new"),
    "film.mp4": lambda path: show.save_video(path, noise_clip(3).video, 24),
    "figure.png": lambda path: show.save_figure(path, subplots(figsize=(1, 1))[0]),
    "row.json": row,
}


@pytest.fixture
def full(monkeypatch):
    """Every disk, as one that notices only when what was written has to be on it."""

    def fsync(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_there_stays_and_nothing_else(tmp_path, full, name):
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(CheckpointError, match=FULL.format(name)):
        WRITERS[name](tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"old"}


@pytest.mark.slow
def test_the_command_line_says_so_in_one_sentence(tmp_path, trained, request):
    model, out = trained.save(tmp_path / "model.safetensors"), tmp_path / "out"
    request.getfixturevalue("full")
    result = CliRunner().invoke(app, ["sample", str(model), "--out", str(out), "--n", "1", "--device", "cpu"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: could not write {out / 'sample_00.mp4'} ")
    assert result.stderr.count("\n") == 1
    assert list(out.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A real one, of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid():
        pytest.skip("only root may mount a disk, and only here in this way")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with open(path, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))


@pytest.mark.slow
def test_a_training_whose_disk_gets_full_goes_on_when_there_is_room_again(small_disk):
    clip, config, out = noise_clip(), tiny_config(iterations=4), small_disk / "run"
    events = train(clip, config, out=out, checkpoint_every=2, **CPU)
    while not (out / "checkpoint.safetensors").exists():
        next(events)
    before = (out / "checkpoint.safetensors").read_bytes()
    fill(small_disk / "other")
    with pytest.raises(CheckpointError, match=FULL.format("checkpoint.safetensors")):
        list(events)
    assert (out / "checkpoint.safetensors").read_bytes() == before
    assert checkpoint.leftovers(out) == []
    (small_disk / "other").unlink()
    resumed = fit(clip, config, out=out, resume=True, **CPU)
    assert same_weights(resumed, fit(clip, config, **CPU))
    assert same_weights(resumed, load_model(out, **CPU))


@pytest.mark.slow
def test_a_video_stays_as_it_was_where_temporary_files_have_no_room(tmp_path, small_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    film = tmp_path / "film.mp4"
    film.write_bytes(b"old")
    fill(small_disk / "other")
    said = f"^ffmpeg could not write a video to {small_disk}, where 0.0 MB are free: make room"
    with pytest.raises(CheckpointError, match=said):
        show.save_video(film, noise_clip(3).video, 24)
    assert film.read_bytes() == b"old"
    assert {path.name for path in [*tmp_path.iterdir(), *small_disk.iterdir()]} == {"film.mp4", "disk", "other"}
