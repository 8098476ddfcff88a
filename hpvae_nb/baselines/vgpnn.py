"""VGPNN: new videos from patch nearest neighbours, without any learning (Haim et al., ECCV 2022).

Every patch of a noisy, very coarse clip is replaced by the most similar patch of the training clip; where patches
overlap, voxels vote. The result is enlarged and the same is done at the next level, up to full size. What comes out is
made of the training clip's own patches, so it is sharp; how new it is depends on the coarsest level alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from hpvae_nb.baselines.patch_levels import PatchMethod, cubic
from hpvae_nb.core.patches import approximate_search, nearest, patch_grid, patch_rows, principal_axes, vote
from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError


@dataclass(frozen=True)
class Vgpnn(PatchMethod):
    """How VGPNN makes a clip. Sizes are voxels; the finest level is that of the configuration's finest scale.

    Source: Haim et al. 2022, "Diverse generation from a single video made possible", section 3. Two things differ from
    the published code: neighbours are searched among all patches, not by PatchMatch, as long as there are at most
    `exact_up_to`; and patches are compared by `components` principal components.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "vgpnn"
    sigma: float = 5.0  # of the noise on the coarsest clip; published code: 5
    alpha: float | None = None  # completeness (smaller: stronger), None: off, as in the published code
    patch: Shape = (3, 7, 7)  # paper
    iterations: int = 5  # paper, at each level; one at the coarsest
    space_factor: float = 0.82  # paper: from a level to the one below
    time_factor: float = 0.87  # paper
    coarse_size: int = 15  # paper: the short side of the coarsest level
    coarse_frames: int = 3  # paper
    components: int | None = 48  # compare patches by so many principal components; None: by all values
    exact_up_to: int = 50_000  # patches; beyond, neighbours are searched approximately, by faiss

    def _checks(self) -> list[tuple[bool, str, str]]:
        alpha_fits = self.alpha is None or self.alpha > 0
        return [
            *super()._checks(),
            (alpha_fits, "alpha", "above 0, or None for no completeness"),
            (self.iterations >= 1, "iterations", "at least 1"),
        ]

    def climb(
        self, levels: Sequence[Tensor], shapes: Sequence[Shape], clips: list[Tensor], patch: Shape
    ) -> list[Tensor]:
        """Every value is one that the training clip has."""
        for level, shape in enumerate(shapes):
            values = levels[level]
            clips = [cubic(clip, shape) for clip in clips]
            # The first comparison is between equals: as blurred as the queries are.
            keys = cubic(levels[level - 1], tuple(values.shape[2:])) if level else values
            for iteration in range(self.iterations if level else 1):
                if iteration == 0 or (iteration == 1 and keys is not values):
                    search = Search(keys if iteration == 0 else values, patch, self)
                clips = [vote(values, search(clip), patch) for clip in clips]
        return clips


@dataclass(frozen=True)
class Gpnn(Vgpnn):
    """GPNN, the method for images that VGPNN grew from: the same algorithm with the numbers of its published code.

    Source: Granot et al. 2022, "Drop the GAN: in defense of patches nearest neighbors as single image generative
    models". The code leaves completeness off for new images. Beside what `Vgpnn` names, two things differ from it:
    where patches overlap, the median wins, not a weighted mean; and keys are blurred for the first iteration of a
    level, not for all.
    """

    name: ClassVar[str] = "gpnn"
    sigma: float = 1.5  # published code: 0.75, of values in [0, 1]
    iterations: int = 10  # published code
    space_factor: float = 0.75  # published code
    coarse_size: int = 14  # published code: nine levels below the finest, which leave 14 px of 180


class Search:
    """The nearest patch of one clip to each patch of another."""

    def __init__(self, keys: Tensor, patch: Shape, method: Vgpnn) -> None:
        rows = patch_rows(keys, patch)
        self.patch, self.method, self.entries = patch, method, rows.shape[1]
        exact = len(rows) <= method.exact_up_to
        if method.alpha is not None and not exact:
            what = f"completeness (alpha) compares all {len(rows)} patches, above exact_up_to {method.exact_up_to}"
            raise InputError(f"{what}: raise exact_up_to, set alpha to None, or use a smaller fine_size")
        self.axes = None if method.components is None else principal_axes(rows, method.components)
        self.keys = self._seen(rows)
        self.find = self._nearest if exact else approximate_search(self.keys)

    def __call__(self, queries: Tensor) -> Tensor:
        """For every patch of `1 c t h w` the nearest key, `t' h' w'`."""
        index = self.find(self._seen(patch_rows(queries, self.patch)))
        return index.reshape(patch_grid(tuple(queries.shape[2:]), self.patch))

    def _seen(self, rows: Tensor) -> Tensor:
        return rows if self.axes is None else rows @ self.axes

    def _nearest(self, queries: Tensor) -> Tensor:
        """By comparing all. Completeness: a key that no query is near to counts as nearer, so that it finds a place.

        Source: the similarity score of Granot et al. 2022 (GPNN): distances to key k are multiplied by
        1 / (alpha + min over queries of d(q, k)). Here d is a mean square, so that alpha has the clip's units, squared.
        """
        weights = None
        if self.method.alpha is not None:
            _, distances = nearest(self.keys, queries)
            weights = 1 / (self.method.alpha + distances / self.entries)
        return nearest(queries, self.keys, weights)[0]
