"""Where a notebook is only read, on a page without scripts or on paper, nothing that it shows is missing."""

import base64
import copy
import io
import re
import shutil

import bleach
import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from common import OF_A_VIEW, SOURCE, noise_clip, notebook_builder, run_python
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from hpvae_nb.io.clips import data_dir
from hpvae_nb.lab import render, show
from hpvae_nb.lab.brush import brush
from hpvae_nb.lab.live import image, live
from hpvae_nb.lab.stills import MARK, still, stills
from hpvae_nb.lab.uploads import Upload

NOTEBOOKS = sorted((SOURCE / "notebooks").glob("*.ipynb"))
VIEW = "application/vnd.jupyter.widget-view+json"
WITHOUT_PICTURE = {"13_reproducing_the_paper": 1}  # the panel that trains a point again: buttons, a bar, a table
KEPT = {"img", "div", "span", "p", "pre", "small", "b", "table", "tr", "td", "th"}  # by pages that trust nobody
PICTURE = re.compile(r'<img alt="([^"]*)" src="data:image/\w+;base64,([^"]*)">')


def cleaned(page):
    """What such a page keeps: no script, no style, no video."""
    return bleach.clean(page, KEPT, {"img": ["alt", "src"]}, {"data"}, strip=True)


def pictures(page):
    """Of a piece of HTML, what each says of itself, and the picture itself."""
    return [(alt, Image.open(io.BytesIO(base64.b64decode(data)))) for alt, data in PICTURE.findall(page)]


def videos(page):
    """How many have a poster, and a picture that is seen only where the tag is dropped."""
    return len(re.findall(r'<video [^>]*poster="data:[^"]+"[^>]*><img [^>]*></video>', page))


def speed(picture):
    """Milliseconds for which a frame is shown."""
    picture.load()
    return picture.info["duration"]


def said(page):
    """The lines of a still."""
    return [line.strip() for line in re.split(r"<[^>]*>", page) if line.strip()]


@pytest.fixture
def view():
    """A box as lessons show them, with a clip in it; nothing else is there, as in a new kernel."""
    widgets.Widget.close_all()
    return live(
        lambda seed: (show.animation(noise_clip(seed=seed).video, 24), f"a clip, <drawn> from seed {seed}"),
        "webp",
        seed=widgets.IntSlider(3, description="seed"),
    )


# A still


def test_a_still_shows_the_picture_and_says_what_the_controls_say(view):
    page = still(view)
    assert page.startswith(MARK)
    assert said(page)[:2] == ["seed: 3", "a clip, &lt;drawn&gt; from seed 3"]
    ((alt, picture),) = pictures(cleaned(page))
    assert alt == "a clip, &lt;drawn&gt; from seed 3"
    shown = Image.open(io.BytesIO(view.children[1].value))
    assert (picture.size, picture.n_frames, speed(picture)) == (shown.size, shown.n_frames, speed(shown))


def test_a_still_follows_its_view(view):
    view.children[0].value = 7
    assert said(still(view))[0] == "seed: 7"
    assert "from seed 7" in pictures(cleaned(still(view)))[0][0]


def test_every_kind_of_control_has_its_line():
    empty = image("png")
    box = widgets.VBox([
        widgets.HBox([widgets.Button(description="Train"), Upload(print, description="Upload")]),
        widgets.Dropdown(options=[("a & b", 1), ("c", 2)], description="rates"),
        widgets.SelectionSlider(options=[("0.1", 0.1), ("1", 1)], value=1, description="weight"),
        widgets.ToggleButtons(options=["bunny", "pond"], description="clip"),
        widgets.Checkbox(value=True, description="aligned"),
        widgets.FloatLogSlider(value=0.1, min=-3, description="β"),
        widgets.IntRangeSlider(value=(2, 5), description="rows"),
        widgets.IntProgress(3, 0, 8, description="trained"),
        widgets.Label("1 < 2"),
        widgets.HTML("<b>bold</b>"),
        empty,
    ])  # fmt: skip
    lines = said(still(box))
    assert lines[:6] == ["[Train]", "[Upload]", "rates: a &amp; b", "weight: 1", "clip: bunny", "aligned: on"]
    assert lines[6:-1] == ["β: 0.1", "rows: (2, 5)", "trained: 3 of 8", "1 &lt; 2", "bold"]
    assert not pictures(still(box))


def test_pictures_are_kept_small_and_nearly_as_they_were():
    picture = image("png")
    with Image.open(data_dir() / "parasols.png") as photo:
        large = photo.convert("RGB")
    large.save(file := io.BytesIO(), "PNG")
    picture.value, picture.tooltip = file.getvalue(), "parasols on a beach"
    page = still(picture)
    assert len(page) < len(picture.value) / 3
    ((_, small),) = pictures(cleaned(page))
    assert small.size == large.size
    off = np.asarray(small.convert("RGB")) - np.asarray(large).astype(int)
    assert abs(off).mean() < 8, "a picture full of grain"


