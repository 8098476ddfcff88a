"""The paper's findings, checked: bundled results of one sweep, claims about them, and how to reproduce them."""

from hpvae_nb.evidence.claims import CLAIMS, REALISM, Claim, Interval, claims_table, interval, label, ordered, reach
from hpvae_nb.evidence.points import (
    ABLATIONS,
    GRID,
    LEVELS,
    METHODS,
    POINTS,
    WHOLE,
    clips,
    folder,
    grid,
    point,
    rows,
    sample_file,
    samples,
    values,
)
from hpvae_nb.evidence.reproduction import Comparison, compare, reproduced

__all__ = [
    "ABLATIONS",
    "CLAIMS",
    "GRID",
    "LEVELS",
    "METHODS",
    "POINTS",
    "REALISM",
    "WHOLE",
    "Claim",
    "Comparison",
    "Interval",
    "claims_table",
    "clips",
    "compare",
    "folder",
    "grid",
    "interval",
    "label",
    "ordered",
    "point",
    "reach",
    "reproduced",
    "rows",
    "sample_file",
    "samples",
    "values",
]
