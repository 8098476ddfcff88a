"""The data path, on real files: written here, read back, compared pixel by pixel; and every error by its sentence."""

import hashlib
import json
import os
import re
import subprocess
import threading
import warnings
import wave
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from einops import rearrange
from PIL import Image
from skimage.color import rgb2hsv
from skimage.measure import label, regionprops

from hpvae_nb.errors import InputError
from hpvae_nb.io import clips, download, video_files
from hpvae_nb.io.clips import Clip, bundled_clips, data_dir, load_clip
from hpvae_nb.io.download import download_clip
from hpvae_nb.io.images import load_image

FORMATS = {  # file: codec, pixel format, options, and the mean error in grey levels of 255 that its coding may cost
    "clip.mp4": ("libx264", "yuv420p", {"crf": "8", "preset": "veryfast"}, 2.5),
    "clip.mov": ("libx264", "yuv420p", {"crf": "8", "preset": "veryfast"}, 2.5),
    "clip.webm": ("libvpx-vp9", "yuv420p", {"crf": "8", "b": "0", "deadline": "realtime", "cpu-used": "8"}, 3.5),
    "clip.avi": ("mjpeg", "yuvj420p", {"qmin": "1", "qmax": "2"}, 3.0),
    "clip.mkv": ("ffv1", "bgr0", {}, 0.01),
}


def pattern(frames=20, height=48, width=64):
    """Smooth colour pictures, uint8 't h w c', whose red level tells the frame: 20 + 10 t."""
    t, y, x = np.mgrid[0:frames, 0:height, 0:width]
    channels = 20 + 10 * t, 30 + 180 * x // width, 200 - 150 * y // height
    return np.stack(channels, axis=-1).astype(np.uint8)


def write(path, pictures, codec="libx264", pix_fmt="yuv420p", options=None, fps=24, times=None):
    """Encode uint8 't h w c' (or 't h w' grey); times, in milliseconds, make the frame rate variable."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=options or {})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="gray" if picture.ndim == 2 else "rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def lossless(path, pictures, **more):
    return write(path, pictures, "ffv1", "bgr0", **more)


def levels(clip):
    """The clip as float 't h w c' on the scale 0 to 255."""
    return rearrange(clip.video, "c t h w -> t h w c").numpy() * 127.5 + 127.5


def which_frames(clip):
    """The index that ``pattern`` wrote into each frame's red."""
    return [round((red - 20) / 10) for red in levels(clip)[..., 0].mean(axis=(1, 2)).tolist()]


def picture_folder(path, pictures, name="{}.png", first=1):
    path.mkdir()
    for index, picture in enumerate(pictures, first):
        Image.fromarray(picture).save(path / name.format(index))
    return path


@pytest.fixture(autouse=True)
def _no_surprising_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


# --- Reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_back_what_was_written(tmp_path, name):
    codec, pix_fmt, options, tolerance = FORMATS[name]
    written = pattern()
    clip = load_clip(write(tmp_path / name, written, codec, pix_fmt, options), frames=None)
    assert clip.video.shape == (3, 20, 48, 64)
    assert clip.video.dtype == torch.float32
    assert (clip.name, clip.fps, clip.dims, clip.frames, clip.size) == ("clip", 24.0, 3, 20, (48, 64))
    assert np.abs(levels(clip) - written).mean() < tolerance
    assert which_frames(clip) == list(range(20))


