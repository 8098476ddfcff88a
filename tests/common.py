"""Shared by tests: a tiny recipe, small clips made of numbers, subprocesses, comparisons, and exercises' answers."""

import ast
import functools
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

import hpvae_nb
from hpvae_nb import Clip, lessons, preset
from hpvae_nb.method import HpVaeGan
from hpvae_nb.training.trainer import Trainer

SOURCE = Path(hpvae_nb.__file__).parent.parent
OF_A_VIEW = re.compile(r"(HBox|VBox|Brush|Rating)\(")  # how its text begins
TINY = {
    "scales": 4,
    "coarse_size": 6,
    "fine_size": 12,
    "vae_levels": 2,
    "channels": 4,
    "latent": 4,
    "iterations": 5,
}


def tiny_config(**changes):
    """Two VAE and two GAN scales that train in a quarter of a second."""
    return preset("smoke", **{**TINY, **changes})


def noise_clip(frames=13, height=12, width=20, seed=0, name="noise"):
    """A smooth random clip: nothing to see, but no two pixels alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 3, max(2, frames // 3), 4, 5, generator=generator)
    video = torch.nn.functional.interpolate(coarse, size=(frames, height, width), mode="trilinear", align_corners=True)
    return Clip(torch.tanh(video[0]), fps=24, name=name)


def cpu_trainer(clip, config, method=None, **options):
    """A trainer whose numbers are the same on every machine of a kind."""
    return Trainer(method or HpVaeGan(), clip, config, device="cpu", precision="float32", **options)


def run_python(*arguments, **options):
    """`python ...` in a subprocess that finds this package and uses one thread; output captured as text."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment(), capture_output=True, text=True, **options
    )


def environment(**more):
    """The environment of subprocesses."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    plain = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return {**os.environ, **plain, **more}


def weights(model):
    """The model's weights, copied."""
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def same_weights(a, b):
    """Whether two models, or copies of their weights, are equal bit for bit."""
    a, b = (x if isinstance(x, dict) else weights(x) for x in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def pixels(axis):
    """The picture in an axis of matplotlib, as an array."""
    return np.asarray(axis.images[0].get_array())


def notebook_builder():
    """The module `notebooks/build.py`, which lies outside the package."""
    spec = importlib.util.spec_from_file_location("build", SOURCE / "notebooks" / "build.py")
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    return builder


def shows_view(cell):
    """Whether a cell of a saved notebook has a view among its outputs."""
    return any(OF_A_VIEW.match(output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", []))


@functools.cache
def answers(lesson):
    """Stub and solution of each exercise of a lesson's script, as functions: `("stub", name)`, `("solution", name)`.

    And its hint, `("hint", name)`, as it is written. Functions see what the script imports, and nothing else of it.
    """
    import jupytext  # here, so that tests of the core run where only pytest is installed

    builder, known, found = notebook_builder(), {}, {}
    cells = [cell for cell in jupytext.read(SOURCE / "notebooks" / f"{lesson}.py").cells if cell.cell_type == "code"]
    for statement in (statement for cell in cells for statement in ast.parse(cell.source).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            exec(ast.unparse(statement), known)
    for cell in cells:
        if "exercise" in cell.metadata.get("tags", []):
            stub, hint, solution = builder.split(cell.source)
            for kind, code in (("stub", stub), ("solution", solution)):
                names = dict(known)
                exec(code, names)
                (name,) = names.keys() - known.keys()
                found[kind, name] = names[name]
            found["hint", name] = hint
    return found


def exercises(lesson):
    """The names of a lesson's exercises."""
    return [name for kind, name in answers(lesson) if kind == "solution"]


def lesson_tests():
    """Every lesson's test module, by the lesson's name; each holds `WRONG` answers, and `EXAMPLES` of the views."""
    sys.path[:0] = [folder for folder in [str(Path(__file__).parent / "lessons")] if folder not in sys.path]
    return {lesson: importlib.import_module(f"test_{lesson}") for lesson in lessons.names()}


def examples():
    """How views are made: for each its lesson, what it draws for one answer, and a function of a model."""
    found = {}
    for lesson, module in lesson_tests().items():
        found |= {name: (lesson, *example) for name, example in getattr(module, "EXAMPLES", {}).items()}
    return found
