"""The brush: what a stroke covers, what arrives in Python, and that hands in a real browser do the same."""

import html
import io
import random
import re
from base64 import b64decode

import browser
import nbformat
import numpy as np
import pytest
import torch
from browser import pixels, wait_for
from einops import repeat
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from hpvae_nb import Clip
from hpvae_nb.errors import InputError
from hpvae_nb.lab.brush import TINT, brush, covered, frequent_colours
from hpvae_nb.lab.show import to_uint8

HEIGHT, WIDTH = 24, 40
PATIENCE = 30  # seconds for an answer of the kernel, on a busy machine


def noise(*shape, seed=0):
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture
def picture():
    return noise(HEIGHT, WIDTH)


def drawn(pattern):
    """The picture in lines of text: True where there is a #."""
    return np.array([[letter == "#" for letter in line] for line in pattern.split()])


# What a stroke covers

DOTS = {
    1: "..... ..... ..#.. ..... .....",
    2: "..... ..#.. .###. ..#.. .....",
    3: "..... .###. .###. .###. .....",
    5: ".###. ##### ##### ##### .###.",
}


@pytest.mark.parametrize("size", DOTS)
def test_a_dot_is_a_disc(size):
    assert np.array_equal(covered([(2, 2)], size, (5, 5)), drawn(DOTS[size]))


@pytest.mark.parametrize(
    ("points", "size", "pattern"),
    [
        ([(1, 1), (4, 1)], 1, "...... .####. ......"),
        ([(4, 1), (1, 1)], 3, "###### ###### ######"),
        ([(0, 0), (2, 2), (5, 2)], 1, "#..... .#.... ..####"),
        ([(0, 0), (5, 2)], 1, "##.... ..##.. ....##"),
        ([(-3, 1), (1, 1)], 1, "...... ##.... ......"),
        ([(9, 9)], 3, "...... ...... ......"),
        ([(5.5, 1.5)], 2, "...... .....# .....#"),
    ],
)
def test_a_line_is_all_that_is_near_it(points, size, pattern):
    assert np.array_equal(covered(points, size, (3, 6)), drawn(pattern))


def test_a_stroke_is_the_union_of_its_lines():
    points = [(3, 4), (30, 20), (35, 2)]
    lines = [covered(points[k : k + 2], 5, (HEIGHT, WIDTH)) for k in range(2)]
    assert np.array_equal(covered(points, 5, (HEIGHT, WIDTH)), lines[0] | lines[1])


# What arrives in Python


def test_a_mask_is_what_was_painted_and_the_picture_stays(picture):
    view = brush(picture)
    assert view.mask.shape == (HEIGHT, WIDTH)
    assert view.mask.dtype == torch.bool
    assert not view.mask.any()
    view.stroke([(3, 4), (10, 4)], size=3)
    view.stroke([(20, 20)], size=1)
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    wanted[3:6, 2:12] = wanted[20, 20] = True
    assert torch.equal(view.mask, wanted)
    assert torch.equal(view.painting, picture)


def test_a_painting_has_the_colours_and_is_untouched_elsewhere(picture):
    view = brush(picture, "paint")
    view.stroke([(3, 4), (10, 4)], size=1, colour="#ff8000")
    view.stroke([(10, 4)], size=1, colour="navy")
    view.stroke([(0, 0)], size=1, colour=picture[:, 7, 9])
    view.stroke([(39, 23)], size=1)
    shown = to_uint8(view.painting)
    assert (shown[4, 3:10] == (255, 128, 0)).all()
    assert (shown[4, 10] == (0, 0, 128)).all()
    assert (shown[0, 0] == to_uint8(picture)[7, 9]).all()
    assert "#" + bytes(shown[23, 39]).hex() == view.palette[0]
    assert int(view.mask.sum()) == 10
    assert torch.equal(view.painting[:, ~view.mask], picture[:, ~view.mask])


def test_the_eraser_brings_the_picture_back(picture):
    view = brush(picture, "paint")
    view.stroke([(3, 4), (10, 4)], size=1, colour="red")
    view.stroke([(5, 4), (6, 4)], size=1, erase=True)
    assert view.mask.nonzero().tolist() == [[4, x] for x in (3, 4, 7, 8, 9, 10)]
    assert torch.equal(view.painting[:, 4, 5:7], picture[:, 4, 5:7])