def test_gif(tmp_path):
    written = pattern()
    grey = np.ascontiguousarray(written[..., 1] // 2 + written[..., 0] // 2)
    clip = load_clip(write(tmp_path / "a.gif", grey, "gif", "gray", fps=10), frames=None)  # gif decodes to bgra
    assert clip.fps == pytest.approx(10)
    assert np.abs(levels(clip) - grey[..., None]).max() < 1


def test_h264_with_frames_coded_out_of_order(tmp_path):
    options = {"crf": "8", "bf": "3", "b-adapt": "0"}
    clip = load_clip(write(tmp_path / "b.mp4", pattern(), options=options), frames=9, start=4)
    assert which_frames(clip) == list(range(4, 13))


def test_default_is_13_frames_and_decoding_stops_there(tmp_path, monkeypatch):
    path = lossless(tmp_path / "long.mkv", pattern())
    decoded, timed = [], video_files._timed
    monkeypatch.setattr(
        video_files, "_timed", lambda frames, rate: timed((decoded.append(f) or f for f in frames), rate)
    )
    assert which_frames(load_clip(path)) == list(range(13))
    assert len(decoded) == 13
    assert load_clip(path, frames=2, start=3).frames == 2
    assert len(decoded) == 13 + 5


def test_folder_in_natural_order(tmp_path):
    written = pattern(13)
    folder = picture_folder(tmp_path / "shots", written)
    (folder / "notes.txt").write_text("no picture")
    (folder / "._1.png").write_bytes(b"no picture either")
    clip = load_clip(folder)
    assert (clip.name, clip.fps) == ("shots", 24.0)
    assert np.abs(levels(clip) - written).max() < 1e-3
    assert load_clip(str(folder), frames=2, start=8, fps=5).fps == 5.0
    assert which_frames(load_clip(folder, frames=4, start=8)) == [8, 9, 10, 11]


def test_folder_of_jpegs_numbered_from_zero(tmp_path):
    clip = load_clip(picture_folder(tmp_path / "j", pattern(12), "shot_{}.JPG", first=0), frames=None)
    assert which_frames(clip) == list(range(12))


def test_odd_sizes(tmp_path):
    written = pattern(5, 23, 37)
    clip = load_clip(lossless(tmp_path / "odd.mkv", written), frames=5)
    assert clip.size == (23, 37)
    assert np.abs(levels(clip) - written).max() < 1e-3
    assert load_clip(write(tmp_path / "odd.mp4", written, pix_fmt="yuv444p"), frames=5).size == (23, 37)


def test_grey_video_says_so(tmp_path):
    grey = np.ascontiguousarray(pattern(13)[..., 1])
    path = write(tmp_path / "grey.mkv", grey, "ffv1", "gray")
    with pytest.warns(UserWarning, match="grey is grey: its one channel is repeated"):
        clip = load_clip(path)
    assert np.abs(levels(clip) - grey[..., None]).max() <= 1


def test_transparent_pictures_say_so_and_opaque_ones_do_not(tmp_path):
    written = pattern(3)
    opaque = np.concatenate([written, np.full_like(written[..., :1], 255)], axis=-1)
    assert load_clip(picture_folder(tmp_path / "opaque", opaque), frames=3).frames == 3
    opaque[1, :5, :5, 3] = 0
    with pytest.warns(UserWarning, match="glass has transparency: its alpha channel is dropped") as said:
        clip = load_clip(picture_folder(tmp_path / "glass", opaque), frames=3)
    assert len(said) == 1
    assert np.abs(levels(clip) - written).max() < 1e-3


def test_size(tmp_path):
    path = lossless(tmp_path / "a.mkv", pattern(4))
    assert load_clip(path, 4, size=(10, 30)).size == (10, 30)
    assert load_clip(path, 4, size=32).size == (24, 32)
    assert load_clip(path, 4, size=1).size == (1, 1)
    small = load_clip(path, 4, size=16)
    averaged = pattern(4).reshape(4, 12, 4, 16, 4, 3).mean(axis=(2, 4))
    assert np.abs(levels(small) - averaged)[:, 1:-1, 1:-1].max() < 3
    assert which_frames(small) == [0, 1, 2, 3]


def test_resize_does_not_alias(tmp_path):
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    small = levels(load_clip(lossless(tmp_path / "s.mkv", stripes), 1, size=10))
    assert np.abs(small - 127.5).max() < 20


def test_lower_frame_rate_takes_the_nearest_frames(tmp_path):
    path = lossless(tmp_path / "a.mkv", pattern(20), fps=24)
    half = load_clip(path, frames=None, fps=12)
    assert which_frames(half) == list(range(0, 20, 2))
    assert half.fps == 12.0
    assert which_frames(load_clip(path, frames=None, fps=24)) == list(range(20))
    assert which_frames(load_clip(path, frames=3, start=2, fps=8)) == [6, 9, 12]  # start counts resampled frames
    assert which_frames(load_clip(path, frames=5, fps=10)) == [0, 2, 5, 7, 10]  # 0, 2.4, 4.8, 7.2, 9.6


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_frame_rate(tmp_path, name):
    times = [0, 100, 200, 300, 350, 400, 450, 500, 700, 900, 1000]
    codec = ("libx264", "yuv420p", {"crf": "8"}) if name.endswith("mp4") else ("ffv1", "bgr0", {})
    path = write(tmp_path / name, pattern(11), *codec, fps=11, times=times)
    even = load_clip(path, frames=6, fps=5)  # at 0, 200, 400, 600, 800, 1000 ms; of two as near, the earlier
    assert which_frames(even) == [0, 2, 5, 7, 8, 10]
    with pytest.warns(UserWarning, match=r"frames 0\.05 to 0\.2 seconds apart, kept as stored: give fps"):
        stored = load_clip(path, frames=None)
    assert which_frames(stored) == list(range(11))
    assert stored.fps == pytest.approx(10, rel=0.11)


def test_first_timestamp_need_not_be_zero(tmp_path):
    path = lossless(tmp_path / "late.mkv", pattern(10), times=[500 + 100 * k for k in range(10)], fps=10)
    assert which_frames(load_clip(path, frames=None, fps=5)) == [0, 2, 4, 6, 8]


def test_missing_timestamps_follow_the_declared_rate():
    class Frame:
        def __init__(self, time):
            self.time = time

    timed = [time for time, _ in video_files._timed([Frame(None), Frame(None), Frame(0.3), Frame(0.2)], rate=10)]
    assert timed == pytest.approx([0.0, 0.1, 0.3, 0.4])


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])  # high and standard definition: phones write the first
@pytest.mark.parametrize("levels_", ["tv", "pc"])  # luma from 16 to 235, or from 0 to 255
def test_colours_follow_the_files_own_declaration(tmp_path, matrix, levels_):
    source = ["-f", "lavfi", "-i", "color=c=0xC02830:s=64x48:d=1:r=24,format=rgb24"]
    coded = ["-vf", f"scale=out_color_matrix={matrix}:out_range={levels_},format=yuv420p", "-c:v", "libx264"]
    declared = ["-colorspace", matrix, "-color_range", levels_, str(tmp_path / "a.mp4")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *source, *coded, *declared], check=True)
    assert np.abs(levels(load_clip(tmp_path / "a.mp4")) - (0xC0, 0x28, 0x30)).max() < 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_note_of_phones(tmp_path, degrees):
    written = pattern(3, 32, 64)
    plain, turned = write(tmp_path / "plain.mp4", written, options={"crf": "8"}), tmp_path / "turned.mp4"
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    note = ["-display_rotation", str(degrees), "-i", str(plain), "-c", "copy", str(turned)]
    subprocess.run(program + note, check=True)
    player = ["-i", str(turned), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]  # ffmpeg turns by itself
    shown = np.frombuffer(subprocess.run(program + player, check=True, capture_output=True).stdout, np.uint8)
    clip = load_clip(turned, frames=3)
    assert clip.size == ((32, 64) if degrees == 180 else (64, 32))
    assert np.abs(levels(clip) - shown.reshape(3, *clip.size, 3)).mean() < 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
