"""Training as it is lived: killed, interrupted, resumed, refused, gone wrong; and what its events say."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from common import environment, noise_clip, run_python, same_weights, tiny_config, weights

from hpvae_nb import InputError, TrainingError, fit, load_model, train
from hpvae_nb.io import checkpoint
from hpvae_nb.recipe.config import from_dict

CPU = {"device": "cpu", "precision": "float32"}


@pytest.fixture(scope="module")
def whole():
    """The model of the fixtures `clip` and `tiny`, trained without a stop. Tests must leave it as it is."""
    return fit(noise_clip(), tiny_config(), **CPU)


# The driver's writer is a process of its own, killed for good; forking one spares importing PyTorch at each start.
KILLS = """
import os, random, signal, sys, time
sys.path.insert(0, sys.argv[5])
from pathlib import Path
from common import noise_clip, tiny_config
from hpvae_nb.io import checkpoint
from hpvae_nb import fit
out, precision, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
clip, config, moments = noise_clip(), tiny_config(iterations=20), random.Random(seed)
fit(clip, tiny_config(iterations=1), device="cpu", precision=precision)  # PyTorch imports much at its first step
made, stuck, last = 0, 0, None
while True:
    trainer = os.fork()
    if trainer == 0:
        fit(clip, config, out=out, resume=True, device="cpu", precision=precision, checkpoint_every=3)
        os._exit(0)
    if made < kills:
        time.sleep(moments.uniform(0.02, 0.2 * 1.3**stuck))
        os.kill(trainer, signal.SIGKILL)
    status = os.waitpid(trainer, 0)[1]
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
    made += 1
    place = out / "checkpoint.safetensors"
    values = checkpoint.read(place, "checkpoint")[1] if place.exists() else {"scale": -1, "iteration": 0}
    where = values["scale"], values["iteration"]
    stuck, last = (stuck + 1 if where == last else 0), where  # give more time where none was enough
    print(*where)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_a_run_killed_again_and_again_ends_in_the_same_weights(tmp_path, precision):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    arguments = [tmp_path / "run", precision, "40", str(seed), os.path.dirname(__file__)]
    result = subprocess.run(
        [sys.executable, "-c", KILLS, *arguments], env=environment(), capture_output=True, text=True, timeout=200
    )
    assert result.returncode == 0, result.stderr
    places = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert places == sorted(places), "a resumed run went back behind its checkpoint"
    assert len(set(places)) > 3, f"too few kills hit the run: {places}"
    whole = fit(noise_clip(), tiny_config(iterations=20), device="cpu", precision=precision)
    killed = load_model(tmp_path / "run", device="cpu", precision=precision)
    assert same_weights(whole, killed), f"killed at {places}"
    assert whole.network.amplitudes == killed.network.amplitudes
    assert [[r["iteration"] for r in records] for records in killed.facts["history"]] == [list(range(1, 21))] * 4
    assert whole.facts["history"] == killed.facts["history"]


@pytest.mark.slow
@pytest.mark.parametrize("place", [(0, 1), (0, 5), (1, 2), (2, 1), (2, 5), (3, 3), (3, 5)])
def test_closing_the_generator_anywhere_loses_nothing(tmp_path, clip, tiny, whole, place):
    events = train(clip, tiny, out=tmp_path, checkpoint_every=1000, **CPU)
    for event in events:
        if (event.scale, event.iteration) == place:
            stopped_at = weights(event.model)
            events.close()
    _, values = checkpoint.read(tmp_path / "checkpoint.safetensors", "checkpoint")
    assert (values["scale"], values["iteration"]) == place
    assert same_weights(load_model(tmp_path, device="cpu"), stopped_at)
    rest = train(clip, tiny, out=tmp_path, resume=True, **CPU)
    seen = [(event.scale, event.iteration) for event in rest]
    assert seen == [(n, i) for n in range(4) for i in range(1, 6) if (n, i) > place]
    assert same_weights(load_model(tmp_path, device="cpu"), whole)


