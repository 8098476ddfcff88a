"""Pictures and videos hold what they should, and can be opened by others."""

import io
import itertools
import re

import av
import numpy as np
import pytest
import torch
from common import run_python
from PIL import Image

from hpvae_nb.errors import InputError
from hpvae_nb.lab import report, show


@pytest.fixture
def ramp():
    """13 frames 3 x 9 x 15 (odd sides), each of one grey that rises from frame to frame."""
    levels = torch.linspace(-1, 1, 13)
    return levels[None, :, None, None].expand(3, 13, 9, 15).clone()


def test_to_uint8_maps_the_ends(ramp):
    frames = show.to_uint8(ramp)
    assert frames.shape == (13, 9, 15, 3)
    assert frames.dtype == np.uint8
    assert (frames[0].max(), frames[-1].min(), frames[6].max()) == (0, 255, 128)
    with pytest.raises(InputError, match="index the batch"):
        show.to_uint8(ramp[None])


def test_saved_video_plays_back(ramp, tmp_path):
    path = show.save_video(tmp_path / "ramp.mp4", ramp, fps=10, width=60)
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        stream = container.streams.video[0]
        assert float(stream.average_rate) == 10
        assert stream.codec_context.name == "h264"
    assert len(frames) == 13
    assert frames[0].shape == (36, 60, 3)
    expected = show.to_uint8(ramp)[:, 4, 7, 0].astype(int)
    assert np.abs(np.array([frame[16, 28, 0] for frame in frames]) - expected).max() <= 4
    assert [file.name for file in tmp_path.iterdir()] == ["ramp.mp4"]


def test_animation_is_lossless_and_loops(ramp):
    picture = Image.open(io.BytesIO(show.animation(ramp, fps=10, width=30)))
    assert (picture.n_frames, picture.size, picture.info["loop"]) == (13, (30, 18), 0)
    for frame, expected in enumerate(show.to_uint8(ramp)[:, 4, 7]):
        picture.seek(frame)
        assert picture.convert("RGB").getpixel((15, 9)) == tuple(expected)


def test_a_coarser_clip_is_shown_as_large_and_as_long(ramp):
    whole = show.animation(ramp, fps=10, width=30)
    assert show.animation(ramp, fps=10, width=30, like=tuple(ramp.shape[1:])) == whole
    coarse = Image.open(io.BytesIO(show.animation(ramp[:, ::4, :4, :7], fps=10, width=30, like=tuple(ramp.shape[1:]))))
    assert (coarse.n_frames, coarse.size) == (4, (30, 18))
    coarse.load()
    assert 4 * coarse.info["duration"] == pytest.approx(13 * 100, rel=0.01)


def test_videos_are_named_for_those_who_cannot_see_them(ramp, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    show.show_videos([ramp, -ramp], 10, ["up", 'down & "out"'], "Greys that rise and fall.")
    show.show_videos([ramp], 10, ["up"])
    both, one = (page.data for page in shown)
    assert re.findall(r"<(\w+) [^>]*aria-label=\"(.*?)\"", both) == [
        ("div", "Greys that rise and fall."),
        ("video", "up"),
        ("video", "down &amp; &quot;out&quot;"),
    ]
    assert 'role="group" aria-label="up"' in one
    assert "flex-wrap:wrap" in both, "a row that is too long for a window goes on below"


def test_words_of_a_sheet_are_read_in_a_narrow_window_and_do_not_meet(ramp):
    figure = show.contact_sheet([("real", ramp), ("reconstructed", ramp)], frames=9)
    figure.canvas.draw()
    boxes = [axis.title.get_window_extent() for axis in figure.axes[:9]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    shrunk = 700 / (figure.get_figwidth() + 1)  # pixels of an inch: a label beside the sheet takes one
    assert all(axis.title.get_fontsize() / 72 * shrunk > 9 for axis in figure.axes)


def test_enlarging_repeats_pixels(ramp):
    ramp[:, :, 2, 3] = 0.5
    large = show.enlarge(ramp, 47)
    assert large.shape == (3, 13, 27, 45)
    assert torch.equal(large[:, :, ::3, ::3], ramp)
    assert show.enlarge(ramp, 4) is not None
    assert show.enlarge(ramp, 4).shape == ramp.shape


def test_contact_sheet_shows_first_and_last_frame(ramp, tmp_path):
    figure = show.contact_sheet([("real", ramp), ("sample 0", -ramp)], frames=5, title="both ways")
    pictures = [axis.images[0].get_array() for axis in figure.axes]
    assert len(pictures) == 10
    assert (pictures[0].max(), pictures[4].min(), pictures[5].min(), pictures[9].max()) == (0, 255, 255, 0)
    path = show.save_figure(tmp_path / "sheet.png", figure)
    assert Image.open(path).size[0] > 500


def test_images_stand_side_by_side_below_their_labels_and_the_real_one_is_framed():
    pictures = [torch.full((3, 6, 8), 1 - 0.5 * i) for i in range(5)]
    labels = ["real", *(f"sample {i}" for i in range(4))]
    figure = show.contact_sheet(list(zip(labels, pictures, strict=True)), title="five")
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == labels
    assert [int(axis.images[0].get_array()[0, 0, 0]) for axis in shown] == [255, 191, 128, 64, 0]
    assert [axis.spines["left"].get_visible() for axis in shown] == [True, False, False, False, False]
    places = [axis.get_subplotspec() for axis in figure.axes]
    assert {(place.get_gridspec().nrows, place.get_gridspec().ncols) for place in places} == {(2, 3)}
    box = shown[1].get_window_extent()
    assert box.width / box.height == pytest.approx(8 / 6, rel=0.03)  # not squeezed
    wide = show.contact_sheet(list(zip(labels, pictures, strict=True)), columns=4).axes[0].get_gridspec()
    assert (wide.nrows, wide.ncols) == (2, 4)


def test_summary_says_what_was_measured(trained, pedestrians):
    page = report.summary(trained, pedestrians)
    for word in ("diversity", "reconstruction", "seed 0", "13 x 18 x 32"):
        assert word in page
    assert page.count("| GAN |") == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(48, "48 s"), (200, "3 min 20 s"), (239.7, "4 min 0 s"), (7500, "2 h 5 min"), (700_000, "8.1 days")],
)
def test_duration(seconds, words):
    assert report.duration(seconds) == words


@pytest.mark.slow
def test_the_command_line_needs_no_widgets_and_starts_no_backend():
    code = "import sys, hpvae_nb.cli; print({'ipywidgets', 'IPython'} & set(sys.modules)); import matplotlib as m; "
    code += "print(m.rcParams._get_backend_or_none())"
    assert run_python("-c", code).stdout.split("\n")[:2] == ["set()", "None"]


@pytest.mark.parametrize(("samples", "across", "down"), [(1, 2, 1), (2, 3, 1), (3, 3, 1), (5, 3, 2)])
def test_a_moving_sheet_is_as_wide_as_there_are_clips(ramp, samples, across, down):
    sheet = Image.open(io.BytesIO(show.moving_sheet(ramp, ramp.expand(samples, *ramp.shape), 10, width=45)))
    clip = 45 // across // 15 * 15
    assert sheet.size == (across * (clip + 6), down * (clip * 9 // 15 + 6))
