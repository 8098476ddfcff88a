"""What several lessons draw alike: clips and figures in one film, means with bars, who learns when."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from PIL import Image

from hpvae_nb import InputError
from hpvae_nb.lab.render import FAR, GAN_COLOR, VAE_COLOR, dots_and_bars, percent_axis, subplots
from hpvae_nb.lab.schedule import part, training_schedule
from hpvae_nb.lab.show import beside, film, pixels, stacked, titled

CLIPS = torch.rand(4, 3, 5, 18, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_figures_and_clips_have_the_width_asked_for():
    figure, axis = subplots(figsize=(4, 2))
    axis.set_facecolor("black")
    picture = pixels(figure, 500)
    assert picture.shape == (250, 500, 3)
    assert (picture.min(), picture.max()) == (0, 255)
    axis.set_facecolor("white")
    assert pixels(figure, 500).mean() > picture.mean(), "a figure can be drawn into again"
    row = beside(CLIPS, 256)
    assert row.shape == (5, 36, 256, 3)
    assert (row[:, ::2, 64:128:2] == ((CLIPS[1] + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()).all()


def test_what_stands_still_stands_beside_what_moves():
    still, row = np.full((10, 64, 3), 7, np.uint8), beside(CLIPS[:2], 64)
    frames = stacked(still, row)
    assert frames.shape == (5, 10 + 18, 64, 3)
    assert (frames[:, :10] == 7).all()
    assert (frames[:, 10:] == row).all()
    assert titled("a line", row).shape == (5, 18 + 18, 64, 3)
    opened = Image.open(io.BytesIO(film(still, row, fps=24)))
    assert (opened.size, opened.n_frames) == ((64, 28), 5)


def test_a_bar_reaches_from_low_to_high_and_an_endless_one_far():
    _, axis = subplots(figsize=(4, 2))
    dots_and_bars(axis, [1, 2], [0, -np.inf], [4, np.inf], [5, 6], fmt="s", color="red", label="a")
    percent_axis(axis, (-10, 0, 10), straight=10)
    (dots,), (bars,) = [line for line in axis.lines if line.get_marker() == "s"], axis.collections
    assert dots.get_xydata().tolist() == [[1, 5], [2, 6]]
    assert [bar.tolist() for bar in bars.get_segments()] == [[[0, 5], [4, 5]], [[-FAR, 6], [FAR, 6]]]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["-10", "0", "+10"]
    assert axis.get_legend_handles_labels()[1] == ["a"]


@pytest.mark.parametrize(
    ("weight", "name"),
    [
        ("encoder.trunk.0.weight", "E"),
        ("generators.1.body.0.0.bias", "G1"),
        ("stages.2.0.0.weight", "stage 2"),
        ("head.0.weight", "head"),
        ("tail.weight", "tail"),
    ],
)
def test_a_weight_belongs_to_a_part(weight, name):
    assert part(weight) == name


def test_the_schedule_marks_what_learns_is_frozen_and_is_not_there_yet():
    figure = training_schedule({"a": [{"E": 1, "G0": 0}, {"G1": 2, "D": 3}], "b": [{"head", "tail"}, {"stage 1", "D"}]})
    first, second = figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["E", "G0", "G1", "D"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["head", "stage 1", "tail", "D"]
    assert {text.get_position(): text.get_text() for text in first.texts} == {
        (0.5, 0.5): "1",
        (0.5, 1.5): "0",
        (1.5, 2.5): "2",
        (1.5, 3.5): "3",
    }
    assert not second.texts
    found = {(box.get_x(), box.get_y()): box for box in first.patches}
    assert {place for place, box in found.items() if box.get_hatch()} == {(1, 0), (1, 1)}
    assert {place for place, box in found.items() if box.get_facecolor() == to_rgba(VAE_COLOR)} == {(0, 0), (0, 1)}
    assert {place for place, box in found.items() if box.get_facecolor() == to_rgba(GAN_COLOR)} == {(1, 2), (1, 3)}
    with pytest.raises(InputError, match="at least one method"):
        training_schedule({})
