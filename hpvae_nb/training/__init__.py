"""Training as a generator of events, resumable, with a plan and a clock."""
