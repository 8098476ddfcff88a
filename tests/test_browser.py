"""A reader's session in a browser: run cells, move every slider, press buttons, upload a file that is no video.

That all cells run, nbval shows; here most sessions run those that the views need, and beside them lies what was saved.
"""

import base64
import io
import re
import shutil

import browser
import nbformat
import numpy as np
import pytest
from browser import pixels, wait_for
from common import SOURCE
from PIL import Image

from hpvae_nb.io.clips import data_dir

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())]

REACH = 25  # pixels from a stroke's line to where its soft mask ends, for a brush of up to 16: 8 + disc 5 + blur 12
PATIENCE = 90  # seconds for a picture; most come at once, lesson 3 trains a model for its own, on a busy machine too
LESSONS = [
    "00_quickstart",
    "03_patch_vae",
    "07_hp_vae_gan",
    "08_sampling_and_interpolation",
    "09_diversity_and_realism",
    "10_metrics",
    "12_other_methods",
    "13_reproducing_the_paper",
    "14_images",
    "15_applications",
    "16_many_videos_or_one",
    "17_ask_people",
]
WHOLE = ["00_quickstart", "08_sampling_and_interpolation"]  # by "Run all", one in each front end
IN_NOTEBOOK = ["03_patch_vae", "08_sampling_and_interpolation", "15_applications"]  # all others in JupyterLab
NARROW = {"width": 900, "height": 1400}  # a small laptop's window


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, settings = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("settings")
    for notebook in (SOURCE / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    with browser.jupyterlab(folder, settings) as address:
        yield address


@pytest.mark.parametrize("name", LESSONS)
def test_a_session(read, name):
    path = SOURCE / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        pytest.skip(f"there is no notebook {name}")
    cells = nbformat.read(path, as_version=4).cells
    reader = read(name, front="Notebook" if name in IN_NOTEBOOK else "JupyterLab")
    reader.page.set_viewport_size(NARROW)
    if name in WHOLE:
        reader.run_all()
    else:
        reader.run(browser.needed(cells))
    views = reader.views()
    assert views == [number for number, cell in enumerate(cells) if browser.shows_view(cell)] != []
    for number in views:
        cell = reader.cell(number)
        for k in range(cell.locator(".noUi-target").count()):
            move(reader, cell, k)
        assert not unnamed(cell)
        assert not too_wide(cell)
        reader.screenshot(f"view{number}")
    if name == "00_quickstart":
        is_announced(reader)
    if name == "07_hp_vae_gan":
        press_buttons(reader)
    if name == "15_applications":
        paint(reader)
    assert not reader.errors


def move(reader, cell, k):
    """Slider k by keyboard and by mouse: its value and the picture must change each time. Then it goes back."""
    slider, picture = cell.locator(".noUi-target").nth(k), cell.locator("img.widget-image").first
    handle, readout = slider.locator(".noUi-handle").first, cell.locator(".widget-readout").nth(k)
    wait_for(lambda: pixels(picture), PATIENCE, "no picture was drawn")

    def changes(by, action):
        reader.settle()
        before, value, otherwise = pixels(picture), readout.inner_text(), f"{reader.name}: {by} moved slider {k}, but "
        result = action()
        wait_for(lambda: readout.inner_text() != value, PATIENCE, otherwise + "its value stayed")
        wait_for(lambda: pixels(picture) not in (None, before), PATIENCE, otherwise + "the picture stayed")
        return result

    slider.scroll_into_view_if_needed()
    assert all(knob.get_attribute("tabindex") == "0" for knob in slider.locator(".noUi-handle").all())
    changes("the keyboard", lambda: browser.press_arrow(reader.page, handle))
    was = changes("the mouse", lambda: browser.drag(reader.page, slider, handle))
    browser.drag(reader.page, slider, handle, was)


def unnamed(cell):
    """What a screen reader has no words for: a picture's are its title, those of a slider's handles its label."""
    found = [picture for picture in cell.locator("img").all() if len(picture.get_attribute("title") or "") < 10]
    for slider in cell.locator(".widget-slider").all():
        label = slider.locator(".widget-label").inner_text()
        named = slider.get_by_role("slider", name=label) if label else slider.locator("nothing")
        found += [label] if named.count() < slider.locator(".noUi-handle").count() else []
    return found


def too_wide(cell):
    """Outputs of which something sticks out of the page."""
    outputs = cell.locator(".jp-OutputArea-output")
    return outputs.evaluate_all("all => all.filter(o => o.scrollWidth > o.clientWidth).map(o => o.innerText)")


def is_announced(reader):
    """While the kernel draws, the view says so: here at once, since no machine is sure to take long."""
    reader.run_code("from hpvae_nb.lab.live import live; live.__globals__['SOON'] = 0")
    cell = reader.cell(reader.views()[0])
    seen = reader.texts(cell.locator(".widget-html-content").last)
    browser.press_arrow(reader.page, cell.locator(".noUi-handle").first)
    wait_for(lambda: len(seen()) == 2, PATIENCE, f"only seen: {seen()}")
    assert seen()[0] == "Drawing ..."
    assert "drawn from seed" in seen()[1]


def press_buttons(reader):
    """The dashboard: run its cell again, train, stop, continue; upload what is no video, then one that is."""
    (number,) = (number for number in reader.views() if "dashboard" in reader.source(number))
    cell = reader.run_again(number)
    button = {
        name: cell.locator("button", has_text=re.compile(name)) for name in ("Train", "Stop", "Continue", "Upload")
    }
    losses, said = cell.locator("img.widget-image").first, "[role=status], [role=alert]"
    text = cell.locator(".widget-html-content").locator(said)
    wait_for(lambda: "Expect about" in text.inner_text(), PATIENCE, "no plan")
    empty = wait_for(lambda: pixels(losses), PATIENCE, "no axes")
    reader.screenshot("ready")
    reader.run_code(
        "view.training._pause = lambda: type(view.training)._pause(view.training, 0.2)"
    )  # or it may end first
    button["Train"].click()
    first = wait_for(lambda: "Scale" in text.inner_text() and text.inner_text(), PATIENCE, "no step was made")
    wait_for(lambda: text.inner_text() != first, PATIENCE, "it stays at its first step")
    button["Stop"].click()
    wait_for(lambda: button["Continue"].count() and button["Continue"].is_enabled(), PATIENCE, "it did not stop")
    assert "All 4 scales" not in text.inner_text()
    reader.run_code("del view.training._pause")
    wait_for(lambda: pixels(losses) not in (None, empty), PATIENCE, "no losses were drawn")
    stopped = text.inner_text()
    reader.page.wait_for_timeout(1000)
    assert text.inner_text() == stopped
    reader.screenshot("stopped")
    button["Continue"].click()
    wait_for(lambda: "All 4 scales are trained" in text.inner_text(), PATIENCE, "it did not go on to the end")
    wait_for(lambda: cell.locator("img.widget-image").count() == 6, PATIENCE, "previews are missing")
    reader.screenshot("done")

    upload(reader, button["Upload"], "diary.mp4", b"Dear diary,")
    said = wait_for(lambda: text.get_attribute("role") == "alert" and text.inner_text(), PATIENCE, "not refused")
    assert "diary.mp4" in said
    reader.screenshot("refused")
    upload(reader, button["Upload"], "mine.mp4", (data_dir() / "balloons.mp4").read_bytes())
    wait_for(lambda: text.inner_text().startswith("mine: 4 scales"), PATIENCE, "not taken")
    assert button["Train"].is_enabled()
    reader.screenshot("uploaded")


def paint(reader):
    """A stroke in the workbench changes the result on it and around it, and nowhere else."""
    (number,) = (number for number in reader.views() if '"harmonize"' in reader.source(number))
    cell = reader.run_again(number)
    picture, result = cell.locator(".picture"), cell.locator("img.widget-image")
    cell.get_by_role("button", name="Clear", exact=True).click()
    said = cell.locator(".widget-html-content").last
    wait_for(lambda: said.inner_text().startswith("Nothing is painted yet"), PATIENCE, "it was not cleared")
    reader.settle()
    before = decoded(result)
    picture.scroll_into_view_if_needed()
    picture.focus()
    reader.page.keyboard.press("5")  # another colour than the first, which is the sky's
    box, (height, width) = picture.bounding_box(), before.shape[:2]
    across, down = (box[side] / length for side, length in (("width", width), ("height", height)))
    reader.page.mouse.move(box["x"] + 40.5 * across, box["y"] + 30.5 * down)
    reader.page.mouse.down()
    reader.page.mouse.move(box["x"] + 70.5 * across, box["y"] + 30.5 * down, steps=5)
    reader.page.mouse.up()
    wait_for(lambda: said.inner_text().startswith("Drawn anew"), PATIENCE, "the stroke did not arrive")
    reader.settle()
    changed = (decoded(result) != before).any(-1)
    assert changed[30, 40:71].mean() > 0.9
    near = np.zeros_like(changed)
    near[30 - REACH : 31 + REACH, 40 - REACH : 71 + REACH] = True
    assert not changed[~near].any()
    reader.screenshot("painted")


def decoded(result):
    """A still picture's pixels, as an array."""
    address = wait_for(lambda: pixels(result), PATIENCE, "there is no picture")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB")).astype(int)


def upload(reader, button, name, content):
    with reader.page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files({"name": name, "mimeType": "video/mp4", "buffer": content})
