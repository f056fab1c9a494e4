"""From Kafka into Elasticsearch, and what is computed there."""
