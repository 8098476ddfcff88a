"""A home folder that is not there and cannot be made, as in containers and on shared machines."""

import subprocess
import sys

import pytest
from common import environment

TRAIN = ["train", "balloons", "--preset", "smoke", "--set", "iterations=2", "--samples", "1", "--device", "cpu"]
DASHBOARD = """
import hpvae_nb
from hpvae_nb.lab.dashboard import dashboard
view = dashboard(hpvae_nb.load_clip("balloons"), hpvae_nb.preset("smoke", iterations=2))
view.buttons["train"].click()
print(view.training.wait())
"""
# What would be asked before the home folder.
ELSEWHERE = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR")


@pytest.fixture
def homeless(tmp_path):
    """Runs Python where the home folder lies below a file, which stops root too."""
    (tmp_path / "file").touch()
    home = str(tmp_path / "file" / "home")
    known = environment(HOME=home, USERPROFILE=home)
    known = {name: value for name, value in known.items() if name not in ELSEWHERE}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=known, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_training_and_its_pictures_need_no_home(homeless, tmp_path):
    homeless("-m", "hpvae_nb", *TRAIN, "--out", "run")
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert made >= {"model.safetensors", "sample_00.mp4", "contact_sheet.png", "new_clips.webp", "summary.md"}


@pytest.mark.slow
def test_nor_does_the_dashboard(homeless):
    assert homeless("-c", DASHBOARD) == "done\n"
