"""Figures and breakdowns that several dashboards show."""

from elk.dashboards.panels import Filter, Metric, OverTime, Terms

PREDICTIONS = Metric("Predictions")
CONFIDENCE = Metric("Mean confidence", "average", "prediction.confidence", decimals=3)
LATEST = Metric("Latest", "latest", "@timestamp")
TIME = OverTime()
BY_MODEL = Terms("model.name", "Model")
BY_ROLE = Terms("model.role", "Role", size=3)
BY_VERSION = Terms("model.version", "Version", size=12)
SERVING = Filter("model.role", ("champion", "canary"))
ENOUGH = Filter("verdict.state", ("too_few",), other=True)
"""A figure of a handful of rows would look like a crash."""


def latency(percent: float, field: str = "latency.total_ms") -> Metric:
    """A percentile of milliseconds."""
    return Metric(f"p{percent:g} (ms)", "percentile", field, percent=percent, decimals=1)
