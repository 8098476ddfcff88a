"""Sets of many clips: what is rendered is what its label says, splits share nothing, and files lose nothing."""

import re
import warnings

import av
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2hsv
from skimage.transform import resize
from torch.utils.data import DataLoader
from typer.testing import CliRunner

from hpvae_nb import ClipSet, InputError, cli, load_clip, load_set
from hpvae_nb.io.clip_folders import write_set
from hpvae_nb.rendered import digits, sets
from hpvae_nb.rendered.balloons import CLOTHS

NAMES = tuple(sets.KINDS)


def frames_of(clips, index):
    """One clip as `t h w c`, 0 to 255."""
    return clips.pixels[index].permute(1, 2, 3, 0).numpy()


def same(one, other):
    assert torch.equal(one.pixels, other.pixels)
    assert torch.equal(one.labels, other.labels)
    assert (one.classes, one.names, one.fps, one.split) == (other.classes, other.names, other.fps, other.split)


# --- What is rendered ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_the_same_each_time_and_its_beginning_is_a_smaller_set(name):
    clips = load_set(name, count=6, size=16, frames=4)
    assert clips.pixels.shape == (6, 3, 4, 16, 16)
    same(clips, load_set(name, count=6, size=16, frames=4))
    same(clips.first(3), load_set(name, count=3, size=16, frames=4))
    for label, clip in zip(clips.labels, clips.names, strict=True):
        assert re.fullmatch(rf"v_{clips.classes[label]}_g\d{{3}}_c01", clip)


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_clip_and_have_all_classes(name):
    train, test = (load_set(name, split, size=16, frames=2) for split in ("train", "test"))
    assert (len(train), len(test)) == ((160, 40) if name == "balloons" else (400, 100))
    every = {pixels.numpy().tobytes() for one in (train, test) for pixels in one.pixels}
    assert len(every) == len({*train.names, *test.names}) == len(train) + len(test)
    for one in (train, test):
        assert one.labels.bincount(minlength=len(one.classes)).min() > 0.2 * len(one) / len(one.classes)


@pytest.mark.parametrize("name", NAMES)
def test_another_size_shows_the_same_things(name):
    small, large = (load_set(name, count=8, size=size, frames=3) for size in (32, 64))
    assert small.names == large.names
    halved = large.pixels.float().unflatten(-1, (32, 2)).mean(-1).unflatten(-2, (32, 2)).mean(-2)
    apart = (halved[:, None] - small.pixels.float()).abs().mean((2, 3, 4, 5))
    assert apart.diagonal().max() < 4
    assert (apart + 100 * torch.eye(8)).min() > 2 * apart.diagonal().max()


@pytest.mark.parametrize("name", NAMES)
def test_more_frames_show_the_same_motion_finer(name):
    coarse, fine = (load_set(name, count=4, size=16, frames=frames) for frames in (5, 9))
    assert torch.equal(coarse.pixels, fine.pixels[:, :, ::2])


def test_shapes_are_and_move_as_their_label_says():
    clips = load_set("shapes", count=40, size=64)
    for i, label in enumerate(clips.labels):
        inside = frames_of(clips, i).max(axis=-1) > 170  # the ground is darker
        areas = inside.sum(axis=(1, 2))
        where = [np.argwhere(picture) for picture in inside]
        boxes = np.array([np.ptp(points, axis=0) + 1 for points in where])
        assert np.ptp(boxes, axis=0).max() <= 2, "part of it is out of the frame"
        filled = (areas / boxes.prod(axis=1)).mean()
        centres = np.array([points.mean(axis=0) for points in where])
        there = np.linalg.norm(centres[-1] - centres[0])
        name = clips.classes[label]
        assert ("Square" in name) == (filled > 0.92)
        assert ("Circle" in name) == (filled < 0.85)
        assert there < 1 if "Orbits" in name else there > 0.4 * 64
        assert np.ptp(centres, axis=0).max() > 64 / 4


HUES = {name: rgb2hsv(np.array(rgb) / 255)[0] for name, rgb in CLOTHS.items()}


