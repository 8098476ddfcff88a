"""The named recipes; a comment says where a value comes from, as in `Config`."""

from typing import Any

from hpvae_nb.errors import InputError
from hpvae_nb.recipe.config import Config, nearest_name

_PAPER = Config()

_RELEASED = _PAPER.replace(
    preset="released",  # every value below: the defaults of the released code for video
    sized_side="width",
    step=None,
    rounding="released",
    encoder_layers=3,
    generator_layers=7,
    critic_layers=7,
    generator_tanh=False,
    output_tanh=True,
    critic_tail_spectral=False,
    warm_start="residual",
    beta=1.0,
    kl_reduction="mean",
    reconstruction="mse",
    equation_8_at_scale_0=True,
    reconstruction_weight=10.0,
    adversarial_weight=1.0,
    penalty_norm="site",
    iterations=50_000,
    adam_betas=(0.5, 0.999),
    clip_norm=5.0,
    batch=2,
    every_window=True,
)

_LAPTOP = _RELEASED.replace(
    preset="laptop",  # the released objective; measured, docs/recipe.md: at this size no economy is better
    scales=7,
    coarse_size=24,  # measured: from 16 px on, r = 11 covers most of the frame, and layouts are memorised
    fine_size=64,
    rounding="nearest",
    antialias=True,  # measured: aliased small objects flicker in and out of a 16 px pyramid
    channels=32,
    latent=64,
    generator_layers=5,  # paper, A.1
    critic_layers=5,  # paper, A.1
    iterations=300,
    batch=1,
)

_LAPTOP_32 = _LAPTOP.replace(
    preset="laptop-32",  # measured, on one rendered clip of each set: a dozen seconds of one thread; for table 1
    scales=4,
    coarse_size=10,  # measured: from 12 px on, squares and balloons come out in parts
    fine_size=32,
    sampling_rates=(5, 3, 1),  # 16 frames, as many as the systems of table 1 make
    channels=16,  # measured: with 32, steps for which there are seconds are too few
    vae_levels=2,
    coarse_iterations=400,
    iterations=50,
    lr=1e-3,
    critic_lr=5e-4,
    cosine=True,  # measured: a running average, or windows, look blurred after so few steps
)

_LAPTOP_128 = _LAPTOP.replace(
    preset="laptop-128",  # measured, docs/demo.md: pictures worth showing in some minutes
    fine_size=128,
    vae_levels=2,  # measured: shapes are made at small GAN scales, where a step costs little
    window=12_000,  # measured: a step costs a third of what a whole clip's does; half of it looked worse
    pool=24,
    lr=8e-4,  # measured, in single trainings at 128 px: sharper than 5e-4 for all
    critic_lr=5e-4,
    cosine=True,  # measured, in single trainings at 128 px: sharper than a constant rate
    iterations=300,
)

_LAPTOP_IMAGE = _LAPTOP.replace(
    preset="laptop-image",  # measured, lesson 14: a photo with a few large things, in under two minutes
    dims=2,
    sized_side="longer",
    coarse_size=16,  # measured: from 24 px on, r = 11 sees a third of a cup, and puts thirds of cups beside each other
    fine_size=192,
    vae_levels=1,
    window=8_000,
    coarse_iterations=1_800,  # measured: layouts are made at scales 1 and 2, in steps that cost a third of the last
    iterations=150,
    lr=1.5e-3,
    critic_lr=1e-3,
    average=0.99,
)

# Of methods that learn a set of clips: one scale, of `fine_size` px and 16 frames; what stands here is all they take.
_MOCOGAN = _PAPER.replace(
    preset="mocogan",  # Tulyakov et al. 2018, published code
    scales=1,
    vae_levels=1,
    coarse_size=64,
    fine_size=64,
    step=None,
    sampling_rates=(15, 1),  # for 16 frames
    channels=64,
    latent=50,
    iterations=100_000,
    lr=2e-4,
    adam_betas=(0.5, 0.999),
    batch=3,
)

_TGAN = _MOCOGAN.replace(
    preset="tgan",  # Saito et al. 2017, and its published code
    channels=32,
    latent=100,
    lr=5e-5,
    batch=32,
)

