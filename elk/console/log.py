"""The log as the console asks it: one bounded search at a time, and errors as sentences."""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.errors import MillraceError
from contracts.settings import Settings
from elk.dashboards.intervals import Span
from elk.dashboards.panels import CLOCK_KINDS, TIMESTAMP, Filter
from elk.dashboards.queries import clause
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames, Kind

SEARCH_SECONDS = 10
_CONNECTIONS = 8
_RANGE_SECONDS = 5.0
_MOST_RANGES = 200
_EVENT_TIME: tuple[Kind, ...] = ("predictions", "labels", "outcomes", "drift", "performance")

Body = dict[str, Any]
Filters = Mapping[str, Sequence[str]]


class Log:
    """Elasticsearch, asked by many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._names = settings, IndexNames(settings)
        # The server gives up before the client does, and says how far it came.
        self._client = connect(settings, _CONNECTIONS).options(request_timeout=SEARCH_SECONDS + 5)
        self._ranges: dict[object, tuple[float, Span]] = {}
        self._failed: tuple[float, MillraceError] | None = None
        self._one = threading.Lock()

    def search(self, kinds: Sequence[Kind], body: Body) -> Body:
        """Ask the documents of some kinds.

        Raises:
            UnreachableError: no answer.
            AccessError: Elasticsearch does not let us in.
            MillraceError: it refused, or was not done in time.
        """
        index = ",".join(self._names.pattern(kind) for kind in kinds)
        with translated(self._settings):
            answer: Body = self._client.search(
                index=index, body={**body, "timeout": f"{SEARCH_SECONDS}s"}
            ).body
        if answer.get("timed_out"):
            raise MillraceError(
                f"Elasticsearch was not done within {SEARCH_SECONDS} s: choose a shorter time"
            )
        failures = answer.get("_shards", {}).get("failures")
        if failures:
            raise MillraceError(f"a part of the log does not answer: {failures[0]['reason']}")
        return answer

    def all_time(self, kind: Kind, filters: Filters) -> Span:
        """From the first to the last document, of all kinds whose time is of the same sort: event
        time, or that of clocks. A replay of the past has both, years apart. Known for seconds."""
        kinds = CLOCK_KINDS if kind in CLOCK_KINDS else _EVENT_TIME
        key = (kinds, tuple((field, tuple(values)) for field, values in sorted(filters.items())))
        asked_at = time.monotonic()
        with self._one:
            if self._failed is not None and self._failed[0] > asked_at:
                # Who waited meanwhile need not wait for the same once more.
                raise self._failed[1]
            at, span = self._ranges.get(key, (0.0, None))
            if span is None or time.monotonic() - at > _RANGE_SECONDS:
                try:
                    span = self._measured(kinds, filters)
                except MillraceError as error:
                    self._failed = (time.monotonic(), error)
                    raise
                if len(self._ranges) >= _MOST_RANGES:
                    self._ranges.clear()
                self._ranges[key] = (time.monotonic(), span)
            return span

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _measured(self, kinds: Sequence[Kind], filters: Filters) -> Span:
        ends = {name: {name: {"field": TIMESTAMP}} for name in ("min", "max")}
        chosen = [clause(Filter(f, tuple(values))) for f, values in filters.items()]
        query = {"bool": {"filter": chosen}} if chosen else {"match_all": {}}
        answer = self.search(
            kinds, {"size": 0, "track_total_hits": False, "query": query, "aggs": ends}
        )
        found = [answer.get("aggregations", {}).get(n, {}).get("value") for n in ("min", "max")]
        if None in found:
            return Span.last(timedelta(hours=24))
        first, last = (datetime.fromtimestamp(value / 1000, UTC) for value in found)
        return Span(first, max(last + timedelta(milliseconds=1), first + timedelta(minutes=1)))
