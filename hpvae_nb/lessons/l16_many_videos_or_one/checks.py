"""Checks of the exercises of lesson 16."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.tgan import clip_singular_values
from hpvae_nb.baselines.tgan_v2 import kept_frames
from hpvae_nb.lab.exercise import Mistake, ask, compare, exercise, match


@exercise
def clip_stretch(answer: Callable[[Tensor], Tensor]) -> str:
    """A matrix with its singular values cut at 1, square or not."""
    for rows, columns, seed in ((4, 4, 0), (3, 7, 1), (8, 2, 2)):
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(rows, columns, generator=generator)
        layer = nn.Linear(columns, rows)
        layer.weight.data = weight.clone()
        clip_singular_values(layer)
        u, s, vt = torch.linalg.svd(weight, full_matrices=False)
        wrong = {
            "you clipped the entries: that is what WGAN did first; clip the singular values": weight.clamp(-1, 1),
            "that divides by the largest singular value (spectral normalisation): those below 1 must stay": weight
            / s[0],
            "that divides by the length of all entries together, which is larger than any stretch": (
                weight / weight.norm()
            ),
            "all singular values are 1 now: those that were below must stay": u @ vt,
            "nothing was clipped": weight,
            "small singular values were raised to 1, and large ones kept: take clamp(max=1)": u * s.clamp(min=1) @ vt,
        }
        given = ask(answer, weight.clone())
        if isinstance(given, Tensor) and given.ndim == 1:
            raise Mistake(
                "S is a vector: u @ s sums up, where u * s stretches the columns of U, as a diagonal matrix would"
            )
        if rows == columns:
            wrong["torch.linalg.svd gives V transposed already"] = u * s.clamp(max=1) @ vt.T
        compare(given, layer.weight.detach(), wrong)
    return "no direction is stretched, and those that were not are as before"


@exercise
def schedule(answer: Callable[[int, Sequence[int]], Sequence[Sequence[int]]]) -> str:
    """Frames of each level, by offsets."""
    for frames, offsets in ((8, (0, 1)), (16, (1, 1, 0)), (16, (1, 0, 1)), (4, ())):
        given = ask(answer, frames, list(offsets))
        try:
            lists = [[int(frame) for frame in level] for level in given]
        except TypeError as error:
            raise Mistake("a list of lists was wanted: for each level the numbers of its frames") from error
        if len(lists) != len(offsets) + 1:
            raise Mistake(
                f"{len(lists)} levels came, for {len(offsets)} offsets: the coarsest level has none, and all frames"
            )
        right = [list(kept) for kept in kept_frames(frames, offsets)]
        first = [list(range(frames))]
        of_all = first + [list(range(frames))[offset :: 2 ** (n + 1)] for n, offset in enumerate(offsets)]
        wrong = {
            "finest first: the level with all frames is the coarsest": [right[::-1]],
            "the offsets are not used: begin there": [[list(k) for k in kept_frames(frames, [0] * len(offsets))]],
            "an offset counts frames of the level before, not of the whole clip": [of_all],
            "each level has all frames: take every second": [first * (len(offsets) + 1)],
        }
        wrong = {words: [result for result in results if result != right] for words, results in wrong.items()}
        match(lists, right, wrong, f"{frames} frames with offsets {list(offsets)} are {right}")
    return "half as many frames a level, and in the long run every frame has its turn"
