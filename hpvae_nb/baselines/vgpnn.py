"""VGPNN: new videos from patch nearest neighbours, without any learning (Haim et al., ECCV 2022).

Every patch of a noisy, very coarse clip is replaced by the most similar patch of the training clip; where patches
overlap, voxels vote. The result is enlarged and the same is done at the next level, up to full size. What comes out is
made of the training clip's own patches, so it is sharp; how new it is depends on the coarsest level alone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.baselines.trainer import save
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.patches import approximate_search, nearest, patch_grid, patch_rows, principal_axes, vote
from hpvae_nb.core.resampling import Shape, shapes_for_output
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.model import check_count
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples, scale_shapes
from hpvae_nb.training.events import Event
from hpvae_nb.training.run import Run


@dataclass(frozen=True)
class Settings:
    """How VGPNN makes a clip. Sizes are voxels; the finest level is that of the configuration's finest scale.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

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


class Vgpnn:
    """A clip's patches, ready to make new clips. Made in no time; each sample takes its time.

    Source: Haim et al. 2022, "Diverse generation from a single video made possible", section 3. Two things differ from
    the published code: neighbours are searched among all patches, not by PatchMatch, as long as there are at most
    `settings.exact_up_to`; and patches are compared by `settings.components` principal components.

    Attributes:
        shapes: (T, H, W) of every scale of `config`, as in other models; VGPNN's own levels are finer steps.
        levels: the training clip at each of VGPNN's levels, coarsest first, `b 3 t h w`; b counts the parts of a long
            clip.
    """

    def __init__(self, finest: Tensor, config: Config, shapes: list[Shape], settings: Settings, **about: Any) -> None:
        self.config, self.shapes, self.settings = config, shapes, settings
        self.scales = config.scales
        self.fps, self.name, self.facts = about["fps"], about["name"], about["facts"]
        self.patch = settings.patch if config.dims == 3 else (1, *settings.patch[1:])
        finest = finest if config.dims == 3 else finest[:, :, None]  # an image is a clip of one frame
        self.levels = [cubic(finest, shape) for shape in level_shapes(tuple(finest.shape[2:]), settings)]
        if min(patch_grid(self.levels[0].shape[2:], self.patch)) < 1:
            raise InputError(
                f"the coarsest level is {tuple(self.levels[0].shape[2:])}, but a patch has {self.patch} voxels: "
                "use a larger fine_size or coarse_size, or a smaller patch"
            )

    def sample(self, n: int, *, seed: int, size: Shape | None = None) -> Tensor:
        """New clips. Sample i of a seed is the same however many are asked for.

        Args:
            n: how many, at least 1.
            seed: at least 0.
            size: (T, H, W) or (H, W), in frames and pixels; the training size if not given.

        Returns:
            `b c t h w` (`b c h w` for images), on the CPU. Every value is one that the training clip has.
        """
        check_count("n", n)
        shapes = self._level_shapes(size)
        made = [self._start(i, shapes[0], seed) for i in range(n)]
        for level, shape in enumerate(shapes):
            values = self.levels[level]
            made = [cubic(clip, shape) for clip in made]
            # The first comparison is between equals: as blurred as the queries are.
            keys = cubic(self.levels[level - 1], tuple(values.shape[2:])) if level else values
            for iteration in range(self.settings.iterations if level else 1):
                if iteration == 0 or (iteration == 1 and keys is not values):
                    search = Search(keys if iteration == 0 else values, self.patch, self.settings)
                made = [vote(values, search(clip), self.patch) for clip in made]
        clips = torch.cat(made).cpu()
        return clips if self.config.dims == 3 else clips[:, :, 0]

    def reconstruct(self) -> Tensor:
        """The training clip, of which nothing was lost: `b c t h w` in [-1, 1], on the CPU."""
        clips = self.levels[-1].cpu()
        return clips if self.config.dims == 3 else clips[:, :, 0]

    def _level_shapes(self, size: Shape | None) -> list[Shape]:
        """(T, H, W) of all levels of an output, with T = 1 for an image."""
        shapes = [tuple(level.shape[2:]) for level in self.levels]
        if size is None:
            return shapes
        if self.config.dims == 3:
            shapes = shapes_for_output(shapes, tuple(size))
        else:
            shapes = [(1, *shape) for shape in shapes_for_output([shape[1:] for shape in shapes], tuple(size))]
        if min(patch_grid(shapes[0], self.patch)) < 1:
            raise InputError(
                f"size {tuple(size)} makes the coarsest level {shapes[0]}, but a patch has {self.patch} voxels: "
                "ask for a larger size"
            )
        return shapes

    def _start(self, i: int, shape: Shape, seed: int) -> Tensor:
        """The coarsest query of sample i: one part of the training clip, with noise."""
        part = self.levels[0][i % len(self.levels[0])][None]
        noise = normal_maps((3, *shape), seed, range(i, i + 1), 0).to(part.device)
        return cubic(part, shape) + self.settings.sigma * noise

    def save(self, path: str | Path) -> Path:
        """Write the model, which is its finest level, as one file; see `hpvae_nb.baselines.load_model`."""
        finest = self.levels[-1] if self.config.dims == 3 else self.levels[-1][:, :, 0]
        return save(path, self, {"finest": finest})


