"""FID on random features against its parts; the nearest-neighbour protocol on folders of hand-made clips."""

import csv
import itertools

import pandas as pd
import pytest
import torch
from common import TINY, noise_clip
from typer.testing import CliRunner

from hpvae_nb import Clip, InputError, load_model
from hpvae_nb.cli import app
from hpvae_nb.lab.show import save_video
from hpvae_nb.metrics import fid, frechet_distance, random_features_distance, svfid
from hpvae_nb.metrics.frechet import embedding
from hpvae_nb.studies.protocol import DISTANCES, as_page, neighbour_protocol, read_folder, resized


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_all_features_at_once_are_the_plain_distance():
    a, b = normal(40, 6), normal(30, 6, seed=1) + 1
    whole = random_features_distance(a, b, count=6, trials=1)
    assert whole == pytest.approx(frechet_distance(a, b))


def test_many_draws_average_over_all_choices_of_features():
    a, b = normal(40, 5) * torch.arange(1, 6), normal(30, 5, seed=1) + torch.arange(5)
    choices = [frechet_distance(a[:, list(c)], b[:, list(c)]) for c in itertools.combinations(range(5), 2)]
    drawn = random_features_distance(a, b, count=2, trials=2000)
    assert drawn == pytest.approx(sum(choices) / len(choices), rel=0.05)
    assert random_features_distance(a, b, count=2, trials=3, seed=1) != random_features_distance(
        a, b, count=2, trials=3
    )


@pytest.mark.parametrize(("count", "trials"), [(0, 5), (7, 5), (3, 0)])
def test_impossible_draws_are_refused(count, trials):
    with pytest.raises(InputError, match=r"choose 1\.\.6"):
        random_features_distance(normal(9, 6), normal(9, 6), count=count, trials=trials)


class Colours:
    """An extractor that needs no weights: the colour of each pixel."""

    name = "colours"

    def __call__(self, clip):
        return [clip.flatten(1).T]


def test_fid_takes_one_vector_for_each_clip_and_says_how_many_features():
    clips = [noise_clip(frames=3, seed=i) for i in range(6)]
    bright = [(clip.video + 0.3).clamp(-1, 1) for clip in clips]
    score = fid(bright, clips, Colours(), count=2)
    means = [torch.stack([embedding(clip, Colours()) for clip in group]) for group in (bright, clips)]
    assert means[1][0].tolist() == pytest.approx(clips[0].video.mean((1, 2, 3)).tolist())
    assert score.value == pytest.approx(random_features_distance(*means, count=2))
    assert str(score).startswith("FID on 2 of 3 features")
    assert fid(clips, clips, Colours(), count=3).value == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match="1 samples and 6 real"):
        fid(bright[:1], clips, Colours())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Four clips cut from three videos, named as UCF-101's are; one sample nearly like one of them."""
    root = tmp_path_factory.mktemp("protocol")
    clips = {}
    for name, seed in {"v_Ski_g01_c01": 0, "v_Ski_g02_c01": 2, "v_Ski_g03_c01": 3}.items():
        clips[name] = noise_clip(frames=5, height=24, width=40, seed=seed).video
    clips["v_Ski_g01_c02"] = 0.9 * clips["v_Ski_g01_c01"]  # the same video, nearer to the sample than the others
    (root / "clips").mkdir()
    (root / "samples").mkdir()
    for name, video in clips.items():
        save_video(root / "clips" / f"{name}.mp4", video, 24, width=40)
    near = 0.5 * clips["v_Ski_g01_c01"] + 0.4 * clips["v_Ski_g02_c01"]
    save_video(root / "samples" / "sample.mp4", near, 24, width=40)
    return root


def test_a_row_holds_the_neighbours_and_four_scores(folders):
    seen = []

    def make(clip):
        seen.append(clip)
        return clip.video.flip(-1)

    (row,) = neighbour_protocol(folders / "clips", folders / "samples", make, frames=5).to_dict("records")
    assert row["sample"] == "sample"
    assert row["first"].startswith("v_Ski_g01")
    assert row["second"] == "v_Ski_g02_c01"  # of the first's own video, there is another clip nearer
    assert [clip.name for clip in seen] == [row["first"]]
    clips = {clip.name: clip.video for clip in read_folder(folders / "clips", 5)}
    (sample,) = read_folder(folders / "samples", 5)
    videos = (sample.video, seen[0].video.flip(-1))
    expected = [svfid(video[None], clips[row[near]]).value for video in videos for near in ("first", "second")]
    assert [row[name] for name in DISTANCES] == pytest.approx(expected, rel=1e-5)
    assert row["extractor"] == "patches"


