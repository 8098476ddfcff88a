"""VGPNN: new videos from patch nearest neighbours, without any learning (Haim et al., ECCV 2022).

Every patch of a noisy, very coarse clip is replaced by the most similar patch of the training clip; where patches
overlap, voxels vote. The result is enlarged and the same is done at the next level, up to full size. What comes out is
made of the training clip's own patches, so it is sharp; how new it is depends on the coarsest level alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.hierarchy import GrowingNetwork, Noise
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.patches import approximate_search, nearest, patch_grid, patch_rows, principal_axes, vote
from hpvae_nb.core.resampling import Shape, shapes_for_output
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.method import Method
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples


@dataclass(frozen=True)
class Vgpnn(Method):
    """How VGPNN makes a clip. Sizes are voxels; the finest level is that of the configuration's finest scale.

    Source: Haim et al. 2022, "Diverse generation from a single video made possible", section 3. Two things differ from
    the published code: neighbours are searched among all patches, not by PatchMatch, as long as there are at most
    `exact_up_to`; and patches are compared by `components` principal components.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    name: ClassVar[str] = "vgpnn"
    trains: ClassVar[bool] = False
    has_encoder: ClassVar[bool] = False
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "patch", tuple(self.patch))  # from JSON it comes as a list
        alpha_fits = self.alpha is None or self.alpha > 0
        checks = [
            (self.sigma >= 0, "sigma", "at least 0"),
            (alpha_fits, "alpha", "above 0, or None for no completeness"),
            (len(self.patch) == 3 and min(self.patch) >= 1, "patch", "three whole numbers from 1, such as (3, 7, 7)"),
            (self.iterations >= 1, "iterations", "at least 1"),
            (0 < self.space_factor < 1, "space_factor", "in (0, 1)"),
            (0 < self.time_factor < 1, "time_factor", "in (0, 1)"),
            (self.components is None or self.components >= 1, "components", "at least 1, or None for all values"),
        ]
        for fits, name, wanted in checks:
            if not fits:
                raise InputError(f"{name} is {getattr(self, name)!r}, but must be {wanted}")

    def learn(self, config: Config, clip: Clip, shapes: list[Shape]) -> PatchLevels:
        """The clip itself, at the finest scale. A long one is cut into parts.

        Raises:
            InputError: its coarsest level is smaller than a patch.
        """
        parts = config.replace(every_window=False)  # parts that overlap would hold the same patches again
        return PatchLevels(real_samples(parts, clip, config.scales - 1, shapes[-1]), self, config.scales)

    def restore(self, config: Config, shapes: list[Shape], state: dict[str, Tensor], amplitudes: list[float]) -> Any:
        return PatchLevels(state["finest"], self, config.scales)

    def prior(self, network: Any, shapes: list[Shape], seed: int, samples: range) -> Tensor:
        """The coarsest query of each sample: one part of the training clip, with noise."""
        coarse, shape = network.levels[0], network.level_shapes(shapes[-1])[0]
        parts = torch.cat([coarse[i % len(coarse)][None] for i in samples])
        noise = normal_maps((RGB, *shape), seed, samples, 0).to(parts.device)
        return network.as_given(cubic(parts, shape) + self.sigma * noise)

    def reconstruction(self, network: Any, shapes: list[Shape]) -> Tensor:
        """The training clip, of which nothing was lost."""
        return network.finest


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


