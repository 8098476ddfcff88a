"""Makes the notebooks from their scripts: `python notebooks/build.py notebooks/01_patches.py ...`, then runs them.

A notebook is written as a percent script, which can be reviewed line by line. A code cell tagged `exercise` holds its
solution between the lines `# solution` and `# end`, and before it, in comments from `# hint: ` on, what helps who is
stuck. The learner's notebook gets a stub in their place, and hint and solution folded away below, so that they cannot
drift apart. In a text, an indented line `Answer: ` below a question begins its answer, which is folded away as well.

Two cells are the same in all notebooks and stand here: the badge on top, and the first code cell, which installs the
package where it is missing. Both hold the repository's address, whose one home is `Repository` in pyproject.toml.
`python notebooks/build.py --repository owner/name` changes it, there and in all notebooks, without running any.
As long as nobody has said it, the owner is OWNER, and both cells do without an address.

The last cell links to the next lesson, by its heading.
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
HINT, START, END, STUB = "# hint: ", "# solution", "# end", "...  # your turn"
ANSWER = re.compile(r"^( +)Answer: (.+(?:\n\1.+)*)", re.MULTILINE)

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

# Run last, when the views stand as a reader leaves them who has run all cells.
STILLS = """\
from IPython.display import JSON
from hpvae_nb.lab.stills import stills

JSON(stills())"""


def build(script: Path) -> NotebookNode:
    """The learner's notebook, without outputs, with cell ids that stay the same from build to build."""
    notebook = jupytext.read(script)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            stub, hint, solution = split(cell.source)
            code = f"```python\n{solution}\n```"
            parts = [folded("Hint", hint[0].upper() + hint[1:])] if hint else []
            parts.append(folded("Solution", code))
            cells += [cell, new_markdown_cell("\n\n".join(parts))]
            cell.source = stub
        else:
            if cell.cell_type == "markdown":
                cell.source = ANSWER.sub(lambda found: folded("Answer", found[2], found[1]), cell.source)
            cells.append(cell)
    cells += following(script)
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


def split(source: str) -> tuple[str, str, str]:
    """An exercise's stub, its hint, and its solution.

    Raises:
        ValueError: when the cell holds no solution block.
    """
    lines = source.splitlines()
    marks = [line.strip() for line in lines]
    if START not in marks or END not in marks:
        raise ValueError(f"an exercise needs the lines {START!r} and {END!r}:\n{source}")
    start, end = marks.index(START), marks.index(END)
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    first = next((number for number in range(start) if marks[number].startswith(HINT)), start)
    hint = " ".join(mark.lstrip("# ") for mark in marks[first:start]).removeprefix(HINT.lstrip("# "))
    before, after = lines[:first], lines[end + 1 :]
    solution = [*before, *lines[start + 1 : end], *after]
    return "\n".join([*before, indent + STUB, *after]), hint, "\n".join(solution)


def folded(title: str, text: str, indent: str = "") -> str:
    """Markdown that shows a text only when asked to; indented, within the item of a list."""
    parts = (f"<details><summary>{title}</summary>", text.lstrip(), "</details>")
    return "\n\n".join(indent + part for part in parts)


def following(script: Path) -> list[NotebookNode]:
    """A cell with a link to the next lesson, named by its heading; none after the last."""
    later = min((path for path in script.parent.glob("[0-9]*.py") if path.name > script.name), default=None)
    if later is None:
        return []
    (heading, *_) = re.findall("^# # (.+)$", later.read_text(), re.MULTILINE)
    return [new_markdown_cell(f"[Next: {heading}]({later.stem}.ipynb)")]


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
    notebook.cells.append(new_code_cell(STILLS))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(script.parent)}}).execute()
    put_in_place(notebook, notebook.cells.pop().outputs[-1].data["application/json"])
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day would change with every build
    write_bytes(script.with_suffix(".ipynb"), f"{nbformat.writes(notebook)}\n".encode())
    print(f"wrote {script.with_suffix('.ipynb')}")


def put_in_place(notebook: NotebookNode, stills: dict[str, str]) -> None:
    """Save stills instead of views, of which a page without a kernel shows nothing, and whose state is large."""
    for data in (output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])):
        if view := data.pop("application/vnd.jupyter.widget-view+json", None):
            data.setdefault("text/html", stills[view["model_id"]])
    notebook.metadata.pop("widgets", None)


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
