"""Kibana's alerting rules: drift and worse performance, slow answers, dead letters.

They are made by `POST /api/alerting/rule/<id>` and not imported as saved objects: an import is
not validated, and leaves rules disabled until somebody enables each by hand, since they need an
API key of their own. The rule type `.es-query` is free (minimum licence: basic); actions that do
more than write to an index or to Kibana's log are not, and are left to operators.
Source: Kibana's `stack_alerts/server/rule_types/es_query` and `response-ops/rule_params/es_query`.
"""

from typing import Any

import msgspec
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.settings import Settings
from elk.dashboards.identity import stable_id
from elk.dashboards.kibana import CONFLICT, Kibana, RefusedError
from elk.dashboards.panels import TIMESTAMP, Filter, Metric
from elk.dashboards.queries import clause
from prediction_log.indices import IndexNames, Kind

_AGGREGATIONS = {"count": "count", "max": "max", "average": "avg", "sum": "sum", "min": "min"}
_NO_KEY = "encryption key"


class Rule(Struct, frozen=True, kw_only=True):
    """When Kibana raises an alert.

    Args:
        metric: compared with `above`; one alert per value of `group`, if there is one.
        minutes: how far back it looks, by `time_field`.
    """

    id: str
    name: str
    kind: Kind
    metric: Metric
    above: float
    minutes: int
    group: str | None = None
    filters: tuple[Filter, ...] = ()
    time_field: str = TIMESTAMP


RULES = (
    Rule(
        id="alerts",
        name="A model drifts or has become worse",
        kind="alerts",
        metric=Metric("Alerts raised"),
        above=0,
        minutes=10,
        group="alert.id",
        filters=(Filter("alert.state", ("raised",)),),
    ),
    Rule(
        id="latency",
        name="1 % of the records need more than 5 s",
        kind="operations",
        metric=Metric("p99 (ms)", "min", "operations.latency.p99_ms"),
        above=5000,
        minutes=5,
        group="service.name",
    ),
    Rule(
        id="dead-letters",
        name="Records become dead letters",
        kind="dead-letters",
        metric=Metric("Dead letters"),
        above=100,
        minutes=10,
        group="dead_letter.reason",
        time_field="failed_at",
    ),
)
"""Limits as those of `deploy/prometheus/alerts.yml` where it has them; operators change them in
Kibana, and a further import leaves what they changed."""
_MOST_GROUPS = 100


def rule_id(settings: Settings, rule: Rule) -> str:
    """A UUID, since Kibana takes no other ids for rules."""
    return stable_id(settings.index_prefix, "rule", rule.id)


def rule_body(settings: Settings, rule: Rule) -> dict[str, Any]:
    """What is posted to make it."""
    query = {"query": {"bool": {"filter": [clause(one) for one in rule.filters]}}}
    params: dict[str, Any] = {
        "searchType": "esQuery",
        "esQuery": msgspec.json.encode(query).decode(),
        "index": [IndexNames(settings).pattern(rule.kind)],
        "timeField": rule.time_field,
        "timeWindowSize": rule.minutes,
        "timeWindowUnit": "m",
        "size": 10,
        "aggType": _AGGREGATIONS[rule.metric.operation],
        "thresholdComparator": ">",
        "threshold": [rule.above],
        "groupBy": "all",
        "excludeHitsFromPreviousRun": rule.group is None,
    }
    if rule.metric.field is not None:
        params["aggField"] = rule.metric.field
    if rule.group is not None:
        params |= {"groupBy": "top", "termField": rule.group, "termSize": _MOST_GROUPS}
    return {
        "name": f"[{settings.index_prefix.capitalize()}] {rule.name}",
        "rule_type_id": ".es-query",
        "consumer": "stackAlerts",
        "enabled": True,
        "schedule": {"interval": "1m"},
        "tags": ["millrace"],
        "params": params,
        "actions": [],
    }


def create_rules(kibana: Kibana, settings: Settings) -> tuple[int, int]:
    """Make the rules that are not there; gives how many were made, and how many were there.

    Raises:
        UnreachableError: Kibana does not answer.
        AccessError: it does not know us or our rights.
        MillraceError: it refused, or has no encryption key.
    """
    made = 0
    for rule in RULES:
        body = msgspec.json.encode(rule_body(settings, rule))
        try:
            kibana.post(f"/api/alerting/rule/{rule_id(settings, rule)}", body)
        except RefusedError as error:
            if error.status == CONFLICT:
                continue
            if _NO_KEY in str(error):
                raise MillraceError(
                    "Kibana keeps no rules without an encryption key: set "
                    "xpack.encryptedSavedObjects.encryptionKey to 32 characters or more"
                ) from error
            raise
        made += 1
    return made, len(RULES) - made
