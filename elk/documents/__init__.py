"""All documents at once: rebuilt from Kafka, compared with it, erased, kept in snapshots."""
