"""The rating page: what reaches the browser, what arrives in Python, and three raters in a real browser."""

import html
import io
import re

import browser
import nbformat
import numpy as np
import pytest
import torch
from browser import wait_for
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from hpvae_nb.core.resampling import resize
from hpvae_nb.errors import InputError
from hpvae_nb.lab.rating import Page, Question, Rating
from hpvae_nb.lab.show import to_uint8
from hpvae_nb.studies import opinions, people

PATIENCE = 30  # seconds for an answer of the kernel, on a busy machine
QUESTIONS = [Question("How real?", "not", "very"), Question("How different?", "alike", "different")]
METHODS = ("HP-VAE-GAN", "SinGAN", "ConSinGAN", "VGPNN")


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def page(seed=0, shape=(3, 5, 8, 12)):
    return Page(noise(*shape, seed=seed), noise(3, *shape, seed=seed + 100), fps=10)


def frames(media):
    picture = Image.open(io.BytesIO(media))
    found = []
    for k in range(picture.n_frames):
        picture.seek(k)
        found.append(np.asarray(picture.convert("RGB")))
    return np.array(found), picture


# What reaches the browser, and what arrives


def test_pages_hold_their_clips_and_each_only_once():
    smooth = [resize(noise(4, 3, 5, 3, 4, seed=seed), (18, 32)) for seed in (0, 1)]
    one = Page(smooth[0][0], smooth[0][1:], fps=10)
    view = Rating([one, Page(one.real, smooth[1][:3], fps=24)], QUESTIONS)
    assert len(view._media) == 1 + 3 + 3 + 1  # the real one at two speeds
    clips = [to_uint8(clip) for clip in smooth[0]]
    for k, at in enumerate(view._pages[0]):
        shown, picture = frames(view._media[at])
        assert shown.shape == (5, 36, 64, 3)
        small = shown.reshape(5, 18, 2, 32, 2, 3).mean((2, 4))
        assert [np.abs(small - clip).mean() < 10 for clip in clips] == [k == other for other in range(4)]
        assert (picture.info["duration"], picture.info["loop"]) == (100, 0)
    view = Rating([page(), page()], QUESTIONS)
    assert (len(view._media), view._pages) == (4, [[0, 1, 2, 3]] * 2)


def test_images_are_still_pictures_pixel_by_pixel():
    one = page(shape=(3, 8, 12))
    shown, _ = frames(Rating([one], QUESTIONS)._media[0])
    assert np.array_equal(shown, to_uint8(one.real)[None])


def test_large_clips_keep_their_size():
    shown, _ = frames(Rating([page(shape=(3, 2, 90, 168))], QUESTIONS)._media[0])
    assert shown.shape == (2, 90, 168, 3)


def test_answers_are_told_and_counted():
    kept = []
    view = Rating([page(), page(1)], QUESTIONS, save=kept.append)
    view.answer(1, 0, 5)
    view.answer(1, 1, 2)
    view.answer(1, 0, 4)
    assert kept == [[[0, 0], [5, 0]], [[0, 0], [5, 2]], [[0, 0], [4, 2]]]
    assert (view._saved, view.answers) == (2, [[0, 0], [4, 2]])


def test_it_goes_on_where_an_answer_is_missing():
    pages = [page(), page(1), page(2)]
    assert Rating(pages, QUESTIONS, [[1, 2], [3, 0], [0, 0]]).page == 1
    assert Rating(pages, QUESTIONS, [[1, 2], [3, 4], [5, 5]]).page == 0
    assert Rating(pages, QUESTIONS, [[1, 2], [3, 0], [0, 0]])._saved == 3


