"""Labels become outcomes: every prediction beside what really happened, once, and as last said."""
