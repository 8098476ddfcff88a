"""Files: whole or refused; no code is run; an old file survives a full disk, a missing permission and a kill."""

import json
import os
import pickle
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from common import environment, run_python, same_weights

from hpvae_nb import CheckpointError, load_model, load_released, train
from hpvae_nb.io import checkpoint
from hpvae_nb.method import HpVaeGan
from hpvae_nb.training.run import Run

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b/c": torch.tensor([True, False])}


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    return trained.save(tmp_path_factory.mktemp("saved"))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "x.safetensors"
    checkpoint.write(path, "thing", TENSORS, {"n": 1, "text": "x̄"})
    tensors, description = checkpoint.read(path, "thing")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert (description["n"], description["text"]) == (1, "x̄")
    assert [file.name for file in path.parent.iterdir()] == ["x.safetensors"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists what a process has open so plainly")
def test_what_was_read_does_not_lie_in_the_file_any_more(tmp_path):
    """Windows would not let the next checkpoint take its place."""
    path = tmp_path / "x.safetensors"
    checkpoint.write(path, "thing", TENSORS, {})
    read = checkpoint.read(path, "thing")
    assert str(path) not in Path("/proc/self/maps").read_text(encoding="utf-8")
    assert read[0].keys() == TENSORS.keys()


def test_a_file_that_is_open_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    tries, replace = [], os.replace

    def refuse_twice(*paths):
        tries.append(paths)
        if len(tries) < 3:
            raise PermissionError(13, "the process cannot access the file because it is used by another process")
        replace(*paths)

    monkeypatch.setattr(os, "replace", refuse_twice)
    monkeypatch.setattr("time.sleep", lambda _: None)
    checkpoint.write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert len(tries) == 3


def test_a_file_cut_anywhere_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    lengths = {0, 1, 2, 7, 8, 9, 100, header - 1, header, header + 1, len(content) - 1}
    lengths |= set(random.Random(0).sample(range(len(content)), 60))
    cut = tmp_path / "cut.safetensors"
    for length in sorted(lengths):
        cut.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="damaged or truncated"):
            load_model(cut)
    cut.write_bytes(content)
    load_model(cut)


def test_a_file_with_a_damaged_header_is_refused(saved, tmp_path):
    content = bytearray(saved.read_bytes())
    for place, byte in ((0, 0xFF), (7, 0x7F), (8, ord("x")), (40, 0)):
        damaged = content.copy()
        damaged[place] = byte
        file = tmp_path / "damaged.safetensors"
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load_model(file)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no file .*nowhere"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"there is no file .*model\.safetensors"):
        load_model(tmp_path)


def rewritten(source, target, **changes):
    """The file with entries of its description replaced."""
    tensors, description = checkpoint.read(source, "model")
    header = json.dumps({**description, **changes})
    safetensors.torch.save_file(tensors, target, metadata={"hpvae_nb": header})
    return target