def test_undo_and_clear_go_step_by_step(picture):
    view = brush(picture)
    view.undo()
    view.clear()
    assert view.actions == []
    view.stroke([(3, 4)], size=1)
    view.stroke([(5, 6)], size=1)
    view.undo()
    assert view.mask.nonzero().tolist() == [[4, 3]]
    view.clear()
    assert not view.mask.any()
    view.stroke([(7, 8)], size=1)
    assert view.mask.nonzero().tolist() == [[8, 7]]
    view.undo()
    view.undo()
    assert view.mask.nonzero().tolist() == [[4, 3]]


def test_clearing_takes_colours_away_too(picture):
    view = brush(picture, "paint")
    view.stroke([(3, 4)], colour="red")
    view.clear()
    assert torch.equal(view.painting, picture)


def test_a_copy_lies_where_it_was_dropped(picture):
    view = brush(picture, "move")
    view.copy((2, 3, 6, 8), to=(10, 20))
    wanted = picture.clone()
    wanted[:, 10:14, 20:25] = picture[:, 2:6, 3:8]
    assert torch.equal(view.painting, wanted)
    under = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    under[10:14, 20:25] = True
    assert torch.equal(view.mask, under)


def test_a_copy_may_overlap_its_origin_and_the_next_takes_what_it_left(picture):
    view = brush(picture, "move")
    view.copy((2, 3, 6, 8), to=(3, 4))
    view.copy((3, 4, 4, 5), to=(20, 20))
    assert torch.equal(view.painting[:, 3:7, 4:9], picture[:, 2:6, 3:8])
    assert torch.equal(view.painting[:, 20, 20], picture[:, 2, 3])
    assert int(view.mask.sum()) == 4 * 5 + 1


@pytest.mark.parametrize(("to", "rows", "columns"), [((-2, -4), (2, 4), (4, 5)), ((22, 38), (0, 2), (0, 2))])
def test_what_reaches_beyond_the_border_is_cut_off(picture, to, rows, columns):
    """`rows` and `columns` of the copy are those that are left."""
    view = brush(picture, "move")
    view.copy((2, 3, 6, 8), to=to)
    left = picture[:, 2 + rows[0] : 2 + rows[1], 3 + columns[0] : 3 + columns[1]]
    place = (slice(max(0, to[0]), to[0] + rows[1]), slice(max(0, to[1]), to[1] + columns[1]))
    assert torch.equal(view.painting[:, *place], left)
    assert view.mask[place].all()
    assert int(view.mask.sum()) == left[0].numel()


def test_every_change_is_told_with_the_new_mask(picture):
    view, told = brush(picture), []
    view.on_change(lambda view: told.append(int(view.mask.sum())))
    view.stroke([(3, 4)], size=1)
    view.stroke([(9, 9)], size=3)
    view.undo()
    view.clear()
    view.set_state({"actions": [{"points": [[3, 4]], "size": 3}]})  # as the browser does it
    assert told == [1, 10, 1, 0, 9]


def test_what_a_callback_raises_is_said_until_the_next_change(picture):
    view, least = brush(picture), [100]

    def refuse(view):
        assert view._working
        if view.mask.sum() < least[0]:
            raise InputError("the mask is too small: paint more")

    view.on_change(refuse)
    with pytest.raises(InputError):
        view.stroke([(3, 4)])
    assert view._failure == "the mask is too small: paint more"
    assert not view._working
    least[0] = 0
    view.stroke([(3, 4)])
    assert view._failure == ""


def test_clips_images_and_frames_of_videos_can_be_painted_on():
    video = noise(5, HEIGHT, WIDTH)
    for given in (video, Clip(video)):
        assert torch.equal(brush(given).painting, video[:, 0])
        assert torch.equal(brush(given, frame=3).painting, video[:, 3])
    assert torch.equal(brush(Clip(video[:, 1])).painting, video[:, 1])


def test_the_callers_picture_stays_as_it_is(picture):
    before = picture.clone()
    view = brush(picture, "paint")
    view.stroke([(3, 4)], colour="red")
    view.painting.zero_()
    assert torch.equal(picture, before)
    assert not torch.equal(view.painting, torch.zeros_like(picture))


