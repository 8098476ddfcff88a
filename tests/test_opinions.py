"""The user study: who sees what in which order, the raters' files, mean opinion scores, intervals, agreement."""

import collections
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

from hpvae_nb import load_clip, load_image, load_model
from hpvae_nb.errors import InputError
from hpvae_nb.lab import show
from hpvae_nb.studies import evidence, opinions, people


def item(clip, method, count=5, shape=(3, 4, 6, 8)):
    return people.Item(clip, method, torch.zeros(shape), torch.zeros(count, *shape))


def crossed(clips=3, methods=4):
    return [item(f"clip {c}", f"method {m}") for c in range(clips) for m in range(methods)]


# Order


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9])
def test_a_williams_design_is_balanced_in_places_and_neighbours(count):
    orders = people.williams(count)
    assert len(orders) == (count if count == 1 or count % 2 == 0 else 2 * count)
    assert all(sorted(order) == list(range(count)) for order in orders)
    for place in range(count):
        assert set(collections.Counter(order[place] for order in orders).values()) == {len(orders) // count}
    neighbours = collections.Counter(pair for order in orders for pair in itertools.pairwise(order))
    assert len(neighbours) == count * (count - 1)
    assert len(set(neighbours.values())) <= 1


@pytest.mark.parametrize("methods", [3, 4])
def test_numbered_raters_see_each_method_equally_often_at_each_place(methods):
    raters = len(people.williams(methods))
    orders = [people.ordered(crossed(3, methods), rater) for rater in range(raters)]
    for place in range(3 * methods):
        seen = collections.Counter(order[place].method for order in orders)
        assert set(seen.values()) == {raters // methods}
        assert len(seen) == methods


def test_each_item_comes_once_and_each_round_has_all_methods():
    items = crossed()
    for rater in (0, 1, 7, "blue heron", "ünï"):
        order = people.ordered(items, rater)
        assert {(one.clip, one.method) for one in order} == {(one.clip, one.method) for one in items}
        assert len(order) == len(items)
        for start in range(0, len(order), 4):
            assert len({one.method for one in order[start : start + 4]}) == 4


def test_an_order_is_the_raters_own_and_stays():
    items = crossed()
    orders = {rater: [id(one) for one in people.ordered(items, rater)] for rater in ("a", "b", "c", "d", 0, 1)}
    assert len({tuple(order) for order in orders.values()}) > 4
    assert [id(one) for one in people.ordered(items[::-1], " A ")] == orders["a"]


# A rater's session and file


def test_a_study_is_saved_answer_by_answer_and_goes_on(tmp_path):
    study = people.Study(crossed(), tmp_path, "Ada Lovelace")
    view = study.view()
    view.answer(0, 0, 4)
    view.answer(2, 1, 5)
    assert [file.name for file in tmp_path.iterdir()] == [study.file.name]
    again = people.Study(crossed(), tmp_path, "ada lovelace")
    assert again.answers == [[4, 0], [0, 0], [0, 5], *[[0, 0]] * 9]
    resumed = again.view()
    assert (resumed.page, resumed.answers) == (0, again.answers)
    resumed.answer(0, 1, 1)
    assert "1 of 12 pages rated" in repr(people.Study(crossed(), tmp_path, "Ada Lovelace"))


def test_a_file_tells_nothing_of_the_rater_but_a_pseudonym(tmp_path):
    study = people.Study(crossed(), tmp_path, "Ada Lovelace")
    study.save([[1, 2]] * 12)
    content = json.loads(study.file.read_text())
    assert set(content) == {"format", "rater", "kind", "pages"}
    assert content["rater"] == study.rater == people.rater_id("ada lovelace ") != people.rater_id("Ada")
    assert not re.search("ada|love", study.file.read_text() + str(study.file.name), re.IGNORECASE)
    assert people.rater_id(3) == "3"


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    study = people.Study(crossed(), tmp_path, 0)
    study.save([[1, 2]] * 12)
    before = study.file.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("hpvae_nb.io.checkpoint.os.replace", full)
    with pytest.raises(RuntimeError, match="nothing was changed"):
        study.save([[3, 3]] * 12)
    assert study.file.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_nothing_that_the_browser_gets_names_a_method_or_clip(tmp_path):
    sent = people.Study(people.bundled(), tmp_path, 0).view().get_state()
    sent = {name: value for name, value in sent.items() if name not in ("_esm", "_css")}
    assert len(sent["_pages"]) == 8
    for name in ("GAN", "VGPNN", "bunny", "pedestrians", "M = 3"):
        assert name.encode() not in repr(sent).encode()
        assert not any(name.encode() in media for media in sent["_media"])


@pytest.mark.slow
def test_the_bundled_study_shows_the_real_clip_as_it_was_trained_on():
    items = people.bundled()
    assert len(items) == 8
    for one in items:
        model = load_model(f"{one.clip}_m3", device="cpu")
        torch.testing.assert_close(one.real, show.real_at_last_scale(model, load_clip(one.clip)))
        point = evidence.WHOLE if one.method == people.OURS else one.method
        assert torch.equal(one.samples, evidence.samples(one.clip, point))
    images = people.bundled("image")
    assert (len(images), {len(one.samples) for one in images}) == (20, {4})
    assert {one.method for one in images} == {"HP-VAE-GAN", "SinGAN", "ConSinGAN", "GPNN"}
    coffee = load_image("coffee").video.mean()
    assert abs(next(one for one in images if one.clip == "coffee").real.mean() - coffee) < 0.01


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "there is no item"),
        (crossed()[1:], "11 items of 3 clips and 4 methods"),
        ([*crossed(), crossed()[0]], "13 items of 3 clips"),
        ([item("a", "x"), item("a", "y", 4)], "y has 4 samples of a and x 5 of a"),
        ([item("a", "x", 10)], "x has 10 samples"),
        ([people.Item("a", "x", torch.zeros(3, 4, 6, 8), torch.zeros(5, 3, 4, 6, 9))], "a size would tell"),
        ([item("a", "x"), item("b", "x", shape=(3, 6, 8))], "make a study of each kind"),
    ],
)
def test_what_is_no_blind_and_balanced_study_is_refused(items, words, tmp_path):
    with pytest.raises(InputError, match=re.escape(words)):
        people.Study(items, tmp_path, 0)