def test_table_1_has_the_mean_of_each_distance_and_names_the_extractor():
    rows = [("a", "n", "m", 1.0, 2.0, 3.0, 4.0, "patches"), ("b", "n", "m", 2.0, 4.0, 6.0, 8.0, "patches")]
    page = as_page(pd.DataFrame(rows, columns=["sample", "first", "second", *DISTANCES, "extractor"]))
    assert page.splitlines()[2:] == [
        "| the other method | SVFID 1.5 (patches) | SVFID 3 (patches) |",
        "| ours | SVFID 4.5 (patches) | SVFID 6 (patches) |",
    ]
    assert "| mean of 2 |" in page


def test_what_ours_makes_is_measured_at_the_samples_size(folders):
    shapes = []

    class Shapes(Colours):
        def __call__(self, clip):
            shapes.append(tuple(clip.shape[1:]))
            return super().__call__(clip)

    neighbour_protocol(
        folders / "clips", folders / "samples", lambda clip: torch.rand(3, 9, 60, 99), extractor=Shapes(), frames=5
    )
    assert set(shapes) == {(5, 24, 40)}


def test_how_clips_belong_together_can_be_told(folders):
    rows = neighbour_protocol(
        folders / "clips", folders / "samples", lambda clip: clip.video, frames=5, same_video=lambda name: name
    )
    assert {*rows["first"], *rows["second"]} == {"v_Ski_g01_c01", "v_Ski_g01_c02"}
    with pytest.raises(InputError, match="come from one video"):
        neighbour_protocol(
            folders / "clips", folders / "samples", lambda c: c.video, frames=5, same_video=lambda n: "x"
        )


def test_folders_without_clips_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no clips"):
        read_folder(tmp_path, 5)
    with pytest.raises(InputError, match="no folder"):
        read_folder(tmp_path / "missing", 5)


def test_resizing_keeps_the_first_and_last_frame_and_the_mean():
    ramp = torch.linspace(-1, 1, 13).reshape(1, 13, 1, 1).expand(3, 13, 32, 64)
    small = resized(ramp, (4, 16, 16))
    assert small.shape == (3, 4, 16, 16)
    assert small[0, :, 0, 0].tolist() == pytest.approx([-1, -1 / 3, 1 / 3, 1], abs=1e-5)
    checks = (torch.arange(64) % 2 * 2.0 - 1).expand(3, 2, 32, 64)
    assert resized(checks, (2, 8, 16)).abs().max() < 0.3
    assert Clip(small.clamp(-1, 1)).frames == 4


@pytest.mark.slow
def test_the_command_writes_a_row_for_each_sample_and_the_four_means(folders, tmp_path):
    changes = [f"--set={name}={value}" for name, value in {**TINY, "sampling_rates": (2, 1)}.items()]
    command = ["compare", str(folders / "clips"), str(folders / "samples"), "--out", str(tmp_path)]
    command += ["--preset", "smoke", *changes, "--frames", "5", "--precision", "float32"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    (row,) = csv.DictReader((tmp_path / "table1.csv").read_text().splitlines())
    clip = next(clip for clip in read_folder(folders / "clips", 5) if clip.name == row["first"])
    model = load_model(tmp_path / "models" / row["first"], device="cpu", precision="float32")
    assert len(model.facts["history"]) > 0
    expected = neighbour_protocol(
        folders / "clips", folders / "samples", lambda first: model.sample(1, seed=0)[0], frames=5
    )
    assert [clip.name] == expected["first"].tolist()
    assert [float(row[name]) for name in DISTANCES] == pytest.approx(
        expected.loc[0, list(DISTANCES)].tolist(), rel=1e-4
    )
    assert row["extractor"] == "patches"
    assert as_page(expected).splitlines()[-1] in result.output
    before = (tmp_path / "table1.csv").read_bytes()
    assert CliRunner().invoke(app, command).exit_code == 0
    assert (tmp_path / "table1.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--extractor", "c3d"], "c3d needs its published weights"),
        (["--extractor", "colours"], "there is no extractor 'colours'"),
        (["--set", "beta"], "--set 'beta' is not of the form"),
    ],
)
def test_the_command_refuses_before_it_trains(folders, tmp_path, options, said):
    arguments = [str(folders / "clips"), str(folders / "samples"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["compare", *arguments, *options])
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()
