"""Lesson 16: contents and motions are exchanged, measured, bounded and counted as its text says."""

import functools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import hpvae_nb as hp
from hpvae_nb.baselines import make_system
from hpvae_nb.lessons.l06_wgan_gp.experiment import slopes, toy_points
from hpvae_nb.lessons.l16_many_videos_or_one import experiment, figures, views
from hpvae_nb.recipe.pyramid import planned_shapes
from hpvae_nb.studies import claims, evidence


def svd(weight, change):
    u, s, vt = torch.linalg.svd(weight, full_matrices=False)
    return u * change(s) @ vt


def transposed_twice(u, s, vt):
    return u * s.clamp(max=1) @ vt.T


def halved(frames, offsets):
    levels = [list(range(frames))]
    for offset in offsets:
        levels.append(levels[-1][offset::2])
    return levels


WRONG = {  # see test_exercises
    "clip_stretch": {
        "you clipped the entries": lambda weight: weight.clamp(-1, 1),
        "spectral normalisation": lambda weight: weight / torch.linalg.matrix_norm(weight, 2),
        "all singular values are 1 now": lambda weight: svd(weight, torch.ones_like),
        "nothing was clipped": lambda weight: weight,
        "take clamp(max=1)": lambda weight: svd(weight, lambda s: s.clamp(min=1)),
        "the length of all entries": lambda weight: weight / weight.norm(),
        "S is a vector": lambda weight: torch.linalg.svdvals(weight),
        "V transposed already": lambda weight: transposed_twice(*torch.linalg.svd(weight, full_matrices=False)),
        "was wanted": lambda weight: weight[1:],
    },
    "schedule": {
        "finest first": lambda frames, offsets: halved(frames, offsets)[::-1],
        "the offsets are not used": lambda frames, offsets: halved(frames, [0] * len(offsets)),
        "not of the whole clip": lambda frames, offsets: (
            [list(range(frames))] + [list(range(frames))[offset :: 2 ** (n + 1)] for n, offset in enumerate(offsets)]
        ),
        "take every second": lambda frames, offsets: [list(range(frames))] * (len(offsets) + 1),
        "the coarsest level has none": lambda frames, offsets: halved(frames, offsets)[1:],
        "a list of lists was wanted": lambda frames, offsets: list(range(frames)),
        "8 frames with offsets [0, 1] are": lambda frames, offsets: [level[:1] for level in halved(frames, offsets)],
    },
}


@functools.cache
def tiny():
    """A MoCoGAN that has hardly learned anything."""
    method, config = make_system("mocogan")
    few = config.replace(channels=4, iterations=1)
    return hp.fit(hp.load_set("shapes", count=config.batch), few, method=method, device="cpu", precision="float32")


def test_rows_have_the_content_and_columns_the_motion():
    model = tiny()
    z = model.latent(3, seed=0)
    grid = experiment.crossed(model, z[:2], z)
    assert grid.shape == (2, 3, 3, *model.shapes[0])
    own = model.decode(z)
    for i in (0, 1):
        torch.testing.assert_close(grid[i, i], own[i])
    still = model.network.content + model.network.categories
    mixed = torch.cat([z[:1, :still], z[2:, still:]], 1)
    torch.testing.assert_close(grid[0, 2], model.decode(mixed)[0])
    assert not torch.equal(grid[0, 2], grid[1, 2])
    assert not torch.equal(grid[0, 2], grid[0, 1])


def test_another_category_and_nothing_else():
    model = tiny()
    z = model.latent(4, seed=0)
    changed = experiment.as_category(model, z, 5)
    assert model.network.category(changed).tolist() == [5] * 4
    first, last = model.network.content, model.network.content + model.network.categories
    assert torch.equal(changed[:, :first], z[:, :first])
    assert torch.equal(changed[:, last:], z[:, last:])
    assert torch.equal(changed[:, first:last].sum(1), torch.ones(4, z.shape[2], 1, 1))


def test_what_each_part_changes():
    model = tiny()
    z = model.latent(3, seed=0)
    found = experiment.what_each_changes(model, z)
    assert list(found) == ["content", "category", "motion"]
    assert min(found.values()) > 0
    same = z[:1].expand(2, -1, -1, -1, -1)
    found = experiment.what_each_changes(model, same)
    assert found["content"] == found["motion"] == 0 < found["category"], "the next clip is the same one"


