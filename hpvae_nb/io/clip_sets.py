"""Sets of many clips of one size, for methods that learn from all of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.utils.data import Dataset

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip


class ClipSet(Dataset[tuple[Tensor, int]]):
    """Clips of one length and size, each with a label. Index i gives the clip, `3 t h w` in [-1, 1], and its label.

    Attributes:
        pixels: uint8, `n 3 t h w`, values 0 to 255: a quarter of the memory that numbers in [-1, 1] take.
        labels: int64, `n`, each an index into `classes`.
        classes: what the labels mean.
        names: of each clip; those of one video differ behind `_c` alone (UCF-101: `v_Class_g01_c02`).
        fps: frames per second.
        name: of the set.
        split: which part of it this is, such as `"train"`.

    Raises:
        InputError: on construction, for pixels of another shape or type, or lists of another length.
    """

    def __init__(
        self,
        pixels: Tensor,
        labels: Sequence[int],
        classes: Sequence[str],
        names: Sequence[str],
        *,
        fps: float,
        name: str,
        split: str = "train",
    ) -> None:
        if pixels.ndim != 5 or pixels.shape[1] != 3 or pixels.dtype != torch.uint8 or 0 in pixels.shape:
            got = f"{tuple(pixels.shape)} of {pixels.dtype}"
            raise InputError(f"pixels of {name!r} are {got}, but uint8 'n 3 t h w' with at least one clip is wanted")
        if not len(labels) == len(names) == len(pixels):
            raise InputError(f"{name!r} has {len(pixels)} clips, {len(labels)} labels, {len(names)} names: give equal")
        self.pixels, self.labels = pixels, torch.as_tensor(labels, dtype=torch.int64)
        self.classes, self.names = tuple(classes), tuple(names)
        self.fps, self.name, self.split = fps, name, split

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.batch([index])[0], int(self.labels[index])

    def __repr__(self) -> str:
        sizes = " x ".join(map(str, self.shape))
        return f"ClipSet({self.name!r}, {self.split}, {len(self)} clips of {sizes}, {len(self.classes)} classes)"

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W) of each clip."""
        return tuple(self.pixels.shape[2:])

    def batch(self, indices: Sequence[int] | Tensor) -> Tensor:
        """Some of the clips, `b 3 t h w` in [-1, 1]."""
        return self.pixels[torch.as_tensor(indices, dtype=torch.int64)].float() / 127.5 - 1

    def clip(self, index: int) -> Clip:
        """One clip by itself, for methods that learn a single one."""
        return Clip(self[index][0], self.fps, self.names[index])

    def first(self, count: int) -> ClipSet:
        """A smaller set of the first `count` clips."""
        return self.take(range(min(count, len(self))))

    def take(self, indices: Sequence[int]) -> ClipSet:
        """A smaller set of these clips, in this order."""
        chosen = list(indices)
        pixels, labels, names = self.pixels[chosen], self.labels[chosen].tolist(), [self.names[i] for i in chosen]
        return ClipSet(pixels, labels, self.classes, names, fps=self.fps, name=self.name, split=self.split)

    def identity(self) -> dict[str, str | int]:
        """What tells this set from others, for a run's folder."""
        digest = hashlib.sha256(self.pixels.numpy().tobytes()).hexdigest()
        return {"name": self.name, "clips": len(self), "sha256": digest}


def as_pixels(video: Tensor) -> Tensor:
    """Values in [-1, 1] as uint8 from 0 to 255, of any shape."""
    return ((video.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_frames(videos: Tensor) -> Tensor:
    """uint8 `n t h w c`, as pictures come, to `n c t h w`."""
    return rearrange(videos, "n t h w c -> n c t h w").contiguous()
