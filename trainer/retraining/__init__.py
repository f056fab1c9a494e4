"""The retrainer: from an alert, or the schedule, to a candidate that the gate lets out, or not."""
