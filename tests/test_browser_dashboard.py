"""The dashboard in a real JupyterLab: large files arrive, a reloaded window goes on, a killed kernel loses little."""

import subprocess

import browser
import nbformat
import pytest
from browser import wait_for
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())]

PATIENCE = 90  # seconds, on a busy machine
TRAIN = """
import os
import time
import torch
from hpvae_nb import Clip, preset
from hpvae_nb.lab.dashboard import dashboard

torch.manual_seed(0)
clip = Clip(torch.rand(3, 13, 24, 40) * 2 - 1, fps=24, name="noise")
"""
VIDEO = 'view = dashboard(clip, preset("smoke", iterations=60))\nview'
IMAGE = """
picture = Clip(torch.rand(3, 48, 64) * 2 - 1, name="noise")
view = dashboard(picture, preset("laptop-image", scales=3, fine_size=32, coarse_size=16, iterations=20))
view
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, settings = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("settings")
    for name, code in (("train", TRAIN + VIDEO), ("upload", TRAIN + IMAGE)):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    with browser.jupyterlab(folder, settings) as address:
        yield address


def parts(reader):
    """The dashboard's cell, its line of words, and what stands beside its bar."""
    cell = reader.cell(0)
    said = cell.locator(".widget-html-content [role=status], .widget-html-content [role=alert]")
    return cell, said, cell.locator(".widget-hbox", has=reader.page.locator(".progress")).last


def test_files_of_any_size_arrive(read, tmp_path):
    reader = read("upload")
    reader.run_all()
    cell, said, _ = parts(reader)
    button = cell.locator("button", has_text="Upload")
    for megabytes in (1, 12, 60):
        path = tmp_path / f"photo_{megabytes}.png"
        Image.new("RGB", (80, 60), (megabytes, 0, 0)).save(path)
        with path.open("ab") as file:  # what follows a picture's end is nobody's concern
            file.write(bytes(megabytes * 1_000_000))
        with reader.page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files(path)
        wait_for(lambda: said.inner_text().startswith(path.stem), PATIENCE, f"{path.name} did not arrive")  # noqa: B023
    reader.screenshot("uploaded")
    assert not reader.errors


def test_a_file_that_does_not_arrive_is_a_sentence(read, tmp_path):
    reader = read("upload")
    reader.run_all()
    cell, _, _ = parts(reader)
    path = tmp_path / "late.png"
    Image.new("RGB", (80, 60)).save(path)
    reader.run_code("view.children[0].children[1].children[0]._arrived = lambda *_: None")
    with reader.page.expect_file_chooser() as chooser:
        cell.locator("button", has_text="Upload").click()
    chooser.value.set_files(path)
    alert = cell.locator(".hpvae-upload [role=alert]")
    alert.wait_for(timeout=20_000)
    assert "late.png does not arrive" in alert.inner_text()
    assert cell.get_by_label("or its path").is_visible()


def test_a_reloaded_window_goes_on_and_a_killed_kernel_loses_little(read):
    reader = read("train")
    reader.run_all()
    cell, said, beside = parts(reader)
    reader.run_code("slow, pause = [0.2], view.training._pause; view.training._pause = lambda: pause(slow[0])")
    cell.locator("button", has_text="Train").first.click()
    wait_for(lambda: "so far" in beside.inner_text(), PATIENCE, "it did not begin")
    reader.screenshot("training")
    reader.command("docmanager:save")
    reader.page.reload()
    reader.opened()
    cell, said, beside = parts(reader)
    first = wait_for(lambda: "so far" in beside.inner_text() and beside.inner_text(), PATIENCE, "it did not come back")
    wait_for(lambda: beside.inner_text() != first, PATIENCE, "it came back and stands still")
    reader.run_code("while view.training.progress.last.scale < 2: slow[0] = 0; time.sleep(0.001)\nslow[0] = 1")
    wait_for(lambda: said.inner_text().startswith("Scale 2"), PATIENCE, "it did not get to scale 2")
    reader.screenshot("reloaded")
    reader.run_code("print(os.getpid(), file=open('pid', 'w'))")
    pid = reader.page.evaluate("fetch('/files/pid').then(answer => answer.text())")
    subprocess.run(["kill", "-9", pid.strip()], check=True)
    reader.page.locator(".jp-Dialog button", has_text="Ok").click(timeout=60_000)  # it says that it starts anew
    reader.settle()
    reader.run_all()
    cell, said, beside = parts(reader)
    assert "Continue goes on with it" in said.inner_text()
    cell.locator("button", has_text="Continue").click()
    wait_for(lambda: said.inner_text().startswith("Scale"), PATIENCE, "it did not go on")
    assert not said.inner_text().startswith(("Scale 0", "Scale 1"))
    wait_for(lambda: "All 4 scales are trained" in said.inner_text(), PATIENCE, "it did not get to its end")
    cell.locator("button", has_text="Sample").click()
    wait_for(lambda: "sample 1" in cell.inner_text(), PATIENCE, "there is no sample")
    reader.screenshot("done")
