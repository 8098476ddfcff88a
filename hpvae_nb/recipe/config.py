"""Everything that can be chosen about a model, as one frozen dataclass, and the named presets.

A value's comment says where it comes from: `paper` is Gur et al. 2020 (section, equation or appendix), `released` is
the code its authors published, `measured` is an experiment of this project, described in the README.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hpvae_nb.errors import InputError
from hpvae_nb.recipe import limits


@dataclass(frozen=True)
class Config:
    """One complete recipe: pyramid, networks, objective, optimisation.

    The defaults are the paper's; presets replace what differs. Sizes are pixels, times are frames, `scales` counts
    N+1 scales, `vae_levels` is the paper's M read as a count (scales 0..vae_levels-1 are trained as VAEs).

    Raises:
        InputError: on construction, when a value lies outside its range.
    """

    preset: str = "paper"
    dims: int = 3  # 3: video, 2: image (paper, section 4.2: "replacing 3D convolutions with 2D ones")

    # Pyramid
    scales: int = 10  # paper, appendix A.1: N = 9, so ten scales
    coarse_size: int = 32  # paper, A.1: height 32 at scale 0
    fine_size: int = 256  # paper, A.1: height 256 at scale N
    sized_side: Literal["height", "width", "longer"] = "height"  # paper, A.1; measured: longer is for photos
    step: float | None = 1.33  # paper, A.1: 1.33 per scale, capped; None: evenly from coarse to fine (released)
    rounding: Literal["nearest", "released"] = "nearest"  # released: sized side up, the other side down
    sampling_rates: tuple[int, ...] = (4, 3, 2, 1)  # paper, section 3.2: Omega
    antialias: bool = False  # paper, section 3.2: "bilinear interpolation"

    # Networks
    channels: int = 64  # paper, A.1
    latent: int = 128  # paper, A.1
    kernel: int = 3  # paper, A.1
    encoder_kernel: int | None = None  # of E alone; paper, section 4.2 and figure 9c: 1, so that r = 1; None: `kernel`
    decoder_kernel: int | None = None  # of G^n at VAE scales alone; paper, section 4.2 and figure 9b: 1; None: `kernel`
    padding: Literal["zeros", "replicate"] = "zeros"  # released; replicate: a border is no place of its own
    encoder_layers: int = 5  # paper, A.1: E is built like G; the two heads come on top
    generator_layers: int = 5  # paper, A.1: receptive field 11
    critic_layers: int = 5  # paper, A.1: D is built like G
    generator_tanh: bool = True  # paper, A.1: the last block of G ends in tanh
    residual: bool = True  # paper, equation (6); False: x̄^n = G^n(↑x̄^(n-1)), without the sum
    output_tanh: bool = False  # paper, equation (6): a plain sum; released: tanh after every sum
    critic_tail_spectral: bool = True  # paper, A.1: spectral norm in place of every batch norm
    warm_start: Literal["all", "residual", "none"] = "all"  # paper, A.1: G^n from G^(n-1) for every n > 0

    # Objective
    vae_levels: int = 3  # paper, section 4: M = 3; figure 6: three VAE levels and seven GAN levels
    beta: float = 0.1  # paper, A.1: weight of the KL term
    kl_reduction: Literal["sum", "mean"] = "sum"  # paper, equation (3)
    reconstruction: Literal["l2", "mse"] = "l2"  # paper, equations (4) and (7)
    equation_8_at_scale_0: bool = False  # paper, equation (5); released: (8) there too, so that x^0 counts twice
    reconstruction_weight: float = 1.0  # paper, equations (8) and (11)
    adversarial_weight: float = 0.1  # paper, A.1: beta_adv
    penalty_weight: float = 0.1  # released: lambda; the paper gives none
    penalty_norm: Literal["site", "sample"] = "sample"  # Gulrajani et al. 2017, eq. (3); grows with the root of T*H*W
    noise_amplitude: float = 0.1  # released: times the RMSE of the reconstruction; the paper gives none

    # Economies of ours, at GAN scales; off here, as neither the paper nor the released code has them
    window: int | None = None  # paper: whole clips; else the voxels of the random window that a step sees
    window_choices: int = 1  # paper: none; else random windows of which a step takes the one that varies most
    pool: int | None = None  # paper: all is drawn anew; else random ↑x̄^(n-1) that are made beforehand and kept
    pool_every: int = 20  # measured: of the pool, the oldest is made anew after so many steps
    penalty_every: int = 1  # paper: 1; steps from one with a penalty, so many times as strong, to the next

    # Optimisation
    iterations: int = 20_000  # paper, A.1, per scale
    coarse_iterations: int | None = None  # measured: more at scale 0, where layouts are made and a step costs least
    average: float = 0.0  # measured: G^n ends a GAN scale as its weights' running average; kept in each step
    cosine: bool = False  # paper: a constant rate; True: it falls to a hundredth, along a cosine, in each GAN scale
    lr: float = 5e-4  # paper, A.1
    critic_lr: float | None = None  # paper: that of all, `lr`; else D's own
    lr_decay: float = 0.2  # paper, A.1: of E and G^0, per scale
    freeze: bool = True  # paper, section 3.2; False: section 4.2, "training all levels", with lr_decay for each of them
    adam_betas: tuple[float, float] = (0.9, 0.999)  # Adam's own defaults; the paper gives none
    clip_norm: float | None = None  # the paper gives none
    batch: int = 1  # windows of a long clip per step; the paper gives none, released: 2
    every_window: bool = False  # paper, section 3.1: cut into fixed-size samples; True: any start frame (released)

    def __post_init__(self) -> None:
        # JSON turns tuples into lists, and knows no numbers of NumPy: all must mean the same configuration.
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        for name in ("sampling_rates", "adam_betas"):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple)):
                raise InputError(f"{name} is {value!r}, but must be a tuple of numbers")
            object.__setattr__(self, name, tuple(map(_plain, value)))
        limits.check(self)

    @property
    def frames(self) -> int:
        """Frames of one training sample at full rate: LCM(Omega) + 1 (section 3.2); 1 for an image."""
        return math.lcm(*self.sampling_rates) + 1 if self.dims == 3 else 1

    def steps(self, scale: int) -> int:
        """Training steps at `scale` (0..N); they fall from `coarse_iterations` to `iterations` by a constant factor."""
        if self.coarse_iterations is None:
            return self.iterations
        share = scale / max(1, self.scales - 1)
        return round(self.coarse_iterations ** (1 - share) * self.iterations**share)

    def steps_below(self, scale: int) -> int:
        """Training steps at all scales below `scale`; of `scales`, at all there are."""
        return sum(self.steps(n) for n in range(scale))

    def is_vae(self, scale: int) -> bool:
        """Whether `scale` (0..N) is trained by equations (5) and (8) rather than (11)."""
        return scale < self.vae_levels

    def kind(self, scale: int) -> str:
        """`"VAE"` or `"GAN"`: how `scale` (0..N) is trained, in a word."""
        return "VAE" if self.is_vae(scale) else "GAN"

    def generator_kernel(self, scale: int) -> int:
        """Kernel of G^scale (0..N); figure 9 sets that of all VAE scales apart."""
        return self.decoder_kernel or self.kernel if self.is_vae(scale) else self.kernel

    @property
    def kernels(self) -> set[int]:
        """Of all networks."""
        return {self.kernel, self.encoder_kernel or self.kernel, self.decoder_kernel or self.kernel}

    def replace(self, **overrides: Any) -> Config:
        """A copy with some values changed.

        Raises:
            InputError: for a name that is no field (with the nearest one that is) or a value out of range.
        """
        names = [field.name for field in dataclasses.fields(self)]
        for name in overrides:
            if name not in names:
                raise InputError(f"there is no setting {name!r}; the nearest is {nearest_name(name, names)}")
        return dataclasses.replace(self, **overrides)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return dataclasses.asdict(self)


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python, anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def nearest_name(name: str, names: list[str]) -> str:
    """The name that comes closest to an unknown one, quoted."""
    return repr(difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0])


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `Config.to_dict`, for settings read from a file.

    Raises:
        InputError: for unknown names or values out of range.
    """
    return Config().replace(**values)
