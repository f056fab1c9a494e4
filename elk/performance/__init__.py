"""Outcomes become performance: how good a version was in each window, and whether that will do."""
