"""Drift for people: windows side by side, in words, in tables and as one page."""
