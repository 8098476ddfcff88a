"""Checks for the exercises in the notebooks: one module a lesson, one function an exercise."""