def test_a_checkpoint_says_what_it_is_of(tmp_path, clip, tiny):
    events = train(clip, tiny, seed=5, out=tmp_path, **CPU)
    next(events)
    events.close()
    tensors, values = checkpoint.read(tmp_path / "checkpoint.safetensors", "checkpoint")
    assert from_dict(values["config"]) == tiny
    assert (values["seed"], values["format"]) == (5, checkpoint.FORMAT)
    assert {name.split("/")[0] for name in tensors} == {"network", "optimizer", "random"}


def test_checkpoints_are_written_as_asked_and_at_each_scales_end(tmp_path, clip, tiny):
    path, written = tmp_path / "checkpoint.safetensors", []
    for event in train(clip, tiny, out=tmp_path, checkpoint_every=2, **CPU):
        if path.exists():
            values = checkpoint.read(path, "checkpoint")[1]
            if (values["scale"], values["iteration"]) == (event.scale, event.iteration):
                written.append((event.scale, event.iteration))
    assert written == [(n, i) for n in range(4) for i in (2, 4, 5)]
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {".lock", "run.json", "checkpoint.safetensors", "model.safetensors"}


def test_a_finished_run_resumes_at_once(tmp_path, clip, tiny):
    first = fit(clip, tiny, out=tmp_path, **CPU)
    events = train(clip, tiny, out=tmp_path, resume=True, **CPU)
    assert list(events) == []
    again = fit(clip, tiny, out=tmp_path, resume=True, **CPU)
    assert same_weights(first, again)
    assert first.facts["history"] == again.facts["history"]


FIT = """
import sys
sys.path.insert(0, sys.argv[2])
from common import noise_clip, tiny_config
from hpvae_nb import fit
import hpvae_nb.training.stopwatch
before = hpvae_nb.training.stopwatch.Stopwatch.stepped
def told(self):
    print(self.trainer.scale, self.trainer.iteration, flush=True)
    return before(self)
hpvae_nb.training.stopwatch.Stopwatch.stepped = told
from hpvae_nb.baselines import make_method
config = tiny_config(iterations=3000)
model = fit(noise_clip(), config, method=make_method(sys.argv[3]), out=sys.argv[1], device="cpu")
print("kept", model.scales, tuple(model.sample(1, seed=0).shape), flush=True)
"""


def interruptible(command):
    """A process that heeds Ctrl-C, even where these tests run in the background of a shell, which makes it ignored."""
    return subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("method", ["hpvae", "singan", "patch_vae"])
def test_ctrl_c_in_fit_gives_the_model_so_far(tmp_path, method):
    command = [sys.executable, "-c", FIT, str(tmp_path / "run"), os.path.dirname(__file__), method]
    process = interruptible(command)
    while process.stdout.readline().strip() not in ("0 20", ""):
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "kept 1 (1, 3, 4, " in out
    model = load_model(tmp_path / "run", device="cpu")
    assert torch.isfinite(model.sample(2, seed=0)).all()
    values = checkpoint.read(tmp_path / "run" / "checkpoint.safetensors", "checkpoint")[1]
    assert values["scale"] == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_on_the_command_line_says_how_to_go_on(tmp_path):
    command = ["-m", "hpvae_nb", "train", "balloons", "--out", str(tmp_path / "run"), "--preset", "smoke"]
    command += ["--set", "iterations=100000", "--device", "cpu"]
    process = interruptible([sys.executable, *command])
    deadline = time.time() + 100
    while not (tmp_path / "run" / "checkpoint.safetensors").exists() and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume goes on" in err
    assert "Traceback" not in err
    assert load_model(tmp_path / "run", device="cpu").sample(1, seed=0).shape[1] == 3
    info = run_python("-m", "hpvae_nb", "info", tmp_path / "run")
    assert "scales 1 of 4" in info.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clip": noise_clip(seed=1)}, "its clip.sha256"),
        ({"clip": noise_clip(name="other")}, "its clip.name is 'noise', not 'other'"),
        ({"seed": 5}, "its seed is 0, not 5"),
        ({"config": tiny_config(beta=0.5)}, "its config.beta is 1.0, not 0.5"),
        ({"resume": False}, "already holds this run: resume it with resume=True"),
    ],
)
def test_another_runs_folder_is_refused_and_untouched(tmp_path, clip, tiny, change, said):
    fit(clip, tiny.replace(iterations=1), out=tmp_path / "other", **CPU)
    next(events := train(clip, tiny, out=tmp_path / "run", **CPU))
    events.close()
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    call = {"clip": clip, "config": tiny, "seed": 0, "resume": True, **change}
    with pytest.raises(InputError) as caught:
        train(out=tmp_path / "run", **call, **CPU)
    assert said in str(caught.value)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}


