"""Lesson 0: what its exercise and its text say of diversity is so; its view is tested in test_widgets."""

import pytest
import torch
from common import answers
from einops import rearrange

from hpvae_nb.lessons.l00_quickstart import checks as check
from hpvae_nb.lessons.l00_quickstart.views import seed_view

LESSON = "00_quickstart"


def moved(frames):
    return rearrange(frames, "t h w c -> c t h w")


def grey(samples):
    return samples.mean(dim=1)


def contrast(clip):
    return clip.mean(dim=0).std()


WRONG = {  # see test_exercises
    "to_video": {
        "the axes are still": lambda f: f.float() / 127.5 - 1,
        "reshape only cuts": lambda f: (f.float() / 127.5 - 1).reshape(f.shape[-1], *f.shape[:-1]),
        "whole numbers": lambda f: (moved(f).float() / 127.5 - 1).round().int(),
        "they begin again": lambda f: (2 * moved(f) - 255) / 255,
        "black is 0 and white is 1": lambda f: moved(f) / 255,
        "white is 0, but should be 1": lambda f: moved(f) / 255 - 1,
        "white is 0.5": lambda f: moved(f) / 255 - 0.5,
        "not 128": lambda f: moved(f) / 128 - 1,
        "not 127": lambda f: moved(f) / 127 - 1,
        "changed places": lambda f: 1 - moved(f) / 127.5,
        "as they were": lambda f: moved(f).float(),
        "was wanted": lambda f: moved(f)[None] / 127.5 - 1,
        "a tensor was wanted": lambda f: moved(f).tolist(),
        "stopped with RuntimeError": lambda f: f @ torch.ones(99),
    },
    "diversity": {
        "divide it by how much the clip varies": lambda s, c: grey(s).std(dim=0).mean(),
        "upside down": lambda s, c: contrast(c) / grey(s).std(dim=0).mean(),
        "you measure how much each sample varies": lambda s, c: grey(s).flatten(1).std(dim=1).mean() / contrast(c),
        "one std over everything": lambda s, c: grey(s).std() / contrast(c),
        "you average before": lambda s, c: grey(s).flatten(1).mean(dim=1).std() / contrast(c),
        "that is the variance": lambda s, c: grey(s).var(dim=0).mean() / contrast(c) ** 2,
        "grey of the samples first": lambda s, c: s.std(dim=0).mean() / contrast(c),
        "grey of the clip too": lambda s, c: grey(s).std(dim=0).mean() / c.std(),
        "grey first, of samples and of clip": lambda s, c: s.std(dim=0).mean() / c.std(),
        "you add up": lambda s, c: grey(s).std(dim=0).sum() / contrast(c),
        "along no axis": lambda s, c: grey(s).std(dim=0).mean() / c.mean(dim=0).std(dim=0).mean(),
        "not by the samples'": lambda s, c: grey(s).std(dim=0).mean() / grey(s).std(),
        "one number is wanted": lambda s, c: grey(s).std(dim=0) / contrast(c),
        "term by term": lambda s, c: 0.5,
    },
}


@pytest.mark.parametrize("correction", [0, 1])
def test_both_standard_deviations_are_right(correction, capsys):
    spread = {"correction": correction}
    check.diversity(lambda s, c: float(grey(s).std(dim=0, **spread).mean() / c.mean(dim=0).std(**spread)))
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.slow
def test_copies_score_0_and_contrast_does_not_matter():
    """The solution itself, against what the lesson says of the number."""
    diversity = answers(LESSON)["solution", "diversity"]
    samples, clip = torch.rand(4, 3, 2, 5, 6), torch.rand(3, 2, 5, 6)
    assert diversity(samples[:1].repeat(4, 1, 1, 1, 1), clip) == 0
    torch.testing.assert_close(diversity(0.5 * samples, 0.5 * clip), diversity(samples, clip))


EXAMPLES = {"seed_view": ("1 clip", lambda model: seed_view(model))}  # see test_widgets