def test_a_picture_whose_file_is_small_already_stays_as_it_is():
    picture = image("webp")
    picture.value = show.webp(show.to_uint8(noise_clip().video), 24, quality=10)
    assert render.address(bytes(picture.value)) in still(picture)


def test_a_brush_in_a_box_shows_what_was_painted():
    canvas = brush(noise_clip().video[:, 0])
    canvas.stroke([(3, 4)])
    ((alt, _),) = pictures(cleaned(still(widgets.HBox([canvas, widgets.Label("beside it")]))))
    assert alt == "Paint a mask: picture, 20 x 12 pixels, of which 64 are painted"


def test_stills_are_of_views_and_not_of_their_parts(view):
    found = stills()
    assert found[view.model_id] == still(view)
    assert not {part.model_id for part in view.children} & found.keys()


# A row of videos


def test_where_videos_are_left_out_moving_pictures_remain(monkeypatch):
    pages = []
    monkeypatch.setattr("IPython.display.display", pages.append)
    show.show_videos([noise_clip().video, noise_clip(seed=1).video], 10, ["real", 'new & "odd"'])
    page = pages[0].data
    assert videos(page) == 2
    shown = pictures(cleaned(page))
    assert [alt for alt, _ in shown] == ["real", "new &amp; &quot;odd&quot;"]
    assert [(picture.n_frames, speed(picture)) for _, picture in shown] == [(13, 100)] * 2
    assert "support the video tag" not in page


# What is saved


def test_a_still_takes_the_place_of_a_view_and_nothing_of_its_state_is_kept():
    parts = [{VIEW: {"model_id": "a"}, "text/plain": "VBox()"}, {VIEW: {"model_id": "b"}, "text/html": "its own page"}]
    outputs = [new_output("display_data", part) for part in parts]
    notebook = new_notebook(cells=[new_code_cell("view", outputs=outputs)], metadata={"widgets": {"state": "large"}})
    notebook_builder().put_in_place(notebook, {"a": "a still", "b": "another"})
    assert [output.data for output in notebook.cells[0].outputs] == [
        {"text/html": "a still", "text/plain": "VBox()"},
        {"text/html": "its own page"},
    ]
    assert not notebook.metadata


@pytest.mark.slow
def test_nbval_compares_a_live_view_with_its_still_and_does_not_let_pass_what_it_is_not(tmp_path):
    script = tmp_path / "box.py"
    script.write_text(
        "# %%\nfrom ipywidgets import IntSlider, VBox\nbox = VBox([IntSlider(3, description='seed')])\nbox\n\n"
        "# %%\nprint(len(box.children) + 4)\nbox.children[0].value = 5\n"
    )
    notebook_builder().run(script)
    saved = nbformat.read(tmp_path / "box.ipynb", as_version=4)
    (shown,) = (output.data for output in saved.cells[2].outputs)
    assert said(shown["text/html"])[0] == "seed: 5", "as it stands after the last cell"
    assert VIEW not in shown
    saved.cells[3].source = saved.cells[3].source.partition("\n")[0]  # nbval would find the view moved
    nbformat.write(saved, tmp_path / "box.ipynb")
    wrong = {"number": (3, "+ 4", "+ 5"), "value": (2, "(3", "(4"), "none": (2, ")])\nbox", ")])")}
    for name, (cell, old, new) in wrong.items():
        changed = copy.deepcopy(saved)
        changed.cells[cell].source = saved.cells[cell].source.replace(old, new)
        nbformat.write(changed, tmp_path / f"{name}.ipynb")
    shutil.copy(SOURCE / "notebooks" / "conftest.py", tmp_path)
    result = run_python("-m", "pytest", "-q", "--rootdir", tmp_path, "--nbval", "--nbval-current-env", tmp_path)
    failed = re.findall(r"FAILED .*?(\w+)\.ipynb::Cell (\d)", result.stdout)
    assert sorted(failed) == [("none", "1"), ("number", "2"), ("value", "1")], result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_without_scripts_shows_a_picture_of_every_view_and_every_video(path):
    notebook, without = nbformat.read(path, as_version=4), 0
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        cell.source = ""
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            assert VIEW not in data, "run `make notebooks`"
            is_view, page = OF_A_VIEW.match(data.get("text/plain", "")), data.get("text/html", "")
            without += bool(is_view) and not pictures(cleaned(page))
            assert page or not is_view
            assert videos(page) == page.count("<video")
            assert not page.startswith(MARK) or len(page) < 400_000
    assert without == WITHOUT_PICTURE.get(path.stem, 0)
    page = cleaned(HTMLExporter(template_name="basic").from_notebook_node(notebook)[0])
    shown = pictures(page)
    assert len(shown) == page.count("<img") > 0
    for alt, picture in shown:
        assert len(alt) > 2
        picture.load()
