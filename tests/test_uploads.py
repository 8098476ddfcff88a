"""Clips that a reader brings: pieces become a file, a file becomes a clip, and what is wrong is a sentence."""

import sys
from io import BytesIO
from types import ModuleType, SimpleNamespace

import av
import numpy as np
import pytest
from common import tiny_config
from PIL import Image

from hpvae_nb import InputError, bundled_clips, load_clip
from hpvae_nb.io import video_files
from hpvae_nb.io.clips import data_dir
from hpvae_nb.lab.uploads import Upload, choosers, clip_from_file, clip_from_upload, plain_name


@pytest.fixture
def upload(monkeypatch):
    """An upload, with what it answered to a browser and the files that it received."""
    received, answered = [], []
    made = Upload(lambda path: received.append((path.name, path.read_bytes())), description="Upload")
    monkeypatch.setattr(made, "send", lambda content: answered.append(content["arrived"]))
    made.received, made.answered = received, answered
    return made


def bring(upload, name, content, piece):
    """What a browser does."""
    upload._arrived({"name": name, "size": len(content)}, [])
    while (at := upload.answered[-1]) >= 0:
        upload._arrived({"at": at}, [memoryview(content[at : at + piece])])


@pytest.mark.parametrize("content", [b"", b"x", b"0123456789", b"01234567"])
def test_pieces_become_the_file(upload, content):
    for name in ("a.mp4", "b.mp4"):
        bring(upload, name, content, piece=4)
    assert upload.received == [("a.mp4", content), ("b.mp4", content)]
    assert upload.answered == [*range(0, max(1, len(content)), 4), -1] * 2


def test_an_upload_given_up_leaves_nothing_to_the_next(upload):
    upload._arrived({"name": "a.mp4", "size": 10}, [])
    upload._arrived({"at": 0}, [b"0123"])
    bring(upload, "b.mp4", b"abc", piece=4)
    assert upload.received == [("b.mp4", b"abc")]


def test_a_piece_that_nobody_waits_for_is_refused(upload):
    upload._arrived({"at": 512}, [b"0123"])
    upload._arrived({"name": "a.mp4", "size": 10}, [])
    upload._arrived({"at": 4}, [b"4567"])
    assert upload.answered == [-1, 0, -1]
    assert not upload.received


def test_what_fails_with_a_file_ends_the_upload_all_the_same(upload):
    upload._received = lambda path: 1 / 0
    with pytest.raises(ZeroDivisionError):
        bring(upload, "a.mp4", b"abc", piece=4)
    assert upload.answered == [0, -1]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a.mp4", "a.mp4"), ("../../a b.mp4", "a b.mp4"), ("C:\\clips\\a.mp4", "a.mp4"), ("..", "upload"), ("", "upload")],
)
def test_a_name_leads_nowhere_else(name, plain):
    assert plain_name(name) == plain


def test_an_image_can_be_brought():
    buffer = BytesIO()
    Image.new("L", (700, 350), 90).save(buffer, "PNG")
    with pytest.warns(UserWarning, match="grey is grey") as said:
        clip = clip_from_upload("grey.png", buffer.getvalue(), tiny_config(dims=2))
    assert len(said) == 1
    assert tuple(clip.video.shape) == (3, 320, 640)


def test_a_photo_may_be_larger_than_what_is_kept_whole(monkeypatch):
    buffer = BytesIO()
    Image.new("RGB", (800, 600), "red").save(buffer, "JPEG")
    monkeypatch.setattr(video_files, "LARGEST", 640 * 480)
    assert clip_from_upload("photo.jpg", buffer.getvalue(), tiny_config(dims=2)).size == (480, 640)


def test_a_folder_of_pictures_can_be_brought(tmp_path):
    for k in range(13):
        Image.new("RGB", (32, 24), (20 * k, 0, 0)).save(tmp_path / f"{k}.png")
    assert clip_from_file(tmp_path, tiny_config()).frames == 13


def test_a_clip_that_is_too_short_is_told_what_can_be_done_without_code(tmp_path):
    path = tmp_path / "short.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for k in range(5):
            picture = np.full((24, 32, 3), 50 * k, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    with pytest.raises(InputError) as said:
        clip_from_file(path, tiny_config())
    assert str(said.value) == "short.mp4 has 5 frames, but 13 are learned from here: bring a longer clip"


def test_colab_has_its_own_upload(monkeypatch):
    taken, said = [], []
    files = SimpleNamespace(upload=lambda: {"a.mp4": b"clip"})
    colab = ModuleType("google.colab")
    colab.files = files
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)

    def safely(action):
        try:
            action()
        except OSError as error:
            said.append(error)

    *_, button = choosers(tiny_config(), taken.append, safely)
    button.click()
    assert [str(path) for path in taken] == ["a.mp4"]

    def broken():
        raise OSError

    files.upload = broken
    button.click()
    assert len(said) == 1


def test_elsewhere_there_is_a_button_and_a_field():
    taken = []
    upload, path = choosers(tiny_config(), taken.append, lambda action: action())
    path.value = f" {data_dir() / bundled_clips()[0]}.mp4 "
    assert clip_from_file(taken[0], tiny_config()).video.equal(load_clip(bundled_clips()[0]).video)
    assert path.value == ""
    assert "video" in upload.accept
