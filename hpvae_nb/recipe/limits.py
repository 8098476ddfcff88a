"""Which values a setting may have: a table of limits, and what settings ask of each other."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from hpvae_nb.errors import InputError, whole

Limit = Callable[[Any], bool]


def count(least: int) -> Limit:
    """Whole numbers from `least`."""
    return lambda value: (number := whole(value)) is not None and number >= least


def number(fits: Limit) -> Limit:
    """Finite numbers that fit."""
    return lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and fits(value)
    )


def odd(value: Any) -> bool:
    return count(1)(value) and value % 2 == 1


def optional(limit: Limit) -> Limit:
    """That, or None."""
    return lambda value: value is None or limit(value)


LIMITS: tuple[tuple[str, Limit, str], ...] = (
    ("dims", lambda value: value in (2, 3), "only 3 (video) and 2 (image) exist"),
    ("coarse_size fine_size", count(4), "at least 4 whole pixels are needed"),
    (
        "step",
        optional(number(lambda value: 1 < value <= 4)),
        "each scale must be larger than the one below, by a factor in (1, 4]",
    ),
    (
        "scales channels latent encoder_layers iterations batch window_choices pool_every penalty_every",
        count(1),
        "must be a whole number of at least 1",
    ),
    ("generator_layers critic_layers", count(2), "at least 2 layers are needed"),
    ("kernel", odd, "must be odd, so that padding keeps the size"),
    ("encoder_kernel decoder_kernel", optional(odd), "must be odd, so that padding keeps the size"),
    (
        "coarse_iterations",
        optional(count(1)),
        "must be a whole number of at least 1, or None for `iterations` everywhere",
    ),
    ("average", number(lambda value: 0 <= value < 1), "must lie in [0, 1): what is kept of the average in a step"),
    ("window", optional(count(1)), "must be a whole number of voxels, at least 1, or None to do without"),
    ("pool", optional(count(1)), "must be a whole number of random inputs, at least 1, or None to do without"),
    (
        "beta reconstruction_weight adversarial_weight penalty_weight noise_amplitude",
        number(lambda value: value >= 0),
        "a weight must be a finite number of at least 0",
    ),
    ("lr", number(lambda value: value > 0), "a learning rate must be above 0"),
    ("critic_lr", optional(number(lambda value: value > 0)), "a learning rate must be above 0"),
    ("lr_decay", number(lambda value: 0 < value <= 1), "must lie in (0, 1]"),
    ("clip_norm", optional(number(lambda value: value > 0)), "must be above 0, or None for no clipping"),
    (
        "adam_betas",
        lambda value: len(value) == 2 and all(map(number(lambda beta: 0 <= beta < 1), value)),
        "must be two numbers in [0, 1)",
    ),
    (
        "sampling_rates",
        lambda value: len(value) > 0 and all(map(count(1), value)),
        "must list whole numbers of at least 1, such as (4, 3, 2, 1)",
    ),
    (
        "sampling_rates",
        lambda value: all(a > b for a, b in itertools.pairwise(value)),
        "must fall from coarse to fine, such as (4, 3, 2, 1)",
    ),
    ("sampling_rates", lambda value: value[-1] == 1, "the finest scale keeps every frame: end in 1"),
    (
        "sampling_rates",
        lambda value: math.lcm(*value) <= 240,
        "a clip must have LCM + 1 frames: choose rates with an LCM up to 240",
    ),
)


def check(config: Any) -> None:
    """Hold a `Config` against all of them.

    Raises:
        InputError: the first value out of range, with its limit.
    """
    for names, fits, words in LIMITS:
        for name in names.split():
            _require(fits(getattr(config, name)), f"{name} is {getattr(config, name)!r}, but {words}")
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, allowed = getattr(config, field.name), get_args(hints[field.name])
        if hints[field.name] is bool:
            _require(isinstance(value, bool), f"{field.name} is {value!r}, but must be True or False")
        elif allowed and all(isinstance(choice, str) for choice in allowed):
            words = ", ".join(map(repr, allowed))
            _require(value in allowed, f"{field.name} is {value!r}, but must be one of {words}")
    _require(
        config.coarse_size <= config.fine_size,
        f"coarse_size {config.coarse_size} exceeds fine_size {config.fine_size}: the pyramid must grow",
    )
    _require(
        count(1)(config.vae_levels) and config.vae_levels <= config.scales,
        f"vae_levels (M in the paper) is {config.vae_levels!r}, but must lie in 1..{config.scales} (the scales)",
    )
    _require(
        config.pool is None or config.freeze, "a pool keeps what frozen scales make: set freeze=True, or pool=None"
    )


def _require(fits: bool, message: str) -> None:
    if not fits:
        raise InputError(message)
