"""The course of the mean confidence of each model: what is asked, and the answer (pure)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from elk.attribution.asking import figures
from elk.attribution.changes import Answered, Period
from elk.attribution.units import Unit, end_of
from elk.dashboards.catalogue.figures import SERVING
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter

MOST_MODELS = 5
_MOST_VERSIONS = 12
CONFIDENCE = "prediction.confidence"
_FIGURES = {
    "confidence": {"extended_stats": {"field": CONFIDENCE}},
    "versions": {
        "terms": {"field": "model.version", "size": _MOST_VERSIONS},
        "aggs": {"confidence": {"avg": {"field": CONFIDENCE}}},
    },
}


class Course(Struct, frozen=True, kw_only=True):
    """How sure a model was.

    Args:
        periods: those with answers, in their order.
        before, now: the time before the one that was asked for, and that one; None: there is no
            answer in it, or no time before was asked for.
    """

    model: str
    periods: tuple[Period, ...]
    before: Period | None
    now: Period | None


def course_search(
    span: Span, before: Span | None, unit: Unit, chosen: Sequence[Filter]
) -> dict[str, Any]:
    """The search on the predictions."""
    whole = span if before is None else Span(before.start, span.end)
    periods = {
        "date_histogram": {"field": TIMESTAMP, "calendar_interval": unit, "min_doc_count": 1},
        "aggs": _FIGURES,
    }
    parts = {"now": {"filter": within(span, TIMESTAMP), "aggs": {**_FIGURES, "periods": periods}}}
    if before is not None:
        parts["before"] = {"filter": within(before, TIMESTAMP), "aggs": _FIGURES}
    models = {"terms": {"field": "model.name", "size": MOST_MODELS}, "aggs": parts}
    return figures(whole, (SERVING, Filter(CONFIDENCE), *chosen), {"models": models})


def courses(answer: Mapping[str, Any], span: Span, before: Span | None, unit: Unit) -> list[Course]:
    """Read the answer, the model with most rows first."""
    return [
        Course(
            model=bucket["key"],
            periods=tuple(
                _period(found, start, end_of(start, unit))
                for found in bucket["now"]["periods"]["buckets"]
                for start in [datetime.fromtimestamp(found["key"] / 1000, UTC)]
            ),
            before=_part(bucket.get("before"), before),
            now=_part(bucket["now"], span),
        )
        for bucket in answer.get("aggregations", {}).get("models", {}).get("buckets", ())
    ]


def _part(found: Mapping[str, Any] | None, span: Span | None) -> Period | None:
    if not found or span is None or not found["doc_count"]:
        return None
    return _period(found, span.start, span.end)


def _period(found: Mapping[str, Any], start: datetime, end: datetime) -> Period:
    sure = found["confidence"]
    return Period(
        start=start,
        end=end,
        rows=sure["count"],
        mean=sure["avg"],
        spread=sure["std_deviation"],
        versions=tuple(
            Answered(one["key"], one["doc_count"], one["confidence"]["value"])
            for one in found["versions"]["buckets"]
        ),
    )
