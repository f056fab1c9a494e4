"""Streams of one invented problem whose drift is known: when it begins, and what it is."""