def test_image_files(tmp_path, suffix):
    written = pattern(1)[0]
    Image.fromarray(written).save(tmp_path / f"a.{suffix}", quality=95)
    image = load_image(tmp_path / f"a.{suffix}")
    assert (image.dims, image.frames, image.size, image.name) == (2, 1, (48, 64), "a")
    assert np.abs(rearrange(image.video, "c h w -> h w c").numpy() * 127.5 + 127.5 - written).mean() < 3


def test_image_from_a_palette_a_video_a_folder_and_a_name(tmp_path):
    Image.fromarray(pattern(1)[0]).quantize(64).save(tmp_path / "palette.png")
    assert load_image(tmp_path / "palette.png").size == (48, 64)
    video = lossless(tmp_path / "a.mkv", pattern(4))
    torch.testing.assert_close(load_image(video).video, load_clip(video, 4).video[:, 0])
    assert load_image(picture_folder(tmp_path / "f", pattern(2)), size=32).size == (24, 32)
    assert load_image("balloons", size=64).video.shape == (3, 36, 64)


# --- What is refused, and how it is said ---------------------------------------------------------------------------


def test_missing_file_names_the_nearest_bundled_clip(tmp_path):
    with pytest.raises(InputError, match=r"did you mean the bundled clip 'balloons'\? The bundled ones are balloons, "):
        load_clip("baloon")
    with pytest.raises(InputError, match=r"'bunny\.mp4': did you mean the bundled clip 'bunny'"):
        load_clip("bunny.mp4")
    with pytest.raises(
        InputError, match=r"no file or folder .*: check the path; the bundled clips and pictures are balloons"
    ):
        load_clip(tmp_path / "zzz.mp4")


