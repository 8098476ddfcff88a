"""Everything that can be chosen about a model, as one frozen dataclass, and the named presets.

A value's comment says where it comes from: `paper` is Gur et al. 2020 (section, equation or appendix), `released` is
the code its authors published, `measured` is an experiment of this project, described in the README.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal

from hpvae_nb.errors import InputError


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
    sized_side: Literal["height", "width"] = "height"  # paper, A.1
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
        # JSON turns tuples into lists; both must mean the same configuration.
        for name in ("sampling_rates", "adam_betas"):
            value = getattr(self, name)
            _check(isinstance(value, (list, tuple)), f"{name} is {value!r}, but must be a tuple of numbers")
            object.__setattr__(self, name, tuple(value))
        for check in (_check_pyramid, _check_networks, _check_economies, _check_objective):
            check(self)

    @property
    def frames(self) -> int:
        """Frames of one training sample at full rate: LCM(Omega) + 1 (section 3.2); 1 for an image."""
        return math.lcm(*self.sampling_rates) + 1 if self.dims == 3 else 1

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


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


def _check_pyramid(config: Config) -> None:
    _check(config.dims in (2, 3), f"dims is {config.dims}, but only 3 (video) and 2 (image) exist")
    _check(_is_count(config.scales), f"scales is {config.scales!r}, but a model needs a whole number of at least 1")
    for name in ("coarse_size", "fine_size"):
        value = getattr(config, name)
        _check(_is_count(value) and value >= 4, f"{name} is {value!r} px, but at least 4 whole pixels are needed")
    _check(
        config.coarse_size <= config.fine_size,
        f"coarse_size {config.coarse_size} exceeds fine_size {config.fine_size}: the pyramid must grow",
    )
    _check(
        config.step is None or (_is_number(config.step) and 1 < config.step <= 4),
        f"step is {config.step!r}, but each scale must be larger than the one below, by a factor in (1, 4]",
    )
    rates = config.sampling_rates
    _check(
        len(rates) > 0 and all(_is_count(rate) for rate in rates),
        f"sampling_rates is {rates!r}, but it must list whole numbers of at least 1, such as (4, 3, 2, 1)",
    )
    _check(
        all(a > b for a, b in itertools.pairwise(rates)),
        f"sampling_rates is {rates!r}, but must fall from coarse to fine, such as (4, 3, 2, 1)",
    )
    _check(rates[-1] == 1, f"sampling_rates ends in {rates[-1]}, but the finest scale keeps every frame: end in 1")
    _check(
        math.lcm(*rates) <= 240,
        f"sampling_rates {rates!r} need LCM + 1 = {math.lcm(*rates) + 1} frames; choose rates with an LCM up to 240",
    )


def _check_networks(config: Config) -> None:
    for name in ("channels", "latent", "encoder_layers", "iterations", "batch", *_ECONOMIES):
        value = getattr(config, name)
        _check(_is_count(value), f"{name} is {value!r}, but must be a whole number of at least 1")
    for name in ("generator_layers", "critic_layers"):
        value = getattr(config, name)
        _check(_is_count(value) and value >= 2, f"{name} is {value!r}, but at least 2 layers are needed")
    for name in ("kernel", "encoder_kernel", "decoder_kernel"):
        value = getattr(config, name)
        inherited = value is None and name != "kernel"
        _check(
            inherited or (_is_count(value) and value % 2 == 1),
            f"{name} is {value!r}, but must be odd, so that padding keeps the size",
        )


_ECONOMIES = ("window_choices", "pool_every", "penalty_every")


def _check_economies(config: Config) -> None:
    for name, what in (("window", "voxels"), ("pool", "random inputs")):
        value = getattr(config, name)
        _check(
            value is None or _is_count(value),
            f"{name} is {value!r}, but must be a whole number of {what}, at least 1, or None to do without",
        )
    _check(config.pool is None or config.freeze, "a pool keeps what frozen scales make: set freeze=True, or pool=None")


def _check_objective(config: Config) -> None:
    _check(
        _is_count(config.vae_levels) and config.vae_levels <= config.scales,
        f"vae_levels (M in the paper) is {config.vae_levels!r}, but must lie in 1..{config.scales} (the scales)",
    )
    choices: dict[str, tuple[str, ...]] = {
        "sized_side": ("height", "width"),
        "padding": ("zeros", "replicate"),
        "rounding": ("nearest", "released"),
        "warm_start": ("all", "residual", "none"),
        "kl_reduction": ("sum", "mean"),
        "reconstruction": ("l2", "mse"),
        "penalty_norm": ("site", "sample"),
    }
    for name, allowed in choices.items():
        value = getattr(config, name)
        _check(value in allowed, f"{name} is {value!r}, but must be one of {', '.join(map(repr, allowed))}")
    for field in dataclasses.fields(config):
        if isinstance(field.default, bool):
            value = getattr(config, field.name)
            _check(isinstance(value, bool), f"{field.name} is {value!r}, but must be True or False")
    for name in ("beta", "reconstruction_weight", "adversarial_weight", "penalty_weight", "noise_amplitude"):
        value = getattr(config, name)
        _check(
            _is_number(value) and value >= 0, f"{name} is {value!r}, but a weight must be a finite number of at least 0"
        )
    for name in ("lr", "critic_lr"):
        value = getattr(config, name)
        inherited = value is None and name == "critic_lr"
        _check(
            inherited or (_is_number(value) and value > 0), f"{name} is {value!r}, but a learning rate must be above 0"
        )
    _check(_is_number(config.lr_decay) and 0 < config.lr_decay <= 1, f"lr_decay is {config.lr_decay!r}, not in (0, 1]")
    betas = config.adam_betas
    _check(
        len(betas) == 2 and all(_is_number(beta) and 0 <= beta < 1 for beta in betas),
        f"adam_betas is {betas!r}, but must be two numbers in [0, 1)",
    )
    _check(
        config.clip_norm is None or (_is_number(config.clip_norm) and config.clip_norm > 0),
        f"clip_norm is {config.clip_norm!r}, but must be above 0, or None for no clipping",
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def nearest_name(name: str, names: list[str]) -> str:
    """The name that comes closest to an unknown one, quoted."""
    return repr(difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0])


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `Config.to_dict`, for settings read from a file.

    Raises:
        InputError: for unknown names or values out of range.
    """
    return Config().replace(**values)
