"""The hierarchy of scales as one network: E, G^0 and the residual generators above it (section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from hpvae_nb.core.blocks import cached_weights
from hpvae_nb.core.networks import RGB, Encoder, Generator, warm_start
from hpvae_nb.core.resampling import Shape, upsample

if TYPE_CHECKING:
    from jaxtyping import Float

    Latents = Float[Tensor, "b l *coarse"]  # at scale 0, as t h w; images have no t
    Video = Float[Tensor, "b 3 *sites"]
    Larger = Float[Tensor, "b 3 *larger"]

Noise = Sequence[Tensor | None]
"""One entry a scale: z_n times its amplitude, `b c t h w` at scale n, or None. Empty: no noise anywhere."""


class GrowingNetwork(nn.Module):
    """What every method with scales has: it starts with scale 0, grows by one at a time, and decodes noise to a clip.

    Attributes:
        latent: channels of what `decode` starts from.
        vae_levels: so many scales are trained without a critic; 0 where all are GANs.
        amplitudes: of the noise of each scale that is there.
    """

    latent: int
    vae_levels: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.amplitudes = [0.0]

    def grow(self) -> None:
        """Add the networks of the next scale, started from those below, with no noise amplitude yet."""
        raise NotImplementedError

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        """Networks trained at `scale`, each with its age in scales, by which its learning rate decays."""
        raise NotImplementedError

    def decode(self, z: Tensor, shapes: Sequence[Shape], noise: Noise = ()) -> Tensor:
        """A clip at the last of `shapes`, `b 3 t h w`, from `z`, `b latent t h w` at scale 0."""
        raise NotImplementedError

    def noise_channels(self, scale: int) -> int:
        """Channels of z_n at `scale` (1..N)."""
        return RGB

    def is_vae(self, scale: int) -> bool:
        """Whether `scale` is trained by equations (5) and (8) rather than (11)."""
        return scale < self.vae_levels

    def freeze_all_but(self, scale: int) -> None:
        """Let gradients reach only what `trained_at` lists."""
        self.requires_grad_(False)
        for network, _ in self.trained_at(scale):
            network.requires_grad_(True)


class ResidualPyramid(GrowingNetwork):
    """G^0 and the residual generators above it, which every scale of a picture passes.

    Args:
        generator: makes G^n from n.
        latent: channels that G^0 reads; those above it read 3.
        residual: equation (6); False: x̄^n = G^n(↑x̄^(n-1)), without the sum.
        tanh: whether every sum ends in one, as in the released code; the paper's is plain.
        warm_start: G^n starts from G^(n-1) for every n > 0 (`"all"`, A.1), only where both are residual generators
            (`"residual"`), or never (`"none"`).
    """

    def __init__(
        self,
        generator: Callable[[int], Generator],
        latent: int,
        *,
        residual: bool = True,
        tanh: bool = False,
        warm_start: Literal["all", "residual", "none"] = "all",
    ) -> None:
        super().__init__()
        self.generator, self.latent = generator, latent
        self.generators = nn.ModuleList([generator(0)])
        self.residual, self.tanh, self.warm_start = residual, tanh, warm_start

    def grow(self) -> None:
        """Add G^(n+1), started from G^n (A.1), with no noise amplitude yet."""
        above = self.generator(len(self.generators)).to(next(self.parameters()).device)
        if self.warm_start == "all" or (self.warm_start == "residual" and len(self.generators) > 1):
            warm_start(above, self.generators[-1])
        self.generators.append(above)
        self.amplitudes.append(0.0)

    def decode(self, z: Latents, shapes: Sequence[Shape], noise: Noise = ()) -> Larger:
        """x̄^n from z': equation (6) without noise, equation (9) with it.

        Args:
            z: `b latent t h w` at scale 0.
            shapes: (T, H, W) of scales 0..n, of which the last is what comes back.
            noise: z_n times its amplitude for each scale, None where there is none.

        Returns:
            `b 3 t h w` at scale n, in [-1, 1] up to what sums may exceed.
        """
        return self.climb(self.base(z), shapes, noise)

    def climb(self, x: Video, shapes: Sequence[Shape], noise: Noise = (), start: int = 0) -> Larger:
        """From x̄^start, `b 3 t h w`, through the scales above it: the one walk that everything takes."""
        for n in range(start + 1, len(shapes)):
            x = self.refine(n, x, shapes[n], noise[n] if noise else None)
        return x

    def base(self, z: Latents) -> Float[Tensor, "b 3 *coarse"]:
        """x̄^0 = G^0(z): `b latent t h w` to `b 3 t h w` in [-1, 1] (equation 9, n = 0)."""
        return self._bounded(self.generators[0](z))

    def refine(self, scale: int, below: Video, shape: Shape, noise: Tensor | None = None) -> Larger:
        """x̄^n = ↑x̄^(n-1) + G^n(↑x̄^(n-1) + z_n): equation (6) without noise, equation (9) with it.

        With `residual` off, G^n's output alone.

        Args:
            scale: n of at least 1.
            below: x̄^(n-1), `b 3 t h w`.
            shape: (T, H, W) of scale n.
            noise: z_n times its amplitude, `b 3 T H W`.
        """
        return self.refine_up(scale, upsample(below, shape), noise)

    def refine_up(self, scale: int, up: Video, noise: Video | None = None) -> Video:
        """The same from ↑x̄^(n-1), `b 3 T H W`, whole or a window of it."""
        residual = self.generators[scale](up if noise is None else up + noise)
        return self._bounded(up + residual if self.residual else residual)

    def _bounded(self, x: Tensor) -> Tensor:
        return torch.tanh(x) if self.tanh else x


class Hierarchy(ResidualPyramid):
    """E, G^0..G^n, and the noise amplitude of each scale.

    Args:
        encoder: E.
        generator: makes G^n from n; G^0 reads `encoder.latent` channels.
        vae_levels: the paper's M as a count: scales 0..vae_levels-1 are trained as VAEs.
        freeze: whether a scale's networks stay as they are once it is trained (section 3.2).
        options: `residual`, `tanh` and `warm_start`, as in `ResidualPyramid`.
    """

    def __init__(
        self,
        encoder: Encoder,
        generator: Callable[[int], Generator],
        vae_levels: int = 3,
        *,
        freeze: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(generator, encoder.latent, **options)
        self.encoder, self.vae_levels, self.freeze = encoder, vae_levels, freeze

    def encode(self, x0: Float[Tensor, "b 3 *coarse"]) -> tuple[Latents, Latents]:
        """Mean and log-variance of every patch of x^0: `b 3 t h w` to two maps `b latent t h w` (section 3.1)."""
        with cached_weights(self.encoder):
            mu, logvar = self.encoder(x0)
        return mu, logvar

    def trained_at(self, scale: int) -> list[tuple[nn.Module, int]]:
        """Networks trained at `scale`, each with the power of the decay on its learning rate.

        Source: section 3.2. At VAE scales E and G^0 are fine-tuned with G^n, at GAN scales G^n is alone; all others
        are frozen. With `freeze` off (section 4.2) none is: each is the slower, the more scales came after its own,
        which the paper says of E and G^0, and the released code does to all.
        """
        if not self.freeze:
            return [(self.encoder, scale), *((self.generators[n], scale - n) for n in range(scale + 1))]
        if scale == 0:
            return [(self.encoder, 0), (self.generators[0], 0)]
        if self.is_vae(scale):
            return [(self.encoder, scale), (self.generators[0], scale), (self.generators[scale], 0)]
        return [(self.generators[scale], 0)]