def test_addresses_go_to_download_clip():
    with pytest.raises(InputError, match="is an address: fetch it with download_clip first"):
        load_clip("https://example.org/a.mp4")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02 not a video" * 300, b"plain words\n" * 50])
@pytest.mark.parametrize("name", ["bad.mp4", "bad.txt", "bad.png"])
def test_unreadable_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        InputError, match=rf"{name} (is not readable as video or picture .*: save it|is text, and holds no|is empty)"
    ):
        load_clip(tmp_path / name)


def test_truncated_mp4(tmp_path):
    whole = write(tmp_path / "whole.mp4", pattern()).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not readable"):
        load_clip(tmp_path / "cut.mp4")


def test_damage_is_met_only_when_reached(tmp_path):
    path = write(tmp_path / "a.avi", pattern(), "png", "rgb24")
    pieces = path.read_bytes().split(b"\x89PNG")  # what stands before the first picture, then 20 of them
    path.write_bytes(b"\x89PNG".join(pieces[:11]) + b"lost" + b"\x89PNG".join(pieces[11:]))
    assert which_frames(load_clip(path, frames=5)) == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match=r"damaged at frame 11, .*: copy .* for its first 9 frames, which it cannot"):
        load_clip(path, frames=None)


def test_file_without_frames(tmp_path):
    with av.open(str(tmp_path / "none.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=24)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        container.start_encoding()
    with pytest.raises(InputError, match=r"none\.avi holds no frames: give a file that plays"):
        load_clip(tmp_path / "none.avi")


def test_sound_without_pictures(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(InputError, match="holds no video: give a video file"):
        load_clip(tmp_path / "a.wav")


def test_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no pictures: put some there, numbered for a video \(.*\.png"):
        load_clip(tmp_path / "empty")
    mixed = picture_folder(tmp_path / "mixed", pattern(3))
    Image.fromarray(pattern(1, 30, 40)[0]).save(mixed / "2.png")
    with pytest.raises(
        InputError, match=r"mixes frames of 2 sizes, from 40x30 to 64x48 pixels.*give size=.*use load_images"
    ):
        load_clip(mixed, frames=3)
    assert load_clip(mixed, frames=3, size=(24, 32)).size == (24, 32)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_too_few_frames(tmp_path, kind):
    made = pattern(10)
    path = lossless(tmp_path / "a.mkv", made) if kind == "file" else picture_folder(tmp_path / "a", made)
    with pytest.raises(InputError, match=r"13 frames from start=4 .* has only 10: give frames=6 or fewer, or a lower"):
        load_clip(path, start=4)
    for frames in (1, None):
        with pytest.raises(InputError, match=r"start=10 lies beyond the 10 frames .*: give start below 10"):
            load_clip(path, frames=frames, start=10)
    assert load_clip(path, frames=None, start=9).frames == 1


def test_a_picture_is_no_clip(tmp_path):
    Image.fromarray(pattern(1)[0]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="use load_image for a still picture"):
        load_clip(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"frames": 0}, "frames=0, but a whole number from 1"),
        ({"frames": 2.5}, r"frames=2\.5, but a whole number from 1"),
        ({"start": -1}, "start=-1, but a whole number from 0"),
        ({"fps": 0}, "fps=0, but frames per second must be above 0"),
        ({"fps": float("nan")}, "fps=nan, but frames per second"),
        ({"fps": 30}, r"fps=30 is above the 24 of .*freeze the motion: give at most fps=24"),
        ({"size": 0}, "size=0, but pixels from 1"),
        ({"size": (10, 0)}, r"size=\(10, 0\), but pixels from 1"),
        ({"size": (10,)}, r"size=\(10,\), but pixels"),
        ({"size": (10, 2.5)}, r"size=\(10, 2\.5\), but pixels"),
    ],
)
def test_bad_requests(request_, sentence):
    with pytest.raises(InputError, match=sentence):
        load_clip("balloons", **request_)


# --- Clip itself ---------------------------------------------------------------------------------------------------


def test_clip_from_tensors():
    video = torch.rand(3, 5, 4, 6, dtype=torch.float64) * 2 - 1
    clip = Clip(video, 12.0, "mine")
    assert clip.video.dtype == torch.float32
    assert (clip.dims, clip.frames, clip.size) == (3, 5, (4, 6))
    assert (Clip(video[:, 0]).dims, Clip(video[:, 0]).frames, Clip(video[:, 0]).size) == (2, 1, (4, 6))
    assert Clip(torch.full((3, 4, 4), 1 + 1e-5)).video.max() == 1  # float noise is no error
    with pytest.warns(UserWarning, match="grey: its one channel is repeated") as said:
        assert torch.equal(Clip(torch.zeros(1, 2, 4, 4)).video, torch.zeros(3, 2, 4, 4))
    assert said[0].filename == __file__  # the warning points at the caller's line
    with pytest.warns(UserWarning, match="alpha channel is dropped"):
        assert Clip(torch.zeros(4, 2, 4, 4)).video.shape == (3, 2, 4, 4)


def spoiled(*where, value=float("nan"), shape=(3, 5, 4, 4)):
    video = torch.zeros(shape)
    for index in where:
        video[index] = value
    return video


@pytest.mark.parametrize(
    ("video", "sentence"),
    [
        (np.zeros((3, 5, 4, 4), np.float32), r"expected a torch tensor 'c t h w', got ndarray: .*as_tensor"),
        (torch.zeros(4, 4), r"got shape \(4, 4\)"),
        (torch.zeros(1, 3, 5, 4, 4), r"got shape \(1, 3, 5, 4, 4\): index one clip out"),
        (torch.zeros(2, 5, 4, 4), "2 channels in shape"),
        (torch.zeros(5, 5, 4, 4), "5 channels in shape"),
        (torch.zeros(13, 36, 64, 3), r"13 channels .*rearrange\(x, 't h w c -> c t h w'\)"),
        (torch.zeros(3, 0, 4, 4), r"shape \(3, 0, 4, 4\) holds no pixels"),
        (torch.zeros(3, 5, 4, 4, dtype=torch.uint8), r"dtype torch\.uint8 .*: convert it with x / 127\.5 - 1"),
        (spoiled((0, 3, 1, 1), (2, 4, 0, 0)), "2 values are NaN or infinite, first in frame 3: repair"),
        (spoiled((0, 1, 1), value=float("inf"), shape=(3, 4, 4)), "1 values are NaN or infinite, in the image"),
        (torch.full((3, 5, 4, 4), 200.0), r"from 200 to 200, outside \[-1, 1\]: rescale with x / 127\.5 - 1"),
        (torch.full((3, 5, 4, 4), -1.5), r"from -1\.5 to -1\.5, outside .*clamp"),
    ],
)
def test_clip_refuses(video, sentence):
    with pytest.raises(InputError, match=sentence):
        Clip(video, 24.0, "x")


@pytest.mark.parametrize("fps", [0.0, -1.0, float("inf"), float("nan")])
def test_clip_refuses_fps(fps):
    with pytest.raises(InputError, match="but frames per second must be above 0"):
        Clip(torch.zeros(3, 2, 4, 4), fps)


# --- Bundled clips -------------------------------------------------------------------------------------------------


def test_bundled_clips_are_small_and_play():
    assert {"balloons", "bunny", "pedestrians"} <= set(bundled_clips())
    assert bundled_clips() == sorted(bundled_clips())
    readme = (data_dir() / "README.md").read_text(encoding="utf-8")
    for name in bundled_clips():
        path = data_dir() / f"{name}.mp4"
        assert path.stat().st_size <= 400_000
        assert f"`{name}.mp4`" in readme
        clip = load_clip(name, frames=None)
        assert clip.name == name
        assert clip.size == (144, 256)
        assert clip.frames >= (55 if name in ("balloons", "pedestrians") else 30)
        with av.open(str(path)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            assert container.streams.video[0].pix_fmt == "yuv420p"


def test_a_bundled_name_wins_over_a_folder_so_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture_folder(tmp_path / "bunny", pattern(2))
    assert load_clip("bunny", frames=2).size == (144, 256)
    assert load_clip("./bunny", frames=2).size == (48, 64)


def test_missing_data_folder_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "__file__", str(tmp_path / "hpvae_nb" / "io" / "clips.py"))
    with pytest.raises(InputError, match=r"bundled clips are not at .*: install hpvae_nb again"):
        data_dir()
    inside = tmp_path / "hpvae_nb" / "data"
    inside.mkdir(parents=True)
    (inside / "balloons.mp4").touch()
    assert data_dir() == inside


@pytest.fixture
def balloon_script(monkeypatch):
    monkeypatch.syspath_prepend(str(data_dir()))
    import render_balloons

    return render_balloons


@pytest.mark.slow
def test_balloons_are_what_the_script_renders(balloon_script):
    rendered = balloon_script.render(20)
    assert rendered.dtype == np.uint8
    difference = np.abs(levels(load_clip("balloons", frames=20)) - rendered)
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) < 30  # colour is stored at half resolution: stripes' edges differ most
    assert json.loads((data_dir() / "balloons.json").read_text()) == json.loads(json.dumps(balloon_script.truth()))


