"""Shared by tests: a tiny recipe, small clips made of numbers, subprocesses, comparisons, and exercises' answers."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat

import hpvae_nb
from hpvae_nb import Clip, preset

SOURCE = Path(hpvae_nb.__file__).parent.parent
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


def notebook_builder():
    """The module `notebooks/build.py`, which lies outside the package."""
    spec = importlib.util.spec_from_file_location("build", SOURCE / "notebooks" / "build.py")
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    return builder


def answers(lesson):
    """Stub and solution of each exercise of a lesson's script, as functions: `("stub", name)`, `("solution", name)`."""
    import jupytext  # here, as the next, so that tests of the core run where only pytest is installed

    from hpvae_nb.studies import intervals

    builder, found = notebook_builder(), {}
    known = {"torch": torch, "F": F, "math": math, "rearrange": rearrange, "reduce": reduce, "repeat": repeat}
    known |= {"np": numpy, "intervals": intervals}
    for cell in jupytext.read(SOURCE / "notebooks" / f"{lesson}.py").cells:
        if "exercise" in cell.metadata.get("tags", []):
            for kind, code in zip(("stub", "solution"), builder.split(cell.source), strict=True):
                names = dict(known)
                exec(code, names)
                (name,) = (name for name in names if name not in known and not name.startswith("__"))
                found[kind, name] = names[name]
    return found


def solution_and_stub_are_judged(check, lesson, name, capsys):
    """A lesson's check calls its solution right and its untouched stub not yet an answer."""
    getattr(check, name)(answers(lesson)["solution", name])
    assert capsys.readouterr().out.startswith("Right: ")
    getattr(check, name)(answers(lesson)["stub", name])
    assert capsys.readouterr().out.startswith("Not yet: ")


def every_mistake(wrong):
    """Runs a test for each wrong answer: `wrong[name][words]` is one to exercise `name`, answered with `words`."""
    return pytest.mark.parametrize(("name", "words"), [(name, words) for name in wrong for words in wrong[name]])


def mistake_is_named(check, wrong, name, words, capsys):
    """A lesson's check answers a wrong answer with words that fit."""
    getattr(check, name)(wrong[name][words])
    said = capsys.readouterr().out
    assert said.startswith("Not quite: ")
    assert words in said
