"""What a user installs: the wheel alone, the core without its helpers, and lists of requirements that agree."""

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile

import pytest
import yaml
from common import SOURCE, TINY, run_python
from imports import Import, external, imports, imports_of, loaded_with, modules
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hpvae_nb

ON_CONDA = {"torch": "pytorch", "build": "python-build"}

pytestmark = pytest.mark.skipif(not (SOURCE / "pyproject.toml").exists(), reason="needs the source checkout")


def project():
    return tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]


def requirements():
    """Those of the package and of all that its tests need, by name; other extras are for those who ask for them."""
    extras = project()["optional-dependencies"]
    (included,) = [Requirement(line) for line in extras["test"] if line.startswith("hpvae_nb")]
    listed = [*project()["dependencies"], *extras["test"]]
    for extra in included.extras:
        listed += extras[extra]
    found = {req.name: req for req in map(Requirement, listed)}
    return {name: req for name, req in found.items() if name != "hpvae_nb"}


def test_environment_and_pyproject_ask_for_the_same():
    environment = yaml.safe_load((SOURCE / "environment.yml").read_text())
    assert environment["name"] == "hpvae_nb"
    assert environment["channels"] == ["conda-forge"]
    *packages, pip = environment["dependencies"]
    *from_pip, ours = pip["pip"]
    assert ours == "-e ."
    wanted = {ON_CONDA.get(name, name): str(req.specifier) for name, req in requirements().items()}
    listed = {req.name: str(req.specifier) for req in map(Requirement, [*packages, *from_pip])}
    assert {listed.pop("pip")} == {""}
    assert listed.pop("python")  # compared below
    assert listed == wanted


def test_python_versions_agree():
    packages = yaml.safe_load((SOURCE / "environment.yml").read_text())["dependencies"]
    (python,) = [Requirement(line) for line in packages if str(line).startswith("python>")]
    wanted = Requirement(f"python{project()['requires-python']}")
    assert python.specifier == wanted.specifier
    assert ".".join(map(str, sys.version_info[:3])) in wanted.specifier


def test_constraints_lie_within_the_requirements_and_so_does_what_is_installed():
    lines = [line.partition("#")[0].strip() for line in (SOURCE / "constraints.txt").read_text().splitlines()]
    pins = {req.name: req for req in map(Requirement, filter(None, lines))}
    assert "torch" in pins, "an unpinned torch may change every number, and brings gigabytes of CUDA"
    for name, pin in pins.items():
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert exact.version in requirements()[name].specifier
        installed = importlib.metadata.version(name).partition("+")[0]
        assert installed in requirements()[name].specifier


