"""Makes the notebooks from their scripts: `python notebooks/build.py notebooks/01_patches.py ...`, then runs them.

A notebook is written as a percent script, which can be reviewed line by line. A code cell tagged `exercise` holds its
solution between the lines `# solution` and `# end`; the learner's notebook gets a stub in its place, and the solution
folded away below, so that the two cannot drift apart.

Two cells are the same in all notebooks and stand here: the badge on top, and the first code cell, which installs the
package where it is missing. Both hold the repository's address, whose one home is `Repository` in pyproject.toml.
`python notebooks/build.py --repository owner/name` changes it, there and in all notebooks, without running any.
As long as nobody has said it, the owner is OWNER, and both cells do without an address.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from hpvae_nb.io.checkpoint import write_bytes

SOURCE = Path(__file__).parent.parent
START, END, STUB = "# solution", "# end", "...  # your turn"

# Drawn here, and not fetched from Google: opening a notebook asks nothing of the network.
BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="112" height="22"><rect width="112" height="22" rx="4"
fill="#24292f"/><text x="56" y="15" fill="#fff" font-family="sans-serif" font-size="12" text-anchor="middle">Open in
Colab</text></svg>"""

# "torch==" what is there: pip then keeps it, or says that it is too old, but never puts another in its place. The
# extra `lab` is not asked for: it would replace Colab's ipywidgets 7, the only ones that Colab's pages can show.
# From the folder it is a copy and not editable: a running kernel would not find what is only pointed to.
SETUP = """\
# Where the package is missing, this installs it and keeps the PyTorch that is there.
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

if not find_spec("hpvae_nb"):
    pytorch = f"torch=={version('torch')}" if find_spec("torch") else "torch"
    here = Path("../hpvae_nb/__init__.py").exists()
    SOURCE
    %pip install --quiet "{pytorch}" ipywidgets anywidget "{source}\""""
ADDRESSED = 'source = "..[metrics]" if here else "hpvae_nb[metrics] @ git+https://github.com/REPOSITORY"'
UNADDRESSED = """assert here, "hpvae_nb is not installed: open this notebook in the folder it came in, notebooks/ of the source"
    source = "..[metrics]\""""


def build(script: Path) -> NotebookNode:
    """The learner's notebook, without outputs, with cell ids that stay the same from build to build."""
    notebook = jupytext.read(script)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            stub, solution = split(cell.source)
            cells += [cell, new_markdown_cell(folded(solution))]
            cell.source = stub
        else:
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03}"
    badge, setup = standard_cells(script.stem, repository())
    first = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
    notebook.cells = [badge, *cells[:first], setup, *cells[first:]]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def split(source: str) -> tuple[str, str]:
    """An exercise's stub and its solution.

    Raises:
        ValueError: when the cell holds no solution block.
    """
    lines = source.splitlines()
    marks = [line.strip() for line in lines]
    if START not in marks or END not in marks:
        raise ValueError(f"an exercise needs the lines {START!r} and {END!r}:\n{source}")
    start, end = marks.index(START), marks.index(END)
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    before, after = lines[:start], lines[end + 1 :]
    return "\n".join([*before, indent + STUB, *after]), "\n".join([*before, *lines[start + 1 : end], *after])


def folded(solution: str) -> str:
    """Markdown that shows a solution only when asked to."""
    return f"<details><summary>Solution</summary>\n\n```python\n{solution}\n```\n\n</details>"


def repository() -> str:
    """Where the project lies on GitHub, as owner/name."""
    address = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    return address.removeprefix("https://github.com/")


def standard_cells(lesson: str, repository: str) -> tuple[NotebookNode, NotebookNode]:
    """The two cells that every notebook has: the badge that opens it in Colab, and the first code cell.

    Without an address there is no Colab to open; then a link to all lessons takes the badge's place.

    Args:
        lesson: the notebook's name without `.ipynb`.
        repository: owner/name on GitHub.
    """
    if repository.startswith("OWNER/"):
        badge = new_markdown_cell("[All lessons](../README.md#what-to-open-next)", id="badge")
        return badge, new_code_cell(SETUP.replace("SOURCE", UNADDRESSED), id="setup")
    picture = f"data:image/svg+xml;base64,{base64.b64encode(BADGE.encode()).decode()}"
    colab = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{lesson}.ipynb"
    badge = new_markdown_cell(f"[![Open in Colab]({picture})]({colab})", id="badge")
    return badge, new_code_cell(SETUP.replace("SOURCE", ADDRESSED).replace("REPOSITORY", repository), id="setup")


def move(to: str) -> None:
    """Write the repository's address into pyproject.toml, README.md and all notebooks, whose outputs stay.

    Args:
        to: owner/name on GitHub.

    Raises:
        ValueError: when it is no such name; then nothing is written.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+(?<!\.git)", to):
        raise ValueError(f"the repository is {to!r}, but must be owner/name: make badges REPO=ada/hpvae_nb")
    link = re.compile(rf"(github(?:\.com)?/){re.escape(repository())}(?![\w-])")
    written = {}
    for path in (SOURCE / "pyproject.toml", SOURCE / "README.md"):
        written[path] = link.sub(rf"\g<1>{to}", path.read_text(encoding="utf-8"))
    for path in sorted(SOURCE.glob("notebooks/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        sources = {cell.id: cell.source for cell in standard_cells(path.stem, to)}
        for cell in notebook.cells:
            cell.source = sources.get(cell.id, cell.source)
        written[path] = nbformat.writes(notebook) + "\n"
    for path, text in written.items():
        write_bytes(path, text.encode())


def run(script: Path) -> None:
    """Build a script's notebook, run it, and save it with its outputs."""
    notebook = build(script)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(script.parent)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day would change with every build
    write_bytes(script.with_suffix(".ipynb"), f"{nbformat.writes(notebook)}\n".encode())
    print(f"wrote {script.with_suffix('.ipynb')}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Make the notebooks from their scripts, and run them.")
    parser.add_argument("scripts", nargs="*", type=Path)
    parser.add_argument("--repository", metavar="OWNER/NAME", help="only write this address into all badges")
    asked = parser.parse_args()
    if asked.repository is None:
        for script in asked.scripts:
            run(script)
    else:
        try:
            move(asked.repository)
        except ValueError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