def test_the_palette_has_the_pictures_colours_the_most_frequent_first():
    parts = {"#306040": 30, "#e0d0c0": 20, "#102080": 10}
    rows = np.repeat([list(bytes.fromhex(colour[1:])) for colour in parts], list(parts.values()), axis=0)
    image = repeat(torch.from_numpy(rows) / 127.5 - 1, "h c -> c h w", w=8).float()
    assert frequent_colours(image, 3) == list(parts)
    assert brush(image, "paint", palette=5).palette == list(parts)
    assert len(brush(noise(HEIGHT, WIDTH), palette=7).palette) == 7


def test_small_pictures_are_enlarged_on_the_screen_by_whole_pixels():
    assert [brush(noise(*size))._scale for size in [(24, 40), (256, 100), (700, 20)]] == [16, 2, 1]
    assert brush(noise(24, 40), scale=3)._scale == 3


def test_a_saved_notebook_shows_the_picture(picture):
    view = brush(Clip(picture, name="a <pond>"), scale=2)
    view.stroke([(3, 4)], size=1)
    data, _ = view._repr_mimebundle_()
    assert data["text/plain"] == repr(view) == "Brush('mask', 40 x 24 pixels, 1 of them painted)"
    (alt, source) = re.fullmatch(
        r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)".*>', data["text/html"]
    ).groups()
    assert html.unescape(alt) == "Paint a mask: a <pond>, 40 x 24 pixels, of which 1 are painted"
    shown = np.asarray(Image.open(io.BytesIO(b64decode(source)))).astype(int)
    assert shown.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    plain, tint = to_uint8(picture).astype(int), np.array(list(bytes.fromhex(TINT[1:])))
    assert abs(shown[8:10, 6:8] - (plain[4, 3] + tint) / 2).max() <= 1
    shown[8:10, 6:8] = plain[4, 3]
    assert np.array_equal(shown[::2, ::2], plain)
    assert np.array_equal(shown[1::2, 1::2], plain)


def test_what_goes_to_the_browser_is_the_picture_and_the_actions(picture):
    view = brush(picture, "paint", palette=2)
    view.stroke([(3, 4)], size=1, colour="red")
    state = view.get_state()
    assert bytes(state["_picture"]) == to_uint8(picture).tobytes()
    assert state["_shape"] == [HEIGHT, WIDTH]
    assert state["actions"] == [{"points": [[3, 4]], "size": 1, "colour": "#ff0000"}]


# What cannot work


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"picture": "koi.png"}, "expected a torch tensor"),
        ({"picture": torch.zeros(HEIGHT, WIDTH)}, "expected 'c t h w'"),
        ({"picture": torch.full((3, 4, 4), 1.5)}, "outside [-1, 1]"),
        ({"picture": torch.zeros(3, 2049, 2048)}, "2048 x 2049 pixels, more than 4194304"),
        ({"mode": "draw"}, "mode is 'draw', but a brush has the modes 'mask', 'paint', 'move'"),
        ({"palette": 0}, "palette is 0"),
        ({"palette": 25}, "at most 24 colours"),
        ({"scale": 0}, "scale is 0"),
        ({"scale": 1.5}, "scale is 1.5"),
        ({"frame": 1}, "frame is 1, but picture has 1"),
        ({"frame": -1}, "frame is -1"),
    ],
)
def test_no_brush_for(picture, wrong, words):
    with pytest.raises(InputError, match=re.escape(words)):
        brush(**{"picture": picture, **wrong})


