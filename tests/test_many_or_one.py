"""Tables 1 and 2, run: from a tiny system and tiny models of ours to both tables, stopped, resumed and refused."""

import importlib.util

import pandas as pd
import pytest
import torch
from common import TINY
from einops import rearrange
from typer.testing import CliRunner

from hpvae_nb import InputError, cli, load_model, load_set, preset
from hpvae_nb.baselines import SYSTEMS, make_system
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_folders import write_set
from hpvae_nb.metrics import c3d, networks, svfid
from hpvae_nb.metrics.features import PatchFeatures
from hpvae_nb.metrics.frechet import fid
from hpvae_nb.studies import claims, evidence, intervals, many_or_one, many_page, many_tables
from hpvae_nb.studies.many_or_one import SETS, Comparison, compare
from hpvae_nb.studies.protocol import DISTANCES, neighbours, video_of

SIZE, FRAMES, COUNT = 16, 10, 12
SHARED = {"fine_size": SIZE, "sampling_rates": (9, 3, 1)}
THEIRS = {**SHARED, "coarse_size": SIZE, "channels": 4, "iterations": 6, "batch": 4, "average": 0.0}
OURS = {**TINY, **SHARED, "coarse_size": 10, "iterations": 3}
NARROW = (2, 3, 4, 4, 5, 5, 5, 5)  # C3D with few channels


@pytest.fixture(scope="module", autouse=True)
def small():
    """Two sets of samples, and patches alone to measure with: all a plain installation has."""

    def missing():
        raise ImportError("its packages are missing")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_or_one, "SETS", 2)
        patch.setattr(many_tables, "efficientnet_lite0", missing)
        yield


def tiny(**changes):
    options = {"samples": 4, "count": COUNT, "device": "cpu", "precision": "float32", "threads": 1}
    recipes = {"theirs": preset("mocogan-small", **THEIRS), "ours": preset("smoke", **OURS)}
    return Comparison("mocogan", "shapes", **{**options, **recipes, **changes})


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    """A folder with a finished comparison, and its rows."""
    out = tmp_path_factory.mktemp("many")
    return out, compare(tiny(), out, serial=True)


def test_rows_hold_what_the_models_in_the_folder_make(done):
    out, rows = done
    clips, test = tiny().load("train"), tiny().load("test")
    system = load_model(out / "mocogan" / "run", device="cpu", precision="float32")
    theirs = [system.sample(4, seed=seed).float() for seed in (0, 1)]
    pairs = neighbours(theirs[0], [clips[i][0] for i in range(COUNT)], clips.names)
    table1, table2 = (rows[rows["table"] == number].reset_index(drop=True) for number in (1, 2))
    for column, side in (("first", 0), ("second", 1)):
        assert table1[column].tolist() == [clips.names[pair[side]] for pair in pairs]
    models = {file.parent.name.split("_hpvae")[0]: load_model(file, device="cpu") for file in out.glob("ours/*/*/run")}
    assert set(models) == set(table1["first"])  # each is learned once, however many samples it is nearest to
    firsts, ours = [first for first, _ in pairs], []
    for i, first in enumerate(firsts):
        ours.append(models[clips.names[first]].sample(4, seed=0)[firsts[:i].count(first)])
    for column, videos, side in zip(DISTANCES, (theirs[0], theirs[0], ours, ours), (0, 1, 0, 1), strict=True):
        expected = [svfid(v[None], clips[p[side]][0]).value for v, p in zip(videos, pairs, strict=True)]
        assert table1[column].tolist() == pytest.approx(expected, rel=1e-4), column
    mosaic = rearrange(clips.batch([0, 1, 2, 4, 5, 6, 8, 9, 10]), "(a b) c t h w -> c t (a h) (b w)", a=3)
    patches, real = PatchFeatures(mosaic), [test[i][0] for i in range(len(test))]
    expected = [fid(list(made), real, patches).value for made in theirs]
    assert table2["theirs"].tolist() == pytest.approx(expected, rel=1e-4)
    assert table2.loc[0, "ours"] == pytest.approx(fid(ours, real, patches).value, rel=1e-4)
    alone = models[clips.names[firsts[0]]].sample(4, seed=0)
    assert table2.loc[0, "one"] == pytest.approx(fid(list(alone), real, patches).value, rel=1e-4)


