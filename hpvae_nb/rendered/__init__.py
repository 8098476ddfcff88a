"""Sets of many short clips without a download: drawn from formulas, each clip by its seed, with its class known."""

from hpvae_nb.rendered.sets import load_set

__all__ = ["load_set"]
