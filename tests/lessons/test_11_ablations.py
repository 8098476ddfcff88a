"""Lesson 11: its figures hold what they say, its view answers."""

import io
import math

import pandas as pd
import pytest
import torch
from common import cpu_trainer, tiny_config
from PIL import Image

from hpvae_nb.errors import InputError
from hpvae_nb.lab.schedule import part
from hpvae_nb.lessons.l11_ablations import experiment, figures
from hpvae_nb.lessons.l11_ablations.views import WIDTH, ablation_view
from hpvae_nb.studies import evidence, intervals

LESSON = "11_ablations"


def everyone(scale, power=lambda own, scale: scale - own):
    names = {"E": 0, **{f"G{n}": n for n in range(scale + 1)}}
    return {name: power(own, scale) for name, own in names.items()}


def right(scale, levels, freeze):
    if not freeze:
        return everyone(scale)
    return {"E": scale, "G0": scale, f"G{scale}": 0} if scale < levels else {f"G{scale}": 0}


def around(mean, reach):
    return mean - reach, mean + reach


def interval(change, t, correction=1):
    return around(change.mean(), t * change.std(correction=correction) / math.sqrt(len(change)))


def relative(a, b):
    return 100 * (a / b - 1)


WRONG = {  # see test_exercises
    "learners": {
        "a dictionary was wanted": lambda n, m, freeze: ["E", "G0"],
        "there is no D3": lambda n, m, freeze: right(n, m, freeze) | ({"D3": 0} if n == 3 else {}),
        "E and G0 decide the layout": lambda n, m, freeze: {"E": n, "G0": n, f"G{n}": 0},
        "learned at an earlier scale": lambda n, m, freeze: everyone(n) if n < m else right(n, m, freeze),
        "must learn too": lambda n, m, freeze: right(n, m, True),
        "is new": lambda n, m, freeze: everyone(n, lambda own, scale: scale) if not freeze else right(n, m, freeze),
        "began at scale 0": lambda n, m, freeze: dict.fromkeys(right(n, m, freeze), 0),
        "began at scale 1": lambda n, m, freeze: (
            right(n, m, True) if freeze else everyone(n, lambda own, scale: 0 if own == scale else scale)
        ),
        "stopped with KeyError": lambda n, m, freeze: {}["E"],
    },
    "field_of_both": {
        "share a site": lambda e, d: 2 + sum(k - 1 for k in e + d),
        "not multiplied": lambda e, d: (1 + sum(k - 1 for k in e)) * (1 + sum(k - 1 for k in d)),
        "a signal passes both": lambda e, d: max(1 + sum(k - 1 for k in e), 1 + sum(k - 1 for k in d)),
        "adds k - 1, not k": lambda e, d: 1 + sum(e + d),
        "one pixel is seen": lambda e, d: sum(k - 1 for k in e + d),
        "but 13 is right": lambda e, d: -3,
        "stopped with TypeError": lambda e, d: e + 1,
    },
    "paired_interval": {
        "two numbers were wanted": lambda a, b, t: relative(a, b).mean(),
        "the low end comes first": lambda a, b, t: interval(relative(a, b), t)[::-1],
        "in percent": lambda a, b, t: interval(a / b - 1, t),
        "how single runs scatter": lambda a, b, t: around(relative(a, b).mean(), t * relative(a, b).std()),
        "not by their number": lambda a, b, t: around(relative(a, b).mean(), t * relative(a, b).std() / len(a)),
        "correction=1": lambda a, b, t: interval(relative(a, b), t, correction=0),
        "for a few it is t": lambda a, b, t: interval(relative(a, b), 2),
        "divide by it, not by the ablated": lambda a, b, t: interval(100 * (1 - b / a), t),
        "the other way round": lambda a, b, t: interval(relative(b, a), t),
        "not the change of the means": lambda a, b, t: around(
            relative(a.mean(), b.mean()), t * relative(a, b).std() / math.sqrt(len(a))
        ),
        "as if the seeds were no pairs": lambda a, b, t: around(
            relative(a, b).mean(), t * 100 * ((a.var() + b.var()) / len(a)).sqrt() / b.mean()
        ),
        "term by term": lambda a, b, t: (0.0, 1.0),
        "stopped with IndexError": lambda a, b, t: a[99],
    },
}


