"""The helpers under every figure and every interactive view."""

import io
import threading

import ipywidgets
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from hpvae_nb.errors import InputError
from hpvae_nb.figures.render import described, png
from hpvae_nb.widgets.live import live


def drawn(value):
    return f"picture {value}".encode()


def slider(value=0):
    return ipywidgets.IntSlider(value, 0, 100)


def test_a_control_moves_the_picture():
    k, picture, text = live(drawn, value=slider()).children
    assert (picture.value, text.value) == (b"picture 0", "")
    k.value = 7
    assert picture.value == b"picture 7"


def test_all_controls_reach_the_function_by_name():
    a, b, picture, _ = live(lambda a, b: f"{a} {b}".encode(), a=slider(1), b=slider(2)).children
    b.value = 5
    assert picture.value == b"1 5"
    a.value = 4
    assert picture.value == b"4 5"


def test_a_sentence_stands_below_the_picture():
    *_, text = live(lambda a: (b"picture", f"{a} < 3 sites"), a=slider(2)).children
    assert text.value == "2 &lt; 3 sites"


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


def test_a_described_figure_carries_its_description():
    shown = described(plt.figure(), 'a "quoted" < word').data
    assert 'alt="a &quot;quoted&quot; &lt; word"' in shown
    assert 'src="data:image/png;base64,' in shown
    with pytest.raises(InputError, match="empty"):
        described(b"\x89PNG", " ")
