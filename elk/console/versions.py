"""Model versions: what is deployed, what workers run, and what each version is worth."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from elk.console.choices import Choices
from elk.console.log import Body, Log
from elk.console.views import Answer, Link, ShownCell, View, page
from elk.console.words import NOTHING, figure, known, moment
from elk.dashboards.catalogue.figures import ENOUGH
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter
from elk.dashboards.queries import clause
from elk.dashboards.values import named

_MOST_VERSIONS = 20
_MOST_PROCESSES = 50
_MOST_METRICS = 8
_SILENT = timedelta(minutes=2)
_KEYS = ("model.name", "model.version", "model.role")
_NEWEST: Body = {"top_hits": {"size": 1, "sort": [{TIMESTAMP: "desc"}]}}


def deployed(log: Log, choices: Choices) -> Answer:
    """What was published last, of each model in each role; the time does not matter.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    wanted = [{"term": {"model_event.kind": "published"}}, *_of_model(choices)]
    body: Body = {
        "size": 0,
        "query": {"bool": {"filter": wanted}},
        "aggs": {"by": _nested(("model.name", "model.role"))},
    }
    answer = log.search(("model-events",), body)
    rows = [
        [
            known(source["model"]["name"]),
            known(source["model"].get("role")),
            _version(source["model"]),
            known(source["model_event"].get("sequence")),
            moment(source[TIMESTAMP]),
            known(source["model_event"].get("author")),
            known(source["model_event"].get("reason")),
        ]
        for source in _inner(answer.get("aggregations", {}))
    ]
    if not rows:
        return Answer(nothing="No version was published yet: 'millrace models publish' does it.")
    columns = ("Model", "Role", "Version", "Sequence", "Published", "By", "Why")
    return Answer(views=[View(columns=columns, rows=rows)])


def live(log: Log, _: Choices) -> Answer:
    """What each worker said last of what it has loaded; the time does not matter.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    body: Body = {
        "size": 0,
        "query": {"bool": {"filter": [{"term": {"service.name": "worker"}}]}},
        "aggs": {
            "by": {
                "terms": {
                    "field": "worker.id",
                    "size": _MOST_PROCESSES,
                    "order": {"at": "desc"},
                },
                "aggs": {"by": _NEWEST, "at": {"max": {"field": TIMESTAMP}}},
            }
        },
    }
    now = datetime.now(UTC)
    rows = [
        [
            known(source["worker"]["id"]),
            ", ".join(source["operations"].get("models", ())) or NOTHING,
            _state(source, now),
            moment(source[TIMESTAMP]),
        ]
        for source in _inner(log.search(("operations",), body).get("aggregations", {}))
    ]
    if not rows:
        return Answer(nothing="No worker has told its figures yet.")
    columns = ("Worker", "Versions loaded", "State", "Said last")
    return Answer(views=[View(columns=columns, rows=rows)])


def measured(log: Log, choices: Choices) -> Answer:
    """Each version in each role: its newest figures on labels, with 95 % intervals.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    span = choices.span or log.all_time("performance", choices.filters)
    chosen = [clause(Filter(f, tuple(v))) for f, v in choices.filters.items() if f in _KEYS]
    sources = _newest(log, span, chosen)
    if not sources:
        return Answer(
            nothing="No version was measured in this time: labels must come, and "
            "'millrace monitor' run."
        )
    metrics = list(dict.fromkeys(m for s in sources for m in s["performance"].get("metrics", {})))
    shown = metrics[:_MOST_METRICS]
    rows = [
        [
            known(source["model"]["name"]),
            _version(source["model"]),
            known(source["model"].get("role")),
            named("verdict.state", source["verdict"]["state"]),
            f"{source['performance']['labelled']:,}",
            *(_metric(source["performance"], name) for name in shown),
            moment(source["window"]["start"]),
        ]
        for source in sources
    ]
    return Answer(
        views=[
            View(
                columns=("Model", "Version", "Role", "Verdict", "Labelled", *shown, "Window from"),
                numbers=[False] * 4 + [True] * (1 + len(shown)) + [False],
                rows=rows,
            )
        ]
    )


def _newest(log: Log, span: Span, chosen: Sequence[Body]) -> list[dict[str, Any]]:
    """The newest window of each version in each role, of those that have labels enough if any has:
    a handful makes any figure."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for filters in ([*chosen, clause(ENOUGH)], chosen):
        body: Body = {
            "size": 0,
            "query": {"bool": {"filter": [within(span, TIMESTAMP), *filters]}},
            "aggs": {"by": _nested(_KEYS)},
        }
        for source in _inner(log.search(("performance",), body).get("aggregations", {})):
            found.setdefault(tuple(source["model"].values()), source)
    return list(found.values())


def _metric(performance: Mapping[str, Any], name: str) -> str:
    value = performance.get("metrics", {}).get(name)
    if value is None:
        return NOTHING
    low, high = (performance.get(end, {}).get(name) for end in ("low", "high"))
    told = figure(float(value), 3)
    return told if low is None or high is None else f"{told} ({low:.3f} – {high:.3f})"


def _version(model: Mapping[str, Any]) -> ShownCell:
    version = model.get("version")
    if version is None:
        return NOTHING
    return Link(version, page("drift", model_name=model["name"], model_version=version))


def _of_model(choices: Choices) -> list[Body]:
    return [
        clause(Filter(field, tuple(values)))
        for field, values in choices.filters.items()
        if field == "model.name" and values
    ]


def _nested(fields: Sequence[str]) -> Body:
    if not fields:
        return _NEWEST
    inner = {"by": _nested(fields[1:])}
    return {"terms": {"field": fields[0], "size": _MOST_VERSIONS}, "aggs": inner}


def _inner(level: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = level.get("by", {})
    for bucket in found.get("buckets", ()):
        yield from _inner(bucket)
    for hit in found.get("hits", {}).get("hits", ()):
        yield hit["_source"]


def _state(source: Mapping[str, Any], now: datetime) -> str:
    said = datetime.fromisoformat(source[TIMESTAMP])
    if now - said > _SILENT:
        return "silent since then"
    return "ready" if source["operations"]["ready"] else "not ready"
