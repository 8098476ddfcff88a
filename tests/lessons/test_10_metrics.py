"""Lesson 10: its cheats cheat, its figures and its view say what is so."""

import io

import pytest
import torch
from common import noise_clip
from PIL import Image

from hpvae_nb import load_clip
from hpvae_nb.errors import InputError
from hpvae_nb.lessons.l10_metrics import experiment, figures
from hpvae_nb.lessons.l10_metrics.views import WIDTH, strength_view
from hpvae_nb.metrics import applicable, novelty, sanity


def least(a, b):
    return torch.cdist(a, b).amin(dim=1)


WRONG = {  # see test_exercises
    "living": {
        "at most half": lambda s, c, x: least(s, x) <= least(s, c),
        "half the distance, not half of its square": lambda s, c, x: least(s, x) ** 2 <= 0.5 * least(s, c) ** 2,
        "the other way round": lambda s, c, x: least(s, c) <= 0.5 * least(s, x),
        "those are the dead ones": lambda s, c, x: least(s, x) > 0.5 * least(s, c),
        "the least distance counts": lambda s, c, x: torch.cdist(s, x).mean(1) <= 0.5 * torch.cdist(s, c).mean(1),
        "that is the share": lambda s, c, x: (least(s, x) <= 0.5 * least(s, c)).float().mean(),
        "33 answers, one for each patch of the sample": lambda s, c, x: least(x, s) < 1,
        "compare the two distances": lambda s, c, x: least(s, x) / least(s, c),
        "is a float": lambda s, c, x: 0.5,
        "was wanted": lambda s, c, x: least(c, s) < 1,
        "term by term": lambda s, c, x: least(s, x) <= 0.2 * least(s, c),
        "stopped with": lambda s, c, x: s @ c,
    },
    "distance": {
        "in the order in which they happen to lie": lambda a, b: (a - b).abs().mean(),
        "only one of the piles": lambda a, b: (a.sort().values - b).abs().mean(),
        "only the second": lambda a, b: (a - b.sort().values).abs().mean(),
        "sort both the same way": lambda a, b: (a.sort().values - b.sort(descending=True).values).abs().mean(),
        "only the difference of the means": lambda a, b: (a.sort().values - b.sort().values).mean().abs(),
        "with its sign": lambda a, b: (a.sort().values - b.sort().values).mean(),
        "ways are squared": lambda a, b: (a.sort().values - b.sort().values).square().mean(),
        "that is the sum": lambda a, b: (a.sort().values - b.sort().values).abs().sum(),
        "several may choose the same one": lambda a, b: (a[:, None] - b).abs().amin(1).mean(),
        "was wanted": lambda a, b: (a.sort().values - b.sort().values).abs(),
        "term by term": lambda a, b: a.std() - b.std(),
        "stopped with": lambda a, b: a @ torch.ones(99),
    },
}


@pytest.fixture(scope="module")
def real():
    return noise_clip(frames=7, height=28, width=36).video


def test_without_strength_nothing_is_done(real):
    for kind in sanity.CORRUPTIONS:
        torch.testing.assert_close(sanity.corrupted(real, kind, 0), real)


def test_at_full_strength_each_kind_does_what_its_name_says(real):
    made = {kind: sanity.corrupted(real, kind, seed=3) for kind in sanity.CORRUPTIONS}
    assert {tuple(video.shape) for video in made.values()} == {tuple(real.shape)}
    assert sorted(frame.sum().item() for frame in made["shuffled frames"].unbind(1)) == pytest.approx(
        sorted(frame.sum().item() for frame in real.unbind(1))
    )
    assert not torch.equal(made["shuffled frames"], real)
    assert torch.equal(made["an emptied clip"][:, 0], made["an emptied clip"][:, 6])
    assert made["a blurred clip"].diff(dim=-1).abs().mean() < real.diff(dim=-1).abs().mean()
    assert made["noise"].std() == pytest.approx(3**-0.5, abs=0.02)
    down, right = 2, -3
    inside = sanity.moved(real, down, right)[..., down:, :right]
    assert torch.equal(inside, real[..., :-down, -right:])


def test_only_the_generators_that_draw_differ_from_sample_to_sample(real):
    cases = sanity.degenerate_generators(real, 3)
    assert list(cases) == [sanity.ITSELF, *sanity.CORRUPTIONS]
    still = {name for name, samples in cases.items() if torch.equal(samples[0], samples[1])}
    assert still == {sanity.ITSELF, "a blurred clip", "an emptied clip"}


@pytest.mark.parametrize(("kind", "strength"), [("rain", 1), ("noise", 1.5), ("noise", -0.1)])
def test_other_kinds_and_strengths_are_refused(real, kind, strength):
    with pytest.raises(InputError, match="a strength of 0 to 1"):
        sanity.corrupted(real, kind, strength)


@pytest.fixture(scope="module")
def table(real):
    other = noise_clip(frames=7, height=28, width=36, seed=1).video
    cases = sanity.degenerate_generators(real, 2) | {"another clip": torch.stack([other, other.flip(-1)])}
    return sanity.measure(cases, real, {"another clip": real})