@pytest.mark.parametrize("change", [{}, {"freeze": False}, {"vae_levels": 1}, {"vae_levels": 4}], ids=str)
def test_who_learns_is_what_the_trainers_optimiser_holds(clip, change):
    config = tiny_config(**change)
    trainer = cpu_trainer(clip, config)
    for scale, powers in enumerate(experiment.learners(config)):
        trainer.enter_scale(scale)
        names = {id(p): part(name) for name, p in trainer.network.named_parameters()}
        rates = {names[id(p)]: group["lr"] for group in trainer.optimizer.param_groups for p in group["params"]}
        assert rates == pytest.approx({name: config.lr * config.lr_decay**power for name, power in powers.items()})


def test_the_schedule_numbers_whoever_learns_and_hatches_whoever_is_frozen():
    configs = {"with": tiny_config(), "without": tiny_config(freeze=False)}
    frozen, free = figures.schedule(configs).axes
    assert [int(text.get_text()) for text in free.texts] == [
        power for scale, powers in enumerate(experiment.learners(configs["without"]))
        for power in [*powers.values(), *[0] * (scale >= 2)]
    ]  # fmt: skip
    hatched = {(box.get_x(), box.get_y()) for box in frozen.patches if box.get_hatch()}
    assert hatched == {(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3)}
    assert not [box for box in free.patches if box.get_hatch()]


def row(clip, point, seed, **numbers):
    return {"clip": clip, "point": point, "seed": seed, **dict.fromkeys(experiment.COLUMNS, 1.0), **numbers}


@pytest.fixture
def rows():
    """Two clips; the whole method with seeds 0 to 2, ablations with seeds 2 and 0; they double diversity."""
    made = [row(clip, "M = 3", seed, diversity=0.1 * (seed + 1)) for clip in ("one", "two") for seed in range(3)]
    made += [
        row(clip, point, seed, diversity=0.2 * (seed + 1), svfid=1.5 + 0.5 * seed)
        for clip in ("one", "two")
        for point in experiment.POINTS
        for seed in (2, 0)
    ]
    return pd.DataFrame(made)


def test_seeds_are_paired_by_number_and_not_by_place(rows):
    whole, ablated = figures.pair(rows, "one", "no freezing", "diversity")
    assert (whole, ablated) == (pytest.approx([0.1, 0.3]), pytest.approx([0.2, 0.6]))
    assert list(evidence.changes(rows, "one", "no freezing", "diversity")) == pytest.approx([100, 100])
    assert list(evidence.changes(rows, "one", "no freezing", "svfid")) == pytest.approx([50, 150])
    with pytest.raises(InputError, match="no row of 'M = 7' on 'one'"):
        figures.pair(rows, "one", "M = 7", "diversity")


def test_changes_show_seeds_their_mean_and_the_papers_number(rows):
    figure = figures.changes(rows)
    diversity, patches, *_ = figure.axes
    assert [text.get_text() for text in diversity.get_yticklabels()] == list(experiment.POINTS)
    stars = {
        axis.get_title(): line.get_xydata().tolist()
        for axis in figure.axes
        for line in axis.lines
        if line.get_marker() == "*"
    }
    assert stars == {"diversity": [[-51, 0]], "SVFID (patches)": [[680, 0]], "SVFID (EfficientNet)": [[680, 0]]}
    means = [line.get_xydata() for line in patches.lines if line.get_marker() in ("o", "s")]
    assert [dots[:, 0].tolist() for dots in means] == [pytest.approx([100] * len(experiment.POINTS))] * 2
    assert [dots[:, 1].round().tolist() for dots in means] == [list(range(len(experiment.POINTS)))] * 2
    found = intervals.interval([50, 150])
    for bars in patches.collections:
        assert all(bar[:, 0] == pytest.approx([found.low, found.high]) for bar in bars.get_segments())
    ticks = [list(line.get_xdata()) for line in patches.lines if line.get_marker() == "|"]
    assert ticks == [pytest.approx([50, 150])] * 2 * len(experiment.POINTS)


