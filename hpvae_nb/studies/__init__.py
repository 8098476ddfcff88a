"""Many trainings: sweeps, the evidence, the protocol of table 1."""
