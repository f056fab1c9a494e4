"""A soak run: the whole system at a steady rate for long, to see whether anything grows."""
