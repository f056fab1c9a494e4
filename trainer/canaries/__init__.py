"""What becomes of canaries, by the rules of their recipes."""
