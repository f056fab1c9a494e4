"""Indices that are older than what is to be kept: summarised first, then deleted."""