def test_balloons_are_as_many_as_their_label_says():
    clips = load_set("balloons", count=30, size=64)
    counts = []
    for i, label in enumerate(clips.labels):
        hue, saturation, value = np.moveaxis(rgb2hsv(frames_of(clips, i)), -1, 0)
        seen = []
        for name, own in HUES.items():
            bright = value < 0.55 if name == "navy" else value > 0.62 if name == "orange" else value > 0.3
            near = np.abs((hue - own + 0.5) % 1 - 0.5) < 0.025
            areas = (near & bright & (saturation > 0.45)).sum(axis=(1, 2))
            if areas.max() > 25:
                assert areas.max() < 1.5 * areas.min(), "one hides another, or leaves"
                seen.append(name)
        counts.append(len(seen) == label + 1)
    assert all(counts)


def test_the_larger_digit_is_the_label():
    from sklearn.datasets import load_digits

    pictures, known = load_digits(return_X_y=True)
    clips = load_set("digits", "test", count=40, size=64, frames=2)
    right = 0
    for i, label in enumerate(clips.labels):
        hue, _, value = np.moveaxis(rgb2hsv(frames_of(clips, i)[0]), -1, 0)
        near = np.abs((hue[value > 0.6][:, None] - hue[value > 0.6] + 0.5) % 1 - 0.5) < 0.05
        commonest = hue[value > 0.6][near.sum(axis=0).argmax()]
        ink = (np.abs((hue - commonest + 0.5) % 1 - 0.5) < 0.08) * value
        rows, columns = np.nonzero(ink > 0.5)
        middle = (columns.min() + columns.max() + 1) // 2
        half = (rows.max() + 1 - rows.min()) // 2
        box = np.pad(ink, half)[rows.min() + half : rows.max() + 1 + half, middle : middle + 2 * half]
        read = known[
            np.linalg.norm(pictures / 16 - resize(box, (8, 8), anti_aliasing=True).reshape(-1), axis=1).argmin()
        ]
        right += read == int(label)
    assert right >= 30, f"{right} of 40 look like their label"  # by chance 4


def test_handwritings_of_test_clips_are_in_no_training_clip():
    train, test = ({picture.tobytes() for picture in digits._handwritten(held_out)[0]} for held_out in (False, True))
    assert not train & test
    assert len(train) + len(test) > 1700


@pytest.mark.parametrize("name", NAMES)
def test_much_of_the_picture_moves_but_not_all(name):
    video = load_set(name, count=10).pixels.float()
    changed = (video[:, :, 0] - video[:, :, 8]).abs().amax(1) > 30
    assert changed.float().mean((1, 2)).min() > 0.03
    assert changed.float().mean((1, 2)).max() < 0.5


# --- A dataset, and files ------------------------------------------------------------------------------------------


def test_pytorch_loads_it():
    clips = load_set("shapes", count=10)
    batches = list(DataLoader(clips, batch_size=4))
    assert [tuple(videos.shape) for videos, _ in batches] == [
        (4, 3, 16, 32, 32),
        (4, 3, 16, 32, 32),
        (2, 3, 16, 32, 32),
    ]
    assert torch.equal(torch.cat([labels for _, labels in batches]), clips.labels)
    videos = torch.cat([videos for videos, _ in batches])
    assert torch.equal(videos, clips.batch(range(10)))
    assert -1 <= videos.min() < -0.5
    assert 0.5 < videos.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_files_lose_nothing(name, tmp_path):
    for split in ("train", "test"):
        clips = load_set(name, split, count=5, frames=6)
        paths = write_set(clips, tmp_path / "set")
        again = load_set(tmp_path / "set", split, frames=6)
        same(clips, again)
        assert again.name == "set"
        for i, path in enumerate(paths):
            assert path.relative_to(tmp_path / "set").parts[0] == clips.classes[clips.labels[i]]
            read, ours = load_clip(path, frames=6), clips.clip(i)
            assert torch.equal(read.video, ours.video)
            assert (read.name, read.fps) == (ours.name, ours.fps)
    assert len(load_set(tmp_path / "set", "train", frames=6)) == 5, "writing the test clips changed the training ones"


