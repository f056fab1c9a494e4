"""The dashboards there are, a module for each."""

from elk.dashboards.catalogue import drift, models, one_event, operations, overview, quality
from elk.dashboards.panels import Dashboard


def dashboards() -> tuple[Dashboard, ...]:
    """All dashboards, in the order in which their links stand."""
    return (
        overview.DASHBOARD,
        models.DASHBOARD,
        drift.DASHBOARD,
        quality.DASHBOARD,
        operations.DASHBOARD,
        one_event.DASHBOARD,
    )
