"""What a viewer remembers of a training, and the dashboard that trains."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from common import environment, noise_clip, pixels, same_weights, tiny_config

from hpvae_nb import TrainingError, bundled_clips, fit, load_clip, load_model, scale_shapes, train
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import data_dir
from hpvae_nb.lab import dashboard as widgets
from hpvae_nb.lab import progress as figures
from hpvae_nb.lab import session
from hpvae_nb.lab.background import Background
from hpvae_nb.lab.show import to_uint8

pytestmark = pytest.mark.slow  # each of them trains


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    """The folder of a notebook, where runs are kept if nothing else is said."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def small():
    return tiny_config(iterations=6)


@pytest.fixture(scope="module")
def model(small):
    return fit(noise_clip(), small, device="cpu", precision="float32")


def test_progress_remembers_what_a_figure_needs(small):
    progress = figures.Progress(noise_clip(), small)
    assert (progress.steps, progress.total, progress.words()) == (0, 24, "No step was made yet.")
    for event in train(noise_clip(), small, device="cpu"):
        progress.note(event)
        if progress.steps == 8:
            assert progress.words().startswith("Scale 1 of 0..3 (VAE), step 2 of 6; reconstruction error ")
            assert list(progress.previews) == [0]
    assert progress.steps == progress.total
    assert [step for step, _ in progress.losses["reconstruction"]] == list(range(1, 25))
    assert [step for step, _ in progress.losses["kl"]] == list(range(1, 13))
    assert [step for step, _ in progress.losses["distance"]] == list(range(13, 25))
    assert [tuple(progress.previews[n].shape[1:]) for n in range(4)] == event.model.shapes


def test_a_clip_lasts_equally_long_at_every_scale(small):
    progress = figures.Progress(noise_clip(), small)
    for n in range(small.scales):
        assert (progress.real(n).shape[1] - 1) / progress.fps(n) == 12 / 24


def test_a_finished_run_brings_its_history(small, model):
    progress = figures.Progress(noise_clip(), small)
    progress.finish(model)
    assert progress.steps == progress.total
    assert len(progress.losses["reconstruction"]) == 24
    assert sorted(progress.previews) == [0, 1, 2, 3]
    curves = figures.loss_figure(figures.losses_of(model), model.config)
    assert [len(axis.lines) for axis in curves.axes] == [4, 2, 2], "a line for each scale that has this loss"


def test_a_training_is_watched_to_its_end(small):
    axes = figures.watch(noise_clip(), small, seed=1).axes
    losses, real, random = axes[:3], axes[3:7], axes[7:]
    assert [axis.get_title() for axis in losses] == list(figures.PANELS.values())
    assert [len(axis.lines) for axis in losses] == [4, 2, 2], "a line for each scale that has this loss"
    kinds = ["VAE", "VAE", "GAN", "GAN"]
    assert [axis.get_title() for axis in real] == [f"scale {n} ({kind})" for n, kind in enumerate(kinds)]
    shapes = [shape[1:] for shape in scale_shapes(small, noise_clip())]
    assert [pixels(axis).shape[:2] for axis in random] == [pixels(axis).shape[:2] for axis in real] == shapes
    sample = fit(noise_clip(), small, seed=1).sample(1, seed=0)[0]
    assert (pixels(random[-1]) == to_uint8(sample[:, 6])).all()


def test_before_the_first_step_axes_are_empty(small):
    empty = figures.loss_figure({}, small)
    assert [axis.get_title() for axis in empty.axes] == list(figures.PANELS.values())
    assert not any(axis.lines for axis in empty.axes)


def test_images_have_figures_too():
    clip = noise_clip()
    image = type(clip)(clip.video[:, 0], name="image")
    config = tiny_config(dims=2, iterations=2)
    axes = figures.watch(image, config).axes
    assert [pixels(axis).shape[:2] for axis in axes[3:]] == scale_shapes(config, image) * 2