def test_a_shorter_set_replaces_the_list(tmp_path):
    clips = load_set("shapes", count=4, size=16, frames=2)
    write_set(clips, tmp_path)
    write_set(clips.first(2), tmp_path)
    same(load_set(tmp_path, size=16, frames=2), clips.first(2))


def test_a_folder_keeps_to_one_kind_of_classes_and_names(tmp_path):
    clips = load_set("shapes", count=2, size=16, frames=2)
    write_set(clips, tmp_path / "set")
    with pytest.raises(InputError, match="holds a set of the classes CircleOrbits, .*: name another folder"):
        write_set(load_set("balloons", count=2, size=16, frames=2), tmp_path / "set")
    about = {"fps": 12.0, "name": "odd"}
    with pytest.raises(InputError, match=r"'odd' has '\.\./up', which is no file name"):
        write_set(ClipSet(clips.pixels, [0, 0], ["One"], ["a", "../up"], **about), tmp_path / "odd")
    with pytest.raises(InputError, match="'odd' has clips of one name"):
        write_set(ClipSet(clips.pixels, [0, 0], ["One"], ["a", "a"], **about), tmp_path / "odd")
    assert not (tmp_path / "odd").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file: name a folder"):
        write_set(clips, tmp_path / "file")


# --- UCF-101's layout ----------------------------------------------------------------------------------------------