def test_foreign_folders_files_and_bad_values_are_refused_and_nothing_is_written(tmp_path, clip, tiny):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("dear")
    (tmp_path / "file").write_text("a file")
    for resume in (True, False):
        with pytest.raises(InputError, match="not empty and holds no run"):
            train(clip, tiny, out=tmp_path / "thesis", resume=resume, **CPU)
        with pytest.raises(InputError, match="which is a file: name a folder"):
            train(clip, tiny, out=tmp_path / "file", resume=resume, **CPU)
    new = tmp_path / "new"
    with pytest.raises(InputError, match="seed is -1"):
        train(clip, tiny, out=new, seed=-1, **CPU)
    with pytest.raises(InputError, match="checkpoint_every is 0"):
        train(clip, tiny, out=new, checkpoint_every=0, **CPU)
    with pytest.raises(InputError, match="resume=True needs out"):
        train(clip, tiny, resume=True, **CPU)
    with pytest.raises(InputError, match="has 12 frames"):
        train(noise_clip(frames=12), tiny, out=new, **CPU)
    with pytest.raises(InputError, match="device 'abacus'"):
        train(clip, tiny, out=new, device="abacus")
    with pytest.raises(InputError, match="precision is 'int8'"):
        train(clip, tiny, out=new, precision="int8")
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")) == [
        "file",
        "thesis",
        os.path.join("thesis", "chapter.txt"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0, 1, 2, 3])
def test_a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(tmp_path, clip, tiny, whole, scale):
    def poisoned():
        for event in train(clip, tiny, out=tmp_path, checkpoint_every=2, **CPU):
            if (event.scale, event.iteration) == (scale, 3):
                event.model.network.generators[scale].tail.weight.data[0] = float("nan")

    with pytest.raises(TrainingError) as caught:
        poisoned()
    sentence = str(caught.value)
    assert f"nan at scale {scale}, iteration 4" in sentence
    assert "reconstruction" in sentence or "distance" in sentence
    assert f"{tmp_path / 'checkpoint.safetensors'}, scale {scale}, iteration 2" in sentence
    tensors, _ = checkpoint.read(tmp_path / "checkpoint.safetensors", "checkpoint")
    assert all(torch.isfinite(value.float()).all() for value in tensors.values())
    assert same_weights(fit(clip, tiny, out=tmp_path, resume=True, **CPU), whole)


@pytest.mark.parametrize("lr", [1e20, 1e39])
def test_weights_that_explode_never_become_the_last_good_checkpoint(tmp_path, clip, lr):
    config = tiny_config(lr=lr, clip_norm=None)
    with pytest.raises(TrainingError, match=r"training stopped: .* at scale 0, iteration "):
        fit(clip, config, out=tmp_path, checkpoint_every=1, **CPU)
    path = tmp_path / "checkpoint.safetensors"
    if path.exists():
        tensors, _ = checkpoint.read(path, "checkpoint")
        assert all(torch.isfinite(v).all() for name, v in tensors.items() if name.startswith("network"))
    with pytest.raises(TrainingError, match="no run folder was given"):
        fit(clip, config, **CPU)


