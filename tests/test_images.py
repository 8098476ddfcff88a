"""Pictures on their way in: bundled names, photos of any size, several as one set; and every error by its sentence."""

import re
import sys
import warnings

import numpy as np
import pytest
import torch
from common import run_python
from einops import rearrange
from PIL import Image
from test_clips import pattern, picture_folder, write

from hpvae_nb import Clip, InputError, bundled_clips, bundled_images, load_clip, load_image, load_images
from hpvae_nb.io import clips, images, video_files
from hpvae_nb.io.clips import data_dir
from hpvae_nb.io.images import load_still
from hpvae_nb.io.video_files import look
from hpvae_nb.lab import show


@pytest.fixture(autouse=True)
def _no_surprising_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def photo(path, height, width, value=None, **options):
    """A picture file whose colours say where in it a pixel lies, or of one grey level; the path."""
    picture = pattern(1, height, width)[0] if value is None else np.full((height, width, 3), value, np.uint8)
    Image.fromarray(picture).save(path, **options)
    return path


def levels(video):
    """Red, green and blue of 'c h w' on the scale 0 to 255."""
    return rearrange(video, "c h w -> h w c").numpy() * 127.5 + 127.5


# --- By name -------------------------------------------------------------------------------------------------------


def test_bundled_pictures_have_names_that_no_clip_has():
    names = bundled_images()
    assert names == sorted(names)
    assert {"coffee", "hubble_deep_field", "parasols"} <= set(names)
    assert not set(names) & set(bundled_clips())
    readme = (data_dir() / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert re.search(rf"^\| `{name}(\.png)?` \| \d+x\d+.*(CC0|public domain|this project's)", readme, re.MULTILINE)


@pytest.mark.parametrize("name", bundled_images())
def test_a_bundled_picture_is_read_without_a_word(name):
    image = load_image(name)
    assert (image.name, image.dims, image.frames) == (name, 2, 1)
    assert min(image.size) >= 190
    assert 0.1 < image.video.std() < 1
    grey = torch.equal(image.video[0], image.video[1])
    assert grey == (name in ("brick", "grass", "gravel"))
    height, width = image.size
    readme = (data_dir() / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{name}(\.png)?` \| {width}x{height}(, grey)? \|", readme, re.MULTILINE)


def test_those_of_scikit_image_are_the_ones_it_shows_and_come_from_its_own_folder(monkeypatch):
    import skimage.data

    monkeypatch.setattr("pooch.core.Pooch.fetch", lambda *_, **__: pytest.fail("a picture was downloaded"))
    for file in clips.OF_SKIMAGE:
        name, _, kind = file.partition(".")
        shown = getattr(skimage.data, name)().astype(float)
        shown = shown if shown.ndim == 3 else shown[..., None]
        away = np.abs(levels(load_image(name).video) - shown)
        assert away.mean() < (0.01 if kind == "png" else 1)


@pytest.mark.slow
def test_importing_the_package_does_not_import_scikit_image():
    said = run_python("-c", "import sys, hpvae_nb as hp; hp.bundled_images(); print('skimage' in sys.modules)")
    assert said.stdout == "False\n"


def test_a_picture_that_scikit_image_no_longer_brings_is_said(monkeypatch):
    monkeypatch.setattr(clips, "OF_SKIMAGE", (*clips.OF_SKIMAGE, "teapot.png"))
    with pytest.raises(InputError, match=r"scikit-image \d+\.\S+ brings no teapot\.png: pip install scikit-image=="):
        load_image("teapot")


def test_an_unknown_name_is_told_the_nearest_of_both_kinds():
    with pytest.raises(InputError, match=r"'cofee': did you mean the bundled picture 'coffee'\? The bundled ones are"):
        load_image("cofee")
    with pytest.raises(InputError, match="did you mean the bundled picture 'hubble_deep_field'"):
        load_image("hubble")
    with pytest.raises(InputError, match="did you mean the bundled clip 'balloons'"):
        load_image("baloons")
    with pytest.raises(InputError, match=r"check the path; the bundled .* are balloons, .*, astronaut, .*, rocket$"):
        load_image("zzzzzz")


def test_a_picture_asked_for_as_a_clip_is_told_of_load_image():
    with pytest.raises(InputError, match="use load_image for a still picture"):
        load_clip("coffee")
    assert load_clip("coffee", frames=1, size=60).video.shape == (3, 1, 40, 60)


def test_a_clips_first_frame_is_a_picture():
    assert torch.equal(load_image("koi").video, load_clip("koi", frames=1).video[:, 0])


@pytest.mark.slow
def test_parasols_are_what_the_script_renders(monkeypatch):
    monkeypatch.syspath_prepend(str(data_dir()))
    import render_parasols

    path = data_dir() / "parasols.png"
    assert path.stat().st_size < 150_000
    difference = np.abs(np.asarray(Image.open(path)).astype(int) - render_parasols.render())
    assert difference.mean() < 0.1
    assert np.quantile(difference, 0.999) <= 2


# --- Photos --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photos_that_a_phone_stored_lying_down_stand_up(tmp_path, orientation):
    picture, note = Image.fromarray(pattern(1, 48, 64)[0]), Image.Exif()
    note[0x0112] = orientation
    turned = picture.rotate({1: 0, 3: 180, 6: 90, 8: -90}[orientation], expand=True)
    turned.save(tmp_path / "a.jpg", exif=note, quality=95)
    assert look(tmp_path / "a.jpg") == (48, 64, False)
    assert np.abs(levels(load_image(tmp_path / "a.jpg").video) - pattern(1, 48, 64)[0]).mean() < 3
    assert load_image(tmp_path / "a.jpg", size=32).size == (24, 32)


def test_what_is_reduced_in_strips_is_what_is_reduced_at_once(tmp_path, monkeypatch):
    path = photo(tmp_path / "a.png", 613, 407)
    whole = load_image(path).video[None]
    monkeypatch.setattr(video_files, "_STRIP", 100)
    for size in ((61, 50), (700, 30), (40, 500)):
        at_once = torch.nn.functional.interpolate(whole, size=size, mode="bilinear", antialias=True)
        torch.testing.assert_close(load_image(path, size=size).video, at_once[0].clamp(-1, 1), rtol=0, atol=1e-6)


def test_a_look_tells_pictures_from_videos(tmp_path):
    frames = [Image.fromarray(picture) for picture in pattern(3)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:], duration=50)
    frames[0].save(tmp_path / "moves.png", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "still.gif")
    for suffix in ("png", "jpg", "bmp", "webp", "tif"):
        frames[0].save(tmp_path / f"still.{suffix}")
    write(tmp_path / "moves.mp4", pattern(3))
    write(tmp_path / "moves.mkv", pattern(3), "ffv1", "bgr0")
    for path in tmp_path.iterdir():
        assert look(path) == (48, 64, path.stem == "moves"), path


def test_a_photo_too_large_to_keep_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = photo(tmp_path / "big.jpg", 60, 80)
    monkeypatch.setattr(video_files, "LARGEST", 60 * 80)
    assert load_image(path).size == (60, 80)
    monkeypatch.setattr(video_files, "LARGEST", 60 * 80 - 1)
    monkeypatch.setattr(video_files._Opened, "frames", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(
        InputError, match=r"big\.jpg has 80x60 pixels, .* are kept whole: give a size, such as size=1024"
    ):
        load_image(path)
    monkeypatch.undo()
    monkeypatch.setattr(video_files, "LARGEST", 60 * 80 - 1)
    assert load_image(path, size=40).size == (30, 40)
    monkeypatch.setattr(video_files, "LARGEST_READ", 60 * 80 - 1)
    with pytest.raises(InputError, match=r"has 80x60 pixels, .* are read: reduce it in a program for photos first"):
        load_image(path, size=40)


HUNDRED_MEGAPIXELS = """
import resource, sys
import hpvae_nb
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    hpvae_nb.load_image(sys.argv[1])
except hpvae_nb.InputError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
print(hpvae_nb.load_image(sys.argv[1], size=256).size)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted otherwise elsewhere")
def test_a_photo_of_a_hundred_megapixels_never_takes_a_gigabyte(tmp_path):
    Image.new("RGB", (12_000, 9_000), "red").save(tmp_path / "big.jpg")
    result = run_python("-c", HUNDRED_MEGAPIXELS, tmp_path / "big.jpg")
    assert result.returncode == 0, result.stderr
    refused, early, size, peak = result.stdout.splitlines()
    assert "12000x9000 pixels, 108 million, but at most 24 million are kept whole" in refused
    assert float(early) < 0.1e9
    assert size == "(192, 256)"
    assert float(peak) < 0.8e9


# --- Sets ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_pictures_is_a_set_in_natural_order(tmp_path):
    folder = picture_folder(tmp_path / "birds", pattern(11))
    (folder / "notes.txt").write_text("no picture")
    birds = load_images(folder)
    assert (birds.name, birds.still, birds.dims, birds.frames, birds.size) == ("birds", True, 2, 1, (48, 64))
    assert birds.video.shape == (3, 11, 48, 64)
    assert birds.batch.shape == (11, 3, 48, 64)
    assert repr(birds) == "Clip('birds', 11 pictures of 3 x 48 x 64)"
    reds = [round((levels(picture)[..., 0].mean() - 20) / 10) for picture in birds.batch]
    assert reds == list(range(11))
    assert load_images(str(folder), size=32).size == (24, 32)


def test_a_list_may_mix_files_and_bundled_names(tmp_path):
    path = photo(tmp_path / "mine.png", 512, 512)
    made = load_images(["brick", path, "grass"])  # two of them grey, and not a word of it
    assert made.name == "brick_and_2_more"
    torch.testing.assert_close(made.batch[0], load_image("brick").video)
    torch.testing.assert_close(made.batch[1], load_image(path).video)
    assert load_images([path]).batch.shape == (1, 3, 512, 512)


def test_a_name_that_is_also_a_folder_is_the_folder(tmp_path, monkeypatch):
    picture_folder(tmp_path / "grass", pattern(2))
    monkeypatch.chdir(tmp_path)
    assert load_images("grass").batch.shape == (2, 3, 48, 64)


def test_pictures_of_several_shapes_are_cut_to_one_in_the_middle_and_it_is_said(tmp_path):
    tmp = [photo(tmp_path / f"{h}x{w}.png", h, w) for h, w in ((40, 60), (80, 120), (90, 60))]
    with pytest.warns(
        UserWarning, match=r"has pictures from 60x40 to 60x90 pixels, each .* the middle to 60x40"
    ) as said:
        made = load_images(tmp)
    assert len(said) == 1
    assert said[0].filename == __file__
    first, second, third = made.batch
    torch.testing.assert_close(first, load_image(tmp[0]).video)
    torch.testing.assert_close(second, load_image(tmp[1], size=60).video)
    torch.testing.assert_close(third, load_image(tmp[2]).video[:, 25:65])


def test_the_common_shape_is_the_largest_that_enlarges_none():
    common = images._common_shape
    assert common([(40, 60)] * 3, None) == (40, 60)
    assert common([(40, 60), (80, 120)], None) == (40, 60)
    assert common([(100, 100), (100, 200), (50, 300)], None) == (50, 100)  # 1:2 is the median
    assert common([(40, 60), (80, 120), (90, 60)], 30) == (20, 30)
    assert common([(40, 60), (90, 60)], (7, 9)) == (7, 9)
    for shape in ((100, 100), (100, 200), (50, 300), (41, 77)):
        height, width = images._covering(shape, (50, 100))
        assert height == 50 or width == 100
        assert min(height / 50, width / 100) == 1
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.02)


def test_a_size_crops_and_never_distorts(tmp_path):
    folder = picture_folder(tmp_path / "f", pattern(2, 40, 80))
    made = load_images(folder, size=(20, 20))
    assert made.size == (20, 20)
    whole = load_images(folder, size=(20, 40))
    torch.testing.assert_close(made.video, whole.video[..., 10:30])


def test_many_large_pictures_are_reduced_to_what_there_is_room_for(tmp_path, monkeypatch):
    folder = picture_folder(tmp_path / "f", pattern(4, 40, 80))
    monkeypatch.setattr(images, "LARGEST", 4 * 20 * 40)
    with pytest.warns(UserWarning, match=r"f has pictures from 80x40 to 80x40 pixels, .* to 40x20"):
        assert load_images(folder).size == (20, 40)
    assert load_images(folder, size=60).size == (30, 60)  # who asks for more gets it


def test_grey_pictures_of_a_set_are_said_once(tmp_path):
    grey = pattern(3)[..., 1]
    with pytest.warns(UserWarning, match="a picture of f is grey: its one channel is repeated") as said:
        load_images(picture_folder(tmp_path / "f", np.ascontiguousarray(grey)))
    assert len(said) == 1


def test_what_cannot_be_a_set_is_refused_with_the_way_out(tmp_path):
    path = photo(tmp_path / "a.png", 20, 30)
    video = write(tmp_path / "film.mp4", pattern(3))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    photo(tmp_path / "broken" / "1.png", 20, 30)
    (tmp_path / "broken" / "2.png").write_bytes(b"no picture at all")
    for given, sentence in (
        (tmp_path / "empty", r"the folder .*empty holds no pictures: put some there"),
        (tmp_path / "broken", r"broken/2\.png is text, and holds no video"),
        ([path, video], r"film\.mp4 is a video, but a set is made of pictures: leave it out"),
        ([path, "koi"], r"koi\.mp4 is a video, but a set is made of pictures"),
        ([], "the list of pictures is empty: give at least one"),
        ([path, tmp_path], r"is a folder in a list of pictures: give its files, or the folder alone"),
        ([path, torch.zeros(3, 4, 4)], "the list of pictures holds a Tensor: give paths"),
        ([path, tmp_path / "no.png"], r"there is no file or folder .*no\.png"),
        (path, r"a\.png is no folder of pictures: use load_image for one picture, or give a list"),
        ("coffee", r"coffee\.png is no folder of pictures: use load_image"),
        (tmp_path / "nowhere", "there is no file or folder .*nowhere"),
    ):
        with pytest.raises(InputError, match=sentence) as caught:
            load_images(given)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="size=0, but pixels from 1"):
        load_images([path], size=0)


def test_a_set_needs_several_pictures_axes():
    with pytest.raises(InputError, match=r"still=True is for a set 'c n h w', got shape \(3, 4, 4\)"):
        Clip(torch.zeros(3, 4, 4), still=True)


# --- What a model of images is trained on ---------------------------------------------------------------------------


def test_a_still_is_a_picture_a_folders_pictures_or_a_videos_first_frame(tmp_path, monkeypatch):
    path = photo(tmp_path / "a.png", 20, 30)
    assert load_still(path).video.shape == (3, 20, 30)
    assert load_still("coffee").name == "coffee"
    assert load_still(picture_folder(tmp_path / "f", pattern(3))).batch.shape == (3, 3, 48, 64)
    with pytest.warns(UserWarning, match="koi is a video: its first frame is taken"):
        first = load_still("koi")
    assert torch.equal(first.video, load_image("koi").video)
    monkeypatch.setattr(images, "LARGEST", 150)
    assert load_still(path).size == (10, 15)  # of photos too large, what there is room for


def test_a_folder_of_different_pictures_is_no_video_without_a_word(tmp_path):
    apart, together = tmp_path / "apart", tmp_path / "together"
    for folder in (apart, together):
        folder.mkdir()
    for name in ("coffee", "rocket", "chelsea"):
        show.save_clip(apart / name, load_image(name, size=(40, 60)).video, 24)
    for name in ("pedestrians", "koi", "balloons"):
        for k, frame in enumerate(load_clip(name, frames=5).video.unbind(1)):
            show.save_clip(together / f"{k}", frame, 24)
        with warnings.catch_warnings(action="error"):
            assert load_clip(together, frames=5).frames == 5
    with pytest.warns(UserWarning, match="apart look like different ones.*load_images makes a set"):
        assert load_clip(apart, frames=3).dims == 3
