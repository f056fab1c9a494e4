"""Getting events and labels onto Kafka: the typed producer and the replay of files."""