@pytest.mark.parametrize(
    ("mode", "points", "options", "words"),
    [
        ("mask", [(40, 5)], {"size": 1}, "40 x 24 pixels of the picture untouched"),
        ("mask", [(5, -9), (90, -9)], {"size": 9}, "leaves the 40 x 24 pixels"),
        ("mask", [(3, 4)], {"size": 0.5}, "size is 0.5"),
        ("mask", [(3, 4)], {"size": "9"}, "size is '9'"),
        ("mask", [(3, 4)], {"size": float("inf")}, "size is inf"),
        ("mask", [], {}, "at least one finite"),
        ("mask", [(3, float("nan"))], {}, "at least one finite"),
        ("mask", (3, 4), {}, "pairs (x, y) are wanted"),
        ("mask", [(3, 4, 5)], {}, "pairs (x, y) are wanted"),
        ("mask", [(3, 4)], {"colour": "red"}, "masks and erasers have none"),
        ("paint", [(3, 4)], {"colour": "red", "erase": True}, "masks and erasers have none"),
        ("paint", [(3, 4)], {"colour": "reddish"}, "colour is 'reddish'"),
        ("paint", [(3, 4)], {"colour": (0, 0, 255)}, "three values in [-1, 1]"),
        ("move", [(3, 4)], {}, "call copy(box, to)"),
    ],
)
def test_no_stroke_for(picture, mode, points, options, words):
    view = brush(picture, mode)
    with pytest.raises(InputError, match=re.escape(words)):
        view.stroke(points, **options)
    assert view.actions == []


@pytest.mark.parametrize(
    ("mode", "box", "to", "words"),
    [
        ("mask", (0, 0, 4, 4), (5, 5), "call stroke(points)"),
        ("move", (0, 0, 4, 41), (5, 5), "give (top, left, bottom, right) inside it"),
        ("move", (4, 0, 4, 4), (5, 5), "give (top, left, bottom, right) inside it"),
        ("move", (0, 0, 4), (5, 5), "(top, left, bottom, right) is wanted"),
        ("move", (0, 0, 4.5, 4), (5, 5), "(top, left, bottom, right) is wanted"),
        ("move", (0, 0, 4, 4), (24, 5), "nothing of the copy is seen"),
        ("move", (0, 0, 4, 4), (5, -4), "nothing of the copy is seen"),
        ("move", (0, 0, 4, 4), 5, "(top, left) is wanted"),
    ],
)
def test_no_copy_for(picture, mode, box, to, words):
    view = brush(picture, mode)
    with pytest.raises(InputError, match=re.escape(words)):
        view.copy(box, to)
    assert view.actions == []


# Hands in a browser

