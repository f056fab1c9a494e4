"""What two or more services must agree on: messages, topics, model packages, settings, errors."""
