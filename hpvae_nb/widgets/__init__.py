"""Interactive views for notebooks: thin layers over plain functions that return a picture or a clip."""

from hpvae_nb.widgets.live import live
from hpvae_nb.widgets.patches import find_view, shuffle_view
from hpvae_nb.widgets.sampling import seed_view
from hpvae_nb.widgets.vae import beta_view

__all__ = ["beta_view", "find_view", "live", "seed_view", "shuffle_view"]
