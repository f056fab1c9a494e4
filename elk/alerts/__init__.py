"""Alerts: from the verdicts of windows to what people and the retrainer are told."""
