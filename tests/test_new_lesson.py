"""A new lesson is a script, a folder and a test file; everything else finds it. Proved in a copy of the project."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from common import SOURCE, environment

from hpvae_nb import lessons

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SOURCE / "notebooks").exists(), reason="needs the source checkout"),
]

NAME = f"{len(lessons.names()):02}_doubling"

SCRIPT = f"""# %% [markdown]
# # A number, doubled

# %%
import torch

from hpvae_nb.lab.render import described, subplots
from hpvae_nb.lessons.l{NAME} import checks as check
from hpvae_nb.lessons.l{NAME}.views import doubling_view

figure, axis = subplots(figsize=(2, 2))
described(figure, "An empty square.")

# %% tags=["exercise"]
def double(x):
    # hint: what must be added to x, so that there are two of it?
    # solution
    return torch.add(x, x)
    # end


# %%
check.double(double)

# %% tags=["nbval-ignore-output"]
doubling_view()
"""

FOLDER = {
    "__init__.py": "",
    "checks.py": """
from hpvae_nb.lab.exercise import ask, compare, exercise
import torch

@exercise
def double(answer):
    x = torch.arange(3.0)
    compare(ask(answer, x), 2 * x, {"that is the square": x**2})
    return "twice as much"
""",
    "views.py": """
import ipywidgets
from hpvae_nb.lab.live import live
from hpvae_nb.lab.render import subplots

def doubling_view():
    return live(lambda x: (subplots(figsize=(2, 2))[0], f"twice {x}"), x=ipywidgets.IntSlider(description="a number"))
""",
}

TESTS = f"""
from hpvae_nb.lessons.l{NAME}.views import doubling_view

WRONG = {{"double": {{"that is the square": lambda x: x**2}}}}

def test_doubling_view():
    x, _, text = doubling_view().children
    x.value = 3
    assert text.value == "twice 3"

EXAMPLES = {{"doubling_view": ("nothing", lambda model: doubling_view())}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with one lesson more, and nothing else edited."""
    project = tmp_path_factory.mktemp("project")
    for folder in ("hpvae_nb", "tests"):
        shutil.copytree(SOURCE / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "notebooks").mkdir()
    for path in (
        *SOURCE.glob("notebooks/*.py"),
        *(SOURCE / name for name in ("pyproject.toml", "README.md", "Makefile")),
    ):
        shutil.copy(path, project / path.relative_to(SOURCE))
    (project / "data").symlink_to(SOURCE / "data")

    (project / "notebooks" / f"{NAME}.py").write_text(SCRIPT)
    (project / "hpvae_nb" / "lessons" / f"l{NAME}").mkdir()
    for name, text in FOLDER.items():
        (project / "hpvae_nb" / "lessons" / f"l{NAME}" / name).write_text(text)
    (project / "tests" / "lessons" / f"test_{NAME}.py").write_text(TESTS)
    run(project, f"{project}/notebooks/build.py", f"notebooks/{NAME}.py")
    return project


def run(project, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment(PYTHONPATH=str(project)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def run_tests(project, *arguments, code=0):
    """How many tests passed and failed."""
    out = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, code=code)
    return [int((re.search(rf"(\d+) {word}", out) or [0, 0])[1]) for word in ("passed", "failed")]


def test_its_notebook_is_built_and_run(project):
    assert "notebooks/build.py notebooks/[0-9]*.py" in (SOURCE / "Makefile").read_text(), "make notebooks finds it"
    cells = nbformat.read(project / "notebooks" / f"{NAME}.ipynb", as_version=4).cells
    other = nbformat.read(SOURCE / "notebooks" / "00_quickstart.ipynb", as_version=4).cells[0]
    assert cells[0].source == other.source.replace("00_quickstart", NAME), "its badge"
    (answer,) = (cell for cell in cells if cell.source == "check.double(double)")
    assert answer.outputs[0].text == "Not yet: double still returns nothing\n"
    assert run_tests(project, "--nbval", "--nbval-current-env", f"notebooks/{NAME}.ipynb") == [5, 0]


def test_its_notebook_exercise_and_view_are_tested(project):
    files = ("lessons/test_exercises", "test_notebooks", "test_widgets", "test_read_without_kernel")
    files = (*files, f"lessons/test_{NAME}")
    exercise, notebook, view, still, examples, own = 5, 7, 1, 1, 1, 1
    found = run_tests(project, *(f"tests/{name}.py" for name in files), "-k", "doubling or has_an_example")
    assert found == [exercise + notebook + view + still + examples + own, 0]


@pytest.mark.parametrize(
    ("left_out", "test"),
    [("WRONG", "tests/lessons/test_exercises.py"), ("EXAMPLES", "tests/test_widgets.py")],
)
def test_what_a_lesson_leaves_out_is_missed(project, left_out, test):
    file = project / "tests" / "lessons" / f"test_{NAME}.py"
    file.write_text(TESTS.replace(left_out, "SOMETHING_ELSE"))
    try:
        _, failed = run_tests(project, test, "-k", "doubling or has_an_example", code=1)
    finally:
        file.write_text(TESTS)
    assert failed == 1
