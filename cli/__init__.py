"""The `millrace` command: thin, one module per group of commands, services imported lazily."""
