"""Examples on real data; nothing in the services imports them."""
