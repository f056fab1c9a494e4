"""Drift: what versions meet and answer beside their reference, window by window."""
