"""Clips, video files, checkpoints and weights: what is read and written."""
