"""What nbval does not check: that notebooks are saved with outputs, agree with their scripts, and are really tested."""

import importlib.util
import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from common import SOURCE, notebook_builder, run_python
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_notebook, new_output

from hpvae_nb import lessons

FOLDER = SOURCE / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LAX = {"nbval-ignore-output", "nbval-skip", "nbval-raises-exception", "raises-exception"}
LAX_COMMENT = re.compile(r"#\s*(nbval_(?!check_output)|pytest_validate_ignore_output)", re.IGNORECASE)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    """The lesson's own: all but the one that installs the package, which has nothing to show."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.id != "setup"]


def is_lax(cell):
    return bool(LAX & set(cell.metadata.get("tags", [])) or LAX_COMMENT.search(cell.source))


def test_a_lesson_has_one_number_and_name_everywhere():
    scripts = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))
    tests = sorted(path.stem.removeprefix("test_") for path in (SOURCE / "tests" / "lessons").glob("test_[0-9]*.py"))
    assert scripts[0] == "00_quickstart"
    assert scripts == [path.stem for path in NOTEBOOKS] == lessons.names() == tests


def test_outputs_are_saved(notebook):
    """nbval passes a notebook without outputs in silence, so their absence must fail here."""
    cells = code_cells(notebook)
    assert all(cell.execution_count for cell in cells)
    speaking = [cell for cell in cells if cell.outputs]
    assert len(speaking) >= 0.6 * len(cells)
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]


def test_at_most_a_third_is_untested(notebook):
    cells = code_cells(notebook)
    assert sum(map(is_lax, cells)) <= len(cells) / 3


def test_nbval_is_strict_wherever_it_is_called():
    called = {name: (SOURCE / name).read_text() for name in ("Makefile", ".ci/run", "pyproject.toml")}
    assert "--nbval " in called["Makefile"]
    assert not [name for name, text in called.items() if "lax" in text]


def test_lax_cells_are_found_by_tag_and_by_comment():
    assert is_lax(new_code_cell("x", metadata={"tags": ["nbval-skip"]}))
    assert is_lax(new_code_cell("# NBVAL_IGNORE_OUTPUT\nx"))
    assert not is_lax(new_code_cell("# NBVAL_CHECK_OUTPUT\nx"))
    assert not is_lax(new_code_cell("x", metadata={"tags": ["exercise"]}))


@pytest.mark.slow
def test_nbval_compares_what_is_said_of_a_picture_but_not_its_bytes(tmp_path):
    shown = 'from IPython.display import HTML\nHTML(\'<img alt="a bird" src="data:image/png;base64,AAAA">\')'
    cells = []
    for alt, bytes_ in (("a bird", "BBBB"), ("a boat", "AAAA")):
        page = f'<img alt="{alt}" src="data:image/png;base64,{bytes_}">'
        data = {"text/html": page, "text/plain": "<IPython.core.display.HTML object>"}
        cells.append(
            new_code_cell(shown, execution_count=1, outputs=[new_output("execute_result", data, execution_count=1)])
        )
    nbformat.write(new_notebook(cells=cells), tmp_path / "birds.ipynb")
    shutil.copy(FOLDER / "conftest.py", tmp_path)
    result = run_python("-m", "pytest", "-q", "--rootdir", tmp_path, "--nbval", "--nbval-current-env", tmp_path)
    assert "1 failed, 1 passed" in result.stdout, result.stdout
    assert "a boat" in result.stdout


@pytest.mark.slow
def test_a_cell_whose_output_is_not_compared_fails_when_its_claim_is_false(tmp_path):
    """So numbers that differ from machine to machine can be printed beside an assertion."""
    cells = [
        new_code_cell(
            f"print({number})\nassert {number} > 2",
            execution_count=1,
            metadata={"tags": ["nbval-ignore-output"]},
            outputs=[new_output("stream", name="stdout", text="5\n")],
        )
        for number in (4, 1)
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "claims.ipynb")
    shutil.copy(FOLDER / "conftest.py", tmp_path)
    result = run_python("-m", "pytest", "-q", "--rootdir", tmp_path, "--nbval", "--nbval-current-env", tmp_path)
    assert "1 failed, 1 passed" in result.stdout, result.stdout


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


EXERCISE = """\
def double(x):
    \"\"\"Twice x.\"\"\"
    # hint: which `number`, added to x,
    # makes two of it?
    # solution
    return x + x
    # end"""


def test_an_exercise_has_a_stub_a_hint_and_a_solution():
    stub, hint, solution = notebook_builder().split(EXERCISE)
    begin = 'def double(x):\n    """Twice x."""\n    '
    assert (stub, solution) == (begin + "...  # your turn", begin + "return x + x")
    assert hint == "which `number`, added to x, makes two of it?"
    assert notebook_builder().split(EXERCISE.replace("# hint: ", "# ").replace("# makes", "#  makes"))[1] == ""
    with pytest.raises(ValueError, match="needs the lines '# solution' and '# end'"):
        notebook_builder().split(EXERCISE.replace("# end", ""))