def film(path, frames, grey=128, height=30, width=48):
    """A small avi, as UCF-101 has them: plain, with margins of red that a central square leaves out; it brightens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"qscale": "1"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for t in range(frames):
            picture = np.full((height, width, 3), grey + 4 * t, np.uint8)
            picture[:, :8], picture[:, -8:] = (255, 0, 0), (255, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def ucf(tmp_path_factory):
    """Two classes with lists, one without, one that is listed but not there, a short clip, a folder of pictures."""
    top = tmp_path_factory.mktemp("ucf")
    root = top / "UCF-101"
    for i, grey in enumerate((40, 80, 120, 160)):
        film(root / "Jump" / f"v_Jump_g0{i + 1}_c01.avi", 12, grey)
    film(root / "Jump" / "v_Jump_g05_c01.avi", 3)
    film(root / "Bow" / "v_Bow_g01_c02.avi", 12, 20)
    film(root / "Unlisted" / "v_Unlisted_g01_c01.avi", 12)
    pictures = root / "Bow" / "v_Bow_g02_c01"
    pictures.mkdir()
    for t in range(12):
        Image.fromarray(np.full((20, 20, 3), 60 + t, np.uint8)).save(pictures / f"{t}.png")
    lists = top / "ucfTrainTestlist"
    lists.mkdir()
    train = ["Jump/v_Jump_g01_c01.avi 2", "Jump/v_Jump_g02_c01.avi 2", "Jump/v_Jump_g05_c01.avi 2"]
    train += ["Bow/v_Bow_g01_c02.avi 1", "Bow/v_Bow_g02_c01.avi 1", "Elsewhere/v_Elsewhere_g01_c01.avi 3"]
    (lists / "trainlist01.txt").write_text("\r\n".join(train) + "\r\n")
    (lists / "testlist01.txt").write_text("Jump/v_Jump_g03_c01.avi\nJump/v_Jump_g04_c01.avi\n")
    return root


def test_a_folder_in_the_layout_of_ucf_101(ucf):
    sentence = r"2 of 6 clips of .*UCF-101 are left out: 1 are not there and 1 have fewer than 6 frames"
    with pytest.warns(UserWarning, match=sentence) as said:
        clips = load_set(ucf, size=10, frames=6)
    assert len(said) == 1
    assert clips.classes == ("Bow", "Jump")
    assert clips.names == ("v_Jump_g01_c01", "v_Jump_g02_c01", "v_Bow_g01_c02", "v_Bow_g02_c01")
    assert clips.labels.tolist() == [1, 1, 0, 0]
    assert (clips.name, clips.split, clips.fps, clips.shape) == ("UCF-101", "train", 25, (6, 10, 10))
    for i, grey in enumerate((40, 80, 20)):
        inner = clips.pixels[i, :, :, :, 2:-2].float()
        assert (inner.mean((0, 2, 3)) - (grey + 4 * torch.arange(6))).abs().max() < 4, (
            "not the first frames, or not grey"
        )
    test = load_set(ucf, "test", size=10, frames=6)
    assert test.names == ("v_Jump_g03_c01", "v_Jump_g04_c01")
    assert test.classes == clips.classes
    assert test.labels.tolist() == [1, 1]


def test_every_second_frame_and_a_few_clips_of_each_part(ucf):
    each = load_set(ucf, "test", size=10, frames=9)
    second = load_set(ucf, "test", size=10, frames=5, every=2)
    assert torch.equal(second.pixels, each.pixels[:, :, ::2])
    assert second.fps == each.fps / 2
    with warnings.catch_warnings(action="ignore"):
        few = load_set(ucf, count=2, size=10, frames=6)
    assert few.names == ("v_Jump_g01_c01", "v_Bow_g01_c02")


def test_lists_may_lie_in_the_folder_and_suffixes_may_differ(tmp_path):
    film(tmp_path / "set" / "Run" / "v_Run_g01_c01.mp4", 3)
    (tmp_path / "set" / "trainlist01.txt").write_text("Run/v_Run_g01_c01.avi 1\n")
    assert load_set(tmp_path / "set", size=10, frames=3).names == ("v_Run_g01_c01",)
    (tmp_path / "set" / "classInd.txt").write_text("1 Walk\n")
    with pytest.raises(InputError, match=r"clips of 'Run', but its classInd\.txt names no such class: add a line"):
        load_set(tmp_path / "set", size=10, frames=3)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"name_or_folder": "cats"}, r"there is no set 'cats': give a folder, or one that is rendered \('shapes', "),
        ({"split": "validation"}, "split is 'validation', but there are 'train' and 'test': give one of them"),
        ({"size": 8.5}, "size is 8.5, but must be a whole number of at least 8 pixels, such as size=32"),
        ({"frames": 0}, "frames is 0, but must be a whole number of at least 1"),
        ({"count": 0}, "count is 0, but must be a whole number of at least 1, or None for all"),
        ({"count": 20_000}, "count is 20000, but training clips have seeds up to 10000: ask for fewer"),
        ({"every": 2}, "every is 2, but rendered clips show their motion in any number of frames: leave it out"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused_in_a_sentence(request_, sentence):
    with pytest.raises(InputError, match=sentence):
        load_set(**{"name_or_folder": "shapes", **request_})


def test_a_folder_without_lists_or_clips_says_what_is_missing(ucf, tmp_path):
    with pytest.raises(InputError, match=r"has no trainlist01\.txt.*looked in .*FOLDER/Class/v_Class_g01_c01\.avi"):
        load_set(tmp_path)
    with pytest.raises(InputError, match="none of the 2 clips of .* 0 are not there and 2 have fewer than 40 frames"):
        load_set(ucf, "test", frames=40)
    (tmp_path / "testlist01.txt").write_text("../secret.avi\n")
    with pytest.raises(InputError, match=r"names '\.\./secret\.avi', which is not of the form Class/file"):
        load_set(tmp_path, "test")


# --- The command ---------------------------------------------------------------------------------------------------


def test_the_command_writes_both_splits(tmp_path, monkeypatch):
    few = sets.KINDS["balloons"]._replace(counts={"train": 3, "test": 2})
    monkeypatch.setitem(sets.KINDS, "balloons", few)
    asked = ["render", "balloons", "--out", str(tmp_path / "set"), "--size", "16", "--frames", "4"]
    done = CliRunner().invoke(cli.app, asked)
    assert done.exit_code == 0, done.output
    assert "3 clips to train" in done.output
    for split in ("train", "test"):
        same(load_set(tmp_path / "set", split, size=16, frames=4), load_set("balloons", split, size=16, frames=4))


def test_the_command_refuses_a_set_that_there_is_not(tmp_path):
    done = CliRunner().invoke(cli.app, ["render", "cats", "--out", str(tmp_path / "set")])
    assert done.exit_code == 2
    assert "there is no set 'cats' to draw: give one of shapes, balloons, digits" in done.output
    assert not (tmp_path / "set").exists()