def test_what_saving_raises_is_said_on_the_page():
    def refuse(answers):
        raise InputError("the disk is full: make room")

    view = Rating([page()], QUESTIONS, save=refuse)
    with pytest.raises(InputError):
        view.answer(0, 0, 3)
    assert view._failure == "Not saved: the disk is full: make room"
    assert view._saved == 0
    view._save = lambda answers: None
    view.answer(0, 1, 3)
    assert (view._failure, view._saved) == ("", 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((2, 0, 3), "page is 2, but there are 2, counted from 0"),
        ((0, 2, 3), "question is 2, but there are 2"),
        ((0, 0, 0), "value is 0, but must be a whole number of at least 1 and at most 5"),
        ((0, 0, 6), "an answer is 6, but must lie between 1 and 5"),
        ((0, 0, 2.5), "value is 2.5"),
    ],
)
def test_a_bad_answer_is_refused_in_a_sentence(given, words):
    view = Rating([page(), page(1)], QUESTIONS)
    with pytest.raises(InputError, match=re.escape(words)):
        view.answer(*given)
    assert view.answers == [[0, 0], [0, 0]]


def test_bad_pages_and_answers_are_refused():
    with pytest.raises(InputError, match="there are 0 pages and 2 questions"):
        Rating([], QUESTIONS)
    for answers in ([[0, 0]], [[0], [0]], [[0, 9], [0, 0]]):
        with pytest.raises(InputError):
            Rating([page(), page(1)], QUESTIONS, answers)


def test_a_saved_notebook_shows_the_first_page():
    data, _ = Rating([page()], QUESTIONS)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert 'alt="A page to rate: at the left the real one, beside it 3 new ones"' in html.unescape(data["text/html"])


# Three raters in a browser

TASTE = {"HP-VAE-GAN": (5, 5), "SinGAN": (4, 3), "ConSinGAN": (3, 2), "VGPNN": (1, 1)}  # what they think of whom
ORDER = list(TASTE)
CELL = """
import torch
from hpvae_nb.studies import people
items = torch.load("items.pt", weights_only=False)
view = people.Study(items, "answers", {rater}).view()
view
"""