class PatchLevels(GrowingNetwork):
    """A clip's patches, ready to make new clips. Made in no time; each sample takes its time.

    Attributes:
        finest: the training clip, `b 3 t h w`; b counts the parts of a long clip.
        levels: the same at each of VGPNN's levels, coarsest first, which are finer steps than a pyramid's scales. An
            image is a clip of one frame.
    """

    finest: Tensor
    latent = RGB

    def __init__(self, finest: Tensor, method: Vgpnn, scales: int) -> None:
        super().__init__()
        self.register_buffer("finest", finest)
        self.method, self.amplitudes = method, [0.0] * scales
        self.image = finest.ndim == 4
        self.patch = (1, *method.patch[1:]) if self.image else method.patch
        clip = self.as_clip(finest)
        shapes = level_shapes(tuple(clip.shape[2:]), method)
        self.depth = len(shapes)
        for number, shape in enumerate(shapes):
            self.register_buffer(f"level_{number}", cubic(clip, shape), persistent=False)
        self._check_room(shapes[0], "use a larger fine_size or coarse_size, or a smaller patch")

    @property
    def levels(self) -> list[Tensor]:
        return [self.get_buffer(f"level_{number}") for number in range(self.depth)]

    def _check_room(self, coarsest: Shape, advice: str) -> None:
        if min(patch_grid(coarsest, self.patch)) < 1:
            raise InputError(f"the coarsest level is {coarsest}, but a patch has {self.patch} voxels: {advice}")

    def as_clip(self, x: Tensor) -> Tensor:
        return rearrange(x, "b c h w -> b c 1 h w") if self.image else x

    def as_given(self, clip: Tensor) -> Tensor:
        """The inverse of `as_clip`."""
        return rearrange(clip, "b c 1 h w -> b c h w") if self.image else clip

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        """New clips from queries at the coarsest level. Every value is one that the training clip has."""
        with torch.autocast(z.device.type, enabled=False):  # distances of patches are small differences
            return self.as_given(torch.cat(self._clips(list(self.as_clip(z).split(1)), shapes[-1])))

    def _clips(self, clips: list[Tensor], size: Shape) -> list[Tensor]:
        levels = self.levels
        for level, shape in enumerate(self.level_shapes(size)):
            values = levels[level]
            clips = [cubic(clip, shape) for clip in clips]
            # The first comparison is between equals: as blurred as the queries are.
            keys = cubic(levels[level - 1], tuple(values.shape[2:])) if level else values
            for iteration in range(self.method.iterations if level else 1):
                if iteration == 0 or (iteration == 1 and keys is not values):
                    search = Search(keys if iteration == 0 else values, self.patch, self.method)
                clips = [vote(values, search(clip), self.patch) for clip in clips]
        return clips

    def level_shapes(self, size: Shape) -> list[Shape]:
        """(T, H, W) of all levels of an output, with T = 1 for an image.

        Raises:
            InputError: its coarsest level would be smaller than a patch.
        """
        trained = [tuple(level.shape[2:]) for level in self.levels]
        if self.image:
            shapes = [(1, *shape) for shape in shapes_for_output([shape[1:] for shape in trained], tuple(size))]
        else:
            shapes = shapes_for_output(trained, tuple(size))
        self._check_room(shapes[0], f"ask for a larger size than {tuple(size)}")
        return shapes


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


def level_shapes(finest: Shape, method: Vgpnn) -> list[Shape]:
    """(T, H, W) of all levels, coarsest first.

    Source: Haim et al. 2022: space shrinks until its short side has `coarse_size` px, time until `coarse_frames` are
    left; what is there first stays there.
    """
    space_end = min(1.0, method.coarse_size / min(finest[1:]))
    time_end = min(1.0, method.coarse_frames / finest[0])
    shapes, level, space, time = [finest], 0, 1.0, 1.0
    while space > space_end or time > time_end:
        level += 1
        space = max(method.space_factor**level, space_end)
        time = max(method.time_factor**level, time_end)
        shapes.append((round(finest[0] * time), *(round(side * space) for side in finest[1:])))
    return list(dict.fromkeys(reversed(shapes)))


def cubic(video: Tensor, shape: Shape) -> Tensor:
    """`b c t h w` resized to (T, H, W) by cubic interpolation, averaging over what a smaller voxel covers."""
    if tuple(video.shape[2:]) == tuple(shape):
        return video
    batch, height, width = len(video), *shape[1:]
    frames = rearrange(video, "b c t h w -> (b t) c h w")
    frames = F.interpolate(frames, size=(height, width), mode="bicubic", antialias=True)
    columns = rearrange(frames, "(b t) c h w -> b c t (h w)", b=batch)
    columns = F.interpolate(columns, size=(shape[0], height * width), mode="bicubic", antialias=True)
    return rearrange(columns, "b c t (h w) -> b c t h w", h=height)
