"""A library with one mistake in it makes the lesson about that thing fail, in the cell that speaks of it."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from common import SOURCE, environment

NOTEBOOKS = SOURCE / "notebooks"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NOTEBOOKS.exists(), reason="needs the source checkout"),
]

# What is wrong, in which file, the right and the wrong text, and what stands in the first cell to notice.
MISTAKES = {
    "the slice is a frame short": (
        ("00_quickstart", "recipe/pyramid.py"),
        ("(config.frames - 1) // sampling_rate(config, scale) + 1", "config.frames // sampling_rate(config, scale)"),
        "in enumerate(hp.scale_shapes(laptop, clip))",
    ),
    "tiles are ordered by columns": (
        ("01_patches", "core/patches.py"),
        ("c (t a) (h b) (w d) -> (t h w) c a b d", "c (t a) (h b) (w d) -> (t w h) c a b d"),
        "assert_close(tiles, patches.cut(video, 4))",
    ),
    "a receptive field is off by one a layer": (
        ("02_receptive_field", "core/receptive_field.py"),
        ("r + (k - 1) * d * j", "r + k * d * j"),
        "assert r == 1 + depth * (kernel - 1) * dilation",
    ),
    "the KL has the wrong sign": (
        ("03_patch_vae", "core/losses.py"),
        ("kl = 0.5 * (mu.square()", "kl = -0.5 * (mu.square()"),
        "for event in hp.train(clip, config, seed=0)",
    ),
    "corners are not aligned": (
        ("04_space_time_pyramid", "core/resampling.py"),
        ("mode=INTERPOLATION[len(shape)], align_corners=True", "mode=INTERPOLATION[len(shape)], align_corners=False"),
        "assert_close(up, hp.resampling.upsample(x2, shape))",
    ),
    "a residual is no residual": (
        ("05_hierarchy", "core/hierarchy.py"),
        ("up + residual if self.residual else residual", "residual"),
        "assert_close(up + added, network.refine(1, below, shapes[1]))",
    ),
    "the penalty is not squared": (
        ("06_wgan_gp", "core/losses.py"),
        ("NORM[norm], _norm) - 1).square()", "NORM[norm], _norm) - 1).abs()"),
        "assert_close(penalty, library)",
    ),
    "noise comes at full strength": (
        ("07_hp_vae_gan", "model.py"),
        ("strength = factor * self.network.amplitudes[scale]", "strength = factor"),
        "assert_close(x, model.sample(1, seed=3)",
    ),
    "noise cannot be turned off": (
        ("08_sampling_and_interpolation", "model.py"),
        ("strength = factor * self.network.amplitudes[scale]", "strength = self.network.amplitudes[scale]"),
        "assert_close(x, exact.decode(z, noise=0)",
    ),
    "diversity is not relative to the clip": (
        ("09_diversity_and_realism", "metrics/diversity.py"),
        (".mean() / spread)", ".mean())"),
        "assert_close(spread(samples[3], real), metrics.diversity(",
    ),
    "novelty is not relative to the clip": (
        ("10_metrics", "metrics/novelty.py"),
        ("/ len(samples) / variety", "/ len(samples)"),
        "assert_close(novelty.item(), metrics.novelty(",
    ),
    "all networks learn equally slowly": (
        ("11_ablations", "core/hierarchy.py"),
        ("(self.generators[n], scale - n) for n", "(self.generators[n], scale) for n"),
        'powers[scale][f"G{n}"] == scale - n',
    ),
    "SinGAN's noise comes at full strength": (
        ("12_other_methods", "model.py"),
        ("strength = factor * self.network.amplitudes[scale]", "strength = factor"),
        "assert_close(x, singan.sample(1, seed=5))",
    ),
    "an interval knows nothing of how few seeds there are": (
        ("13_reproducing_the_paper", "studies/intervals.py"),
        ("stats.t.interval(0.95, count - 1)", "stats.norm.interval(0.95)"),
        "assert round(intervals.reach(1, 3) * 3**0.5, 1) == 4.3",
    ),
    "the longer side of a photo is its shorter one": (
        ("14_images", "recipe/pyramid.py"),
        ('config.sized_side == "longer" and aspect > 1', 'config.sized_side == "longer" and aspect < 1'),
        "assert [max(shape) for shape in shapes] == sides",
    ),
    "the mask is turned inside out": (
        ("15_applications", "applications/given.py"),
        ("torch.lerp(given, made, soft)", "torch.lerp(made, given, soft)"),
        "assert_close(blended, lump)",
    ),
    "singular values are raised to 1, not clipped": (
        ("16_many_videos_or_one", "baselines/tgan.py"),
        ("s.clamp(max=1)", "s.clamp(min=1)"),
        "assert_close(critic[2].weight.data",
    ),
    "raters of all numbers see the methods in the same order": (
        ("17_ask_people", "studies/people.py"),
        ("orders[(first + turn) % len(orders)]", "orders[turn % len(orders)]"),
        "for order in numbered} == set(",
    ),
}


RESULTS = ("PASSED", "FAILED")  # words of pytest's summary


@pytest.fixture(scope="module")
def noticed(request, tmp_path_factory):
    """What nbval says of the lessons' notebooks, each with its mistake; and for each the number of its last code cell.

    One run for all that are asked for. A notebook lies beside a library of its own, which its kernel finds first.
    """
    root, last = tmp_path_factory.mktemp("wrong"), {}
    shutil.copy(NOTEBOOKS / "conftest.py", root)
    asked = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    for mistake in (item.callspec.params["mistake"] for item in asked):
        (lesson, file), (right, wrong), seen = MISTAKES[mistake]
        folder = root / lesson
        shutil.copytree(SOURCE / "hpvae_nb", folder / "hpvae_nb", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "data").symlink_to(SOURCE / "data")
        code = (folder / "hpvae_nb" / file).read_text()
        assert code.count(right) == 1
        (folder / "hpvae_nb" / file).write_text(code.replace(right, wrong))
        notebook = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
        (end,) = [n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code" and seen in cell.source]
        notebook.cells = notebook.cells[: end + 1]
        nbformat.write(notebook, folder / f"{lesson}.ipynb")
        last[lesson] = sum(cell.cell_type == "code" for cell in notebook.cells) - 1
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", root, "--nbval", "--nbval-current-env", "--tb=line", "-rA"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(root / lesson / f"{lesson}.ipynb" for lesson in last)],
        cwd=root,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
    )
    return result.stdout + result.stderr, last


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_lesson_notices_that(mistake, noticed):
    lesson = MISTAKES[mistake][0][0]
    told, last = noticed
    cells = {result: re.findall(rf"^{result} .*\b{lesson}\.ipynb::Cell (\d+)\b", told, re.M) for result in RESULTS}
    cells = {result: sorted(map(int, numbers)) for result, numbers in cells.items()}
    assert cells == {"PASSED": list(range(last[lesson])), "FAILED": [last[lesson]]}, told
