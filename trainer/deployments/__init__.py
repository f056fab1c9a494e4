"""What serves: read from the control topic, changed by one signed message at a time."""
