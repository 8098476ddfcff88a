"""What a viewer remembers of a training, and the dashboard that trains."""

import threading
import time
from datetime import UTC, datetime
from io import BytesIO

import pytest
import torch
from common import noise_clip, pixels, same_weights, tiny_config
from PIL import Image

from hpvae_nb import TrainingError, bundled_clips, fit, load_clip, scale_shapes, train
from hpvae_nb.errors import InputError
from hpvae_nb.io import video_files
from hpvae_nb.io.clips import data_dir
from hpvae_nb.lab import dashboard as widgets
from hpvae_nb.lab import progress as figures
from hpvae_nb.lab.background import Background
from hpvae_nb.lab.show import to_uint8

pytestmark = pytest.mark.slow  # each of them trains


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
    (bar, left), buttons = view.children[1].children, view.buttons
    return buttons["train"], buttons["stop"], view.children[0].children[1].children[1], bar, left, view.children[2]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_dashboard_trains_to_the_end(small, tmp_path):
    view = widgets.dashboard(noise_clip(), small, out=tmp_path)
    go, stop, _, bar, left, text = parts(view)
    assert "Expect about" in text.value
    assert (go.description, go.disabled, stop.disabled, left.value) == ("Train", False, True, "ready")
    empty = view.children[3].value
    go.click()
    assert view.training.wait() == "done"
    assert (bar.value, bar.max, left.value) == (24, 24, "done")
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


def test_a_finished_run_is_taken_up_again(small, tmp_path):
    first = widgets.dashboard(noise_clip(), small, out=tmp_path)
    first.training.start()
    first.training.wait()
    view = widgets.dashboard(noise_clip(), small, out=tmp_path)
    parts(view)[0].click()
    assert view.training.wait() == "done"
    assert len(view.children[4].children) == 5
    assert same_weights(view.training.model, first.training.model)


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
    monkeypatch.setattr(widgets, "png", lambda figure: b"")
    view = widgets.dashboard(noise_clip(), tiny_config(iterations=50))
    began = time.monotonic()
    view.training.start()
    view.training.wait()
    assert len(drawn) <= 3 + (time.monotonic() - began) / widgets.PAUSE  # when made, at the first step, at the end


@pytest.mark.parametrize(
    ("error", "said"),
    [(TrainingError("loss is not finite <here>"), "loss is not finite &lt;here&gt;"), (KeyError("x"), "KeyError")],
)
def test_a_failure_becomes_a_sentence(small, monkeypatch, error, said):
    def broken(*arguments, **options):
        yield from train(*arguments, **options)
        raise error

    monkeypatch.setattr(widgets, "train", broken)
    view = widgets.dashboard(noise_clip(), small)
    go, _, _, bar, left, text = parts(view)
    go.click()
    assert view.training.wait() == "failed"
    assert 'role="alert"' in text.value
    assert said in text.value
    assert (go.disabled, left.value, bar.bar_style) == (False, "failed", "danger")


def test_another_run_in_the_folder_is_a_sentence(small, tmp_path):
    fit(noise_clip(seed=1), small, out=tmp_path / "noise")
    view = widgets.dashboard(noise_clip(), small, out=tmp_path)
    parts(view)[0].click()
    assert view.training.wait() == "failed"
    assert "holds another run" in parts(view)[5].value


def test_a_clip_that_cannot_be_trained_is_refused(small):
    with pytest.raises(InputError, match="5 frames"):
        widgets.dashboard(noise_clip(frames=5), small)


def uploaded(name, content):
    now = datetime.now(UTC)
    return {"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": now}


def test_an_upload_becomes_the_clip(small):
    view = widgets.dashboard(noise_clip(), small)
    go, _, upload, *_, text = parts(view)
    view.training.start()
    view.training.wait()
    name = bundled_clips()[0]
    before = view.children[4].children[0].children[0].value
    upload.value = [uploaded(f"{name}.mp4", (data_dir() / f"{name}.mp4").read_bytes())]
    assert text.value.startswith(f'<span role="status">{name}: 4 scales')
    assert torch.equal(view.training.progress.clip.video, load_clip(name).video)
    assert (go.description, go.disabled, len(view.children[4].children)) == ("Train", False, 1)
    assert view.children[4].children[0].children[0].value != before
    go.click()
    assert view.training.wait() == "done"
    assert view.training.model.name == name


def test_uploads_are_understood_in_the_form_of_ipywidgets_7_as_well():
    old = {"a.mp4": {"metadata": {"name": "a.mp4", "type": "video/mp4"}, "content": b"clip"}}
    assert widgets.uploads(old) == widgets.uploads((uploaded("a.mp4", b"clip"),)) == [("a.mp4", b"clip")]
    assert widgets.uploads({}) == widgets.uploads(()) == []


def test_two_uploads_may_have_one_name(small):
    view = widgets.dashboard(noise_clip(), small)
    for name in bundled_clips()[:2]:
        parts(view)[2].value = [uploaded("clip.mp4", (data_dir() / f"{name}.mp4").read_bytes())]
        parts(view)[0].click()
        assert view.training.wait() == "done"


@pytest.mark.parametrize("name", ["diary.mp4", "diary", "..", "../../diary.mp4"])
def test_a_bad_upload_is_a_sentence_and_changes_nothing(small, name):
    view = widgets.dashboard(noise_clip(), small)
    training = view.training
    parts(view)[2].value = [uploaded(name, b"Dear diary,")]
    said = parts(view)[5].value
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
    name = bundled_clips()[0]
    parts(view)[2].value = [uploaded("bad.mp4", b"")]
    assert first.state == "running"
    parts(view)[2].value = [uploaded(f"{name}.mp4", (data_dir() / f"{name}.mp4").read_bytes())]
    assert first.state == "stopped"
    assert view.training.state == "ready"


def test_an_image_can_be_uploaded(small):
    buffer = BytesIO()
    Image.new("L", (700, 350), 90).save(buffer, "PNG")
    with pytest.warns(UserWarning, match="grey is grey") as said:
        clip = widgets.clip_from_upload("grey.png", buffer.getvalue(), small.replace(dims=2))
    assert len(said) == 1
    assert tuple(clip.video.shape) == (3, 320, 640)


def test_an_uploaded_photo_may_be_larger_than_what_is_kept_whole(small, monkeypatch):
    buffer = BytesIO()
    Image.new("RGB", (800, 600), "red").save(buffer, "JPEG")
    monkeypatch.setattr(video_files, "LARGEST", 640 * 480)
    assert widgets.clip_from_upload("photo.jpg", buffer.getvalue(), small.replace(dims=2)).size == (480, 640)
