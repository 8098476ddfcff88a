"""Lesson 17: made-up raters are as they were made, a study finds them out, and its figures show the numbers."""

import numpy as np
import pytest

from hpvae_nb.lessons.l17_ask_people import experiment, figures, views
from hpvae_nb.studies import opinions, people


def shifted(first):
    return [[(number + shift) % len(first) for number in first] for shift in range(len(first))]


def ratio(answers, ddof=(1, 1), axis=0):
    return answers.var(axis, ddof=ddof[0]).mean() / answers.var(ddof=ddof[1])


def absolute(answers):
    apart = [np.abs(given[:, None] - given).sum() / (len(given) ** 2 - len(given)) for given in answers.T]
    every = answers.ravel()
    return 1 - np.mean(apart) / (np.abs(every[:, None] - every).sum() / (len(every) ** 2 - len(every)))


WRONG = {  # see test_exercises
    "orders": {
        "neighbours are not": lambda count: shifted(list(range(count))),
        "stands twice at the same place": lambda count: [list(range(count))] * count,
        "does not hold each number": lambda count: [[0] * count] * count,
        "1 orders came of 4 things": lambda count: [list(range(count))],
        "stopped with": lambda count: shifted(count),
    },
    "alpha": {
        "that is D_o / D_e": ratio,
        "not squared": absolute,
        "those are standard deviations": lambda answers: 1 - answers.std(0, ddof=1).mean() / answers.std(ddof=1),
        "D_o divides by the number of raters": lambda answers: 1 - ratio(answers, (0, 1)),
        "you divided by n in both": lambda answers: 1 - ratio(answers, (0, 0)),
        "pages and raters exchanged": lambda answers: 1 - ratio(answers, axis=1),
        "a number was wanted": lambda answers: answers.tolist(),
        "term by term": lambda answers: 0.5,
    },
}


def test_made_up_raters_think_in_the_mean_what_was_put_in():
    for question in (0, 1):
        means = experiment.opinions_of(300, 100, question=question, fine=True).mean((0, 1))
        wanted = [taste[question] for taste in experiment.TASTE.values()]
        np.testing.assert_allclose(means, wanted, atol=0.15)
    rounded = experiment.opinions_of(30, 10)
    assert set(np.unique(rounded)) == {1, 2, 3, 4, 5}


def test_the_same_rater_and_clip_stay_the_same_in_a_larger_study():
    large = experiment.opinions_of(20, 9, seed=4)
    assert np.array_equal(experiment.opinions_of(7, 3, seed=4), large[:7, :3])
    assert not np.array_equal(experiment.opinions_of(7, 3, seed=5), large[:7, :3])


def test_a_filled_study_is_the_table_of_the_same_raters(tmp_path):
    items = people.bundled()
    clips = ["bunny", "pedestrians"]
    for number in range(3):
        experiment.fill(people.Study(items, tmp_path, number), number, clips)
    found, _ = opinions.ratings(opinions.read(tmp_path), "diversity")
    assert np.array_equal(found, experiment.opinions_of(3, 2, question=1))
    wanted, _ = opinions.ratings(experiment.table(3, 2), "diversity")
    assert np.array_equal(found, wanted)


def test_order_effects_are_as_said():
    truth = {"A": 4.0, "B": 2.0}
    tired, contrast = experiment.TIRED, experiment.CONTRAST
    assert experiment.seen_in_order(truth, ["AB"]) == {"A": 4, "B": 2 - 2 * contrast - tired}
    both = experiment.seen_in_order(truth, ["AB", "BA"])
    assert both["A"] - 4 == pytest.approx(contrast - tired / 2)
    assert both["B"] - 2 == pytest.approx(-contrast - tired / 2)


def test_balanced_orders_keep_the_ranking_whatever_the_truth():
    dice = np.random.default_rng(0)
    orders = people.williams(4)
    for _ in range(50):
        truth = dict(enumerate(dice.uniform(1, 5, 4)))
        found = experiment.seen_in_order(truth, orders)
        assert sorted(truth, key=truth.get) == sorted(found, key=found.get)


def test_intervals_shrink_with_raters_and_with_clips():
    few, many = (experiment.widths([4, 16, 48], clips) for clips in (2, 20))
    assert few == sorted(few, reverse=True)
    assert many == sorted(many, reverse=True)
    assert all(large > small for large, small in zip(few, many, strict=True))


def test_scores_and_the_papers_are_drawn():
    scores = opinions.scores(experiment.table(6, 2))
    figure = figures.scores_figure(scores)
    for axis, question in zip(figure.axes, opinions.QUESTIONS, strict=True):
        part = scores[scores["question"] == question]
        mean, paper = axis.lines[0], axis.lines[-1]
        assert list(mean.get_xdata()) == part["mean"].tolist()
        np.testing.assert_array_equal(paper.get_xdata(), part["paper"])
        assert paper.get_markerfacecolor() == "none"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(experiment.TASTE)


def test_other_figures_show_their_numbers():
    figure = figures.widths_figure([3, 6], {2: [2.0, 1.0], 25: [1.0, 0.5]})
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[2, 1], [1, 0.5]]
    figure = figures.designs_figure({"A": 3, "B": 2}, {"one": {"A": 2.5, "B": 2.6}})
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[3, 2], [2.5, 2.6]]
    figure = figures.orders_figure({"one": ["AB", "BA"]})
    assert [text.get_text() for text in figure.axes[0].texts] == list("ABBA")
    figure = figures.answers_figure({"two": np.array([[1.0, 5, 3], [1, 5, 3]])})
    assert np.array_equal(figure.axes[0].images[0].get_array(), [[1, 3, 5]] * 2)
    assert figure.axes[0].get_title() == "two: α = 1.00"


def test_the_view_says_who_is_ahead():
    raters, clips, mood, picture, text = views.raters_view().children
    assert text.value.startswith("12 raters, 2 clips: HP-VAE-GAN may be ahead of or behind SinGAN")
    before = picture.value
    clips.value = 25
    assert "HP-VAE-GAN is ahead of SinGAN" in text.value
    assert picture.value != before
    mood.value, raters.value = 2.0, 3
    assert text.value.startswith("3 raters, 25 clips")


EXAMPLES = {  # see test_widgets
    "raters_view": ("500 draws of a bootstrap, 1 chart", lambda model: views.raters_view()),
}