def test_every_metric_is_fooled_and_every_cheat_is_caught(table):
    """Between a clip and another of its kind, which is new, and as alike as clips of a kind are."""
    beaten = sanity.fooled(table, "another clip")
    assert list(table) == [name for name in applicable(3) if name != "svfid_efficientnet"]
    assert beaten.keys() == table.keys() - {"novelty"}  # of which neither direction is better: noise has the most
    assert max(table["novelty"], key=table["novelty"].get) == "noise"
    assert all(case in beaten["svfid"] for case in (sanity.ITSELF, "shuffled frames"))
    assert "noise" in beaten["nnfdiv"]
    assert {"a blurred clip", "an emptied clip"} <= set(beaten["temporal_consistency"])
    for case in (sanity.ITSELF, *sanity.CORRUPTIONS):
        assert any(case not in cheats for cheats in beaten.values()), case


def test_a_reconstruction_counts_where_it_is_given(table):
    assert table["reconstruction_error"]["another clip"] == 0
    assert table["reconstruction_error"]["noise"] > 0.3


def test_being_better_depends_on_the_metric():
    table = {name: {"a": 1.0, "b": 2.0, "c": 2.0} for name in ("diversity", "svfid", "novelty")}
    assert sanity.fooled(table, "b") == {"diversity": ["c"], "svfid": ["a", "c"]}
    assert figures.gain("diversity", 1, 2) == pytest.approx(-figures.gain("svfid", 1, 2))
    assert figures.gain("svfid", 0, 2) == figures.DECADES
    assert figures.gain("novelty", 0, 2) == 0
    for function in (sanity.fooled, figures.metrics_by_case):
        with pytest.raises(InputError, match="there is no case 'd' in the table: choose one of a, b, c"):
            function(table, "d")


@pytest.mark.slow
def test_the_table_shows_each_value_once_and_winners_in_bold(table):
    figure = figures.metrics_by_case(table, "another clip")
    texts = figure.axes[0].texts
    assert len(texts) == 9 * 7
    bold = sum(text.get_fontweight() == "bold" for text in texts)
    assert bold == sum(map(len, sanity.fooled(table, "another clip").values()))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:3] == ["diversity ↑", "novelty", "NNFDIV ↑"]
    assert "SVFID (patches) ↓" in labels


def test_colours_of_places_tell_still_from_moved():
    here = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(6), indexing="ij"), dim=-1)
    still = torch.cat([torch.zeros(4, 6, 1, dtype=torch.long), here], dim=-1)
    colors = figures.offset_colors(still)
    assert colors.min() == colors.max() == pytest.approx(0.95)
    right, left = (figures.offset_colors(still + torch.tensor([0, 0, step])) for step in (2, -2))
    assert (right == right[0, 0]).all()
    assert abs(right - left).max() > 0.3


@pytest.fixture(scope="module")
def found(real):
    return experiment.steps(real, sanity.corrupted(real, "noise", 0.5, seed=5), (0, 1))


def test_steps_hold_the_metrics_own_numbers(found, real):
    steps, honest = found
    noise = steps["noise"][1]
    assert noise.values["novelty"] == pytest.approx(novelty(noise.video[None], real), rel=1e-4)
    assert all(by_strength[0] is steps["noise"][0] for by_strength in steps.values())
    assert steps["noise"][0].values["survival"] == 1
    assert 0 < honest.values["novelty"] < noise.values["novelty"]


def test_moving_a_control_moves_clips_and_numbers(found, real):
    kind, strength, picture, text = strength_view(*found, real, 24).children
    opened = Image.open(io.BytesIO(picture.value))
    assert opened.size[0] == WIDTH
    assert opened.n_frames == 7
    for control, value, words in (
        (strength, 1, "a moved clip, strength 1: novelty"),
        (kind, "noise", "noise, strength 1"),
    ):
        before = picture.value
        control.value = value
        assert picture.value != before
        assert text.value.startswith(words)


def test_maps_and_piles_draw_every_case(real):
    moved = sanity.corrupted(real, "a moved clip")
    figure = figures.nearest_neighbour_maps({"real": real, "moved": moved}, real, frame=2)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["real", "moved"]
    assert figure.axes[2].images[0].get_array().max() < 1e-4
    figure = figures.quantile_plots({"one": {"a": torch.arange(5.0), "b": torch.zeros(5)}}, "a")
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[0, 1, 2, 3, 4], [0] * 5]


def test_living_and_dead_patches_are_marked(real):
    corners = torch.tensor([[2, 1, 1], [2, 3, 5], [4, 0, 0]])
    lives = {"sample": torch.tensor([True, False, True])}
    figure = figures.survival_maps(real, corners, lives, {"sample": real})
    alive, dead = figure.axes[0].collections
    assert alive.get_offsets().tolist() == [[4, 4]]  # the patch's centre, column first
    assert dead.get_offsets().tolist() == [[8, 6]]
    assert figure.axes[0].get_title() == "sample: 67% live"


def example():
    """The view with the clip itself in place of a model's sample."""
    real = load_clip("pedestrians", frames=13, size=(28, 50)).video
    return strength_view(*experiment.steps(real, real, strengths=(0, 1)), real, 24)


EXAMPLES = {"strength_view": ("3 clips, 4 charts", lambda model: example())}  # see test_widgets
