"""Measures of what a single-sample model makes."""

from hpvae_nb.metrics.diversity import diversity

__all__ = ["diversity"]
