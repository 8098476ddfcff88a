"""Checks of lesson 1: counting patches, putting tiles back, and finding a patch again."""

import random
from collections.abc import Callable

import torch
from einops import rearrange, reduce
from torch import Tensor

from hpvae_nb.core import patches
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match


@exercise
def count(answer: Callable[[int, int, int, int], int]) -> str:
    """`count(t, h, w, size)`: how many cubes of `size` lie wholly inside t frames of h x w pixels."""
    for _ in range(20):
        size = random.randint(2, 5)
        t, h, w = (size + random.randint(1, 9) for _ in range(3))
        off_by_one, tiles = (t - size) * (h - size) * (w - size), (t // size) * (h // size) * (w // size)
        if off_by_one == tiles:  # which of the two mistakes it was, this box could not tell
            continue
        actual, expected = ask(answer, t, h, w, size), (t - size + 1) * (h - size + 1) * (w - size + 1)
        box = f"t, h, w, size = {t, h, w, size}"
        wrong = {
            f"{actual} places for {box} is one patch at every pixel, but patches at the border "
            "would stick out. How far right can the first column of a patch be?": [t * h * w],
            f"off by one: a row of 3 pixels holds 2 patches of 2 pixels, not 3 - 2 = 1; for {t, h, w, size} you give "
            f"{actual} instead of {expected}": [off_by_one],
            f"{actual} for {t, h, w, size} counts tiles side by side, but patches may overlap": [tiles],
        }
        match(actual, expected, wrong, f"{box} hold {expected} patches, you give {actual}")
    return "a side of length L holds L - size + 1 patches, and the three sides multiply"


@exercise
def put_back(answer: Callable[[Tensor, int, int, int], Tensor]) -> str:
    """`put_back(tiles, t, h, w)`: `(t h w) c a b d` back to the clip `c (t a) (h b) (w d)`."""
    for _ in range(5):
        t, h, w = random.sample(range(2, 6), 3)
        tiles = torch.randn(t * h * w, 3, *random.sample(range(2, 6), 3))
        a, b, d = tiles.shape[2:]
        interleaved = rearrange(tiles, "(t h w) c a b d -> c (a t) (b h) (d w)", t=t, h=h, w=w)
        cut_anew = tiles.reshape(3, t * a, h * b, w * d)
        wrong = {
            "the clip is interleaved: neighbouring pixels come from different tiles. In '(a t)' the last letter runs "
            "fastest, so the place inside the tile must come last: '(t a)'": interleaved,
            "reshape only cuts the long row of numbers anew; the axes must move: name them in rearrange": cut_anew,
        }
        wrong |= {
            f"you count tiles in the order ({order}), but they were cut in the order (t h w)": rearrange(
                tiles, f"({order}) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w
            )
            for order in ("t w h", "w h t", "h w t", "h t w", "w t h")
        }
        compare(ask(answer, tiles, t, h, w), patches.put_back(tiles, t, h, w), wrong)
    return "every pixel is back in its place, for tiles of any shape"


@exercise
def distance_map(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`distance_map(video, patch)`: mean squared difference to the patch `c a b d` at each place, `t h w`."""
    for _ in range(5):
        video = torch.randn(3, *(random.randint(5, 8) for _ in range(3)))
        patch = torch.randn(3, *random.sample(range(2, 5), 3))
        a, b, d = patch.shape[1:]
        off = rearrange(video.unfold(1, a, 1).unfold(2, b, 1).unfold(3, d, 1), "c t h w a b d -> t h w c a b d") - patch
        expected = reduce(off**2, "t h w c a b d -> t h w", "mean")
        wrong = {
            "you add where you should average: then large patches are always far": expected * patch.numel(),
            "differences of both signs cancel; square them before the mean": off.mean(dim=(3, 4, 5, 6)),
            "you take absolute values; the square was asked for": off.abs().mean(dim=(3, 4, 5, 6)),
            "you also take the root; leave the mean of squares as it is": expected.sqrt(),
        }
        actual = ask(answer, video.clone(), patch.clone())
        if isinstance(actual, Tensor) and actual.ndim == 4:
            raise Mistake("you give a map for each channel, but a patch has one distance: average over channels too")
        compare(actual, expected, wrong)
    return "the map is smallest where the clip looks most like the patch"