CELL = """
import ipywidgets, torch
from hpvae_nb.lab.brush import brush
from hpvae_nb.lab.live import image
from hpvae_nb.lab.show import still

{mode}, result = brush(torch.load("picture.pt"), "{mode}"), image("png", width="80px")

def answer(view, result=result):
    result.value = still(view.mask.float().expand(3, -1, -1))

answer({mode})
{mode}.on_change(answer)
ipywidgets.VBox([{mode}, result])
"""
MODES = ("mask", "paint", "move")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a picture, and a notebook with a brush in each cell; below it, what an observer makes of its mask."""
    folder = tmp_path_factory.mktemp("notebooks")
    torch.save(noise(HEIGHT, WIDTH), folder / "picture.pt")
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = new_notebook(metadata=kernel, cells=[new_code_cell(CELL.format(mode=mode)) for mode in MODES])
    nbformat.write(notebook, folder / "brushes.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder, tmp_path_factory):
    with browser.jupyterlab(folder, tmp_path_factory.mktemp("settings")) as address:
        yield address


class Hands:
    """Someone at one of the brushes."""

    def __init__(self, reader, folder, mode):
        self.reader, self.page, self.folder, self.mode = reader, reader.page, folder, mode
        self.cell = reader.cell(MODES.index(mode))
        self.picture, self.result = self.cell.locator(".picture"), self.cell.locator("img.widget-image")
        self.result.scroll_into_view_if_needed()
        self.picture.scroll_into_view_if_needed()

    def place(self, point):
        """Where a pixel of the picture has its centre on the page."""
        box = self.picture.bounding_box()
        return [
            box[start] + (at + 0.5) * box[side] / pixels
            for at, start, side, pixels in zip(point, "xy", ("width", "height"), (WIDTH, HEIGHT), strict=True)
        ]

    def drag(self, *points):
        self.page.mouse.move(*self.place(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.place(point), steps=3)
        self.page.mouse.up()

    def touch(self, *points):
        session = self.page.context.new_cdp_session(self.page)
        for k, point in enumerate(points):
            (x, y), kind = self.place(point), "touchMove" if k else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def press(self, *keys):
        self.picture.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, name):
        self.cell.get_by_role("button", name=name, exact=True).click()

    def answered(self, *acts):
        """Do this; the result's picture must change. What has arrived in the kernel then: mask and painting."""
        before = wait_for(lambda: pixels(self.result), PATIENCE, "there is no result")
        for act, *given in acts:
            act(*given)
        wait_for(lambda: pixels(self.result) not in (None, before), PATIENCE, f"the result stayed: {self.said()}")
        return self.arrived()

    def arrived(self):
        self.reader.run_code(f"torch.save([{self.mode}.mask, {self.mode}.painting], 'arrived.pt')")
        return torch.load(self.folder / "arrived.pt")

    def seen(self):
        """What the canvas shows, `h w c` in 0..255."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        values = self.picture.locator("canvas").evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        )
        return np.array(values, dtype=np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]

    def said(self):
        return self.cell.get_by_role("status").inner_text()


@pytest.fixture
def hands(read, folder):
    def sit_down(mode):
        reader = read("brushes")
        reader.run_all()
        return Hands(reader, folder, mode)

    return sit_down


def rectangle(top, left, bottom, right):
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    wanted[top:bottom, left:right] = True
    return wanted


in_a_browser = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())


@pytest.mark.slow
@in_a_browser
def test_a_mask_by_mouse_finger_and_keys(hands, picture):
    """The brush is 3 pixels wide at first, and the cursor at (20, 12); a stroke along an axis is a rectangle."""
    hand = hands("mask")
    mask, painting = hand.answered([hand.drag, (5, 4), (14, 4)])
    assert torch.equal(mask, rectangle(3, 4, 6, 16))
    assert torch.equal(painting, picture)
    assert hand.said() == "Painted. 36 of 960 pixels are painted."
    hand.reader.screenshot("mask")
    mask, _ = hand.answered([hand.touch, (30, 8), (30, 12), (30, 15)])
    assert torch.equal(mask, rectangle(3, 4, 6, 16) | rectangle(7, 29, 17, 32))
    mask, _ = hand.answered([hand.click, "Undo"])
    assert torch.equal(mask, rectangle(3, 4, 6, 16))
    mask, _ = hand.answered([hand.click, "Eraser"], [hand.drag, (5, 4), (9, 4)])
    assert torch.equal(mask, rectangle(3, 11, 6, 16))
    mask, _ = hand.answered([hand.click, "Clear"])
    assert not mask.any()
    mask, _ = hand.answered([hand.press, "z"])
    assert torch.equal(mask, rectangle(3, 11, 6, 16))
    hand.page.mouse.move(*hand.place((20, 12)))
    keys = ["b", "[", "ArrowLeft", "Shift+ArrowDown", "Space"]
    mask, _ = hand.answered([hand.press, *keys])
    assert torch.equal(mask, rectangle(3, 11, 6, 16) | rectangle(22, 19, 23, 20))
    mask, _ = hand.answered([hand.press, "Shift+ArrowRight", "Shift+Enter"])
    assert torch.equal(mask, rectangle(3, 11, 6, 16) | rectangle(22, 19, 23, 30))
    assert hand.page.locator(".jp-Notebook .jp-Cell").count() == len(MODES), "JupyterLab took the keys for its own"
    assert not hand.reader.errors


@pytest.mark.slow
@in_a_browser
def test_what_is_seen_is_what_arrives(hands, picture):
    """Strokes in all directions, of all sizes, beyond the border too; then each pixel is compared."""
    hand, draw = hands("paint"), random.Random(0)
    assert np.array_equal(hand.seen(), to_uint8(picture))
    for k in range(6):
        points = [(draw.randint(-3, WIDTH + 2), draw.randint(-3, HEIGHT + 2)) for _ in range(2)]
        start = (draw.randint(0, WIDTH - 1), draw.randint(0, HEIGHT - 1))
        mask, painting = hand.answered([hand.press, str(1 + k % 5), "]" if k % 2 else "["], [hand.drag, start, *points])
        assert np.array_equal(hand.seen(), to_uint8(painting))
    hand.reader.screenshot("paint")
    assert 0 < int(mask.sum()) < HEIGHT * WIDTH
    assert torch.equal(painting[:, ~mask], picture[:, ~mask])
    colours = {tuple(colour) for colour in to_uint8(painting)[mask.numpy()]}
    assert {"#" + bytes(colour).hex() for colour in colours} <= set(brush(picture).palette)
    even = "paint.stroke([(7.5, 5), (12, 11), (12, 18)], size=4, colour='red')"  # of which no hand is capable
    _, painting = hand.answered([hand.reader.run_code, even])
    assert np.array_equal(hand.seen(), to_uint8(painting))
    hand.click("Clear")
    hand.answered([hand.click, "Pick"], [hand.drag, (7, 9)], [hand.drag, (0, 0)])
    _, painting = hand.arrived()
    assert np.array_equal(to_uint8(painting)[0, 0], to_uint8(picture)[9, 7])
    assert hand.cell.get_by_role("button", name="Picked colour").is_visible()
    names = hand.cell.locator(".hpvae-brush button").evaluate_all(
        "all => all.map(one => one.ariaLabel || one.textContent)"
    )
    assert len(names) == 2 + 5 + 2 + 2, "tools; colours of the palette; the picked one, and its picker; steps"
    assert all(names)
    assert not hand.reader.errors


@pytest.mark.slow
@in_a_browser
def test_a_region_is_framed_and_its_copy_dragged(hands, picture):
    def copied(top, left):
        wanted = picture.clone()
        wanted[:, top : top + 4, left : left + 6] = picture[:, 3:7, 5:11]
        return wanted

    hand = hands("move")
    mask, painting = hand.answered([hand.drag, (5, 3), (10, 6)], [hand.drag, (6, 5), (26, 15)])
    assert torch.equal(painting, copied(13, 25))
    assert torch.equal(mask, rectangle(13, 25, 17, 31))
    assert np.array_equal(hand.seen(), to_uint8(painting))
    hand.reader.screenshot("move")
    mask, painting = hand.answered([hand.drag, (26, 15), (21, 9)])
    assert torch.equal(painting, copied(7, 20)), "the same copy, moved on"
    mask, painting = hand.answered([hand.press, "z"])
    assert torch.equal(painting, picture)
    hand.page.mouse.move(*hand.place((6, 5)))
    mask, painting = hand.answered([hand.press, "Enter", "Shift+ArrowDown", "Enter"])
    assert torch.equal(painting, copied(13, 5)), "the frame had gone back"
    keys = ["Escape", "z", "ArrowUp", "Space", "ArrowRight", "ArrowDown", "Space", "Space", "Shift+ArrowRight", "Space"]
    hand.answered([hand.press, *keys])
    assert int(hand.arrived()[0].sum()) == 4
    assert not hand.reader.errors


@pytest.mark.slow
@in_a_browser
def test_python_and_the_hand_share_one_painting_and_failures_are_said(hands):
    hand = hands("mask")
    before = hand.seen()
    hand.reader.run_code("mask.stroke([(3, 4)], size=1)")
    wait_for(lambda: not np.array_equal(hand.seen(), before), PATIENCE, "the page does not show it")
    (changed,) = np.argwhere((hand.seen() != before).any(axis=-1))
    assert changed.tolist() == [4, 3]
    mask, _ = hand.answered([hand.drag, (20, 10), (24, 10)])
    assert torch.equal(mask, rectangle(4, 3, 5, 4) | rectangle(9, 19, 12, 26))
    hand.reader.run_code("import time; times = []")
    hand.reader.run_code("mask.on_change(lambda view: times.append(time.sleep(1)))")
    for row in (2, 6, 14, 18, 22):
        hand.drag((2, row), (2, row))
    wait_for(lambda: hand.said() == "Working ...", PATIENCE, "it is not said that Python is at work")
    wait_for(lambda: hand.said() == "Painted. 67 of 960 pixels are painted.", PATIENCE, "it does not end")
    assert int(hand.arrived()[0].sum()) == 67, "strokes were lost that came meanwhile"
    hand.reader.run_code("while mask._working: time.sleep(0.1)")  # observers run in a thread of their own
    hand.reader.run_code("assert len(times) == 2, 'only the newest of those that wait is answered'")
    hand.reader.run_code("def refuse(view): raise ValueError('it is too small')\nmask.on_change(refuse)")
    hand.drag((30, 20))
    alert = hand.cell.get_by_role("alert")
    wait_for(alert.inner_text, PATIENCE, "nobody hears of it")
    assert alert.inner_text() == "ValueError: it is too small"
