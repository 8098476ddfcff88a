"""How Sphinx makes the site of the pages that `pages.py`, beside this file, has gathered. Run by it."""

import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from math_core import LatexToMathML
from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
html_favicon = "static/icon.svg"  # one clip, and three new ones
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
pygments_style, pygments_dark_style = "friendly", "github-dark"

nb_execution_mode = "off"  # the outputs that are saved are the lesson
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # tables among the outputs
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3  # as GitHub has them, so that links are the same here and there

html_math_renderer = "mathml"  # drawn by the browser itself: no script, and nothing to fetch
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "set"}  # set: Matplotlib's own
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60
default_role = "py:obj"  # what stands in backticks is a name, or code
napoleon_use_rtype = False
viewcode_follow_imported_members = False  # or its index lists Python's own modules too
viewcode_line_numbers = True
suppress_warnings = ["ref.python"]  # a name with two homes, in a docstring: either is right


def mathml(formula: str, display: bool) -> str:
    """A formula of TeX as MathML."""
    if r"\tag" in formula:
        formula = rf"\begin{{equation}}{formula}\end{{equation}}"
    return LatexToMathML().convert_with_local_state(formula, displaystyle=display)


def visit_inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a sentence."""
    writer.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own, which scrolls where it is wider than the page."""
    writer.body.append(f'<div class="formula">{mathml(node.astext(), display=True)}</div>\n')
    raise nodes.SkipNode


def plain_bars(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Leave |x| in a docstring a distance, and no mark-up."""
    lines[:] = [line.replace("|", "\\|") for line in lines]


def setup(app: Sphinx) -> None:
    """Make known how formulas and docstrings are written."""
    app.connect("autodoc-process-docstring", plain_bars)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