def declared(*extras):
    """Names of the distributions that the package asks for, and those of these extras."""
    lists = project()["optional-dependencies"]
    lines = [*project()["dependencies"], *(line for extra in extras for line in lists[extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


HOSTS = {"google"}  # what is there where the package is a guest, as in Colab, and is done without elsewhere


def undeclared(found, names):
    """The imports that no distribution of these names brings."""
    brought = importlib.metadata.packages_distributions()
    missing = set()
    for one in filter(external, found):
        if one.top in HOSTS:
            continue
        bringing = {canonicalize_name(name) for name in brought.get(one.top, [one.top])}
        if not bringing & names:
            missing.add(f"{one.module} imports {one.target}")
    return missing


def test_every_package_that_is_imported_is_declared():
    lists = project()["optional-dependencies"]
    for_users = declared(*lists.keys() - {"test"})
    assert not undeclared([found for found in imports() if found.kind != "typing"], for_users)
    assert not undeclared(imports(), for_users | declared("test"))


def test_so_are_those_of_tests_notebooks_and_scripts():
    files = [
        file for part in ("tests", "notebooks", "benchmarks", "data", "docs") for file in (SOURCE / part).rglob("*.py")
    ]
    beside = {file.stem for file in files}
    found = [one for file in files for one in imports_of(file) if one.top not in beside]
    assert len({one.top for one in found if external(one)}) > 10
    assert not undeclared(found, declared(*project()["optional-dependencies"]))


def test_an_undeclared_import_would_be_named():
    assert undeclared([Import("a", "yaml", "plain"), Import("a", "torch.nn", "lazy")], {"torch"}) == {"a imports yaml"}


@pytest.mark.parametrize(
    ("entrance", "names"),
    [
        ("hpvae_nb", {"torch", "numpy", "einops", "safetensors", "filelock"}),  # a bare GPU machine
        ("hpvae_nb.cli", declared()),
        ("hpvae_nb.studies", declared("sweep")),
        ("hpvae_nb.lessons", declared("lab", "metrics")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entrance_imports_only_what_comes_with_its_extra(entrance, names):
    rooms = [name for name in modules() if entrance != "hpvae_nb" and name.startswith(f"{entrance}.")]
    loaded = loaded_with(entrance, *rooms)
    assert len(loaded) > 10
    assert not undeclared([one for one in imports() if one.module in loaded and one.kind == "plain"], names)


def test_versions_agree():
    assert project()["version"] == hpvae_nb.__version__


BLOCKED = """
import sys
from importlib.machinery import PathFinder
HELPERS = {"av", "mediapy", "matplotlib", "typer", "skimage", "pooch", "tqdm", "ipywidgets", "imageio_ffmpeg"}
HELPERS |= {"PIL", "IPython", "anywidget", "traitlets", "scipy", "pandas", "yaml", "pyarrow", "jaxtyping", "beartype"}
class Without:
    '''Finds what is installed, less the helpers: importing one fails as if it were not there.'''
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in HELPERS else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without()
import torch
from hpvae_nb import Clip, fit, load_clip, load_model, preset
from hpvae_nb.metrics import diversity
clip = Clip(torch.rand(3, 13, 12, 20) * 2 - 1, name="numbers")
model = fit(clip, preset("smoke", **TINY), out=sys.argv[1], device="cpu")
made = load_model(sys.argv[1], device="cpu").sample(2, seed=0)
assert made.shape == (2, 3, *model.shapes[-1]), made.shape
assert not HELPERS & {name.partition(".")[0] for name in sys.modules}
for call in (lambda: load_clip("balloons"), lambda: diversity(made, clip)):
    try:
        call()
    except ImportError as error:
        print(error)
"""


@pytest.mark.slow
def test_the_core_works_without_its_helpers(tmp_path):
    result = run_python("-c", BLOCKED.replace("**TINY", f"**{TINY}"), tmp_path / "run")
    assert result.returncode == 0, result.stderr
    said = result.stdout.splitlines()
    assert "the package 'pillow' is needed for reading pictures: pip install pillow" in said
    assert "the package 'scikit-image' is needed for converting colours: pip install scikit-image" in said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, SOURCE]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_modules_and_clips_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    held = {name for name in names if name.startswith("hpvae_nb/")}
    assert {path.relative_to(SOURCE).as_posix() for path in modules().values()} <= held
    assert {f"hpvae_nb/lab/{name}" for name in ("brush.js", "brush.css", "rating.js", "rating.css")} <= held
    assert "hpvae_nb/py.typed" in held, "type checkers ignore the annotations of a package without it"
    data = {path.relative_to(SOURCE).as_posix() for path in (SOURCE / "data").rglob("*.*")}
    assert {f"hpvae_nb/{name}" for name in data if "__pycache__" not in name} <= held
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".pth"))]
    assert {name.partition("/")[0] for name in names} == {"hpvae_nb", f"hpvae_nb-{hpvae_nb.__version__}.dist-info"}
    assert wheel.stat().st_size < 21e6


INSTALLED = """
import sys
from pathlib import Path
import hpvae_nb
print(Path(hpvae_nb.__file__).resolve())
print(hpvae_nb.bundled_clips())
clip = hpvae_nb.load_clip("pedestrians")
model = hpvae_nb.fit(clip, hpvae_nb.preset("smoke", iterations=2), out="run", device="cpu")
print(tuple(hpvae_nb.load_model("run").sample(1, seed=0).shape))
"""


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment(wheel, tmp_path):
    home, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(home, with_pip=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}

    def run(*arguments):
        result = subprocess.run([python, *arguments], cwd=empty, env=clean, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    run("-m", "pip", "install", "-q", "--no-deps", wheel)
    own = run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # PyTorch and the rest come from the environment that runs the tests, looked up after the new one's own packages.
    with open(os.path.join(own, "later.pth"), "w", encoding="utf-8") as file:
        file.write(sysconfig.get_path("purelib") + "\n")
    place, clips, shape = run("-c", INSTALLED).splitlines()
    assert place.startswith(str(home.resolve())), place
    assert clips == str(hpvae_nb.bundled_clips())
    assert re.fullmatch(r"\(1, 3, 13, \d+, 32\)", shape)
    assert "train" in run("-m", "hpvae_nb", "--help")
    script = home / ("Scripts/hpvae-nb.exe" if os.name == "nt" else "bin/hpvae-nb")
    said = subprocess.run([script, "info", "run"], cwd=empty, env=clean, capture_output=True, text=True)
    assert "trained on 'pedestrians'" in said.stdout
