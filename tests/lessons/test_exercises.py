"""Every exercise of every lesson: its check knows the solution, the untouched stub, and what wrong answers come from.

A lesson's test file brings its wrong answers: `WRONG[exercise][words]` is an answer to the exercise, which its check
has to meet with these words.
"""

import importlib

import pytest
from common import answers, exercises, lesson_tests

from hpvae_nb import lessons

LESSONS = lessons.names()
EXERCISES = [(lesson, name) for lesson in LESSONS for name in exercises(lesson)]
WRONG = {lesson: getattr(module, "WRONG", {}) for lesson, module in lesson_tests().items()}


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_every_exercise_has_a_hint(lesson, name):
    assert len(answers(lesson)["hint", name].split()) > 5


@pytest.fixture
def judge(capsys):
    """What a lesson's check says of an answer."""

    def said(lesson, name, answer):
        check = importlib.import_module(f"hpvae_nb.lessons.l{lesson}.checks")
        getattr(check, name)(answer)
        return capsys.readouterr().out

    return said


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_exercise_has_wrong_answers(lesson):
    assert exercises(lesson), "a lesson without an exercise"
    assert {name for name, wrong in WRONG[lesson].items() if wrong} == set(exercises(lesson))


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_the_solution_is_right(lesson, name, judge):
    for _ in range(5):  # some checks draw at random
        assert judge(lesson, name, answers(lesson)["solution", name]).startswith("Right: ")


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_the_stub_is_not_yet_an_answer(lesson, name, judge):
    assert judge(lesson, name, answers(lesson)["stub", name]) == f"Not yet: {name} still returns nothing\n"


@pytest.mark.parametrize(
    ("lesson", "name", "words"),
    [(lesson, name, words) for lesson in LESSONS for name in WRONG[lesson] for words in WRONG[lesson][name]],
)
def test_a_wrong_answer_is_told_why(lesson, name, words, judge):
    said = judge(lesson, name, WRONG[lesson][name][words])
    assert said.startswith("Not quite: ")
    assert words in said
