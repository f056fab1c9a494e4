"""Measurements that take minutes or hours; nothing of the product imports this."""