def test_hint_solution_and_answers_are_folded(tmp_path):
    text = "# # 3. Doubling\n#\n# 1. Why\n#    so?\n#    Answer: Because\n#    of $x$.\n# 2. And?\n#    Answer: So."
    code = f'# %% tags=["exercise"]\n{EXERCISE}\n'
    (tmp_path / "03_doubling.py").write_text(f"# %% [markdown]\n{text}\n\n{code}")
    (tmp_path / "04_halving.py").write_text("# %% [markdown]\n# # 4. Half of it\n")
    _, questions, _, exercise, below, following = notebook_builder().build(tmp_path / "03_doubling.py").cells
    answer = "   <details><summary>Answer</summary>\n\n   {}\n\n   </details>"
    because, so = answer.format("Because\n   of $x$."), answer.format("So.")
    assert questions.source == f"# 3. Doubling\n\n1. Why\n   so?\n{because}\n2. And?\n{so}"
    assert "hint" not in exercise.source
    assert re.findall(r"<summary>(\w+)</summary>\n\n(.*)\n", below.source) == [
        ("Hint", "Which `number`, added to x, makes two of it?"),
        ("Solution", "```python"),
    ]
    assert following.source == "[Next: 4. Half of it](04_halving.ipynb)"


def test_every_question_has_a_folded_answer(notebook):
    """A question is a numbered line below the heading `Questions`."""
    for text in (cell.source for cell in notebook.cells if "## Questions" in cell.source):
        asked = text.partition("## Questions")[2].partition("\n## ")[0]
        each = re.split(r"^\d+\. ", asked, flags=re.MULTILINE)[1:]
        assert each
        assert all("<summary>Answer</summary>" in question for question in each)


def test_every_lesson_links_to_the_next():
    for path, later in itertools.pairwise(NOTEBOOKS):
        last = nbformat.read(path, as_version=4).cells[-1].source
        assert re.fullmatch(rf"\[Next: .+\]\({re.escape(later.name)}\)", last), path.stem


@pytest.mark.slow
def test_nbval_finds_a_view_that_was_not_put_back(tmp_path):
    begin = "import ipywidgets\nfrom hpvae_nb.lab.live import live, moved\n"
    view = "view = live(lambda x: (b'', f'{x}'), x=ipywidgets.IntSlider(2))\nview"
    for name, trial in (("moved", "with moved(view, x=5): print(5)"), ("left", "view.children[0].value = 5; print(5)")):
        told = new_output("stream", name="stdout", text="5\n")
        shown = new_code_cell(begin + view, execution_count=1, metadata={"tags": ["nbval-ignore-output"]})
        cells = [shown, new_code_cell(trial, execution_count=2, outputs=[told])]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    shutil.copy(FOLDER / "conftest.py", tmp_path)
    result = run_python("-m", "pytest", "-q", "--rootdir", tmp_path, "--nbval", "--nbval-current-env", tmp_path)
    assert "1 failed, 3 passed" in result.stdout, result.stdout
    assert "Views are not as first shown" in result.stdout
    assert "left.ipynb" in result.stdout


class Pictures(HTMLParser):
    """Pictures and videos of a piece of HTML, and what each says of itself."""

    def __init__(self, page):
        super().__init__()
        self.said = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        names = {"img": ["alt"], "video": ["aria-label", "title"]}.get(tag)
        if names:
            self.said.append(next((dict(attrs)[name] for name in names if dict(attrs).get(name)), ""))


def test_pictures_and_videos_say_what_they_show(notebook):
    pictures = []
    for cell in code_cells(notebook):
        for data in (output.get("data", {}) for output in cell.outputs):
            pictures += Pictures(data.get("text/html", "")).said
            assert "image/png" not in data, f"show it by hpvae_nb.lab.render.described:\n{cell.source}"
    assert pictures
    assert all(said and said.strip() for said in pictures)


def test_total_size():
    assert sum(path.stat().st_size for path in NOTEBOOKS) <= 20e6


# The two cells that all notebooks have, and the address in them


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_badge_and_its_first_code_installs_the_package(path):
    builder, notebook = notebook_builder(), nbformat.read(path, as_version=4)
    badge, setup = builder.standard_cells(path.stem, builder.repository())
    assert notebook.cells[0].source == badge.source, "run `make notebooks`"
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.source == setup.source
    assert first.outputs == [], "where the package is there, the cell does nothing"


