"""The gate: what a candidate must show before it serves anybody."""