def test_later_formats_other_kinds_and_foreign_files_are_told_apart(saved, tmp_path):
    file = tmp_path / "model.safetensors"
    load_model(rewritten(saved, file))
    with pytest.raises(CheckpointError, match="format 2, but this version reads up to 1: upgrade"):
        load_model(rewritten(saved, file, format=2))
    with pytest.raises(CheckpointError, match="holds a checkpoint, but a model was wanted"):
        load_model(rewritten(saved, file, kind="checkpoint"))
    with pytest.raises(CheckpointError, match="description that cannot be read"):
        load_model(rewritten(saved, file, format="new"))
    with pytest.raises(CheckpointError, match="does not hold together"):
        load_model(rewritten(saved, file, scales=2))
    with pytest.raises(CheckpointError, match="does not hold together"):
        load_model(rewritten(saved, file, config={"channels": 0}))
    safetensors.torch.save_file({"weight": torch.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="not one that hpvae_nb wrote"):
        load_model(file)
    safetensors.torch.save_file({"weight": torch.zeros(3)}, file, metadata={"hpvae_nb": "{"})
    with pytest.raises(CheckpointError, match="description that cannot be read"):
        load_model(file)


class Bomb:
    """Unpickled, it would make a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def bombs(marker):
    """A malicious file in every form that pickles take, and what it is called."""
    yield "raw", [pickle.dumps(Bomb(marker), protocol=p) for p in range(6)]
    files = []
    for zipped in (True, False):
        path = marker.with_name("bomb.pth")
        torch.save({"scale": 1, "state_dict": Bomb(marker)}, path, _use_new_zipfile_serialization=zipped)
        files.append(path.read_bytes())
        path.unlink()
    yield "torch", files


def test_the_bomb_is_live(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "marker")))
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "weights.pth"])
def test_code_in_a_model_file_never_runs(tmp_path, name):
    marker = tmp_path / "marker"
    for kind, contents in bombs(marker):
        for protocol, content in enumerate(contents):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(CheckpointError) as caught:
                load_model(tmp_path / name)
            if kind == "torch" or protocol >= 2:  # the two oldest protocols have no signature
                assert "can run code when opened, and was not opened" in str(caught.value)
                assert "load_released" in str(caught.value)
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("file", ["netG.pth", "Noise_Amps.pth"])
def test_code_in_released_files_never_runs(tmp_path, file):
    marker = tmp_path / "marker"
    torch.save({"scale": 0, "state_dict": {}, "noise_amps": [1]}, tmp_path / "netG.pth")
    (tmp_path / "args.txt").write_text("vae_levels: 3\nimg_size: 64\nmin_size: 32\nar: 0.5\n")
    for _, contents in bombs(marker):
        for content in contents:
            (tmp_path / file).write_bytes(content)
            with pytest.raises(CheckpointError, match=r"more than weights, and was refused|damaged"):
                load_released(tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("length", [640, 0x480, 19280, 19280 + 65536])
def test_a_header_whose_length_looks_like_a_pickle_is_no_pickle(tmp_path, length):
    """Header lengths 0x0280, 0x0480 and 0x4B50 begin like a pickle of protocol 2 or 4, or a zip archive."""
    path = tmp_path / "x.safetensors"
    checkpoint.write(path, "thing", TENSORS, {"padding": ""})
    missing = length - struct.unpack("<Q", path.read_bytes()[:8])[0]
    checkpoint.write(path, "thing", TENSORS, {"padding": "x" * missing})
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] == length
    assert checkpoint.read(path, "thing")[0].keys() == TENSORS.keys()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from hpvae_nb import CheckpointError, load_model
model = load_model(sys.argv[1], device="cpu")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    model.save(Path(sys.argv[2]))
except CheckpointError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file size")
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(saved, trained, tmp_path):
    target = trained.save(tmp_path)
    before = target.read_bytes()
    for limit in (0, 5000, len(before) - 1):
        result = run_python("-c", FULL_DISK, saved, target, limit)
        assert "could not write" in result.stdout, result.stderr
        assert "make room or choose another folder" in result.stdout
        assert target.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == [target.name]


UNWRITABLE = """
import os, sys
from hpvae_nb import CheckpointError, load_model
model = load_model(sys.argv[1], device="cpu")
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    model.save(sys.argv[2])
except CheckpointError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_without_permission_is_named(saved, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    result = run_python("-c", UNWRITABLE, saved, locked / "model.safetensors")
    assert "could not write" in result.stdout, result.stderr
    assert "Permission denied" in result.stdout
    assert list(locked.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_named(trained, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match=r"could not write .*model\.safetensors"):
        trained.save(tmp_path / "file" / "model.safetensors")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_damaged_run_is_refused(tmp_path, clip, tiny):
    Run.open(tmp_path, clip, tiny, HpVaeGan(), 0, resume=False)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"run\.json cannot be read"):
        Run.open(tmp_path, clip, tiny, HpVaeGan(), 0, resume=True)


def test_a_kill_before_the_first_file_is_whole_does_not_block_the_folder(tmp_path, clip, tiny):
    (tmp_path / ".run.json.4242.tmp").write_text('{"format"')
    Run.open(tmp_path, clip, tiny, HpVaeGan(), 0, resume=True)
    (tmp_path / ".checkpoint.safetensors.4242.tmp").write_bytes(b"half")
    next(train(clip, tiny, out=tmp_path, resume=True, device="cpu"))
    assert not checkpoint.leftovers(tmp_path), "the leftovers of killed writers are gone"


KILLED = """
import os, random, signal, sys, time
from hpvae_nb import load_model
source, target, kills, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model, moments = load_model(source, device="cpu"), random.Random(seed)
model.name = "0"
model.save(target)
for kill in range(kills):
    writer = os.fork()
    if writer == 0:
        while True:
            model.name = str(int(model.name) + 1)  # the number is written twice, in the description and in the weights
            for weight in model.network.parameters():
                weight.data.fill_(float(model.name))
            model.save(target)
    time.sleep(moments.uniform(0.002, 0.03))
    os.kill(writer, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(writer, 0)[1])
    found = load_model(target, device="cpu")
    if found.name != "0":
        assert all((weight == float(found.name)).all() for weight in found.network.parameters()), found.name
    print(found.name)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_leaves_a_whole_file(saved, tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    target = tmp_path / "model.safetensors"
    result = subprocess.run(
        [sys.executable, "-c", KILLED, saved, target, "60", str(seed)],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) == 60
    assert len(set(result.stdout.split())) > 1, "no writer got as far as one file: kill later"
    assert len(list(tmp_path.glob(".*.tmp"))) > 0, "no writer was caught while it wrote: the test proves nothing"


def test_loading_again_and_again_is_the_same(saved, trained):
    assert same_weights(load_model(saved, device="cpu"), trained)
