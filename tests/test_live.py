"""The helpers under every figure and every interactive view."""

import io
import threading

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from hpvae_nb.errors import InputError
from hpvae_nb.io.images import load_image
from hpvae_nb.lab.live import BUSY, live, moved
from hpvae_nb.lab.render import described, emptied, paint, photo, png
from hpvae_nb.lab.show import grid


def drawn(value):
    return f"picture {value}".encode()


def slider(value=0):
    return ipywidgets.IntSlider(value, 0, 100)


def test_a_control_moves_the_picture():
    k, picture, text = live(drawn, value=slider()).children
    assert (picture.value, text.value) == (b"picture 0", "")
    k.value = 7
    assert picture.value == b"picture 7"


def test_a_view_is_moved_for_a_while():
    view = live(lambda a, b: (f"{a} {b}".encode(), f"of {a} and {b}"), a=slider(1), b=slider(2))
    a, b, picture, text = view.children
    with moved(view, a=7):
        assert picture.value == b"7 2"
        b.value = 8
        assert text.value == "of 7 and 8"
    assert (a.value, b.value, picture.value, text.value) == (1, 2, b"1 2", "of 1 and 2")


def test_a_view_is_put_back_when_what_is_tried_there_fails():
    view = live(drawn, value=slider())
    with pytest.raises(AssertionError), moved(view, value=7):
        raise AssertionError
    assert view.children[1].value == b"picture 0"


def test_a_control_without_effect_says_so():
    def idle(start, seed):
        return {"seed": f"nothing is drawn below <{start}>"} if start else {}

    start, seed = ipywidgets.IntSlider(), ipywidgets.IntSlider(description="seed z")
    _, _, picture, text = live(lambda start, seed: (b"", f"from {start}"), idle=idle, start=start, seed=seed).children
    assert not seed.disabled
    start.value = 3
    assert (start.disabled, seed.disabled) == (False, True)
    assert picture.tooltip == "from 3. “seed z” has no effect: nothing is drawn below <3>."
    assert text.value == "from 3. “seed z” has no effect: nothing is drawn below &lt;3&gt;."
    start.value = 0
    assert (seed.disabled, text.value) == (False, "from 0")


def test_what_is_no_control_can_ask_for_a_new_picture():
    elsewhere = [1]
    view = live(lambda value: b"picture %d %d" % (value, elsewhere[0]), value=slider())
    elsewhere[0] = 2
    assert view.children[1].value == b"picture 0 1"
    view.redraw()
    assert view.children[1].value == b"picture 0 2"


def test_all_controls_reach_the_function_by_name():
    a, b, picture, _ = live(lambda a, b: f"{a} {b}".encode(), a=slider(1), b=slider(2)).children
    b.value = 5
    assert picture.value == b"1 5"
    a.value = 4
    assert picture.value == b"4 5"


def test_a_sentence_stands_below_the_picture():
    *_, text = live(lambda a: (b"picture", f"{a} < 3 sites"), a=slider(2)).children
    assert text.value == "2 &lt; 3 sites"


def test_a_screen_reader_hears_the_sentence():
    """The browser makes a picture's title of its tooltip where a description is there, and empty."""
    a, picture, _ = live(lambda a: (b"picture", f"{a} < 3 sites"), a=slider(2)).children
    assert picture.tooltip == "2 < 3 sites"
    a.value = 1
    state = picture.get_state()
    assert (state["tooltip"], state["description"]) == ("1 < 3 sites", "")
    assert live(drawn, value=slider(7)).children[1].tooltip == "Picture for value = 7"


def test_drawing_that_takes_long_is_announced():
    said, patience = [], threading.Event()

    def slow(a):
        patience.wait(5 if a else 0)
        return b"picture", f"a = {a}"

    a, _, text = live(slow, a=slider(0)).children
    text.observe(lambda change: (said.append(change["new"]), patience.set()), names="value")
    a.value = 1
    assert said == [BUSY, "a = 1"]
    a.value = 0
    assert said == [BUSY, "a = 1", "a = 0"], "what is quick is not announced"