def test_the_badge_leads_into_colab_once_there_is_an_address():
    lesson, builder = NOTEBOOKS[0].stem, notebook_builder()
    badge, _ = builder.standard_cells(lesson, "ada/lab")
    opened = f"https://colab.research.google.com/github/ada/lab/blob/main/notebooks/{lesson}.ipynb"
    assert badge.source.endswith(f"({opened})")
    badge, setup = builder.standard_cells(lesson, "OWNER/hpvae_nb")
    assert "github" not in badge.source + setup.source
    link, anchor = re.search(r"\((.+)#(.+)\)", badge.source).groups()
    headings = re.findall("^## (.+)", (FOLDER / link).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


INSTALLS = r'install --quiet "torch==[\w.+]+" ipywidgets anywidget "%s"'


@pytest.mark.parametrize(
    ("repository", "around", "installed"),
    [
        ("ada/lab", "hpvae_nb", r"\.\.\[metrics\]"),
        ("ada/lab", "other", r"hpvae_nb\[metrics\] @ git\+https://github\.com/ada/lab"),
        ("OWNER/hpvae_nb", "hpvae_nb", r"\.\.\[metrics\]"),
        ("OWNER/hpvae_nb", "other", None),
        ("OWNER/hpvae_nb", "hpvae_nb but it is there", ""),
    ],
)
def test_what_the_first_cell_installs(tmp_path, monkeypatch, repository, around, installed):
    """From the checkout that the notebook lies in, else from the address, else it says what to do."""
    package, _, there = around.partition(" but it is ")
    for folder in (tmp_path / "notebooks", tmp_path / package):
        folder.mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path / "notebooks")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: find(name) if there or name != "hpvae_nb" else None)
    _, setup = notebook_builder().standard_cells("any", repository)
    names, asked = {}, []

    def notebook():  # which puts values of names into a magic's line, as this does
        return SimpleNamespace(run_line_magic=lambda magic, line: asked.append((magic, line.format(**names))))

    names["get_ipython"] = notebook
    code = TransformerManager().transform_cell(setup.source)
    if installed is None:
        with pytest.raises(AssertionError, match="open this notebook in the folder it came in, notebooks/ of the so"):
            exec(code, names)
        return
    exec(code, names)
    if there:
        assert not asked
    else:
        ((magic, line),) = asked
        assert magic == "pip"
        assert re.fullmatch(INSTALLS % installed, line), line


@pytest.fixture
def elsewhere(tmp_path):
    """What `make badges` changes, copied, with a README that links to the project and to another; and its builder."""
    builder, folder = notebook_builder(), tmp_path / "copy"
    (folder / "notebooks").mkdir(parents=True)
    for path in (SOURCE / "pyproject.toml", SOURCE / "README.md", *NOTEBOOKS):
        shutil.copy(path, folder / path.relative_to(SOURCE))
    mine = builder.repository()
    links = (f"https://github.com/{mine}", f"https://colab.research.google.com/github/{mine}/blob/main/x.ipynb")
    with (folder / "README.md").open("a") as readme:
        readme.write(f"\n[here]({links[0]}), [there]({links[1]}), [another]({links[0]}-too), {mine}\n")
    builder.SOURCE = folder
    return builder


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_badges_change_the_address_everywhere_and_nothing_else(elsewhere):
    mine = elsewhere.repository()
    elsewhere.move(mine)
    unaddressed = files(elsewhere.SOURCE)
    elsewhere.move("grace/hpvae_nb")
    before = files(elsewhere.SOURCE)
    elsewhere.move("ada-l/video.lab")
    after = files(elsewhere.SOURCE)
    assert elsewhere.repository() == "ada-l/video.lab"
    link = re.compile(rb"(github\.com/|google\.com/github/)grace/hpvae_nb(?!-too)")
    for name, content in before.items():
        expected, count = link.subn(rb"\1ada-l/video.lab", content)
        assert count >= (2 if name.endswith((".ipynb", ".md")) else 1), name
        assert after.pop(name) == expected, name
    assert not after
    elsewhere.move(mine)
    assert files(elsewhere.SOURCE) == unaddressed


@pytest.mark.parametrize(
    "name", ["", "foo", "a/b/c", "a b/c", "a/b c", "/b", "a/", "a/b.git", "https://github.com/a/b"]
)
def test_badges_refuse_what_is_no_repository(elsewhere, name):
    before = files(elsewhere.SOURCE)
    with pytest.raises(ValueError, match="must be owner/name") as raised:
        elsewhere.move(name)
    assert str(raised.value).startswith(f"the repository is {name!r}, but ")
    assert files(elsewhere.SOURCE) == before


@pytest.mark.slow
def test_make_badges_answers_a_bad_name_in_one_sentence():
    told = subprocess.run(
        ["make", "-n", "--no-print-directory", "badges", "REPO=a b"], cwd=SOURCE, capture_output=True, text=True
    ).stdout
    assert told.splitlines()[-1].endswith("python notebooks/build.py --repository 'a b'")
    result = run_python(FOLDER / "build.py", "--repository", "a b")
    assert result.returncode == 1
    assert result.stderr == "the repository is 'a b', but must be owner/name: make badges REPO=ada/hpvae_nb\n"
