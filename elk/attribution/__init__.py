"""What a fall of the mean confidence is attributed to: other versions, or other events."""