@pytest.mark.parametrize("rater", ["", "  ", -1, 1.5, None, True])
def test_a_rater_needs_a_name(rater, tmp_path):
    with pytest.raises(InputError, match="an invented name is needed"):
        people.Study(crossed(), tmp_path, rater)


def test_another_kind_another_study_and_damage_are_refused(tmp_path):
    with pytest.raises(InputError, match="kind is 'films'"):
        people.bundled("films")
    study = people.Study(crossed(), tmp_path, 0)
    study.save([[1, 2]] * 12)
    with pytest.raises(InputError, match="holds 12 pages of another study than this one of 8"):
        people.Study(crossed(2), tmp_path, 0)
    study.file.write_text(study.file.read_text()[:-30])
    with pytest.raises(InputError, match="damaged: move it elsewhere"):
        people.Study(crossed(), tmp_path, 0)


# A folder of files

TASTE = {"HP-VAE-GAN": (4.2, 3.6), "SinGAN": (3.4, 2.8), "ConSinGAN": (2.6, 2.0), "VGPNN": (1.8, 4.4)}


def answers(study, seed, scatter=0.6):
    dice = np.random.default_rng(seed)
    strict = dice.normal(0, 0.3)
    means = [np.array(TASTE[one.method]) - strict for one in study.items]
    return [np.clip(np.rint(mean + dice.normal(0, scatter, 2)), 1, 5).astype(int).tolist() for mean in means]


def rated(folder, raters, clips=3):
    items = [item(f"clip {c}", method) for c in range(clips) for method in TASTE]
    for rater in raters:
        study = people.Study(items, folder, rater)
        study.save(answers(study, sum(map(ord, str(rater)))))
    return study


def test_a_folder_becomes_one_table(tmp_path):
    study = rated(tmp_path, [0, 1, "blue heron"])
    table = opinions.read(tmp_path)
    assert list(table.columns) == ["rater", "kind", "clip", "method", "place", "realness", "diversity"]
    assert len(table) == 3 * 12
    mine = table[table["rater"] == study.rater].sort_values("place")
    assert mine[["realness", "diversity"]].to_numpy().tolist() == study.answers
    assert mine["method"].tolist() == [one.method for one in study.items]


