"""How long people look at a spinner: the console on millions of documents."""
