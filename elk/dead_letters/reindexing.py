"""Letters of the indexer: indexing their records again, under the ids they always had.

They are not put back onto their topic: `predictions` has them already, and who acts on predictions
would act twice. A document is created by its id, so however often this is done, it is there once.
"""

import threading
from collections.abc import Sequence

from contracts.dead_letters import original_headers
from contracts.errors import UnreachableError
from contracts.replays import mark_headers
from contracts.settings import Settings
from contracts.topics import Topics
from elk.batches import Batch
from elk.consumed import Consumed
from elk.dead_letters.originals import Original
from elk.delivery import Abandoned, Delivery
from elk.record import Record
from elk.records import Rejection, Transcriber
from prediction_log.replays import Pointer

_PATIENCE_SECONDS = 60.0


class _Refusals:
    """Takes what Elasticsearch refuses again; it is a dead letter already."""

    def __init__(self) -> None:
        self.refused: list[tuple[Record, Rejection]] = []

    def send(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        self.refused += rejected
        return 0


class Reindexer:
    """Writes documents of set-aside records, as the indexer does."""

    def __init__(self, settings: Settings) -> None:
        topics = Topics(settings)
        self._settings = settings
        self._predictions = topics.predictions.name
        self._transcriber = Transcriber(settings, topics, {})

    def index(self, originals: Sequence[Original]) -> list[Pointer | str]:
        """Index records again.

        Returns:
            For each the document that it is now, or the sentence why it is none.

        Raises:
            UnreachableError: Elasticsearch does not answer; some may be documents by now.
        """
        refusals, batch = _Refusals(), Batch[Consumed]()
        results: list[Pointer | str] = []
        records: list[Consumed] = []
        for original in originals:
            record = self._record(original)
            records.append(record)
            try:
                lines, mark = self._transcriber.lines(record), self._transcriber.mark(record)
            except Rejection as rejection:
                results.append(rejection.detail)
                continue
            if mark is not None:
                batch.marks[len(batch.records)] = mark
            batch.records.append(record)
            batch.lines.append(lines)
            results.append(self._transcriber.place(record))
        self._deliver(batch, refusals)
        # By identity: two letters may have equal records.
        why = {id(record): rejection.detail for record, rejection in refusals.refused}
        return [why.get(id(r), result) for r, result in zip(records, results, strict=True)]

    def _deliver(self, batch: Batch[Consumed], refusals: _Refusals) -> None:
        giving_up = threading.Event()
        delivery = Delivery(self._settings, refusals, giving_up)
        alarm = threading.Timer(_PATIENCE_SECONDS, giving_up.set)
        alarm.start()
        try:
            delivery.deliver(batch)  # type: ignore[arg-type]  # Batch is invariant
        except Abandoned:
            raise UnreachableError(
                f"Elasticsearch did not take the documents within {_PATIENCE_SECONDS:g} s: "
                "try again later; what is indexed already is not doubled"
            ) from None
        finally:
            alarm.cancel()
            delivery.close()

    def _record(self, original: Original) -> Consumed:
        letter = original.letter
        source = letter.source
        # A letter of the indexer that names another topic's event is that of its prediction.
        own = source.topic in self._transcriber.topics
        self._transcriber.topic_ids = {source.topic: source.topic_id}
        headers = original_headers([(k, v or b"") for k, v in original.headers])
        return Consumed(
            source.topic if own else self._predictions,
            source.partition,
            source.offset,
            int(letter.sent_at.timestamp() * 1000),
            original.key,
            original.value,
            [*headers, *(mark_headers(letter.replay) if letter.replay else ())],
        )


def is_hopeless(reason: str) -> bool:
    """Whether the indexer could never read the record, so that nothing can be mended.

    A record with header names that are no text is one of these. They are not kept, and without
    them it would be taken for a prediction of ours.
    """
    return reason in ("malformed", "empty")