def test_no_answer_is_no_number(tmp_path):
    study = rated(tmp_path, [0])
    study.save([[0, 3], *study.answers[1:]])
    table = opinions.read(tmp_path)
    assert table.loc[0, ["realness", "diversity"]].tolist()[1] == 3
    assert table["realness"].isna().sum() == 1


def test_files_that_cannot_count_are_named_and_left_out(tmp_path):
    study = rated(tmp_path, [0, 1])
    kept = study.file.read_text()
    wrong = {
        "broken.json": kept[:100],
        "list.json": "[1, 2]",
        "other.json": '{"format": "something"}',
        "six.json": re.sub(r'"realness": \d', '"realness": 6', kept, count=1),
        "half.json": re.sub(r'"realness": \d', '"realness": 2.5', kept, count=1),
        "video_1 (copy).json": kept,
    }
    for name, text in wrong.items():
        (tmp_path / name).write_text(text)
    with pytest.warns(UserWarning, match="6 of 8 files") as caught:
        table = opinions.read(tmp_path)
    (warning,) = caught
    assert all(name in str(warning.message) for name in wrong if "copy" not in name)
    assert "of a rater who is there already" in str(warning.message)
    assert len(table) == 2 * 12


def test_an_empty_folder_is_said(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="there are no answers in"):
            opinions.read(folder)


# Scores


def table_of(array, kind="video", question="realness"):
    """A table from `rater clip method`, the other question answered with 3 throughout."""
    names = list(opinions.PAPER["video"])
    other = next(name for name in opinions.QUESTIONS if name != question)
    return pd.DataFrame(
        {"rater": f"r{r}", "kind": kind, "clip": f"c{c}", "method": names[m], "place": 0, question: value, other: 3.0}
        for (r, c, m), value in np.ndenumerate(array)
    )


def test_scores_are_means_and_the_order_is_recovered(tmp_path):
    rated(tmp_path, range(12))
    table = opinions.read(tmp_path)
    found = opinions.scores(table)
    assert len(found) == 2 * len(TASTE)
    for k, question in enumerate(opinions.QUESTIONS):
        part = found[found["question"] == question].set_index("method")
        assert list(part["mean"].sort_values(ascending=False).index) == sorted(TASTE, key=lambda m: -TASTE[m][k])
        for method in TASTE:
            answers = table.loc[table["method"] == method, question]
            assert part.loc[method, "mean"] == pytest.approx(answers.mean())
            assert part.loc[method, "low"] < answers.mean() < part.loc[method, "high"]
            assert part.loc[method, "answers"] == len(answers) == 36
        assert part.loc["HP-VAE-GAN", ["ahead", "ahead_low", "ahead_high"]].tolist() == [0, 0, 0]
        assert part.loc["ConSinGAN", "ahead_high"] < 0
    paper = found.set_index(["question", "method"])["paper"]
    assert (paper["realness", "SinGAN"], paper["diversity", "HP-VAE-GAN"]) == (3.6, 3.8)
    assert np.isnan(paper["realness", "VGPNN"])


def test_a_resampling_draws_raters_and_then_clips_for_all_of_them():
    dice = np.random.default_rng(5)
    array = dice.integers(1, 6, (4, 3, 2)).astype(float)
    array[1, 2, 0] = np.nan
    array[3, :, 1] = np.nan
    found = opinions.resampled(array, draws=50, seed=7)
    again = np.random.default_rng(7)
    raters, clips = (again.multinomial(count, np.full(count, 1 / count), 50) for count in (4, 3))
    for draw in range(50):
        rows = [r for r, times in enumerate(raters[draw]) for _ in range(times)]
        columns = [c for c, times in enumerate(clips[draw]) for _ in range(times)]
        for method in range(2):
            drawn = array[np.ix_(rows, columns, [method])]
            wanted = np.nan if np.isnan(drawn).all() else np.nanmean(drawn)
            np.testing.assert_allclose(found[draw, method], wanted)


