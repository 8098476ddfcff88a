"""New videos from a single clip: Hierarchical Patch VAE-GAN (Gur, Benaim, Wolf, NeurIPS 2020), to learn and to use."""

from hpvae_nb import io, metrics
from hpvae_nb.core import (
    blocks,
    convolution,
    hierarchy,
    latents,
    losses,
    networks,
    patches,
    resampling,
    steering,
    steps,
)
from hpvae_nb.core.latents import slerp
from hpvae_nb.core.receptive_field import empirical_receptive_field, receptive_field
from hpvae_nb.errors import CheckpointError, InputError, TrainingError
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.io.clips import Clip, bundled_clips, bundled_images, load_clip
from hpvae_nb.io.download import download_clip
from hpvae_nb.io.images import load_image, load_images
from hpvae_nb.method import HpVaeGan, Method
from hpvae_nb.model import Model, bundled_models, load_model
from hpvae_nb.recipe import pyramid
from hpvae_nb.recipe.advice import advise
from hpvae_nb.recipe.build import make_discriminator, make_encoder, make_generator, make_hierarchy, make_objective
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.presets import preset, presets
from hpvae_nb.recipe.pyramid import scale_shapes
from hpvae_nb.released import load_released
from hpvae_nb.rendered import load_set
from hpvae_nb.training.events import Event, fit, train

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "Clip",
    "ClipSet",
    "Config",
    "Event",
    "HpVaeGan",
    "InputError",
    "Method",
    "Model",
    "TrainingError",
    "advise",
    "blocks",
    "bundled_clips",
    "bundled_images",
    "bundled_models",
    "convolution",
    "download_clip",
    "empirical_receptive_field",
    "fit",
    "hierarchy",
    "io",
    "latents",
    "load_clip",
    "load_image",
    "load_images",
    "load_model",
    "load_released",
    "load_set",
    "losses",
    "make_discriminator",
    "make_encoder",
    "make_generator",
    "make_hierarchy",
    "make_objective",
    "metrics",
    "networks",
    "patches",
    "preset",
    "presets",
    "pyramid",
    "receptive_field",
    "resampling",
    "scale_shapes",
    "slerp",
    "steering",
    "steps",
    "train",
]
