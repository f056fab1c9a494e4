"""Reference against now, a picture per signal: the newest window of one version in the time, of one
that serves if there is one."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from elk.console.choices import Choices
from elk.console.log import Body, Log
from elk.console.traces import safe
from elk.console.views import Answer, View
from elk.console.words import figure, known, moment
from elk.dashboards.catalogue.figures import SERVING
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter
from elk.dashboards.queries import clause

MOST_SIGNALS = 24
_MOST_DOCUMENTS = 500
"""Signals of one window that are looked through for the worst."""
_VERSION = ("model.name", "model.version", "model.role")


def drift_features(log: Log, choices: Choices) -> Answer:
    """The signals that are farthest from their reference, the worst first.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    span = choices.span or log.all_time("drift", choices.filters)
    newest = _newest(log, choices, span, SERVING) or _newest(log, choices, span)
    if not newest:
        return Answer(
            nothing="No window of this time has enough rows: does 'millrace monitor' run, and do "
            "predictions come?"
        )
    source = newest[0]["_source"]
    found = log.search(("drift",), _window(source))["hits"]["hits"]
    documents = [hit["_source"] for hit in found if hit["_source"]["drift"].get("bins")]
    if not documents:
        return Answer(nothing="The newest window holds no distributions.")
    shown = [_view(document) for document in documents[:MOST_SIGNALS]]
    return Answer(
        views=shown,
        start=moment(source["window"]["start"]),
        end=moment(source["window"]["end"]),
    )


def _newest(log: Log, choices: Choices, span: Span, *more: Filter) -> list[Any]:
    chosen = [Filter(field, tuple(v)) for field, v in choices.filters.items()]
    judged = clause(Filter("verdict.state", ("ok", "over")))
    with_bins = clause(Filter("drift.kind", ("numeric", "categorical")))
    asked = [within(span, TIMESTAMP), judged, with_bins, *map(clause, (*chosen, *more))]
    body = {"size": 1, "query": {"bool": {"filter": asked}}, "sort": [{TIMESTAMP: "desc"}]}
    found: list[Any] = log.search(("drift",), body)["hits"]["hits"]
    return found


def _window(source: Mapping[str, Any]) -> Body:
    """All signals of the window, version and role of a document."""
    same = [{"term": {"window.start": source["window"]["start"]}}]
    for field in _VERSION:
        value = source["model"].get(field.removeprefix("model."))
        if value is not None:
            same.append({"term": {field: value}})
    return {
        "size": _MOST_DOCUMENTS,
        "query": {"bool": {"filter": same}},
        "sort": [{"verdict.ratio": {"order": "desc", "missing": "_last"}}],
    }


def _view(document: Mapping[str, Any]) -> View:
    bins, verdict, model = document["drift"]["bins"], document["verdict"], document["model"]
    labels = _labels(bins)
    before, now = (_shares(bins[name]) for name in ("reference", "window"))
    ratio = verdict.get("ratio")
    told = "" if ratio is None else f"{figure(float(ratio), 2)} times its limit"
    if verdict.get("state") == "over":
        told = f"▲ {told}"
    names = [known(model.get(field.removeprefix("model."))) for field in _VERSION]
    return View(
        title=str(verdict["signal"]),
        description=", ".join(filter(None, (" ".join(names), told))),
        columns=("Values", "Training", "Window"),
        numbers=(False, True, True),
        rows=[
            [label, f"{a:.1%}", f"{b:.1%}"]
            for label, a, b in zip(labels, before, now, strict=False)
        ],
        chart={
            "data": [
                _bars("Training", labels, before, "/"),
                _bars("Window", labels, now, ""),
            ],
            "layout": {
                "barmode": "group",
                "xaxis": {"type": "category"},
                "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            },
        },
        alternative=True,
    )


def _bars(name: str, labels: Sequence[str], shares: Sequence[float], shape: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [safe(label) for label in labels],
        "y": shares,
        "marker": {"pattern": {"shape": shape}},
    }


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _labels(bins: Mapping[str, Any]) -> list[str]:
    """As `DriftFigures.bins` has them; rows without a value come last."""
    if "categories" in bins:
        return [*map(str, bins["categories"]), "(others)", "(no value)"]
    edges = [f"{edge:.4g}" for edge in bins.get("edges", ())]
    if not edges:
        return ["(all)", "(no value)"]
    inner = [f"{low} – {high}" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *inner, f"≥ {edges[-1]}", "(no value)"]
