"""What nbval does not check: that notebooks are saved with outputs, agree with their scripts, and are really tested."""

from pathlib import Path

import nbformat
import pytest
from common import notebook_builder

import hpvae_nb

FOLDER = Path(hpvae_nb.__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
UNTESTED = {"nbval-ignore-output", "nbval-skip"}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert NOTEBOOKS[0].stem == "00_quickstart"


def test_outputs_are_saved(notebook):
    """nbval passes a notebook without outputs in silence, so their absence must fail here."""
    cells = code_cells(notebook)
    assert all(cell.execution_count for cell in cells)
    speaking = [cell for cell in cells if cell.outputs]
    assert len(speaking) >= 0.6 * len(cells)
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]


def test_at_most_a_third_is_untested(notebook):
    cells = code_cells(notebook)
    ignored = [cell for cell in cells if UNTESTED & set(cell.metadata.get("tags", []))]
    assert len(ignored) <= len(cells) / 3


def test_cells_are_short(notebook):
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(notebook))
    assert lengths[-1] <= 25
    assert lengths[len(lengths) // 2] <= 6


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_what_its_script_makes(path):
    saved, built = nbformat.read(path, as_version=4), notebook_builder().build(path.with_suffix(".py"))
    for ours, theirs in zip(saved.cells, built.cells, strict=True):
        assert (ours.cell_type, ours.source) == (theirs.cell_type, theirs.source), "run `make notebooks`"
        assert ours.metadata.get("tags", []) == theirs.metadata.get("tags", [])


def test_total_size():
    assert sum(path.stat().st_size for path in NOTEBOOKS) <= 25e6
