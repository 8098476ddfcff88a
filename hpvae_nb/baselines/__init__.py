"""The methods HP-VAE-GAN is compared with, on the same clips and pyramids, with the same events and `sample` call."""

from hpvae_nb.baselines.methods import fit, load_model, methods, train

__all__ = ["fit", "load_model", "methods", "train"]
