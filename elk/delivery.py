"""Bringing one batch to its end: every record a document or an acknowledged dead letter.

Whatever may pass is tried again for as long as it takes; a replay changes nothing, because
documents are created by id and one that is there already (409) counts as written.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import structlog
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from contracts.errors import MillraceError
from contracts.settings import Settings
from elk import backoff
from elk.batches import Batch
from elk.bulk_answers import FILTER_PATH, SUMMARY_PATH, BulkAnswer, BulkSummary, Verdict, judge
from elk.record import Record
from elk.records import Rejection
from prediction_log.client import connect, reason
from prediction_log.template import install_template

log = structlog.stdlib.get_logger("elk")

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_UNSPLITTABLE = (400, 413)
"""The whole request was refused for the sake of one document (an over-long id) or of its size."""
TRUSTED_SECONDS = 5.0
"""Silence in which no Elasticsearch can have been replaced by another."""
LOUD_EVERY = 10
"""One retry in so many is logged."""


class Abandoned(Exception):
    """The indexer stops; the batch is read again by whoever comes next."""


class SetsAside(Protocol):
    """Where rejected records go."""

    def send(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        """Set records aside and wait until that is acknowledged."""


class Delivery:
    """Sends batches; safe to use from several threads.

    Args:
        giving_up: once set, waiting for a better moment ends with `Abandoned`.
    """

    def __init__(
        self, settings: Settings, sets_aside: SetsAside, giving_up: threading.Event
    ) -> None:
        self._settings = settings
        self._client: Elasticsearch = connect(settings, settings.bulk_in_flight)
        self._sets_aside = sets_aside
        self._giving_up = giving_up
        self._answered_at = 0.0
        self._refused_since: float | None = None
        self._looks_closely = False
        self.retries = 0

    def deliver(self, batch: Batch[Record]) -> tuple[int, int]:
        """Work until nothing of the batch is left to do.

        Returns:
            Documents written (or there already), and dead letters sent.

        Raises:
            Abandoned: told to give up first.
        """
        refused = self._write(batch.lines)
        rejected = list(batch.rejected)
        for position, why in refused.items():
            rejected.append((batch.records[position], Rejection("document_rejected", why)))
        dead = self._set_aside(rejected) if rejected else 0
        marks = [lines for position, lines in batch.marks.items() if position not in refused]
        if marks:  # of replayed dead letters, after what they point to
            for why in self._write(marks).values():
                log.error("the replay of a dead letter could not be noted", why=why)
        return len(batch.records) - len(refused), dead

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _write(self, lines: Sequence[bytes]) -> dict[int, str]:
        """Write all lines; gives position -> reason of those refused for good."""
        refused: dict[int, str] = {}
        queue = [list(range(len(lines)))] if lines else []
        attempt, since = 0, time.monotonic()
        while queue:
            positions = queue.pop()
            try:
                self._ensure_template()
                verdict = self._request([lines[n] for n in positions])
            except ApiError as error:
                if error.meta.status in _UNSPLITTABLE:
                    if len(positions) == 1:
                        refused[positions[0]] = reason(error)
                    else:
                        middle = len(positions) // 2
                        queue += [positions[middle:], positions[:middle]]
                    continue
                self._answered_at = 0.0
                complaint = f"status {error.meta.status}: {reason(error)}"
            except (TransportError, MillraceError, msgspec.DecodeError) as error:
                self._answered_at = 0.0
                complaint = str(error)
            else:
                refused.update({positions[n]: why for n, why in verdict.refused.items()})
                if not verdict.again:
                    self._tell_the_end()
                    attempt, since = 0, time.monotonic()
                    continue
                positions = [positions[n] for n in verdict.again]
                complaint = verdict.complaint or ""
            self._wait(attempt, complaint, len(positions), since)
            attempt += 1
            queue.append(positions)
        return refused

    def _request(self, lines: Sequence[bytes]) -> Verdict:
        """Send some lines. Only where not all of them are taken, they are sent once more to learn
        which: what is there already answers 409 then."""
        body = b"".join(lines)
        if not self._looks_closely:
            summary = msgspec.convert(self._post(body, SUMMARY_PATH), BulkSummary)
            self._answered_at = time.monotonic()
            if not summary.errors:
                return Verdict([], {})
        answer = msgspec.convert(self._post(body, FILTER_PATH), BulkAnswer)
        if len(answer.items) != len(lines):
            raise msgspec.DecodeError(f"{len(answer.items)} answers to {len(lines)} documents")
        self._answered_at = time.monotonic()
        # Where one batch is a replay or is refused, so is the next most likely.
        self._looks_closely = any(
            item.create is None or item.create.status >= 300 for item in answer.items
        )
        return judge(answer.items)

    def _post(self, body: bytes, filter_path: str) -> Any:
        # The generic request passes bytes through; `bulk()` is made for lists of dicts.
        return self._client.perform_request(
            "POST", f"/_bulk?filter_path={filter_path}", headers=_HEADERS, body=body
        ).body

    def _ensure_template(self) -> None:
        """After a silence or an error, what answers may be a new, empty cluster; without the
        template its indices would guess their mappings."""
        if time.monotonic() - self._answered_at > TRUSTED_SECONDS:
            install_template(self._settings)

    def _set_aside(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        attempt, since = 0, time.monotonic()
        while True:
            try:
                return self._sets_aside.send(rejected)
            except MillraceError as error:
                self._wait(attempt, str(error), len(rejected), since)
                attempt += 1

    def _tell_the_end(self) -> None:
        """Several threads may have waited: one tells it."""
        since, self._refused_since = self._refused_since, None
        if since is not None:
            log.warning(
                "Elasticsearch takes documents again",
                away_seconds=round(time.monotonic() - since, 1),
            )

    def _wait(self, attempt: int, complaint: str, records: int, since: float) -> None:
        self.retries += 1
        self._refused_since = self._refused_since or time.monotonic()
        if attempt % LOUD_EVERY == 0:
            log.warning(
                "trying again",
                attempt=attempt + 1,
                records=records,
                why=complaint,
                for_seconds=round(time.monotonic() - since, 1),
                doing="until it succeeds; what is not indexed waits in Kafka",
            )
        if self._giving_up.wait(backoff.delay(attempt)):
            raise Abandoned