def test_a_comparison_that_was_stopped_between_its_stages_ends_with_the_same_rows(done, tmp_path, monkeypatch):
    run = many_or_one.run_sweep

    def stopped(trials, out, serial):
        run(trials[:1], out, serial=serial)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(many_or_one, "run_sweep", stopped)
        with pytest.raises(KeyboardInterrupt):
            compare(tiny(), tmp_path, serial=True)
    with monkeypatch.context() as patch:
        patch.setattr(many_tables, "measure", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compare(tiny(), tmp_path, serial=True)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("ours/trials/*/row.json")}
    rows, seconds = compare(tiny(), tmp_path, serial=True), ["theirs_seconds", "ours_seconds"]
    pd.testing.assert_frame_equal(rows.drop(columns=seconds), done[1].drop(columns=seconds))
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.glob("ours/trials/*/row.json")}


def test_what_is_there_is_not_made_again_and_another_comparison_is_refused(done, monkeypatch):
    out, rows = done
    monkeypatch.setattr(many_or_one, "train", None)
    pd.testing.assert_frame_equal(compare(tiny(), out), rows)
    for changes in ({"seed": 1}, {"samples": 5}, {"count": 11}, {"ours": preset("smoke", **OURS, beta=0.5)}):
        with pytest.raises(InputError, match="holds a comparison with other .*: choose another folder"):
            compare(tiny(**changes), out)


