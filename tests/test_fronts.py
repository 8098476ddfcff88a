"""Front ends other than JupyterLab, as far as they can be had: Colab's ipywidgets."""

import os
import subprocess
import sys

import pytest
from common import SOURCE, environment, run_python

COLAB = ["ipywidgets==7.7.*", "ipython_genutils"]  # Google Colab's pages can show no newer ones
WITH_VIEWS = [f"tests/test_{name}.py" for name in ("brush", "dashboard", "live", "rating", "widgets")]
# In a browser they meet no front end as old as they are. A picture of ipywidgets 7 has no words for a screen reader,
# which hears the line of text below it.
FEW = "(every_view or continue_lose_nothing or not slow) and not screen_reader"


@pytest.mark.slow
def test_views_dashboard_brush_and_rating_work_with_the_widgets_of_colab(tmp_path):
    got = run_python("-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, *COLAB)
    if got.returncode:
        pytest.skip(f"{COLAB[0]} cannot be had here")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", FEW, *WITH_VIEWS]
    older_first = environment(PYTHONPATH=os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]]))
    done = subprocess.run(command, cwd=SOURCE, env=older_first, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
