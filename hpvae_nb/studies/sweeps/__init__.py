"""Many trainings from one specification: (clip x method x setting x seed), resumable, as one table."""

from hpvae_nb.studies.sweeps.costs import cost_text, estimate_cost
from hpvae_nb.studies.sweeps.engine import run_sweep
from hpvae_nb.studies.sweeps.results import missing, read_results
from hpvae_nb.studies.sweeps.runner import run_trial
from hpvae_nb.studies.sweeps.trials import Trial, expand, read_spec, select

__all__ = [
    "Trial",
    "cost_text",
    "estimate_cost",
    "expand",
    "missing",
    "read_results",
    "read_spec",
    "run_sweep",
    "run_trial",
    "select",
]
