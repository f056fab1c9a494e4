"""What analysts find in Kibana, kept as code."""
