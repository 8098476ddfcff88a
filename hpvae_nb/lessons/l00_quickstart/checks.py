"""Checks for the exercises of lesson 0: from stored pictures to a tensor, and how much samples differ."""

from collections.abc import Callable, Iterator

import torch
from einops import rearrange
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise


@exercise
def to_video(answer: Callable[[Tensor], Tensor]) -> str:
    """`to_video(frames)`: whole numbers 0..255, `t h w c`, to values in [-1, 1], `c t h w`."""
    for frames in _frames():
        actual, moved = ask(answer, frames.clone()), rearrange(frames, "t h w c -> c t h w")
        expected = moved.float() / 127.5 - 1
        if isinstance(actual, Tensor) and actual.shape == frames.shape != expected.shape:
            raise Mistake(f"the axes are still {tuple(frames.shape)}, 't h w c'; colour comes first: 'c t h w'")
        if isinstance(actual, Tensor) and actual.shape == expected.shape and not actual.is_floating_point():
            raise Mistake(f"the result is {actual.dtype}, whole numbers; call .float() before you divide")
        wrong = {
            "reshape only cuts the long row of numbers anew; the axes must move: name them in rearrange": (
                frames.reshape(expected.shape).float() / 127.5 - 1
            ),
            "8-bit numbers can't go above 255 or below 0, they begin again; call .float() first": (
                (2 * moved - 255).float() / 255
            ),
            "black is 0 and white is 1; black should be -1": moved.float() / 255,
            "white is 0, but should be 1: the range is 2 wide": moved.float() / 255 - 1,
            "black is -0.5 and white is 0.5: the range should be 2 wide": moved.float() / 255 - 0.5,
            "white is a little less than 1: half of 255 is 127.5, not 128": moved.float() / 128 - 1,
            "white is a little more than 1: half of 255 is 127.5, not 127": moved.float() / 127 - 1,
            "black and white have changed places": 1 - moved.float() / 127.5,
            "the numbers are as they were, from 0 to 255": moved.float(),
        }
        compare(actual, expected, wrong)
    return "black is -1, white is 1, and the axes are colour, time, height, width"


@exercise
def diversity(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`diversity(samples, clip)`: standard deviation over samples, averaged, relative to the clip's own.

    Both standard deviations may divide by n or by n - 1.
    """
    for samples, clip in _samples():
        grey, real = samples.mean(dim=1), clip.mean(dim=0)
        actual = torch.as_tensor(ask(answer, samples.clone(), clip.clone()))
        if actual.ndim:
            raise Mistake(f"one number is wanted, you give {tuple(actual.shape)}: average over all pixels")
        options = [_ratio(grey, real, correction) for correction in (0, 1)]
        spread, own = grey.std(dim=0), real.std()
        wrong = {
            "that is how much the samples differ; divide it by how much the clip varies": spread.mean(),
            "the ratio is upside down: copies of one clip must score 0": own / spread.mean(),
            "you measure how much each sample varies within itself: take std over samples, dim=0": (
                grey.flatten(1).std(dim=1).mean() / own
            ),
            "one std over everything also counts how a sample varies within itself: take std over samples, dim=0": (
                grey.std() / own
            ),
            "you average before you compare: what differs from place to place is lost": (
                grey.flatten(1).mean(dim=1).std() / own
            ),
            "that is the variance; its root is the standard deviation": grey.var(dim=0).mean() / real.var(),
            "take the grey of the samples first: the mean over colours, dim=1": samples.std(dim=0).mean() / own,
            "take the grey of the clip too: the mean over its colours, dim=0": spread.mean() / clip.std(),
            "take the grey first, of samples and of clip: the mean over colours, dim=1 and dim=0": (
                samples.std(dim=0).mean() / clip.std()
            ),
            "you add up where you should average over all pixels": spread.sum() / own,
            "the clip's contrast is one std of all its numbers: real.std(), along no axis": (
                spread.mean() / real.std(dim=0).mean()
            ),
            "divide by the clip's contrast, not by the samples'": spread.mean() / grey.std(),
        }
        nearest = min(options, key=lambda option: abs(float(option - actual)))
        compare(actual.float(), nearest, wrong)
    return "how much the samples differ, measured by the contrast of the clip"


def _ratio(grey: Tensor, real: Tensor, correction: int) -> Tensor:
    return grey.std(dim=0, correction=correction).mean() / real.std(correction=correction)


def _frames() -> Iterator[Tensor]:
    """Stored clips `t h w 3` of several sizes, each with black and white in it."""
    for seed, shape in enumerate([(4, 5, 6), (2, 7, 3), (3, 3, 3)]):
        frames = torch.randint(256, (*shape, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
        frames[0, 0, 0], frames[-1, -1, -1] = 0, 255
        yield frames


def _samples() -> Iterator[tuple[Tensor, Tensor]]:
    """Samples `b c t h w` that differ more in one place than in another, and a clip of less contrast."""
    for seed, shape in enumerate([(3, 4, 5, 6), (3, 2, 6, 5)]):
        generator = torch.Generator().manual_seed(seed)
        place = torch.rand(shape, generator=generator)
        samples = place - 0.5 + 0.4 * place * torch.randn(5, *shape, generator=generator)
        yield samples, 0.7 * torch.rand(shape, generator=generator) - 0.2
