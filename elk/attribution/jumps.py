"""How sure the answers were just before another version took over, and just after."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from elk.attribution.asking import Search, figures
from elk.attribution.changes import FEWEST_ROWS, Change, Period
from elk.attribution.course import CONFIDENCE
from elk.attribution.takeovers import Takeover
from elk.dashboards.catalogue.figures import SERVING
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter

_SHARE = 0.25


class Jump(Struct, frozen=True, kw_only=True):
    """The mean confidence of the version that served, and of the one that took over.

    The events of two times that touch differ least: what lies between the two means is mostly of
    the versions (regression discontinuity, Thistlethwaite and Campbell 1960).

    Args:
        width: of the time on either side.
        before, after: None: too few rows of that version.
        weight: how much of the later time lies after it, without how much of the earlier one does:
            a step at the beginning of the earlier time is in the means of both.
    """

    takeover: Takeover
    width: timedelta
    before: float | None
    after: float | None
    weight: float

    @property
    def part(self) -> float | None:
        """What the step makes of the difference between the two means."""
        if self.before is None or self.after is None:
            return None
        return self.weight * (self.after - self.before)


def jumps(search: Search, taken: Sequence[Takeover], change: Change) -> list[Jump]:
    """One for each of a model's takeovers, in their order. On either side as much as a quarter of
    the later time is looked at, or more where there are few rows, and at most half of the time
    between two takeovers."""
    if not taken:
        return []
    before, now = change.before, change.now
    widest = (now.end - now.start) * min(1.0, max(_SHARE, 2 * FEWEST_ROWS / now.rows))
    widths = [_width(number, taken, widest) for number in range(len(taken))]
    aggregations = {
        f"{number} {side}": {
            "filter": {"bool": {"filter": [within(span, TIMESTAMP), _of(version)]}},
            "aggs": {"confidence": {"avg": {"field": CONFIDENCE}}},
        }
        for number, (one, width) in enumerate(zip(taken, widths, strict=True))
        for side, version, span in (
            ("before", one.after, Span(one.at - width, one.at)),
            ("after", one.version, Span(one.at, one.at + width)),
        )
    }
    whole = Span(taken[0].at - widths[0], taken[-1].at + widths[-1])
    filters = (Filter("model.name", (taken[0].model,)), SERVING)
    body = figures(whole, filters, aggregations)
    found = search(("predictions",), body)["aggregations"]
    means = {
        key: bucket["confidence"]["value"] if bucket["doc_count"] >= FEWEST_ROWS else None
        for key, bucket in found.items()
    }
    return [
        Jump(
            takeover=one,
            width=width,
            before=means[f"{number} before"],
            after=means[f"{number} after"],
            weight=_after(now, one.at) - _after(before, one.at),
        )
        for number, (one, width) in enumerate(zip(taken, widths, strict=True))
    ]


def _after(time: Period, at: datetime) -> float:
    """The share of a time that lies after a moment."""
    return min(1.0, max(0.0, (time.end - at) / (time.end - time.start)))


def _of(version: str) -> dict[str, dict[str, str]]:
    return {"term": {"model.version": version}}


def _width(number: int, taken: Sequence[Takeover], widest: timedelta) -> timedelta:
    near = [
        abs(taken[other].at - taken[number].at) / 2
        for other in (number - 1, number + 1)
        if 0 <= other < len(taken)
    ]
    return min([widest, *near])
