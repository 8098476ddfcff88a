"""Makes the notebooks from their scripts: `python notebooks/build.py notebooks/01_patches.py ...`, then runs them.

A notebook is written as a percent script, which can be reviewed line by line. A code cell tagged `exercise` holds its
solution between the lines `# solution` and `# end`; the learner's notebook gets a stub in its place, and the solution
folded away below, so that the two cannot drift apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

START, END, STUB = "# solution", "# end", "...  # your turn"


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
    notebook.cells = cells
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


def main(scripts: list[str]) -> None:
    """Build and run each script's notebook, and save it with its outputs."""
    for script in map(Path, scripts):
        notebook = build(script)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(script.parent)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day would change with every build
        nbformat.write(notebook, script.with_suffix(".ipynb"))
        print(f"wrote {script.with_suffix('.ipynb')}")


if __name__ == "__main__":
    main(sys.argv[1:])