def test_a_strobe_keeps_what_is_bright():
    clip = -torch.ones(3, 11, 4, 4)
    clip[0, 0, 0, 0] = clip[1, 10, 3, 3] = 1
    clip[2, 3] = 1  # not among every fifth
    picture = experiment.strobe(clip)
    assert picture[0, 0, 0] == picture[1, 3, 3] == 1
    assert (picture == 1).sum() == 2


def square(colour, frames=4):
    """A bright square on dark ground."""
    clip = torch.full((3, frames, 8, 8), -0.8)
    clip[:, :, 2:5, 2:5] = torch.tensor(colour).view(3, 1, 1, 1)
    return clip


def test_hues_are_those_of_what_is_bright():
    clips = torch.stack([square([1.0, -1, -1]), square([-1.0, -1, 1])])
    clips[1, :, 3] = -0.8  # it is gone in the last frame
    found = experiment.hues(clips)
    np.testing.assert_allclose(found, [[0, 0, 0, 0], [240, 240, 240, np.nan]])
    assert experiment.content_kept(clips)["there"] == 7 / 8


@pytest.mark.parametrize(("angles", "strays"), [([350, 10], 10), ([0, 0, np.nan], 0), ([80, 100, 120], 40 / 3)])
def test_how_far_angles_stray(angles, strays):
    assert experiment.wander(np.array(angles, float)) == pytest.approx(strays, abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_where_nothing_is_bright_there_is_no_hue():
    found = experiment.content_kept(torch.full((2, 3, 4, 8, 8), -1.0))
    assert found["there"] == 0
    assert np.isnan(found["within"])
    assert np.isnan(found["between"])


def test_real_shapes_keep_their_hue_and_mixed_up_ones_do_not():
    clips = hp.load_set("shapes", count=32).batch(range(32))
    found = experiment.content_kept(clips)
    assert found["there"] == 1
    assert found["within"] < 2 < 40 < found["between"]
    mixed = torch.stack([clips[(torch.arange(16) + i) % 32, :, torch.arange(16)].transpose(0, 1) for i in range(32)])
    assert experiment.content_kept(mixed)["within"] > 40


def test_bounds_are_kept():
    critic = nn.Linear(5, 4)
    experiment.clip_weights(0.02)(critic)
    assert max(weight.abs().max().item() for weight in critic.parameters()) <= 0.0200001
    assert critic.weight.abs().max() > 0.0199


def test_three_ways_to_bound_a_critic():
    real, fake = toy_points(128)
    critics = experiment.three_ways(real, fake)
    steep = {name: slopes(critic, real.lerp(fake, 0.5)).norm(dim=1) for name, critic in critics.items()}
    small, large, penalty, singular = critics
    assert steep[small].max() < 0.01
    assert steep[large].max() > 2
    assert 0.8 < steep[penalty].median() < 1.3
    assert 0.2 < steep[singular].max() <= 1 + 1e-4
    assert max(experiment.stretches(critics[singular])) <= 1 + 1e-4


def test_levels_mirror_each_other():
    theirs = experiment.levels_of_tgan(16, 32, 4, offsets=[1, 0])
    assert [(list(frames), side) for frames, side in theirs[1:]] == [
        (list(range(1, 16, 2)), 16),
        ([1, 5, 9, 13], 32),
    ]
    assert experiment.voxels(theirs) == [16 * 64, 8 * 256, 4 * 1024]
    config = hp.preset("paper")
    ours = experiment.levels_of_ours(config)
    shapes = planned_shapes(config, 1.0)
    assert [(len(frames), side) for frames, side in ours] == [(shape[0], shape[-1]) for shape in shapes]
    assert all(frames[0] == 0 and frames[-1] == config.frames - 1 for frames, _ in ours)


def test_a_copy_is_told_from_what_is_new():
    train, test = (hp.load_set("shapes", split, count=24) for split in ("train", "test"))
    measured = experiment.Budget(train, test)
    copies, fresh = (dict(measured.of(clips, train.first(1))) for clips in (train.batch([0] * 8), test.batch(range(8))))
    assert copies["nearest"] < 0.1 < 10 < fresh["nearest"]
    assert copies["between"] < 1 < fresh["between"]
    assert copies["fid"] > 2 * fresh["fid"]


BUDGET = pd.DataFrame(
    [
        ("mocogan", 8, "fid", 2.0, 60.0),
        ("mocogan", 1, "fid", 3.0, 60.0),
        ("mocogan", 1, "nearest", 9.0, 60.0),
        ("ours", 1, "fid", 4.0, 60.0),
        ("ours", 1, "nearest", 8.0, 60.0),
        ("real", 400, "fid", 1.0, 0.0),
        ("real", 400, "nearest", 7.0, 0.0),
    ],
    columns=["learner", "clips", "measure", "value", "seconds"],
)


def test_the_budget_is_drawn():
    (axis,) = figures.budget_figure(BUDGET, {"fid": "FID"}).axes
    system, ours, real = axis.lines
    assert list(system.get_xdata()) == [1, 8]
    assert list(system.get_ydata()) == [3, 2]
    assert list(ours.get_ydata()) == [4]
    assert list(real.get_ydata()) == [1, 1]
    (axis,) = figures.budget_figure(BUDGET, {"nearest": "near"}).axes
    assert [line.get_xydata().tolist() for line in axis.lines] == [[[1, 9]], [[1, 8]], [[400, 7]]]


def test_the_bundled_budget_has_what_is_drawn():
    rows = evidence.clip_budget()
    assert set(rows["learner"]) == {"mocogan", "ours", "real"}
    assert tuple(clips for clips, _ in experiment.budget_mean(rows, "mocogan", "fid")) == experiment.BUDGETS
    seconds = rows[rows["learner"] != "real"].groupby(["learner", "clips"])["seconds"].first()
    assert seconds.max() < 1.5 * seconds.min(), "the same seconds"


def test_levels_and_critics_are_drawn():
    theirs, ours = experiment.levels_of_tgan(16, 32, 4), experiment.levels_of_ours(hp.preset("laptop"))
    left, right = figures.levels_figure({"theirs": theirs, "ours": ours}).axes
    assert len(left.patches) == 16 + 8 + 4
    assert len(right.patches) == sum(len(frames) for frames, _ in ours)
    assert [text.get_text() for text in left.texts][-1] == "4 x 32² = 4,096"
    real, fake = toy_points(32)
    figure = figures.critics_figure({"one": nn.Linear(2, 1), "two": nn.Linear(2, 1)}, real, fake)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["one", "two"]
    assert sum(patch.get_height() for patch in figure.axes[2].patches) == 32


def test_changes_are_drawn_beside_the_papers():
    asked = claims.TABLE_CLAIMS[:1]
    (claim,) = asked
    ours, theirs = claim.points
    lines = [("shapes", theirs, 0, 2.0), ("shapes", theirs, 1, 4.0), ("shapes", ours, 0, 1.0), ("shapes", ours, 1, 2.0)]
    points = pd.DataFrame(lines, columns=["clip", "point", "seed", claim.metric])
    paper = experiment.change_in_the_paper(claim)
    assert paper == pytest.approx(100 * (6.1 / 19.0 - 1))
    (axis,) = figures.changes_figure(points, asked, {claim: paper}).axes
    drawn = {line.get_marker(): float(line.get_xdata()[0]) for line in axis.lines}
    assert drawn["o"] == pytest.approx(-50), "each sample of ours is half as far as theirs"
    assert drawn["D"] == paper


def test_the_view_mixes_seeds():
    model = tiny()
    content, motion, category, frames, picture, text = views.content_motion_view(model).children
    before = picture.value
    frames.value = 24
    assert "24 frames" in text.value
    assert picture.value != before
    content.value, motion.value, category.value = 3, 1, 2
    assert text.value.startswith("Content 3, motion 1, category 2, 24 frames:")
    z = model.latent(1, seed=3)
    clip = views.mixed(model, 3, 3, int(model.network.category(z)), model.shapes[0][0])
    torch.testing.assert_close(clip, model.decode(z)[0])


def test_what_is_not_bundled_is_named():
    with pytest.raises(hp.InputError, match="there is no trained 'mocogan' of 'rain': choose of "):
        evidence.system("mocogan", "rain")


EXAMPLES = {  # see test_widgets
    "content_motion_view": (
        "1 clip of 8 to 48 frames",
        lambda model: views.content_motion_view(evidence.system("mocogan", "shapes")),
    ),
}