HUES = {"red": 0, "orange": 26, "yellow": 47, "green": 140, "navy": 225, "violet": 274, "pink": 333}  # degrees


def found(picture, name):
    """Regions of one balloon's colour in a picture 'h w c' (0 to 255); the sky is lighter than navy."""
    hue, saturation, value = np.moveaxis(rgb2hsv(picture / 255), -1, 0)
    away = np.abs((hue * 360 - HUES[name] + 180) % 360 - 180)
    bright = value < 0.68 if name == "navy" else value > 0.45 if name in ("orange", "red") else value > 0.1
    mask = (away < (10 if name != "green" else 25)) & (saturation > 0.28) & bright
    return [region for region in regionprops(label(mask)) if region.area > 25]


def test_balloons_are_counted_and_followed_by_colour():
    truth = json.loads((data_dir() / "balloons.json").read_text())
    assert truth["count"] == len(truth["balloons"]) == 7
    video = levels(load_clip("balloons", frames=None))
    assert len(video) == truth["frames"] == 60
    for balloon in truth["balloons"]:
        seen = []
        for frame in (0, 29, 59):
            regions = found(video[frame], balloon["name"])
            assert len(regions) == 1, (balloon["name"], frame, [region.centroid for region in regions])
            row, column = regions[0].centroid
            seen.append((column + 0.5, row + 0.5))
            assert abs(seen[-1][0] - balloon["centres"][frame][0]) < 2
            assert abs(seen[-1][1] - balloon["centres"][frame][1]) < 0.35 * balloon["radius"] + 1
        velocity = [(seen[-1][axis] - seen[0][axis]) / 59 for axis in (0, 1)]
        assert velocity == pytest.approx(balloon["velocity"], abs=0.03)


