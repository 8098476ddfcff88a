"""The command line in subprocesses: what it writes, prints and refuses."""

import re

import av
import numpy as np
import pytest
import torch
from common import SOURCE, noise_clip, run_python, tiny_config
from PIL import Image
from typer.testing import CliRunner

from hpvae_nb import Clip, fit, load_clip, load_model
from hpvae_nb.cli import app
from hpvae_nb.io.checkpoint import contents

pytestmark = pytest.mark.slow


def cli(*arguments):
    return run_python("-m", "hpvae_nb", *arguments)


def here(*arguments):
    """The same within this process, where what is tested is words: starting Python takes seconds."""
    return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False, prog_name="python -m hpvae_nb"
    )


def frames_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"  # what browsers play
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]), stream.average_rate


TRAIN = ["train", "pedestrians", "--preset", "smoke", "--device", "cpu"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "run"
    result = cli(*TRAIN, "--out", out, "--precision", "float32", "--set", "iterations=4")
    assert result.returncode == 0, result.stderr
    return out, result


def test_training_writes_what_its_reader_wants(finished):
    out = finished[0]
    names = {path.name for path in contents(out)}
    wanted = {"model.safetensors", "checkpoint.safetensors", "run.json", "real.mp4", "contact_sheet.png", "losses.png"}
    wanted |= {
        "new_clips.webp",
        "summary.md",
        *(f"preview_scale_{n}.png" for n in range(4)),
        *(f"sample_{i:02}.mp4" for i in range(8)),
    }
    assert names == wanted
    made = load_model(out, device="cpu", precision="float32").sample(8, seed=1)
    for i in range(8):
        pixels, fps = frames_of(out / f"sample_{i:02}.mp4")
        assert pixels.shape == (13, 216, 384, 3)  # 13 x 18 x 32, each pixel twelve times
        assert fps == pytest.approx(load_clip("pedestrians").fps, rel=0.01)
        small = torch.from_numpy(pixels).float().reshape(13, 18, 12, 32, 12, 3).mean((2, 4)) / 127.5 - 1
        assert (small.permute(3, 0, 1, 2) - made[i]).abs().mean() < 0.05
    assert frames_of(out / "real.mp4")[0].shape == (13, 216, 384, 3)
    for name in sorted(wanted):
        if name.endswith(".png"):
            picture = np.asarray(Image.open(out / name).convert("RGB"))
            assert min(picture.shape[:2]) > 150
            assert picture.std() > 10


def test_the_summary_names_the_figures(finished):
    text = (finished[0] / "summary.md").read_text()
    assert re.search(r"\*\*diversity\*\* \d\.\d{3} \(50 samples", text)
    assert re.search(
        r"\*\*training\*\* \d+ s on cpu in float32 \(\d+ processor seconds, \d+ CPU threads?\), seed 0, torch "
        + re.escape(torch.__version__),
        text,
    )
    assert re.search(r"\| 3 \| 13 x 18 x 32 \| GAN \| distance -?\d+\.\d{4}, penalty \d", text)
    assert text in finished[1].stdout


def test_the_plan_is_printed_before_training(finished):
    lines = finished[1].stdout.splitlines()
    assert lines[0].startswith("pedestrians, preset smoke, on cpu in float32, writing to ")
    for n, (kind, size) in enumerate([("VAE", "4 x 7 x 12"), ("VAE", "5 x 10 x 17"), ("GAN", "7 x 13 x 23")]):
        assert re.match(rf"\s+{n}  {kind}\s+{size}\s+\d+\.\d\d\s+\d+$", lines[3 + n])
    assert re.match(r"about .* in all on this machine, and \d+\.\d GB of memory", lines[7])
    assert re.match(r"\d+ CPU threads?, .*; --threads changes that$", lines[1])
    assert "preview_scale_3.png" in finished[1].stdout


def test_a_finished_run_needs_resume_and_then_only_makes_its_clips(finished):
    out = finished[0]
    before = (out / "model.safetensors").read_bytes()
    again = [*TRAIN, "--out", out, "--precision", "float32", "--set", "iterations=4"]
    refused = here(*again)
    assert refused.exit_code == 2
    assert "already holds this run" in refused.stderr
    assert (out / "model.safetensors").read_bytes() == before
    resumed = here(*again, "--resume", "--samples", "2")
    assert resumed.exit_code == 0, resumed.stderr
    assert "scale 0:" not in resumed.stdout  # no scale was trained
    assert "as many CPU threads as before; --threads changes that" in resumed.stdout
    other = here(*TRAIN, "--out", out, "--resume", "--set", "iterations=5")
    assert other.exit_code == 2
    assert "holds another run (its config.iterations is 4, not 5)" in other.stderr


def test_sampling_is_decided_by_its_seed_and_follows_the_size(finished, tmp_path):
    common = ["sample", finished[0], "--n", "2", "--size", "25x18x64", "--device", "cpu"]
    result = cli(*common, "--out", tmp_path / "a", "--seed", "3")
    assert result.returncode == 0, result.stderr
    for folder, seed in (("b", "3"), ("c", "4")):
        assert here(*common, "--out", tmp_path / folder, "--seed", seed).exit_code == 0
    names = {"sample_00.mp4", "sample_01.mp4", "contact_sheet.png"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == names
    a, b, c = (frames_of(tmp_path / folder / "sample_00.mp4")[0] for folder in "abc")
    assert a.shape == (25, 108, 384, 3)
    assert (a == b).all()
    assert (a != c).any()


def test_sampling_shuffles_strips(finished, tmp_path):
    common = ["sample", finished[0], "--n", "1", "--device", "cpu"]
    assert here(*common, "--out", tmp_path / "a").exit_code == 0
    assert here(*common, "--out", tmp_path / "b", "--strips", "3").exit_code == 0
    a, b = (frames_of(tmp_path / folder / "sample_00.mp4")[0] for folder in "ab")
    assert (a != b).any()
    refused = here(*common, "--out", tmp_path / "c", "--strips", "1")
    assert refused.exit_code == 2
    assert "strips is 1, but must be 2..6" in refused.stderr


def test_info_says_what_a_model_holds(finished):
    result = here("info", finished[0] / "model.safetensors")
    assert result.exit_code == 0, result.stderr
    assert "trained on 'pedestrians'" in result.stdout
    assert "scales 4 of 4" in result.stdout
    for line in ("scale 3: 13 x 18 x 32  GAN", "vae_levels = 2", "seed: 0", "precision: float32"):
        assert line in result.stdout


@pytest.mark.parametrize("dims", [3, 2])
def test_released_weights_are_imported_and_sampled(tmp_path, dims):
    from test_released import Experiment

    experiment = Experiment(tmp_path / "experiment", dims, 3)
    result = here("import-released", experiment.folder, "--out", tmp_path / "m.safetensors")
    assert result.exit_code == 0, result.stderr
    assert load_model(tmp_path / "m.safetensors").scales == 4
    result = here("sample", tmp_path / "m.safetensors", "--out", tmp_path / "s", "--n", "1", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    kind = "mp4" if dims == 3 else "png"
    assert {path.name for path in (tmp_path / "s").iterdir()} == {f"sample_00.{kind}", "contact_sheet.png"}


def test_an_image_model_is_sampled_as_pictures(tmp_path):
    image = Clip(noise_clip().video[:, 0], name="still")
    fit(image, tiny_config(dims=2), device="cpu").save(tmp_path)
    result = here("sample", tmp_path, "--out", tmp_path / "s", "--n", "2", "--size", "14x40", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("2 pictures and ")
    assert Image.open(tmp_path / "s" / "sample_01.png").size == (40, 14)


BAD = [
    (["train", "nowhere.mp4", "--out", "OUT"], "nowhere.mp4"),
    (["train", "balloon", "--out", "OUT"], "did you mean the bundled clip 'balloons'"),
    (["train", "coffee", "--preset", "laptop", "--out", "OUT"], "use load_image for a still picture (and dims=2)"),
    (["train", "cofee", "--set", "dims=2", "--out", "OUT"], "did you mean the bundled picture 'coffee'"),
    (
        ["train", "coffee", "--set", "dims=2", "--set", "coarse_size=700", "--set", "fine_size=700", "--out", "OUT"],
        "larger picture",
    ),
    (["train", "balloons", "--out", "OUT", "--preset", "smok"], "nearest is 'smoke'"),
    (["train", "balloons", "--out", "OUT", "--set", "betta=1"], "nearest is 'beta'"),
    (["train", "balloons", "--out", "OUT", "--set", "beta"], "not of the form name=value"),
    (["train", "balloons", "--out", "OUT", "--set", "beta=-1"], "beta is -1"),
    (["train", "balloons", "--out", "OUT", "--set", "sampling_rates=4"], "sampling_rates is 4"),
    (["train", "balloons", "--out", "OUT", "--set", "antialias=no"], "antialias is 'no'"),
    (["train", "balloons", "--out", "OUT", "--frames", "12"], "has 12 frames"),
    (["train", "balloons", "--out", "OUT", "--device", "abacus"], "device 'abacus'"),
    (["train", "balloons", "--out", "OUT", "--precision", "int8"], "precision is 'int8'"),
    (["train", "balloons", "--out", "OUT", "--seed", "-1"], "--seed"),
    (["train", "balloons"], "--out"),
    (["sample", "nowhere", "--out", "OUT"], "there is no file nowhere"),
    (["sample", "MODEL", "--out", "OUT", "--size", "big"], "size is 'big'"),
    (["sample", "MODEL", "--out", "OUT", "--size", "13x0x8"], "too small"),
    (["sample", "MODEL", "--out", "MODEL"], "exists"),
    (["info", "pyproject.toml"], "pyproject.toml"),
    (["import-released", "nowhere", "--out", "OUT"], "args.txt"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_work_is_one_sentence_and_writes_nothing(trained, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(SOURCE)
    model = trained.save(tmp_path / "model.safetensors")
    names = {"OUT": tmp_path / "out", "MODEL": model}
    result = here(*(names.get(argument, argument) for argument in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_shell_sees_the_sentence_and_the_status(tmp_path):
    arguments, said = BAD[1]
    result = cli(*(tmp_path / "out" if argument == "OUT" else argument for argument in arguments))
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1  # one sentence, no traceback
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "sample", "info", "render", "import-released"])
def test_help_explains_every_option(command):
    text = re.sub(r"[│╭╮╰╯─]", " ", here(command, "--help").stdout)
    options = {
        "train": "--out --preset --set --frames --start --fps --seed --samples --resume --device --precision clip",
        "sample": "--out --n --seed --size --device --precision model",
        "info": "model",
        "render": "--out --size --frames name",
        "import-released": "--out folder",
    }[command].split()
    for option in options:
        (line,) = [line for line in text.splitlines() if re.match(rf"\s*\*?\s*{option}\b", line, re.IGNORECASE)][:1]
        assert len(re.findall(r"[A-Za-z]{2,}", line)) >= 4, f"{option} has no help: {line}"


def test_help_lists_the_commands():
    text = here("--help").stdout
    for command in ("train", "sample", "info", "render", "import-released"):
        assert command in text


IMAGES = ["--preset", "smoke", "--set", "dims=2", "--set", "iterations=4", "--device", "cpu", "--samples", "3"]


def written(out):
    """Files of a run's reader, without previews and what resuming needs."""
    kept = {"checkpoint.safetensors", "run.json", "model.safetensors", "losses.png"}
    return {path.name for path in contents(out) if path.name not in kept and "preview" not in path.name}


def test_a_picture_trains_from_the_command_line(tmp_path):
    done = here("train", "coffee", *IMAGES, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert "note: " not in done.stderr
    samples = {f"sample_{i:02}.png" for i in range(3)}
    assert written(tmp_path / "run") == {"contact_sheet.png", "summary.md", "real.png", *samples}
    assert Image.open(tmp_path / "run" / "sample_02.png").size == (32, 21)
    said = done.stdout
    assert "making 3 pictures" in said
    assert "size (H x W)" in said
    assert "| scale | H x W |" in said
    assert f"See the pictures in {tmp_path / 'run'}, look at" in said
    assert "clip" not in said
    assert "frames per second" not in here("info", tmp_path / "run").stdout


def test_a_folder_of_pictures_trains_as_a_set(tmp_path):
    for i, (height, width) in enumerate([(30, 40), (30, 40), (50, 60)]):
        Image.fromarray(np.full((height, width, 3), 80 * i, np.uint8)).save(tmp_path / f"{i}.png")
    done = here("train", tmp_path, *IMAGES, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert f"3 pictures of {tmp_path.name}, preset smoke" in done.stdout
    assert done.stderr.count("note: ") == 1
    assert re.search(r"^note: .* has pictures from 40x30 to 60x50 pixels, each of which", done.stderr, re.MULTILINE)
    reals = {f"real_{i}.png" for i in range(3)}
    assert written(tmp_path / "run") == {
        "contact_sheet.png",
        "summary.md",
        *reals,
        *(f"sample_0{i}.png" for i in range(3)),
    }
    assert load_model(tmp_path / "run", device="cpu").reconstruct().shape[0] == 3


def test_a_video_given_to_a_model_of_images_lends_its_first_frame_with_a_word(tmp_path):
    done = here("train", "pedestrians", *IMAGES, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0] == "note: pedestrians is a video: its first frame is taken"
    assert "real.png" in written(tmp_path / "run")
