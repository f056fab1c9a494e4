"""What readers can narrow a dashboard by: the values that its documents have in the time."""

from collections.abc import Mapping, Sequence

from elk.console.choices import Choices
from elk.console.log import Log
from elk.dashboards.intervals import within
from elk.dashboards.panels import Control, Dashboard, Filter, time_field
from elk.dashboards.queries import clause

MOST_OFFERED = 100
_TYPED = frozenset({"event.id", "entity.id"})
"""Too many to choose from: readers write them."""


def is_typed(control: Control) -> bool:
    """Whether readers write the value."""
    return control.field in _TYPED


def offered(log: Log, dashboard: Dashboard, choices: Choices) -> Mapping[str, Sequence[str]]:
    """Field -> values, each as the other choices leave them.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    kind = dashboard.panels[0].kind
    span = choices.span or log.all_time(kind, {})
    listed = [control.field for control in dashboard.controls if not is_typed(control)]
    if not listed:
        return {}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [within(span, time_field(kind))]}},
        "aggs": {
            field: {
                "filter": {
                    "bool": {
                        "filter": [
                            clause(Filter(other, tuple(values)))
                            for other, values in choices.filters.items()
                            if other != field
                        ]
                    }
                },
                "aggs": {"values": {"terms": {"field": field, "size": MOST_OFFERED}}},
            }
            for field in listed
        },
    }
    found = log.search((kind,), body).get("aggregations", {})
    return {
        field: sorted(
            str(bucket["key"])
            for bucket in found.get(field, {}).get("values", {}).get("buckets", ())
        )
        for field in listed
    }