def parts(view):
    bar, left = view.children[1].children
    return view.buttons["train"], view.buttons["stop"], bar, left, view.children[2]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_dashboard_trains_to_the_end(small, tmp_path):
    view = widgets.dashboard(noise_clip(), small, out=tmp_path)
    go, stop, bar, left, text = parts(view)
    assert "Expect about" in text.value
    assert (go.description, go.disabled, stop.disabled) == ("Train", False, True)
    assert left.value == "step 0 of 24 (0 %), ready"
    empty = view.children[3].value
    go.click()
    assert view.training.wait() == "done"
    assert (bar.value, bar.max, left.value) == (24, 24, "step 24 of 24 (100 %), trained")
    assert (go.disabled, stop.disabled) == (True, True)
    assert "All 4 scales are trained." in text.value
    assert view.children[3].value != empty
    names = [child.children[1].value.split(", ") for child in view.children[4].children]
    assert [name for name, _ in names] == ["the clip", *(f"scale {n} ({'VAE' if n < 2 else 'GAN'})" for n in range(4))]
    shapes = scale_shapes(small, noise_clip())
    assert [size for _, size in names] == [" x ".join(map(str, shape)) for shape in [shapes[-1], *shapes]]
    assert same_weights(view.training.model, fit(noise_clip(), small))


def test_stop_and_continue_lose_nothing():
    config = tiny_config(iterations=25)
    view = widgets.dashboard(noise_clip(), config)
    go, stop, *_ = parts(view)
    go.click()
    until(lambda: view.training.progress.steps > 30)
    stop.click()
    assert view.training.wait() == "stopped"
    assert (go.description, go.disabled, stop.disabled) == ("Continue", False, True)
    assert 30 < view.training.progress.steps < 100
    go.click()
    assert view.training.wait() == "done"
    assert same_weights(view.training.model, fit(noise_clip(), config))


def trained_view(clip, config):
    view = widgets.dashboard(clip, config)
    view.training.start()
    assert view.training.wait() == "done", view.training.error
    return view


def test_a_finished_run_is_found_as_trained(small):
    first = trained_view(noise_clip(), small)
    view = widgets.dashboard(noise_clip(), small)
    assert (view.training.state, len(view.children[4].children)) == ("done", 5)
    assert "Found in runs" in view.children[2].value
    assert same_weights(view.training.model, first.training.model)
    assert view.training.progress.losses == first.training.progress.losses


def test_what_belongs_to_another_clip_or_configuration_is_left_alone(small):
    trained_view(noise_clip(), small)
    for clip, config, seed in (
        (noise_clip(seed=1), small, 0),
        (noise_clip(), small.replace(iterations=7), 0),
        (noise_clip(), small, 1),
    ):
        view = widgets.dashboard(clip, config, seed=seed)
        assert (view.training.state, view.training.progress.steps) == ("ready", 0)


