"""What methods without training share: a clip's patches at several levels, from which new clips are made upward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hpvae_nb.core.hierarchy import GrowingNetwork, Noise
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.patches import patch_grid
from hpvae_nb.core.resampling import Shape, shapes_for_output
from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip
from hpvae_nb.method import Method
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import real_samples


class PatchMethod(Method):
    """A clip made of another's patches. Sizes are voxels; the finest level is that of the configuration's finest scale.

    A method says by `climb` what is done at each level. It is a frozen dataclass that has these among its fields, in an
    order of its own, since people give them by position too.

    Attributes:
        sigma: of the noise on the coarsest clip.
        patch: (frames, height, width) of a patch.
        space_factor, time_factor: from a level to the one below.
        coarse_size: the short side of the coarsest level.
        coarse_frames: of the coarsest level.
        components: compare patches by so many principal components; None: by all values.

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    trains: ClassVar[bool] = False
    has_encoder: ClassVar[bool] = False
    sigma: float
    patch: Shape
    space_factor: float
    time_factor: float
    coarse_size: int
    coarse_frames: int
    components: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "patch", tuple(self.patch))  # from JSON it comes as a list
        for fits, name, wanted in self._checks():
            if not fits:
                raise InputError(f"{name} is {getattr(self, name)!r}, but must be {wanted}")

    def _checks(self) -> list[tuple[bool, str, str]]:
        """Whether each setting lies in its range, its name, and the range in words."""
        return [
            (self.sigma >= 0, "sigma", "at least 0"),
            (len(self.patch) == 3 and min(self.patch) >= 1, "patch", "three whole numbers from 1, such as (3, 7, 7)"),
            (0 < self.space_factor < 1, "space_factor", "in (0, 1)"),
            (0 < self.time_factor < 1, "time_factor", "in (0, 1)"),
            (self.components is None or self.components >= 1, "components", "at least 1, or None for all values"),
        ]

    def climb(
        self, levels: Sequence[Tensor], shapes: Sequence[Shape], clips: list[Tensor], patch: Shape
    ) -> list[Tensor]:
        """New clips at the last of the levels.

        Args:
            levels: the training clip at each level, `b c t h w`, coarsest first; b counts the parts of a long one.
            shapes: (T, H, W) of the new clips at each level.
            clips: what they start from, each `1 c t h w` at the first of the shapes.
            patch: voxels of a patch, one frame of an image.
        """
        raise NotImplementedError

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


class PatchLevels(GrowingNetwork):
    """A clip's patches, ready to make new clips. Made in no time; each sample takes its time.

    Attributes:
        finest: the training clip, `b 3 t h w`; b counts the parts of a long clip.
        levels: the same at each level, coarsest first, which are finer steps than a pyramid's scales. An
            image is a clip of one frame.
    """

    finest: Tensor
    latent = RGB

    def __init__(self, finest: Tensor, method: PatchMethod, scales: int) -> None:
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
        """New clips from what is given for the coarsest level."""
        with torch.autocast(z.device.type, enabled=False):  # distances of patches are small differences
            levels = self.level_shapes(shapes[-1])
            made = self.method.climb(self.levels, levels, list(self.as_clip(z).split(1)), self.patch)
            return self.as_given(torch.cat(made))

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


def level_shapes(finest: Shape, method: PatchMethod) -> list[Shape]:
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
