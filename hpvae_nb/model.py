"""A trained model of any method: sampling, steering, encoding, reconstruction, and its file."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hpvae_nb import applications
from hpvae_nb.baselines import make_method
from hpvae_nb.core.latents import normal_maps, shuffled_strips, slerp, stream
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape, shapes_for_latent, shapes_for_output, upsample
from hpvae_nb.core.steering import blend
from hpvae_nb.core.steps import reparameterize
from hpvae_nb.errors import CheckpointError, InputError, check_whole
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clips import Clip, data_dir
from hpvae_nb.machine import choose_device, choose_precision, computing
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.recipe.config import Config, from_dict
from hpvae_nb.recipe.pyramid import coarsest

if TYPE_CHECKING:
    from jaxtyping import Float

NoiseFactors = float | Sequence[float]  # factors of the GAN scales' noise: one for all, or one for each
_CHUNK = 2**20  # voxels of the finest scale computed at a time: bounds memory, whatever is asked for


class Model:
    """A clip's learned patches, ready to make new clips.

    It may hold fewer scales than its configuration plans, when training was stopped early; everything then works up to
    the scale that is there.

    Attributes:
        network: with its weights; a `Hierarchy`, or what another method decodes with.
        shapes: (T, H, W) of every planned scale, coarsest first; (H, W) for images.
        config: the recipe.
        method: which one it was trained by.
        coarse: x^0 of the training clip, `b 3 t h w` in [-1, 1], or of each training picture, `b 3 h w`; None for
            weights that came without a clip.
        fps: frames per second of what is made.
        name: of the training clip.
        facts: plain JSON values about how it came to be (seed, seconds, final losses).
    """

    def __init__(
        self,
        network: Any,
        shapes: list[Shape],
        config: Config,
        *,
        method: Method | None = None,
        coarse: Tensor | None,
        fps: float,
        name: str,
        facts: dict[str, Any] | None = None,
        precision: str = "auto",
    ) -> None:
        self.network, self.shapes, self.config, self.method = network, shapes, config, method or HpVaeGan()
        self.coarse, self.fps, self.name, self.facts = coarse, fps, name, facts or {}
        self.precision = choose_precision(precision, self.device)

    @property
    def device(self) -> torch.device:
        return next(itertools.chain(self.network.parameters(), self.network.buffers())).device

    @property
    def scales(self) -> int:
        """How many scales are there; `config.scales` when training went to its end."""
        return len(self.network.amplitudes)

    def to(self, device: str | torch.device, precision: str = "auto") -> Model:
        """Move to a device (`"auto"`: a GPU if there is one), choosing the precision anew."""
        chosen = choose_device(device)
        self.network.to(chosen)
        self.precision = choose_precision(precision, chosen)
        return self

    def sample(
        self,
        n: int,
        *,
        seed: int,
        size: Shape | None = None,
        scales: int | None = None,
        noise: NoiseFactors = 1.0,
        pull: float = 0.0,
        strips: int | None = None,
    ) -> Float[Tensor, "b 3 *sites"]:
        """New clips: z from the prior, then equation (9) up to the last scale.

        Sample i of a seed is the same however many are asked for.

        Args:
            n: how many, at least 1.
            seed: at least 0.
            size: (T, H, W) or (H, W) of the finest scale, in frames and pixels; the training size if not given.
            scales: stop after this many scales, for a coarser and smaller clip.
            noise: as in `decode`.
            pull: 0..1, as in `latent`: how near to the training clip.
            strips: as in `latent`: a layout like the training clip's, in so many parts.

        Returns:
            `b c t h w` (`b c h w` for images) in [-1, 1], on the CPU.

        Raises:
            InputError: for values out of range, a size too small for its coarsest scale, or what the method lacks.
        """
        z = self.latent(n, seed=seed, size=size, pull=pull, strips=strips)
        return self._finish(z, self.sizes(size), seed, scales, noise)

    def latent(
        self, n: int, *, seed: int, size: Shape | None = None, pull: float = 0.0, strips: int | None = None
    ) -> Float[Tensor, "b l *sites"]:
        """The latent maps that `sample` decodes: z ~ N(0, I), or something between that and the training clip's own.

        The prior takes all sites as independent of each other; those of a clip are not. With `strips`, E's mu and
        sigma of the clip are cut into upright strips, which are put side by side in a random order, and z is drawn
        from that. Source: FRPSS (Han, Zhang and Wang 2026) shuffles slices of E's means, interpolates between them, and
        matches them to real ones; random cuts, whole posteriors and no neighbours kept are this project's. Measured in
        docs/layout.md: on clips of many small things samples are more like the clip than others of equal diversity, but
        large parts of it return as they are; one large thing is cut through.

        Args:
            n, seed, size: as in `sample`.
            pull: 0..1, the share of z's variance that is the clip's own map: E's mu of x^0, or z* of SinGAN and
                ConSinGAN; of several training samples one after the other.
            strips: from 2 to half of the sites in width; fewer are larger parts of the clip. For another size the clip
                is first scaled to its height and frames, and strips are taken until its width is full.

        Returns:
            `b latent t h w` at scale 0, on the CPU.

        Raises:
            InputError: for values out of range, a pull of a model that keeps no map of its clip at this size, strips of
                one that has no encoder or no training clip, or both at once.
        """
        samples = range(check_whole("n", n))
        z = self.method.prior(self.network, self.sizes(size), seed, samples)
        if not 0 <= pull <= 1:
            raise InputError(f"pull is {pull}, but must lie in 0..1: from the prior to the clip's own latent map")
        if strips is not None:
            if pull:
                raise InputError(f"pull is {pull} and strips {strips}, but each makes a layout: give one of them")
            return reparameterize(*self._shuffled(strips, tuple(z.shape[2:]), seed, samples), z)
        if not pull:
            return z
        own = self._own_map()
        if own.shape[1:] != z.shape[1:]:
            raise InputError(f"pull is {pull}, but the clip has a latent map of its own size alone: leave out size")
        return blend(z, own[torch.arange(n) % len(own)], torch.tensor(float(pull)))

    def decode(
        self,
        z: Tensor,
        *,
        noise: NoiseFactors = 1.0,
        seed: int | None = None,
        size: Shape | None = None,
        scales: int | None = None,
    ) -> Float[Tensor, "b 3 *out"]:
        """Clips from latent maps, by equation (9).

        Args:
            z: `b latent t h w` at scale 0. A map larger than the trained one makes a larger clip.
            noise: multiplies the noise amplitudes of the GAN scales; one number, or one for each GAN scale. 0 makes
                decoding deterministic.
            seed: of that noise; drawn anew if not given.
            size: (T, H, W) or (H, W) of the finest scale; in proportion to `z` if not given.
            scales: stop after this many scales.

        Returns:
            `b c t h w` in [-1, 1], on the CPU.

        Raises:
            InputError: when `z` is no latent map of this model, or for values out of range.
        """
        if not self.method.trains:
            raise InputError(f"a model of {self.method.name} has no latent maps to decode: use sample")
        if z.ndim != self.config.dims + 2 or z.shape[1] != self.network.latent:
            wanted = self._axes(self.network.latent)
            raise InputError(f"z is {tuple(z.shape)}, but latent maps are {wanted}, as Model.latent makes")
        if len(z) == 0:
            raise InputError("z is an empty batch: give at least one latent map")
        if not torch.isfinite(z).all():
            raise InputError("z holds NaN or infinite values")
        latent = tuple(z.shape[2:])
        shapes = shapes_for_latent(self.shapes, latent) if size is None else [latent, *self.sizes(size)[1:]]
        return self._finish(z, shapes, seed, scales, noise)

    def refine(
        self,
        video: Tensor,
        start: int,
        *,
        seed: int,
        noise: NoiseFactors = 1.0,
        size: Shape | None = None,
        scales: int | None = None,
    ) -> Float[Tensor, "b 3 *out"]:
        """Start the hierarchy from a given clip in place of scale `start`, and draw the scales above it.

        Args:
            video: `b c t h w` in [-1, 1], of any size; resized to scale `start`.
            start: 0..N-1; the scale whose output `video` stands in for. Low: more is changed; high: less.
            seed, noise, size: as in `decode`.
            scales: stop after this many scales, those below `start` included.

        Returns:
            `b c t h w` in [-1, 1] at the last scale, on the CPU.
        """
        self._need_encoder("refine")
        last = (self.scales if scales is None else scales) - 1
        if not 0 <= start < last:
            raise InputError(f"start is {start}, but must be a scale below the last: 0..{last - 1}")
        if video.ndim != self.config.dims + 2 or video.shape[1] != RGB or len(video) == 0:
            raise InputError(f"video is {tuple(video.shape)}, but must be {self._axes(RGB)} with at least one clip")
        shapes = self.sizes(size)
        return self._finish(upsample(video, shapes[start]), shapes, seed, scales, noise, start)

    def encode(
        self, video: Tensor | Clip, *, size: Shape | None = None
    ) -> tuple[Float[Tensor, "b l *sites"], Float[Tensor, "b l *sites"]]:
        """E: mean and log-variance of every patch's latent vector (section 3.1).

        Args:
            video: `c t h w` or `b c t h w` in [-1, 1]: either x^0 itself, at scale 0's shape, or a clip at full rate
                and any size, which is reduced to scale 0 first. (`c h w` or `b c h w` for images.)
            size: (T, H, W) or (H, W) that the finest scale would have; the training size if not given.

        Returns:
            mu and logvar, each `b latent t h w` at scale 0, on the CPU.
        """
        self._need_encoder("encode")
        if isinstance(video, Clip):
            pixels = video.batch
        else:
            pixels = video[None] if video.ndim == self.config.dims + 1 else video
        if pixels.ndim != self.config.dims + 2 or pixels.shape[1] != RGB:
            raise InputError(f"video is {tuple(pixels.shape)}, but must be {self._axes(RGB)}")
        shape = self.sizes(size)[0]
        if tuple(pixels.shape[2:]) != shape:
            pixels = coarsest(self.config, pixels, shape)
        return self._encode(pixels)

    def _encode(self, x0: Tensor) -> tuple[Tensor, Tensor]:
        encoder = self.network.encoder
        training = encoder.training
        encoder.eval()  # no power iteration: encoding must not change the weights
        with torch.no_grad(), computing(self.device, self.precision):
            mu, logvar = encoder(x0.to(self.device))
        encoder.train(training)
        return mu.cpu(), logvar.cpu()

    def reconstruct(self, clip: Clip | None = None, *, scales: int | None = None) -> Float[Tensor, "b 3 *sites"]:
        """x̄^N: the training clip through E and back, with z = mu and no noise (equation 6).

        Args:
            clip: another clip in place of the training one; needed where the model came without one.

        Returns:
            `b c t h w` in [-1, 1], on the CPU; b counts the training samples (1, unless the clip was long or there were
            several pictures).
        """
        if not self.method.has_encoder:
            with torch.no_grad(), computing(self.device, self.precision):
                shapes = self.shapes[: self._count(scales)]
                return self.method.reconstruction(self.network, shapes).cpu().clamp(-1, 1)
        source = self.coarse if clip is None else clip
        if source is None:
            raise InputError("this model came without its training clip: call reconstruct(clip)")
        mu, _ = self.encode(source)
        return self._finish(mu, self.shapes, 0, scales, noise=0.0)

    def interpolate(self, a: Tensor, b: Tensor, steps: int) -> Float[Tensor, "b l *sites"]:
        """`steps` latent maps from `a` to `b` along the sphere on which normal vectors lie, ends included.

        Args:
            a: one latent map, `latent t h w` or `1 latent t h w`.
            b: the other, of the same shape.

        Returns:
            `b latent t h w` with b = steps.
        """
        check_whole("steps", steps)
        a, b = (z[0] if z.ndim == self.config.dims + 2 else z for z in (a, b))
        if a.shape != b.shape:
            raise InputError(f"cannot interpolate between {tuple(a.shape)} and {tuple(b.shape)}: make them equal")
        return torch.stack([slerp(a, b, float(t)) for t in np.linspace(0, 1, steps)])

    paint_to_image = applications.paint_to_image
    harmonize = applications.harmonize
    edit = applications.edit
    inpaint = applications.inpaint
    enlarge = applications.enlarge
    animate = applications.animate

    def finest(self, x: Tensor, shape: Shape) -> Float[Tensor, "b 3 *out"]:
        """↑x to `shape`, and the last generator's residual on it, without noise: its scale once more.

        Args:
            x: `b c t h w` in [-1, 1].
        """
        self._need_encoder("enlarging")
        below = self.shapes[: self.scales - 1]
        return self._finish(x, [*below, shape], 0, None, 0.0, self.scales - 2)

    def save(self, path: str | Path, *, compact: bool = False) -> Path:
        """Write the model as one safetensors file; a folder gets `model.safetensors`.

        Args:
            compact: store weights in 8 bits, for a quarter of the size (`data/models` has the cost on each card); they
                are computed with in float32 again after loading.

        Returns:
            The file's path.

        Raises:
            CheckpointError: when it cannot be written; nothing half-written stays.
        """
        file = _model_file(Path(path))
        tensors = checkpoint.pack("network", self.network.state_dict(), compact=compact)
        if self.coarse is not None:
            tensors["coarse"] = self.coarse
        description = {
            "config": self.config.to_dict(),
            "shapes": self.shapes,
            "scales": self.scales,
            "amplitudes": self.network.amplitudes,
            "method": self.method.name,
            "settings": self.method.settings,
            "fps": self.fps,
            "name": self.name,
            "facts": self.facts,
        }
        checkpoint.write(file, "model", tensors, description)
        return file

    def _axes(self, channels: int) -> str:
        return f"'b {channels} {'t h w' if self.config.dims == 3 else 'h w'}'"

    def sizes(self, size: Shape | None = None) -> list[Shape]:
        """(T, H, W) or (H, W) of every planned scale, for an output of `size`; the training size if not given."""
        return self.shapes if size is None else shapes_for_output(self.shapes, tuple(size))

    def _finish(
        self,
        x: Tensor,
        shapes: list[Shape],
        seed: int | None,
        scales: int | None,
        noise: NoiseFactors = 1.0,
        start: int = -1,
    ) -> Tensor:
        """From a latent map (`start` -1) or from the output of scale `start`, through the scales above."""
        shapes = shapes[: self._count(scales)]
        seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        factors = [0.0 if n <= max(0, start) else factor for n, factor in enumerate(self._noise_factors(noise))]
        chunk = max(1, _CHUNK // math.prod(shapes[-1]))
        parts = []
        with torch.no_grad(), computing(self.device, self.precision):
            for first in range(0, len(x), chunk):
                part = x[first : first + chunk].to(self.device)
                samples = range(first, first + len(part))
                z_n = [self._noise(n, shape, factors[n], seed, samples) for n, shape in enumerate(shapes)]
                if start < 0:
                    made = self.network.decode(part, shapes, z_n)
                else:
                    made = self.network.climb(part, shapes, z_n, start)
                parts.append(made.float().cpu())
        return torch.cat(parts).clamp(-1, 1)

    def _noise(self, scale: int, shape: Shape, factor: float, seed: int, samples: range) -> Tensor | None:
        """z_n times its amplitude, and times a factor that turns it up or down."""
        strength = factor * self.network.amplitudes[scale]
        if not strength:
            return None
        noise = normal_maps((self.network.noise_channels(scale), *shape), seed, samples, scale)
        return strength * noise.to(self.device)

    def _count(self, scales: int | None) -> int:
        """Of scales to go through, checked."""
        scales = self.scales if scales is None else scales
        if not 1 <= scales <= self.scales:
            raise InputError(f"scales is {scales}, but this model has 1..{self.scales}")
        return scales

    def _need_encoder(self, call: str) -> None:
        if not self.method.has_encoder:
            raise InputError(f"a model of {self.method.name} has no encoder, which {call} needs: use sample")

    def _shuffled(self, strips: int, shape: Shape, seed: int, samples: range) -> tuple[Tensor, Tensor]:
        """mu and logvar of x^0 in shuffled strips, each `b latent t h w` at `shape`; training samples take turns."""
        if not self.method.has_encoder or self.coarse is None:
            raise InputError("strips needs an encoder, and a model that holds its training clip: leave it out here")
        *frames, height, width = shape
        trained = self.shapes[0]
        in_proportion = max(1, round(trained[-1] * height / trained[-2]))
        if not 2 <= check_whole("strips", strips) <= in_proportion // 2:
            limit = f"2..{in_proportion // 2}, since E(x^0) is {in_proportion} sites wide here"
            raise InputError(f"strips is {strips}, but must be {limit}")
        encoded = torch.cat(self._encode(upsample(self.coarse, (*frames, height, in_proportion))), dim=1)
        apart = self.config.scales  # no scale draws from this stream
        maps = [shuffled_strips(encoded[i % len(encoded)], strips, width, stream(seed, i, apart)) for i in samples]
        mu, logvar = torch.stack(maps).chunk(2, dim=1)
        return mu, logvar

    def _own_map(self) -> Tensor:
        """What the training clip is decoded from, `b latent t h w`, one map for each training sample."""
        if self.method.has_encoder and self.coarse is not None:
            return self.encode(self.coarse)[0]
        if not hasattr(self.network, "fixed"):
            raise InputError("pull needs a trained model that holds its training clip: leave it out here")
        return self.network.fixed.cpu()

    def _noise_factors(self, noise: NoiseFactors) -> list[float]:
        """One factor for each planned scale: 0 below the GAN scales."""
        levels = max(1, self.network.vae_levels)  # scale 0 takes z itself
        gan_scales = self.config.scales - levels
        factors = [float(noise)] * gan_scales if isinstance(noise, (int, float)) else [float(f) for f in noise]
        if len(factors) != gan_scales or not all(math.isfinite(f) and f >= 0 for f in factors):
            wanted = f"one number of at least 0, or {gan_scales}, one for each GAN scale"
            raise InputError(f"noise is {noise!r}, but must be {wanted}")
        return [0.0] * levels + factors


def load_model(path: str | Path, *, device: str | torch.device = "auto", precision: str = "auto") -> Model:
    """Read a model that `Model.save` wrote. No code in the file is ever run.

    Args:
        path: the file, a folder that holds `model.safetensors`, or the name of a bundled model.

    Raises:
        CheckpointError: when it is missing, damaged, of a later version, or of a format that can carry code.
    """
    file = data_dir() / "models" / f"{path}.safetensors" if path in bundled_models() else _model_file(Path(path))
    tensors, description = checkpoint.read(file, "model", "baseline")  # what other methods' files once were called
    try:
        method = make_method(description.get("method", HpVaeGan.name), description.get("settings", {}))
        config = from_dict(description["config"])
        shapes = [tuple(shape) for shape in description["shapes"]]
        state = checkpoint.unpack("network", tensors) or {"finest": tensors["finest"]}
        amplitudes = description.get("amplitudes", [])
        if description.get("scales", len(amplitudes)) != len(amplitudes):
            raise InputError(f"{description['scales']} scales, but noise amplitudes of {len(amplitudes)}")
        with torch.random.fork_rng(devices=[]):  # fresh weights, soon replaced, from nobody's random numbers
            network = method.restore(config, shapes, state, amplitudes)
        about = {key: description[key] for key in ("fps", "name", "facts")}
    except (KeyError, RuntimeError, InputError) as error:
        raise CheckpointError(f"{file} does not hold together as a model: {error}") from error
    network.requires_grad_(False)
    model = Model(network, shapes, config, method=method, coarse=tensors.get("coarse"), **about)
    return model.to(device, precision)


def bundled_models() -> list[str]:
    """Names of the trained models that come with the package, for `load_model`."""
    return sorted(file.stem for file in (data_dir() / "models").glob("*.safetensors"))


def _model_file(path: Path) -> Path:
    return path / "model.safetensors" if os.path.isdir(path) else path  # Path.is_dir may raise