def test_changes_leave_out_what_was_not_measured_and_draw_a_single_seed_without_end(rows):
    one = rows[(rows["clip"] == "one") & (rows["seed"] == 0) & (rows["point"] != "PatchVAE")]
    figure = figures.changes(one)
    figure.canvas.draw()  # with all that has no end
    (bars,) = figure.axes[0].collections
    assert len(bars.get_segments()) == len(experiment.POINTS) - 1
    for bar in bars.get_segments():
        assert bar[0, 0] < -1000
        assert bar[1, 0] > 1000


def test_the_paper_gives_numbers_for_freezing_alone():
    found = {
        (point, metric): experiment.reported(point, metric)
        for point in experiment.POINTS
        for metric in experiment.COLUMNS
    }
    assert {key: value for key, value in found.items() if value is not None} == {
        ("no freezing", "diversity"): -51,
        ("no freezing", "svfid"): 680,
        ("no freezing", "svfid_efficientnet"): 680,
    }


def test_slopes_join_the_values_of_a_seed():
    figure = figures.slopes([{"plain": ([1, 2], [2, 1]), "wide": ([1, 2], [100, 200])}, {"zero": ([1, 2], [0, 0])}])
    plain, wide, zero = figure.axes[:3]
    assert [list(line.get_ydata()) for line in plain.lines] == [[1, 2], [2, 1]]
    assert [axis.get_yscale() for axis in (plain, wide, zero)] == ["linear", "log", "linear"]


def test_single_runs_that_contradict_the_means_are_counted():
    assert experiment.misleading_pairs(*([1, 2], [3, 4])) == 0
    assert experiment.misleading_pairs(*([1, 4], [3, 6])) == 0.25  # 4 and 3
    assert experiment.misleading_pairs(*([3, 6], [1, 4])) == 0.25
    with pytest.raises(InputError, match="0 and 1 runs to compare"):
        experiment.misleading_pairs(*([], [1]))


def test_what_scale_0_makes_stands_in_columns(trained):
    axes = figures.coarse_sheet({"a": trained, "b": trained}).axes
    assert [axis.get_title() for axis in axes[:3]] == ["real", "a", "b"]
    shown = [axis.images[0].get_array() for axis in axes]
    assert [(picture == 255).all() for picture in shown] == [False] * 3 + [True, False, False] * 2
    made = trained.reconstruct(scales=1)[0, :, 1]
    assert (shown[1] == ((made + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()).all()
    with pytest.raises(InputError, match="at least one model"):
        figures.coarse_sheet({})


@pytest.fixture
def samples(monkeypatch):
    """Samples as the evidence holds them, of another shade for each clip and point."""

    def made(clip, point):
        return torch.full((4, 3, 13, 36, 64), sum(map(ord, clip + point)) % 100 / 100)

    monkeypatch.setattr(evidence, "samples", made)


def test_samples_of_every_point_and_clip_are_shown(samples):
    figure = figures.samples_sheet({name: torch.zeros(3, 13, 36, 64) for name in ("one", "two")})
    assert [axis.get_title() for axis in figure.axes[:2]] == ["one", "two"]
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["the clip", "the whole", *experiment.POINTS]
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (36, 4 * 64 + 3, 3)
    assert (picture[:, 64] == 255).all()


@pytest.mark.slow
def test_moving_a_control_moves_samples_and_numbers(rows, samples):
    clip, point, picture, text = ablation_view(rows, 24).children
    assert Image.open(io.BytesIO(picture.value)).size[0] == WIDTH
    assert text.value.startswith("one, no freezing: diversity +100 [+100, +100] %")
    for control, value, words in [(point, "encoder r = 1", "one, encoder r = 1"), (clip, "two", "two, encoder r = 1")]:
        before = picture.value
        control.value = value
        assert picture.value != before
        assert text.value.startswith(words)


EXAMPLES = {
    "ablation_view": ("8 clips, 5 charts", lambda model: ablation_view(evidence.rows(), 24))
}  # see test_widgets