_TGAN_V2 = _MOCOGAN.replace(
    preset="tgan-v2",  # Saito et al. 2020, and its published code
    coarse_size=192,
    fine_size=192,
    channels=32,
    latent=256,
    penalty_weight=0.5,
    lr=1e-4,
    adam_betas=(0.0, 0.9),
    batch=32,
)

_PRESETS: dict[str, Config] = {
    "paper": _PAPER,
    "released": _RELEASED,
    # Paper, section 4.2: the same in two dimensions. Released: so too, in its own defaults for images.
    "paper-image": _PAPER.replace(preset="paper-image", dims=2),
    "released-image": _RELEASED.replace(preset="released-image", dims=2, iterations=5_000),
    "laptop": _LAPTOP,
    "laptop-32": _LAPTOP_32,
    "laptop-128": _LAPTOP_128,
    "laptop-256": _LAPTOP_128.replace(preset="laptop-256", scales=9, fine_size=256, iterations=600),
    "laptop-image": _LAPTOP_IMAGE,
    "laptop-texture": _LAPTOP_IMAGE.replace(
        preset="laptop-texture",  # measured, lesson 14: many small things, which may stand anywhere
        scales=6,
        coarse_size=48,
        vae_levels=2,
        padding="replicate",
        window=6_000,
        coarse_iterations=400,
        iterations=200,
    ),
    "mocogan": _MOCOGAN,
    "mocogan-small": _MOCOGAN.replace(
        preset="mocogan-small",  # measured, lesson 16: recognisable clips within 15 minutes of a CPU
        coarse_size=32,
        fine_size=32,
        channels=32,
        iterations=4_500,
        lr=8e-4,  # measured: four times the critics' rate, or these win and nothing is learned
        critic_lr=2e-4,
        batch=6,
        average=0.995,
    ),
    "tgan": _TGAN,
    "tgan-small": _TGAN.replace(
        preset="tgan-small",  # measured: some seven minutes of a CPU core
        coarse_size=32,
        fine_size=32,
        channels=8,
        latent=32,
        iterations=5_000,
        lr=5e-4,
        critic_lr=1e-3,  # measured: at 5e-4, 900 rounds left noise; its bound keeps it from running away
        batch=8,
        average=0.998,
    ),
    "tgan-v2": _TGAN_V2,
    "tgan-v2-small": _TGAN_V2.replace(
        preset="tgan-v2-small",  # measured: some seven minutes of a CPU core
        coarse_size=32,
        fine_size=32,
        channels=8,
        latent=32,
        penalty_weight=0.03,  # measured: with .5, as at 192 px, all clips became the same within 600 rounds
        penalty_every=4,
        iterations=3_000,
        lr=1e-3,
        batch=8,
        average=0.998,
    ),
    "smoke": _LAPTOP.replace(
        preset="smoke",  # seconds, for tests and first contact
        scales=4,
        coarse_size=12,
        fine_size=32,
        vae_levels=2,
        channels=8,
        latent=8,
        encoder_layers=2,
        generator_layers=3,
        critic_layers=3,
        iterations=8,
    ),
}


def presets() -> list[str]:
    """Names that `preset` accepts."""
    return list(_PRESETS)


def preset(name: str, **overrides: Any) -> Config:
    """A named recipe, with any of its settings replaced.

    Args:
        name: of video, `"paper"`, `"released"`, `"laptop"`, `"laptop-32"`, `"laptop-128"`, `"laptop-256"` or
            `"smoke"`; of images, `"paper-image"`, `"released-image"`, `"laptop-image"` or `"laptop-texture"`.
        overrides: fields of `Config`, such as `beta=0.5` or `vae_levels=2`.

    Raises:
        InputError: for an unknown preset or setting (naming the nearest valid one), or a value out of range.
    """
    if name not in _PRESETS:
        raise InputError(
            f"there is no preset {name!r}; the nearest is {nearest_name(name, presets())}, all: {', '.join(presets())}"
        )
    return _PRESETS[name].replace(**overrides)