RANDOM = """
import random, sys
import numpy as np, torch
sys.path.insert(0, sys.argv[2])
from common import noise_clip, tiny_config
from hpvae_nb import fit, load_model
torch.manual_seed(1), np.random.seed(1), random.seed(1)
states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
model = fit(noise_clip(), tiny_config(), device="cpu")
load_model(model.save(sys.argv[1]), device="cpu").sample(1, seed=0)
assert torch.equal(states[0], torch.get_rng_state()), "of PyTorch"
assert (states[1] == np.random.get_state()[1]).all(), "of NumPy"
assert states[2] == random.getstate(), "of Python"
"""


@pytest.mark.slow
def test_training_leaves_the_callers_random_numbers_alone(tmp_path):
    """In a process of its own: what checks shapes in this one draws from Python's random numbers."""
    done = run_python("-c", RANDOM, tmp_path, os.path.dirname(__file__))
    assert done.returncode == 0, done.stderr


def test_weights_depend_on_the_seed_alone(clip, tiny):
    first = fit(clip, tiny, **CPU)
    torch.manual_seed(2)
    assert same_weights(first, fit(clip, tiny, seed=0, **CPU))
    assert not same_weights(first, fit(clip, tiny, seed=1, **CPU))


@pytest.mark.slow
def test_a_long_clip_trains_on_batches_of_its_samples(tmp_path):
    clip, config = noise_clip(frames=60), tiny_config(batch=2)
    model = fit(clip, config, out=tmp_path / "a", **CPU)
    assert len(model.coarse) == 48  # windows from every start frame
    assert torch.isfinite(model.sample(2, seed=0)).all()
    events = train(clip, config, out=tmp_path / "b", **CPU)
    for event in events:
        if (event.scale, event.iteration) == (2, 3):
            events.close()
    assert same_weights(model, fit(clip, config, out=tmp_path / "b", resume=True, **CPU))


@pytest.mark.slow
def test_events_tell_where_training_stands(clip, tiny, whole):
    events = list(event_facts(train(clip, tiny, **CPU)))
    assert [(scale, iteration) for scale, iteration, *_ in events] == [(n, i) for n in range(4) for i in range(1, 6)]
    seconds = [event[2] for event in events]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    remaining = [event[3] for event in events]
    assert remaining[:-1] == [None] * 19  # so few steps foretell nothing
    assert remaining[-1] == 0
    for scale, iteration, _, _, losses, shape, done in events:
        vae = {"reconstruction", "reconstruction_0", "kl"}
        gan = {"reconstruction", "adversarial", "distance", "penalty"}
        assert losses == (vae if scale < 2 else gan)
        assert shape[:2] == (2, 3)
        assert done == (iteration == 5)
    assert [tuple(event[5][2:]) for event in events[::5]] == whole.shapes
    assert len(whole.facts["history"]) == 4


def event_facts(events):
    for event in events:
        shape = tuple(event.preview(2, seed=1).shape)
        names = set(event.losses)
        yield event.scale, event.iteration, event.seconds, event.remaining, names, shape, event.scale_done


@pytest.mark.slow
def test_a_run_from_before_a_setting_existed_goes_on(clip, tiny, whole, tmp_path):
    """It was run with what is now the setting's default, and with nothing else."""
    described = tmp_path / "run.json"
    next(train(clip, tiny, out=tmp_path, **CPU))
    older = json.loads(described.read_text())
    del older["config"]["residual"]
    described.write_text(json.dumps(older))
    assert same_weights(fit(clip, tiny, out=tmp_path, resume=True, **CPU), whole)
    described.write_text(json.dumps(older))
    with pytest.raises(InputError, match=r"another run .its config.residual is True, not False"):
        fit(clip, tiny.replace(residual=False), out=tmp_path, resume=True, **CPU)
