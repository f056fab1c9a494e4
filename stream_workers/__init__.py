"""Stream workers: feature events in, predictions of the current model out."""