def test_a_run_whose_kernel_was_killed_is_found_and_gone_on_with(beside, small):
    config = small.replace(iterations=20)
    script = beside / "notebook.py"
    script.write_text(KILLED)
    dead = subprocess.Popen(
        [sys.executable, script], cwd=beside, env=environment(), stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert "scale 2" in dead.stdout.readline()
    dead.kill()
    dead.wait()
    view = widgets.dashboard(noise_clip(), config)
    text, left = view.children[2].value, view.children[1].children[1].value
    assert "Found in runs" in text
    assert "40 of 80 steps are made. Continue goes on with it." in text
    assert left == "step 40 of 80 (50 %), ready"
    assert view.buttons["train"].description == "Continue"
    assert max(step for step, _ in view.training.progress.losses["reconstruction"]) == 40
    view.buttons["train"].click()
    assert view.training.wait() == "done"
    assert same_weights(view.training.model, fit(noise_clip(), config))


KILLED = f"""
import time
from pathlib import Path
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from common import noise_clip, tiny_config
from hpvae_nb.lab.dashboard import dashboard

view = dashboard(noise_clip(), tiny_config(iterations=20))
view.training.start()
while view.training.progress.last is None or view.training.progress.last.scale < 2:
    time.sleep(0.001)
print("scale 2", flush=True)
while True:
    time.sleep(0.001)
"""


def test_a_damaged_checkpoint_is_a_sentence_and_can_be_forgotten(small):
    first = trained_view(noise_clip(), small)
    (first.training.folder / "checkpoint.safetensors").write_bytes(b"half")
    view = widgets.dashboard(noise_clip(), small)
    assert 'role="alert"' in view.children[2].value
    assert "Start anew" in view.children[2].value
    view.buttons["anew"].click()
    assert "alert" not in view.children[2].value
    view.buttons["train"].click()
    assert view.training.wait() == "done"


def test_start_anew_deletes_this_run_and_no_other(small):
    other = trained_view(noise_clip(seed=1), small)
    view = trained_view(noise_clip(), small)
    assert not view.buttons["anew"].disabled
    view.buttons["anew"].click()
    assert list(Path("runs").iterdir()) == [other.training.folder]
    assert (view.training.state, view.buttons["anew"].disabled) == ("ready", True)


@pytest.mark.parametrize("kind", ["a file is in the way", "the system forbids it"])
def test_where_nothing_can_be_written_it_trains_all_the_same(small, kind):
    out = Path("runs")
    if kind == "a file is in the way":
        out.write_text("", encoding="utf-8")
    else:
        out = Path("/proc/runs")
    view = widgets.dashboard(noise_clip(), small, out=out)
    assert "cannot be written to" in view.children[2].value
    view.buttons["train"].click()
    assert view.training.wait() == "done"


def test_a_trained_model_is_sampled_saved_and_trained_on(small):
    view = trained_view(noise_clip(), small)
    buttons, previews = view.buttons, view.children[4]
    seen = set()
    for k in (1, 2):
        buttons["sample"].click()
        assert len(previews.children) == 6
        assert previews.children[-1].children[1].value.startswith(f"sample {k}, ")
        seen.add(previews.children[-1].children[0].value)
    assert len(seen) == 2, "each press shows another one"
    buttons["save"].click()
    (saved,) = Path().glob("*.safetensors")
    assert f"load_model(&#x27;{saved}&#x27;)" in view.children[2].value
    assert same_weights(load_model(saved), view.training.model)

    before = view.training.model
    buttons["longer"].click()
    assert view.training.wait() == "done"
    after = view.training.model
    assert [len(scale) for scale in after.facts["history"]] == [6, 6, 6, 9]
    old, new = before.network.state_dict(), after.network.state_dict()
    changed = {name.split(".")[1] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"3"}, "the finest scale alone"
    assert widgets.dashboard(noise_clip(), small).training.progress.total == 24, "the run itself is as it was"


def test_a_button_that_can_do_nothing_says_why(small):
    view = widgets.dashboard(noise_clip(), small)
    assert view.buttons["train"].tooltip == "train, or go on from the last checkpoint"
    for name in ("stop", "anew", "sample", "save", "longer"):
        assert view.buttons[name].disabled
        assert view.buttons[name].tooltip == widgets.TIPS[name][1]


def test_the_clock_moves_twice_a_second_while_steps_take_long(small, monkeypatch):
    def slow(*arguments, **options):
        for event in train(*arguments, **options):
            time.sleep(1.5)
            yield event

    monkeypatch.setattr(session, "train", slow)
    view = widgets.dashboard(noise_clip(), small)
    shown = []
    view.children[1].children[1].observe(lambda change: shown.append((time.monotonic(), change["new"])), names="value")
    view.buttons["train"].click()
    until(lambda: view.training.progress.steps == 2)
    Background.stop_any()
    moments = [moment for moment, words in shown if "so far" in words]
    assert len(moments) >= 2 * (moments[-1] - moments[0])
    assert any("step 1 of 24" in words for _, words in shown)


def test_a_second_dashboard_stops_the_first_which_can_go_on():
    config = tiny_config(iterations=200)
    first = widgets.dashboard(noise_clip(), config)
    parts(first)[0].click()
    until(lambda: first.training.progress.steps > 5)
    second = widgets.dashboard(noise_clip(), config)
    assert first.training.state == "stopped"
    assert parts(first)[0].description == "Continue"
    parts(second)[0].click()
    until(lambda: second.training.progress.steps > 5)
    before = first.training.progress.steps
    parts(first)[0].click()
    assert second.training.state == "stopped"
    until(lambda: first.training.progress.steps > before + 5)
    Background.stop_any()
    assert not [thread for thread in threading.enumerate() if thread.name == "background"]


def test_starting_what_is_just_being_stopped_goes_on():
    view = widgets.dashboard(noise_clip(), tiny_config(iterations=20))
    view.training.start()
    until(lambda: view.training.progress.steps > 5)
    view.training.stop()
    view.training.start()
    assert view.training.wait() == "done"


def test_redraws_are_rare(monkeypatch):
    drawn = []
    monkeypatch.setattr(widgets, "loss_figure", lambda losses, config: drawn.append(losses) or "figure")
    monkeypatch.setattr(widgets, "png", lambda figure, quick: b"")
    view = widgets.dashboard(noise_clip(), tiny_config(iterations=50))
    began = time.monotonic()
    view.training.start()
    view.training.wait()
    assert len(drawn) <= 7 + (time.monotonic() - began) / session.PAUSE  # made, at the first step, at each scale's end


@pytest.mark.parametrize(
    ("error", "said"),
    [(TrainingError("loss is not finite <here>"), "loss is not finite &lt;here&gt;"), (KeyError("x"), "KeyError")],
)
def test_a_failure_becomes_a_sentence(small, monkeypatch, error, said):
    def broken(*arguments, **options):
        yield from train(*arguments, **options)
        raise error

    monkeypatch.setattr(session, "train", broken)
    view = widgets.dashboard(noise_clip(), small)
    go, _, bar, left, text = parts(view)
    go.click()
    assert view.training.wait() == "failed"
    assert 'role="alert"' in text.value
    assert said in text.value
    assert (go.disabled, bar.bar_style) == (False, "danger")
    assert left.value.endswith(", failed")


def test_a_clip_that_cannot_be_trained_is_refused(small):
    with pytest.raises(InputError, match="5 frames"):
        widgets.dashboard(noise_clip(frames=5), small)


def test_an_upload_becomes_the_clip(small):
    view = trained_view(noise_clip(), small)
    go, _, _, _, text = parts(view)
    name = bundled_clips()[0]
    before = view.children[4].children[0].children[0].value
    view.receive(f"{name}.mp4", (data_dir() / f"{name}.mp4").read_bytes())
    assert text.value.startswith(f'<span role="status">{name}: 4 scales')
    assert torch.equal(view.training.progress.clip.video, load_clip(name).video)
    assert (go.description, go.disabled, len(view.children[4].children)) == ("Train", False, 1)
    assert view.children[4].children[0].children[0].value != before
    go.click()
    assert view.training.wait() == "done"
    assert view.training.model.name == name


def test_a_typed_path_becomes_the_clip(small):
    view = widgets.dashboard(noise_clip(), small)
    _, path = view.children[0].children[1].children[:2]
    path.value = "nothing.mp4"
    assert "nothing.mp4" in parts(view)[4].value
    assert 'role="alert"' in parts(view)[4].value
    path.value = str(data_dir() / f"{bundled_clips()[0]}.mp4")
    assert parts(view)[4].value.startswith(f'<span role="status">{bundled_clips()[0]}: 4 scales')
    assert path.value == ""


@pytest.mark.parametrize("name", ["diary.mp4", "diary", "..", "../../diary.mp4"])
def test_a_bad_upload_is_a_sentence_and_changes_nothing(small, name):
    view = widgets.dashboard(noise_clip(), small)
    training = view.training
    view.receive(name, b"Dear diary,")
    said = parts(view)[4].value
    assert 'role="alert"' in said
    assert "/tmp" not in said
    assert view.training is training
    parts(view)[0].click()
    assert training.wait() == "done"


def test_an_upload_during_training_stops_it(small):
    view = widgets.dashboard(noise_clip(), small.replace(iterations=500))
    first = view.training
    first.start()
    until(lambda: first.progress.steps > 3)
    view.receive("bad.mp4", b"")
    assert first.state == "running"
    until(lambda: first.progress.steps > 50)
    assert "bad.mp4" in parts(view)[4].value, "it stays to be read while steps are made"
    name = bundled_clips()[0]
    view.receive(f"{name}.mp4", (data_dir() / f"{name}.mp4").read_bytes())
    assert first.state == "stopped"
    assert view.training.state == "ready"