def made_up():
    """Two clips, of each of which each method has its own samples."""
    names = [(clip, method) for clip in ("first", "second") for method in METHODS]
    real = {clip: noise(3, 5, 18, 32, seed=k) for k, clip in enumerate(("first", "second"))}
    return [
        people.Item(clip, method, real[clip], noise(4, 3, 5, 18, 32, seed=10 + k), 10)
        for k, (clip, method) in enumerate(names)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A notebook for each rater, of one cell."""
    folder = tmp_path_factory.mktemp("notebooks")
    torch.save(made_up(), folder / "items.pt")
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for rater in range(3):
        notebook = new_notebook(metadata=kernel, cells=[new_code_cell(CELL.format(rater=rater))])
        nbformat.write(notebook, folder / f"rater{rater}.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder, tmp_path_factory):
    with browser.jupyterlab(folder, tmp_path_factory.mktemp("settings")) as address:
        yield address


class Hand:
    """Someone who rates, and has opinions."""

    def __init__(self, reader):
        self.reader, self.page = reader, reader.page
        reader.run_all()
        self.cell = reader.cell(0)
        self.rating = self.cell.locator(".hpvae-rating")
        self.rating.scroll_into_view_if_needed()

    def said(self):
        return self.rating.get_by_role("status").inner_text()

    def hears(self, words):
        wait_for(lambda: words in self.said(), PATIENCE, f"it does not say {words!r}, but {self.said()!r}")

    def click(self, question, value):
        self.rating.locator(".question").nth(question).get_by_role("button").nth(value - 1).click()

    def step(self, name):
        self.rating.get_by_role("button", name=name, exact=True).click(force=True)  # also where it waits for answers

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def pressed(self):
        """The answers that the page shows."""
        found = []
        for question in self.rating.locator(".question").all():
            marks = [one.get_attribute("aria-pressed") for one in question.get_by_role("button").all()]
            found.append(marks.index("true") + 1 if "true" in marks else 0)
        return found

    def shown(self):
        return [picture.get_attribute("src") for picture in self.rating.locator("img").all()]


def opinion(item):
    return TASTE[item.method]


@pytest.mark.slow
@pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())
def test_three_raters_by_mouse_and_keys_and_what_they_prefer_comes_out(lab, folder, chromium):
    heard = []

    def sit_down(rater):
        tab = chromium.new_page(viewport={"width": 1300, "height": 1000})
        tab.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
        return Hand(browser.Reader(tab, lab, f"rater{rater}"))

    def study(rater):
        return people.Study(made_up(), folder / "answers", rater)

    by_mouse = sit_down(0)
    pages = study(0).items
    for k, item in enumerate(pages):
        by_mouse.hears(f"Page {k + 1} of 8")
        if k == 0:
            by_mouse.step("Next")
            by_mouse.hears("Page 1 of 8, 0 of 16 answers saved. Answer all questions of this page first.")
            by_mouse.reader.screenshot("begun")
        for question in (1, 0):  # in any order
            by_mouse.click(question, opinion(item)[question])
        assert by_mouse.pressed() == list(opinion(item))
        if k < 7:
            before = by_mouse.shown()
            by_mouse.step("Next")
            assert not set(before[1:]) & set(by_mouse.shown()), "the new ones are those of the page before"
    by_mouse.hears("16 of 16 answers saved. All pages are rated. Thank you!")
    by_mouse.reader.screenshot("done")

    by_keys = sit_down(1)
    by_keys.rating.focus()
    for k, item in enumerate(study(1).items[:5]):
        by_keys.hears(f"Page {k + 1} of 8")
        realness, diversity = map(str, opinion(item))
        if k == 1:
            by_keys.press("5" if realness != "5" else "4", "Backspace")  # a slip, and back
        if k == 2:
            by_keys.press("ArrowDown", diversity, "ArrowUp", realness, "ArrowLeft")
            by_keys.hears("Page 2 of 8")
            assert by_keys.pressed() == list(opinion(study(1).items[1]))
            by_keys.press("ArrowRight", "Backspace")
            by_keys.hears("Page 2 of 8")
            by_keys.press("Enter")
            by_keys.hears("Page 3 of 8")
        by_keys.press(realness, diversity, "Enter" if k % 2 else "ArrowRight")
    by_keys.hears("Page 6 of 8, 10 of 16")
    by_keys.page.close()
    by_keys = sit_down(1)  # another day
    by_keys.hears("Page 6 of 8, 10 of 16")
    by_keys.rating.focus()
    for item in study(1).items[5:]:
        by_keys.press(*map(str, opinion(item)), "Enter")
    by_keys.hears("Thank you!")

    mixed = sit_down(2)
    for item in study(2).items:
        mixed.click(0, opinion(item)[0])
        mixed.press(str(opinion(item)[1]), "ArrowRight")
    mixed.hears("Thank you!")

    table = opinions.read(folder / "answers")
    assert table["rater"].nunique() == 3
    for row in table.itertuples():
        assert (row.realness, row.diversity) == TASTE[row.method]
    found = opinions.scores(table)
    for _, part in found.groupby("question"):
        assert part.sort_values("mean", ascending=False)["method"].tolist() == ORDER
        assert (part["ahead_high"][part["method"] != ORDER[0]] < 0).all()
    assert (opinions.agreement(table)["alpha"] == 1).all()

    assert any("_pages" in str(frame) for frame in heard), "nothing was overheard"
    assert not [name for name in METHODS for frame in heard if name in str(frame)], "the page could know the method"
    names = by_mouse.rating.locator("button").evaluate_all("all => all.map(one => one.ariaLabel || one.textContent)")
    assert len(names) == len(QUESTIONS) * 5 + 2
    assert all(names)
    titles = [picture.get_attribute("title") for picture in by_mouse.rating.locator("img").all()]
    assert titles[0] == "The real one, in a loop"
    assert len(set(titles)) == 5
    for width in (800, 640):  # the second is what 1280 px leave at 200 %
        by_mouse.page.set_viewport_size({"width": width, "height": 900})
        by_mouse.rating.scroll_into_view_if_needed()
        by_mouse.reader.screenshot(f"{width}px")
        assert by_mouse.rating.evaluate("el => el.scrollWidth <= el.clientWidth + 1")
        assert by_mouse.rating.evaluate("el => el.getBoundingClientRect().right <= window.innerWidth")
    assert not by_mouse.reader.errors + by_keys.reader.errors + mixed.reader.errors
    for hand in (by_mouse, by_keys, mixed):
        hand.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        hand.page.close()
