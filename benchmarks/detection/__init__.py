"""How soon drift is found, and how often where there is none, on streams of known drift."""