# --- Downloading ---------------------------------------------------------------------------------------------------


class QuietHandler(SimpleHTTPRequestHandler):
    served = 0

    def do_GET(self):
        QuietHandler.served += 1
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "site").mkdir()
    lossless(tmp_path / "site" / "clip.mkv", pattern(13))
    QuietHandler.served = 0
    handler = partial(QuietHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/clip.mkv"
        running.shutdown()
        thread.join()


def test_download_is_checked_and_kept(server, tmp_path):
    checksum = hashlib.sha256((tmp_path / "site" / "clip.mkv").read_bytes()).hexdigest()
    path = download_clip(server, checksum.upper(), tmp_path / "kept")
    assert path.parent == tmp_path / "kept"
    assert which_frames(load_clip(path)) == list(range(13))
    assert download_clip(server, checksum, tmp_path / "kept") == path
    assert QuietHandler.served == 1  # the second time it was there


def test_wrong_checksum_is_refused_and_nothing_stays(server, tmp_path):
    checksum = hashlib.sha256((tmp_path / "site" / "clip.mkv").read_bytes()).hexdigest()
    with pytest.raises(InputError, match="is not the file it was") as caught:
        download_clip(server, "0" * 64, tmp_path / "kept")
    assert checksum in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert os.listdir(tmp_path / "kept") == []


def test_download_refuses(server, tmp_path):
    with pytest.raises(InputError, match=r"could not be fetched: .*404 .*check the address"):
        download_clip(server + ".missing", "0" * 64, tmp_path)
    with pytest.raises(InputError, match="could not be fetched"):
        download_clip("http://127.0.0.1:9/clip.mp4", "0" * 64, tmp_path)
    with pytest.raises(InputError, match="is no http or https address"):
        download_clip("ftp://example.org/a.mp4", "0" * 64)
    with pytest.raises(InputError, match="is no SHA-256 checksum, which has 64"):
        download_clip(server, "abc")
    with pytest.raises(InputError, match="comes without a checksum: give sha256="):
        download_clip(server)
    with pytest.raises(InputError, match=r"'wingsuits' is no clip known by name: give one of wingsuit, or an http"):
        download_clip("wingsuits")


def test_a_known_name_brings_address_and_checksum(server, tmp_path, monkeypatch):
    checksum = hashlib.sha256((tmp_path / "site" / "clip.mkv").read_bytes()).hexdigest()
    monkeypatch.setitem(download.ELSEWHERE, "wingsuit", download.Elsewhere(server, checksum, "a copy on this machine"))
    path = download_clip("wingsuit", folder=tmp_path / "kept")
    assert path == tmp_path / "kept" / "wingsuit.mkv"
    assert load_clip(path).name == "wingsuit"
    assert download_clip("wingsuit", folder=tmp_path / "kept") == path
    assert QuietHandler.served == 1
    monkeypatch.setitem(download.ELSEWHERE, "wingsuit", download.Elsewhere(server, "0" * 64, "another file"))
    with pytest.raises(InputError, match="is not the file it was"):
        download_clip("wingsuit", folder=tmp_path / "kept")


def test_clips_elsewhere_are_pinned_and_not_bundled(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr("pooch.retrieve", lambda url, **settings: asked.update({url: settings}) or tmp_path / "x")
    for name, (url, sha256, what) in download.ELSEWHERE.items():
        assert re.fullmatch(r"https://\S+/[0-9a-f]{7,40}/\S+", url)  # at one commit
        assert re.fullmatch(r"[0-9a-f]{64}", sha256)
        assert what
        assert name not in bundled_clips()
        download_clip(name)
        assert asked[url]["known_hash"] == f"sha256:{sha256}"
        assert asked[url]["fname"].startswith(f"{name}.")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match=rf"'{name}' is not bundled: fetch it first, .*download_clip\('{name}'\)"):
            load_clip(name)
