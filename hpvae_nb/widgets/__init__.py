"""Interactive views for notebooks: thin layers over plain functions that return a picture or a clip."""

from hpvae_nb.widgets.ablations import ablation_view
from hpvae_nb.widgets.critic import critic_map_view, toy_view
from hpvae_nb.widgets.evidence import findings_view, rerun_panel
from hpvae_nb.widgets.fields import field_view, latent_view
from hpvae_nb.widgets.hierarchy import flow_view
from hpvae_nb.widgets.live import live
from hpvae_nb.widgets.methods import copies_view
from hpvae_nb.widgets.metrics import strength_view
from hpvae_nb.widgets.noise import noise_view
from hpvae_nb.widgets.patches import find_view, shuffle_view
from hpvae_nb.widgets.pyramid import kept_frames_view, what_is_missing_view
from hpvae_nb.widgets.sampling import seed_view
from hpvae_nb.widgets.steering import border_view, box_view, loop_view, size_view, steer_view
from hpvae_nb.widgets.tradeoff import levels_view
from hpvae_nb.widgets.training import dashboard
from hpvae_nb.widgets.vae import beta_view

__all__ = [
    "ablation_view",
    "beta_view",
    "border_view",
    "box_view",
    "copies_view",
    "critic_map_view",
    "dashboard",
    "field_view",
    "find_view",
    "findings_view",
    "flow_view",
    "kept_frames_view",
    "latent_view",
    "levels_view",
    "live",
    "loop_view",
    "noise_view",
    "rerun_panel",
    "seed_view",
    "shuffle_view",
    "size_view",
    "steer_view",
    "strength_view",
    "toy_view",
    "what_is_missing_view",
]
