"""Training steps whose cost does not grow with the clip: windows of it, and a pool of what the frozen scales make.

The paper has neither. A critic judges patches of r sites a side, so a window larger than that holds what it has to
learn; and below a GAN scale everything is frozen, so what it is given there can be made once and kept.
"""

import math
import warnings

import torch
from torch import Tensor

from hpvae_nb.core import steps
from hpvae_nb.core.hierarchy import Hierarchy
from hpvae_nb.core.latents import mixed
from hpvae_nb.core.resampling import Shape, upsample
from hpvae_nb.errors import InputError
from hpvae_nb.recipe.config import Config

_RECONSTRUCTED = 4  # so many random ones for each reconstruction that a pool keeps: these are all alike
Place = tuple[slice, ...]
_STREAM = 1  # tells a pool's random numbers from those that sampling draws from the same seed


def check(config: Config, shapes: list[Shape]) -> None:
    """Refuse a window too small for some GAN scale (`window_shape`); warn of one that no scale is larger than."""
    for shape in shapes[config.vae_levels :]:
        window_shape(config, shape)
    if config.window is not None and config.window > math.prod(shapes[-1]):
        why = f"window is {config.window} voxels, but the finest scale has only {math.prod(shapes[-1])}"
        warnings.warn(f"{why}: whole clips are used; window=None says so", stacklevel=4)


def window_shape(config: Config, shape: Shape) -> Shape:
    """(T, H, W) of a window of at most `config.window` voxels in a clip of `shape`; the whole clip if that is smaller.

    All frames, height and width in proportion.

    Raises:
        InputError: when such a window is smaller than the critic's receptive field (and than the clip).
    """
    budget = config.window
    if budget is None or math.prod(shape) <= budget:
        return shape
    time, (height, width) = shape[:-2], shape[-2:]
    field = 1 + config.critic_layers * (config.kernel - 1)
    least_h, least_w = min(field, height), min(field, width)
    area = budget // math.prod(time)
    if area < least_h * least_w:
        needed = math.prod(time) * least_h * least_w
        why = f"window is {budget} voxels, but a critic that sees {field} px a side needs {needed} at {shape}"
        raise InputError(f"{why}: set window={needed} or more, or None for whole frames")
    h = min(height, max(least_h, round(math.sqrt(area * height / width))))
    if area // h < least_w:
        h = area // least_w
    return (*time, h, min(width, area // h))


def place(shape: Shape, window: Shape, generator: torch.Generator) -> Place:
    """Where a random window of a clip lies, as slices of T, H, W.

    Starts are drawn from beyond the borders too and moved back inside, or sites at a border would hardly be seen.
    """
    slices = []
    for length, size in zip(shape, window, strict=True):
        over = size // 2 if size < length else 0
        free = length - size + 2 * over + 1
        start = int(torch.randint(free, (), generator=generator, device=generator.device)) - over
        start = min(max(0, start), length - size)
        slices.append(slice(start, start + size))
    return tuple(slices)


def windows(video: Tensor, window: Shape, choices: int, generator: torch.Generator) -> tuple[Tensor, list[Place]]:
    """A random window of each sample, and where it lies.

    Args:
        video: `b c t h w`, or `b c h w`.
        window: (T, H, W) of a window.
        choices: random windows of which the one whose values vary most is taken; the others hold plain ground.
    """
    where = []
    for sample in video:
        places = [place(tuple(sample.shape[1:]), window, generator) for _ in range(choices)]
        richest = max(places, key=lambda at: float(sample[:, *at].var())) if choices > 1 else places[0]
        where.append(richest)
    return cut(video, where), where


def cut(video: Tensor, where: list[Place]) -> Tensor:
    """The windows that lie there, one of each sample."""
    return torch.stack([sample[:, *at] for sample, at in zip(video, where, strict=True)])


def kept_in_pool(config: Config) -> int:
    """How many ↑x̄^(n-1) a pool holds, random and reconstructed; none without a pool, more for many training samples."""
    return 0 if config.pool is None else config.pool + math.ceil(config.pool / _RECONSTRUCTED)


class Pool:
    """↑x̄^(n-1) of a GAN scale, made beforehand: what its generator is given, random and reconstructed.

    Entry k depends on the seed, the scale and k alone; the k-th takes the place of the one `config.pool` before it. So
    a resumed run makes the same pool again.
    """

    def __init__(
        self,
        config: Config,
        network: Hierarchy,
        shapes: list[Shape],
        scale: int,
        reals_0: Tensor,
        seed: int,
        iteration: int = 0,
    ) -> None:
        assert config.pool is not None
        self.network, self.shapes, self.scale, self.reals_0, self.seed = network, shapes, scale, reals_0, seed
        self.size, self.every = config.pool, config.pool_every
        last = self.size + iteration // self.every
        self.random = [self._random(last - 1 - (last - 1 - j) % self.size) for j in range(self.size)]
        kept = max(kept_in_pool(config) - self.size, len(reals_0))  # or some samples would never be seen
        self.reconstructed = [self._reconstruction(k) for k in range(kept)]

    def renew(self, iteration: int) -> None:
        """Before step `iteration` (from 0): every so many steps the oldest random entry makes way for a new one."""
        if iteration and iteration % self.every == 0:
            k = self.size + iteration // self.every - 1
            self.random[k % self.size] = self._random(k)

    def pick(self, reals_n: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """x^n, ↑x̄^(n-1) that is to become it, and random ↑x̄^(n-1): n of each, drawn with repetition."""

        def drawn(count: int) -> list[int]:
            return torch.randint(count, (n,), generator=generator, device=generator.device).tolist()

        pairs = [self.reconstructed[k] for k in drawn(len(self.reconstructed))]
        real, made = zip(*((reals_n[which : which + 1], up) for which, up in pairs), strict=True)
        return torch.cat(real), torch.cat(made), torch.cat([self.random[k] for k in drawn(self.size)])

    def _generator(self, k: int) -> torch.Generator:
        return torch.Generator(self.reals_0.device).manual_seed(mixed(self.seed, self.scale, k, _STREAM))

    def _random(self, k: int) -> Tensor:
        return self._up(steps.random_below(self.network, self.shapes, self.scale, self._generator(k)))

    def _reconstruction(self, k: int) -> tuple[int, Tensor]:
        """And which training sample it is of."""
        which = k % len(self.reals_0)
        draws = steps.draw(self.network, self.shapes, 0, 1, self._generator(k))
        x0 = self.reals_0[which : which + 1]
        with torch.no_grad():
            return which, self._up(steps.reconstruct(self.network, self.shapes, self.scale - 1, x0, draws))

    def _up(self, x: Tensor) -> Tensor:
        return upsample(x, self.shapes[self.scale])
