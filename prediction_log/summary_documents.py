"""The `_source` of summaries: what stays of the documents that retention deletes."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from contracts.windows import Window
from prediction_log.documents import TIMESTAMP, EventModel
from prediction_log.operations_documents import Milliseconds

SummaryOf = Literal["version", "answer", "dead letters", "month"]


class SummaryFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts and means; what there is of them depends on `of`.

    Args:
        of: `version`: all that a version answered in a role on a day; `answer`: the same answers
            by what they say; `dead letters`: of a day, by model and reason; `month`: that a month
            has been summarised, so that it may be deleted.
        kind: of a month: the kind of documents.
        count: of documents.
        answer: a class, the number of a cluster, or `true` for an anomaly.
        confidence, value: their means.
        latency: percentiles of `latency.total_ms` (t-digest, approximate).
    """

    of: SummaryOf
    count: int
    kind: str | None = None
    answer: str | None = None
    reason: str | None = None
    confidence: float | None = None
    value: float | None = None
    latency: Milliseconds | None = None


class SummaryDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """One day or month of a version, an answer or a reason; `timestamp` is its start. Its id is
    made of these, so that a summary that is made again replaces itself."""

    timestamp: datetime
    window: Window
    summary: SummaryFigures
    computed_at: datetime
    model: EventModel | None = None
