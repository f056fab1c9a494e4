"""Dashboards as code: panels are defined once, and shown by Kibana or by a query of our own.

`dashboards()` gives all of them, `query(panel, span, filters)` the search behind a panel, and
`rows(panel, answer)` or `series(panel, answer)` what its answer says.
"""

from elk.dashboards.answers import Cell, Point, Series, rows, series
from elk.dashboards.catalogue import dashboards
from elk.dashboards.intervals import Span
from elk.dashboards.panels import Dashboard, Panel, Placed
from elk.dashboards.queries import query

__all__ = [
    "Cell",
    "Dashboard",
    "Panel",
    "Placed",
    "Point",
    "Series",
    "Span",
    "dashboards",
    "query",
    "rows",
    "series",
]