def test_an_announcement_gives_way_to_an_error():
    patience = threading.Event()

    def fails(a):
        if a:
            patience.wait(5)
            raise InputError("too much")
        return drawn(a)

    a, _, text = live(fails, a=slider(0)).children
    text.observe(lambda change: patience.set(), names="value")
    a.value = 1
    assert text.value.endswith("too much</span>")


@pytest.mark.parametrize(
    ("error", "said"), [(InputError("3 is too much"), "values. 3 is too much"), (KeyError("x"), "KeyError")]
)
def test_an_exception_becomes_a_sentence_and_passes(error, said):
    def fails_at_3(a):
        if a == 3:
            raise error
        return drawn(a)

    a, picture, text = live(fails_at_3, a=slider(1)).children
    a.value = 3
    assert said in text.value
    assert picture.value == b"picture 1"
    a.value = 4
    assert (picture.value, text.value) == (b"picture 4", "")


def test_only_the_newest_of_waiting_changes_is_drawn():
    calls, begun, go_on = [], threading.Event(), threading.Event()

    def slow(a):
        calls.append(a)
        if a == 1:
            begun.set()
            go_on.wait(5)
        return drawn(a)

    a, picture, _ = live(slow, a=slider(0)).children
    first = threading.Thread(target=setattr, args=(a, "value", 1))
    first.start()
    begun.wait(5)
    for a.value in (2, 3, 4):
        pass
    go_on.set()
    first.join(5)
    assert calls == [0, 1, 4]
    assert picture.value == b"picture 4"


def test_a_function_that_moves_its_own_control_is_drawn_again():
    control = slider(9)

    def at_most_5(a):
        control.value = min(a, 5)
        return drawn(a)

    _, picture, _ = live(at_most_5, a=control).children
    assert picture.value == b"picture 5"


def test_a_second_view_leaves_the_first_alive():
    first, second = (live(drawn, value=slider()).children for _ in range(2))
    first[0].value, second[0].value = 3, 4
    assert (first[1].value, second[1].value) == (b"picture 3", b"picture 4")


def test_png_closes_its_figure():
    figure = plt.figure(figsize=(2, 1))
    picture = Image.open(io.BytesIO(png(figure)))
    assert picture.format == "PNG"
    assert not plt.fignum_exists(figure.number)


def test_a_figure_drawn_into_again_shows_only_the_new():
    def draw(figure, side, most):
        axis = figure.axes[0]
        picture = paint(axis, [[0, most], [most, 0]], extent=(0, side, side, 0), vmin=0, vmax=most)
        axis.add_patch(plt.Rectangle((0, 0), side / 2, side / 2))
        axis.text(0, side, f"{side} px")
        axis.set(xlim=(0, side), ylim=(side, 0))
        if picture.colorbar is None:
            figure.colorbar(picture, ax=axis)
        return png(figure)

    figure, fresh = plt.subplots()[0], plt.subplots()[0]
    first = draw(figure, 8, 9)
    assert draw(emptied(figure), 2, 5) == draw(fresh, 2, 5) != first


def test_a_photo_is_a_small_picture_of_the_same_figure():
    def figure():
        return grid([("a cup", [load_image("coffee", size=300).video])], width=3)

    small, exact = photo(figure()), png(figure())
    a, b = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float) for data in (small, exact))
    assert a.shape == b.shape
    assert abs(a - b).mean() < 4
    assert len(small) < len(exact) / 4
    assert "data:image/webp;base64" in described(small, "a cup").data


def test_a_described_figure_carries_its_description():
    shown = described(plt.figure(), 'a "quoted" < word').data
    assert 'alt="a &quot;quoted&quot; &lt; word"' in shown
    assert 'src="data:image/png;base64,' in shown
    with pytest.raises(InputError, match="empty"):
        described(b"\x89PNG", " ")
