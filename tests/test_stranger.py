"""A stranger's first minutes, as in Google Colab: PyTorch is there; the package and its source are not."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest
from common import SOURCE, notebook_builder

import hpvae_nb

LESSONS = ["00_quickstart", "08_sampling_and_interpolation", "13_reproducing_the_paper"]
REPOSITORY = "ada/hpvae_nb"
COLAB_WIDGETS = ["ipywidgets==7.7.1", "ipython_genutils"]  # Colab's pages cannot show those of ipywidgets 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SOURCE / "pyproject.toml").exists(), reason="needs the source checkout"),
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
]

RUN = """
import sys
import nbformat
from nbclient import NotebookClient
for name in sys.argv[1:]:
    notebook = nbformat.read(name, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    nbformat.write(notebook, name)
"""

LOOK_AROUND = """
import json, hpvae_nb, ipywidgets, torch
print(json.dumps({
    "package": hpvae_nb.__file__, "data": str(hpvae_nb.io.clips.data_dir()),
    "torch": torch.__version__, "ipywidgets": ipywidgets.__version__,
}))
"""


def setup_cell(repository=REPOSITORY):
    """A notebook's first code, in a copy of the project that lies at this address."""
    _, setup = notebook_builder().standard_cells("any", repository)
    return setup.source


def without(*kinds):
    """The environment's variables, less those that begin so."""
    return {name: value for name, value in os.environ.items() if not name.startswith(kinds)}


@pytest.fixture(scope="module")
def address_book(tmp_path_factory):
    """Settings of git that lead from the project's address to a repository on this disk, made of the working tree."""
    folder = tmp_path_factory.mktemp("git")
    bare, settings = folder / "hpvae_nb.git", folder / "gitconfig"
    settings.write_text(
        f'[user]\nname = Nobody\nemail = nobody@example.com\n[url "{bare.as_uri()}"]\n'
        f"insteadOf = https://github.com/{REPOSITORY}\n"
    )
    for command in (["init", "-q", "--bare"], ["add", "--all"], ["commit", "-q", "-m", "as it is"]):
        work_tree = [] if command[0] == "init" else [f"--work-tree={SOURCE}"]
        env = {**without("GIT_"), "GIT_CONFIG_GLOBAL": str(settings), "GIT_DIR": str(bare)}
        subprocess.run(["git", *work_tree, *command], cwd=SOURCE, env=env, check=True)
    return settings


class Stranger:
    """Someone with a Python of their own, who sees all packages of this one but some, and an empty folder."""

    def __init__(self, folder, address_book, unseen=()):
        home, self.folder, others = folder / "venv", folder / "empty", folder / "others"
        venv.create(home)  # pip comes with the other packages
        self.folder.mkdir()
        others.mkdir()
        self.python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR", "PATH")
        self.env = without("GIT_", "PYTHON", "VIRTUAL_ENV") | {
            f"JUPYTER_{place}": str(folder / "jupyter") for place in places
        }
        self.env |= {"GIT_CONFIG_GLOBAL": str(address_book), "IPYTHONDIR": str(folder), "OMP_NUM_THREADS": "1"}
        self.packages = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
        for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for entry in Path(place).iterdir():
                if entry.suffix != ".pth" and not entry.name.partition("-")[0].startswith(("hpvae_nb", *unseen)):
                    (others / entry.name).symlink_to(entry)
        (self.packages / "others.pth").write_text(f"{others}\n")

    def run(self, *arguments):
        return subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=self.env, capture_output=True, text=True, encoding="utf-8"
        )

    def pretend(self, name, version):
        """Let pip find a package that is not there."""
        (self.packages / f"{name}-{version}.dist-info").mkdir()
        metadata = self.packages / f"{name}-{version}.dist-info" / "METADATA"
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def installed(self):
        """Names and versions of what is in the stranger's own environment."""
        return {(found.name, found.version) for found in importlib.metadata.distributions(path=[str(self.packages)])}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory, address_book):
    someone = Stranger(tmp_path_factory.mktemp("stranger"), address_book)
    result = someone.run("-m", "pip", "install", "--quiet", "--no-deps", *COLAB_WIDGETS)
    assert result.returncode == 0, result.stderr
    someone.pretend("widgetsnbextension", "3.6.10")  # their JavaScript, which Colab has too
    assert "No module named 'hpvae_nb'" in someone.run("-c", "import hpvae_nb").stderr
    someone.had = someone.installed()
    return someone


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_in_an_empty_folder(stranger, lesson):
    path = stranger.folder / f"{lesson}.ipynb"
    shutil.copy(SOURCE / "notebooks" / path.name, path)
    notebook = nbformat.read(path, as_version=4)
    next(cell for cell in notebook.cells if cell.id == "setup").source = setup_cell()
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK_AROUND))
    nbformat.write(notebook, path)
    result = stranger.run("-c", RUN, path.name)
    assert result.returncode == 0, result.stderr
    seen = json.loads(nbformat.read(path, as_version=4).cells[-1].outputs[0].text)
    assert Path(seen["package"]).parent == stranger.packages / "hpvae_nb"
    assert Path(seen["data"]) == stranger.packages / "hpvae_nb" / "data"
    assert seen["torch"] == importlib.metadata.version("torch")
    assert seen["ipywidgets"] == "7.7.1"
    assert stranger.had < stranger.installed()
    assert {name for name, _ in stranger.installed() - stranger.had} == {"hpvae_nb"}


def test_an_old_pytorch_stays_and_is_called_too_old(tmp_path, address_book):
    someone = Stranger(tmp_path, address_book, unseen=("torch",))
    someone.pretend("torch", "2.5.0")
    (someone.packages / "torch.py").touch()
    had = someone.installed()
    (someone.folder / "setup.ipy").write_text(setup_cell())
    result = someone.run("-m", "IPython", "setup.ipy")
    assert f"Cannot install hpvae-nb[metrics]=={hpvae_nb.__version__} and torch==2.5.0" in result.stdout + result.stderr
    assert someone.installed() == had


def test_who_cloned_the_project_installs_the_clone(tmp_path, address_book):
    someone = Stranger(tmp_path, address_book)
    for name in ("hpvae_nb", "data"):
        shutil.copytree(SOURCE / name, tmp_path / "clone" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(SOURCE / name, tmp_path / "clone")
    someone.folder = tmp_path / "clone" / "notebooks"
    someone.folder.mkdir()
    there = "import hpvae_nb\nprint(hpvae_nb.__file__)\n"
    (someone.folder / "setup.ipy").write_text(f"{setup_cell(notebook_builder().repository())}\n{there}")
    result = someone.run("-m", "IPython", "setup.ipy")
    assert str(someone.packages / "hpvae_nb") in result.stdout, result.stdout + result.stderr