@pytest.mark.slow
def test_the_command_measures_a_folder_of_ucf_101s_layout_with_c3d(tmp_path, monkeypatch):
    for split in ("train", "test"):
        write_set(load_set("shapes", split, count=6, size=20, frames=FRAMES), tmp_path / "UCF-101")
    torch.manual_seed(0)
    network = networks.c3d_network(NARROW)
    monkeypatch.setattr(networks, "c3d_network", lambda: networks.nn.Sequential(*network))
    layers = [layer for layer in network if hasattr(layer, "weight")]
    weights = {f"conv{i}.{name}": value for i, layer in enumerate(layers) for name, value in layer.named_parameters()}
    (tmp_path / "weights").mkdir()
    torch.save({name: value.data for name, value in weights.items()}, tmp_path / "weights" / "c3d_ucf101.pt")
    command = ["table1", "--system", "mocogan", "--data", str(tmp_path / "UCF-101"), "--out", str(tmp_path / "out")]
    command += ["--samples", "3", "--size", str(SIZE), "--weights", str(tmp_path / "weights"), "--serial"]
    command += ["--ours-preset", "smoke", "--device", "cpu", "--precision", "float32", "--threads", "1"]
    sizes = ("fine_size", "coarse_size")
    command += [f"--set={name}={value}" for name, value in THEIRS.items() if name not in sizes]
    command += [f"--ours-set={name}={value}" for name, value in OURS.items() if name != "fine_size"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.output
    name = c3d(tmp_path / "weights" / "c3d_ucf101.pt").name
    for words in (f"| MoCoGAN | SVFID to the second, {name} |", f"| ours, one clip for all | FID, {name} |"):
        assert words in result.output
    rows = pd.read_parquet(tmp_path / "out" / "mocogan" / "tables.parquet")
    assert set(rows["extractor"]) == {"patches", name}
    assert set(rows["data"]) == {"UCF-101"}
    assert all(video_of(row["first"]) != video_of(row["second"]) for _, row in rows[rows["table"] == 1].iterrows())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--system", "mocogam", "--data", "shapes"], "there is no system 'mocogam'; the nearest is 'mocogan'"),
        (["--system", "mocogan", "--data", "shape"], "there is no set 'shape'"),
        (["--system", "mocogan", "--data", "shapes", "--weights", "."], "holds no file of weights whose name begins"),
        (["--system", "mocogan", "--data", "shapes", "--preset", "laptop-32"], "for another method"),
    ],
)
def test_the_command_refuses_in_a_sentence(tmp_path, options, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["table1", *options, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("out/*/*"))  # a folder is claimed by what goes on alone


def test_our_preset_learns_the_16_frames_that_systems_make():
    assert {preset("laptop-32").frames, *(make_system(name)[1].frames for name in SYSTEMS)} == {16}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_has_its_small_settings_by_its_small_recipe_alone(name):
    assert Comparison(name, "shapes").method == make_system(name)[0]
    full, recipe = make_system(name, full=True)
    assert Comparison(name, "shapes", theirs=recipe).method == full


# --- For readers -------------------------------------------------------------------------------------------------


def hand_made(theirs=(4.0, 5.0, 6.0), ours=(2.0, 2.5, 3.0), data="shapes"):
    first = [{"table": 1, "sample": i, "first": f"n{i}", **dict.fromkeys(DISTANCES, a)} for i, a in enumerate(theirs)]
    table1 = pd.DataFrame(first).assign(ours_to_first=list(ours))
    table2 = pd.DataFrame({"table": 2, "sample": [0, 1], "theirs": [8.0, 9.0], "ours": [4.0, 4.5], "one": [9.0, 9.5]})
    about = {"system": "mocogan", "data": data, "extractor": "patches", "theirs_seconds": 120.0, "ours_seconds": 60.0}
    return pd.concat([table1, table2], ignore_index=True).assign(**about)


def test_numbers_stand_beside_the_bundled_ones_and_within_their_interval_or_outside():
    rows = hand_made()
    lines = many_page.page(rows, hand_made()).splitlines()
    mean = intervals.interval([2.0, 2.5, 3.0])
    (line,) = [line for line in lines if line.startswith("| ours, a clip for each | SVFID to the first, patches |")]
    assert f"{mean:.4g} | {mean:.4g} | within |" in line
    far = many_page.page(hand_made(ours=(20.0, 25.0, 30.0)), rows).splitlines()
    assert [line.split(" | ")[1] for line in far if "outside" in line] == ["SVFID to the first, patches"]
    assert "bundled" not in many_page.page(rows)


def test_claims_are_of_changes_paired_by_sample():
    points = many_page.as_points(pd.concat([hand_made(), hand_made(data="balloons")]))
    asked = claims.answerable(points, claims.TABLE_CLAIMS)
    assert [(claim.source, claim.metric) for claim in asked] == [
        ("Table 1", "SVFID to the first (patches)"),
        ("Table 1", "SVFID to the second (patches)"),
        ("Table 2", "FID (patches)"),
    ]
    closer, second, fid_claim = asked
    assert closer.measured(points, "shapes").tolist() == pytest.approx([-50, -50, -50])
    assert fid_claim.measured(points).tolist() == pytest.approx([-50] * 4)
    assert [claim.verdict(claim.found(points)) for claim in (closer, second)] == ["yes", "unclear"]


def test_samples_with_one_neighbour_count_as_one_in_claims():
    rows = hand_made(theirs=(4.0, 8.0, 6.0))
    rows["first"] = rows["first"].replace({"n1": "n0"})
    closer = claims.answerable(points := many_page.as_points(rows), claims.TABLE_CLAIMS)[0]
    assert closer.measured(points, "shapes").tolist() == pytest.approx([100 * (2.25 / 6 - 1), -50])


def test_the_overview_has_the_papers_numbers_and_what_was_trained():
    text = many_page.overview(hand_made())
    assert "| 19.0 / 19.1 / 42.0 |" in text
    assert "| 6.1 / 15.3 / 22.1 |" in text
    assert many_page.costs(hand_made()) == "MoCoGAN: 2.0 processor minutes, and 1.0 for ours of 3 clips."


def test_clips_are_kept_and_drawn(done):
    out, rows = done
    tensors, _ = checkpoint.read(out / "mocogan" / "clips.safetensors", "clips")
    assert {tuple(value.shape) for value in tensors.values()} == {(4, 3, FRAMES, SIZE, SIZE)}
    clips = tiny().load("train")
    named = [clips.names.index(name) for name in rows["first"].dropna()]
    assert torch.equal(tensors["first"], clips.pixels[named])
    assert many_page.sheet(out, ["mocogan"])[8:12] == b"WEBP"


def test_rows_and_sheets_are_collected_into_the_evidence_and_its_page(done, tmp_path, monkeypatch):
    described = importlib.util.spec_from_file_location("evidence_script", evidence.folder().parent / "evidence.py")
    script = importlib.util.module_from_spec(described)
    described.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    monkeypatch.setattr(script, "PAGE", tmp_path / "evidence.md")
    monkeypatch.setattr(evidence, "folder", lambda: tmp_path)
    assert script.tables() == ""
    hand_made(data="balloons").to_parquet(tmp_path / evidence.MANY)
    out, rows = done
    for _ in range(2):  # the second time its rows take the place of the first's
        script.collect_many(out)
    bundled = evidence.many_rows()
    assert bundled["data"].value_counts().to_dict() == {"balloons": 5, "shapes": len(rows)}
    assert (tmp_path / "evidence_many_shapes.webp").read_bytes()[8:12] == b"WEBP"
    text = script.tables()
    assert text.index("### balloons") < text.index("### shapes") < text.index("closer to the second than MoCoGAN")
    with pytest.raises(InputError, match="no comparison has ended"):
        script.collect_many(tmp_path)


def test_bundled_rows_are_whole():
    rows = evidence.many_rows()
    comparisons = rows.groupby(["system", "data", "extractor"])
    assert len(comparisons) == len(SYSTEMS) * 2 * 2, "two sets, measured with patches and with EfficientNet"
    for _, one in comparisons:
        assert one["table"].value_counts().to_dict() == {1: 50, 2: SETS}
        assert one.loc[one["table"] == 1, list(DISTANCES)].notna().all(axis=None)
        assert one.loc[one["table"] == 2, list(many_tables.FIDS)].notna().all(axis=None)
