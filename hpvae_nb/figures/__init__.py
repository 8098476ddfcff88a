"""Figures of the lessons: one module a topic, plain functions that return a matplotlib figure."""