def test_intervals_hold_the_truth_about_as_often_as_they_say_and_rows_alone_would_not():
    """True mean 3; raters and clips each have a leaning of their own. Means of single answers are far too sure."""
    hits, naive = 0, 0
    for seed in range(150):
        dice = np.random.default_rng(seed)
        array = 3 + dice.normal(0, 0.7, (20, 1, 1)) + dice.normal(0, 0.5, (1, 12, 1)) + dice.normal(0, 0.5, (20, 12, 1))
        low, high = np.percentile(opinions.resampled(array, 400, seed), [2.5, 97.5])
        hits += low <= 3 <= high
        half = 1.96 * array.std() / array.size**0.5
        naive += abs(array.mean() - 3) <= half
    assert hits / 150 > 0.85
    assert naive / 150 < 0.6


def test_differences_are_paired_so_that_strict_raters_do_not_blur_them():
    dice = np.random.default_rng(0)
    array = 3 + dice.normal(0, 0.8, (10, 1, 1)) + np.array([0.0, -0.3, -0.6]) + dice.normal(0, 0.05, (10, 4, 3))
    found = opinions.scores(table_of(array)).query("question == 'realness'").set_index("method")
    assert found.loc["SinGAN", "high"] > found.loc["HP-VAE-GAN", "low"], "the scores' own intervals overlap"
    assert found.loc["SinGAN", "ahead_high"] < 0
    assert found.loc["SinGAN", "ahead"] == pytest.approx(-0.3, abs=0.05)


def test_missing_answers_do_not_count_and_a_method_without_any_is_named():
    array = np.full((3, 2, 3), 4.0)
    array[0, 0, 0] = np.nan
    found = opinions.scores(table_of(array)).query("question == 'realness'")
    assert found["answers"].tolist() == [5, 6, 6]
    assert found["mean"].tolist() == [4, 4, 4]
    array[:, :, 2] = np.nan
    with pytest.raises(InputError, match="nobody has answered on realness of ConSinGAN yet"):
        opinions.scores(table_of(array))


# Agreement

KRIPPENDORFF = [  # four observers and twelve units: the data of his example, of which he gives α at each level
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


@pytest.mark.parametrize(("level", "value"), [("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_its_authors_example(level, value):
    assert opinions.alpha(np.array(KRIPPENDORFF, dtype=float), level) == pytest.approx(value, abs=5e-4)


def test_alpha_is_one_zero_or_below():
    dice = np.random.default_rng(0)
    same = np.tile(dice.integers(1, 6, 30).astype(float), (5, 1))
    assert opinions.alpha(same) == 1
    assert abs(opinions.alpha(dice.integers(1, 6, (20, 200)).astype(float))) < 0.02
    assert opinions.alpha(np.array([[1.0, 5, 1, 5], [5, 1, 5, 1]])) < -0.5
    assert np.isnan(opinions.alpha(np.full((3, 4), 2.0)))
    assert np.isnan(opinions.alpha(same[:1]))
    assert np.isnan(opinions.alpha(np.full((3, 4), np.nan)))
    with pytest.raises(InputError, match="level is 'nominal'"):
        opinions.alpha(same, "nominal")


def test_strict_raters_agree_in_order_but_less_in_value():
    array = np.array([[1.0, 2, 3, 4], [2, 3, 4, 5]])
    assert 0 < opinions.alpha(array, "interval") < 1


def test_agreement_is_by_kind_and_question():
    both = [table_of(np.full((2, 2, 3), [1.0, 3, 5])), table_of(np.full((3, 2, 3), [5.0, 3, 1]), kind="image")]
    found = opinions.agreement(pd.concat(both)).set_index(["kind", "question"])
    assert found["alpha"]["video", "realness"] == found["alpha"]["image", "realness"] == 1
    assert np.isnan(found["alpha"]["video", "diversity"])
    assert found["raters"].tolist() == [3, 3, 2, 2]


def test_the_report_has_our_scores_beside_the_papers():
    said = opinions.report(table_of(np.full((3, 2, 3), [4.0, 3, 2])))
    assert "| video | HP-VAE-GAN | 4.0 [4.0, 4.0] | 4.1 | 3.0 [3.0, 3.0] | 3.8 |" in said
    assert "| video | ConSinGAN | 2.0 [2.0, 2.0] | 3.4 | 3.0 [3.0, 3.0] | 2.4 |" in said
    assert "α of realness, videos: 1.00 between 3 raters." in said
