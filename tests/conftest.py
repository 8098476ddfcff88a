"""Fixtures: clips, a tiny recipe, one trained model, a browser; all on one thread, and tensors' shapes checked."""

import checked_shapes  # noqa: F401, I001  (before the package)

import browser
import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import fit, load_clip, preset

torch.set_num_threads(1)  # small convolutions get slower, not faster, with more


@pytest.fixture
def tiny():
    return tiny_config()


@pytest.fixture
def clip():
    return noise_clip()


@pytest.fixture(scope="session")
def pedestrians():
    return load_clip("pedestrians")


@pytest.fixture(scope="session")
def trained(pedestrians):
    """The smoke preset on a bundled clip, in float32. Shared: tests must leave it as it is."""
    return fit(pedestrians, preset("smoke", iterations=20), seed=0, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def chromium():
    """A browser without pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=browser.executable(), args=browser.FLAGS)
        yield program
        program.close()


@pytest.fixture
def read(lab, chromium):
    """Open a notebook of the server that the module's fixture `lab` gives; at the end, its kernel is shut down."""
    readers = []

    def open_notebook(name, **options):
        page = chromium.new_page(viewport={"width": 1300, "height": 1400})
        readers.append(browser.Reader(page, lab, name, **options))
        return readers[-1]

    yield open_notebook
    for reader in readers:
        reader.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        reader.page.close()
