"""New videos from a single clip: Hierarchical Patch VAE-GAN (Gur, Benaim, Wolf, NeurIPS 2020), to learn and to use."""

from hpvae_nb import losses, metrics
from hpvae_nb.clips import Clip, bundled_clips, download_clip, load_clip, load_image
from hpvae_nb.config import Config, preset, presets
from hpvae_nb.errors import CheckpointError, InputError, TrainingError
from hpvae_nb.latents import slerp
from hpvae_nb.model import Model, bundled_models, load_model
from hpvae_nb.pyramid import scale_shapes
from hpvae_nb.receptive_field import empirical_receptive_field, receptive_field
from hpvae_nb.released import load_released
from hpvae_nb.training import Event, fit, train

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "Clip",
    "Config",
    "Event",
    "InputError",
    "Model",
    "TrainingError",
    "bundled_clips",
    "bundled_models",
    "download_clip",
    "empirical_receptive_field",
    "fit",
    "load_clip",
    "load_image",
    "load_model",
    "load_released",
    "losses",
    "metrics",
    "preset",
    "presets",
    "receptive_field",
    "scale_shapes",
    "slerp",
    "train",
]