def prepare(clip: Clip, config: Config, settings: Settings, device: torch.device) -> Vgpnn:
    """The model of a clip: the clip itself, at the finest scale of `config`. A long one is cut into parts.

    Raises:
        InputError: when the clip cannot make the pyramid, or its coarsest level is smaller than a patch.
    """
    shapes = scale_shapes(config, clip)
    parts = config.replace(every_window=False)  # parts that overlap would hold the same patches again
    finest = real_samples(parts, clip, config.scales - 1, shapes[-1]).to(device)
    facts = {"method": "vgpnn", "settings": asdict(settings), "device": device.type, "torch": torch.__version__}
    return Vgpnn(finest, config, shapes, settings, fps=clip.fps, name=clip.name, facts=facts)


def events(model: Vgpnn, run: Run | None) -> Generator[Event, None, Vgpnn]:
    """One event, since there is nothing to train; then the model is written, where a run has a folder."""
    yield Event(
        scale=model.scales - 1, iteration=1, iterations=1, losses={}, seconds=0.0, remaining=0.0, model=cast(Any, model)
    )
    if run is not None:
        model.save(run.folder)
    return model


class Search:
    """The nearest patch of one clip to each patch of another."""

    def __init__(self, keys: Tensor, patch: Shape, settings: Settings) -> None:
        rows = patch_rows(keys, patch)
        self.patch, self.settings, self.entries = patch, settings, rows.shape[1]
        exact = len(rows) <= settings.exact_up_to
        if settings.alpha is not None and not exact:
            raise InputError(
                f"completeness (alpha) compares all {len(rows)} patches, above exact_up_to {settings.exact_up_to}: "
                "raise exact_up_to, set alpha to None, or use a smaller fine_size"
            )
        self.axes = None if settings.components is None else principal_axes(rows, settings.components)
        self.keys = self._seen(rows)
        self.find = self._compare_all if exact else approximate_search(self.keys)

    def __call__(self, queries: Tensor) -> Tensor:
        """For every patch of `1 c t h w` the nearest key, `t' h' w'`."""
        index = self.find(self._seen(patch_rows(queries, self.patch)))
        return index.reshape(patch_grid(tuple(queries.shape[2:]), self.patch))

    def _seen(self, rows: Tensor) -> Tensor:
        return rows if self.axes is None else rows @ self.axes

    def _compare_all(self, queries: Tensor) -> Tensor:
        return nearest(queries, self.keys, self._weights(queries))[0]

    def _weights(self, queries: Tensor) -> Tensor | None:
        """Completeness: a key that no query is near to counts as nearer, so that every key finds a place.

        Source: the similarity score of Granot et al. 2022 (GPNN): distances to key k are multiplied by
        1 / (alpha + min over queries of d(q, k)). Here d is a mean square, so that alpha has the clip's units, squared.
        """
        if self.settings.alpha is None:
            return None
        _, distances = nearest(self.keys, queries)
        return 1 / (self.settings.alpha + distances / self.entries)


def level_shapes(finest: Shape, settings: Settings) -> list[Shape]:
    """(T, H, W) of all levels, coarsest first.

    Source: Haim et al. 2022: space shrinks until its short side has `coarse_size` px, time until `coarse_frames` are
    left; what is there first stays there.
    """
    space_end = min(1.0, settings.coarse_size / min(finest[1:]))
    time_end = min(1.0, settings.coarse_frames / finest[0])
    shapes, level, space, time = [finest], 0, 1.0, 1.0
    while space > space_end or time > time_end:
        level += 1
        space = max(settings.space_factor**level, space_end)
        time = max(settings.time_factor**level, time_end)
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
