"""One event: everything that is known about one event id, from the answer to the truth."""

from elk.dashboards.panels import Control, Dashboard, Filter, Panel
from prediction_log.indices import Kind


def _documents(
    id_: str,
    title: str,
    question: str,
    kind: Kind,
    columns: tuple[str, ...],
    filters: tuple[Filter, ...] = (),
) -> Panel:
    return Panel(
        id=id_,
        title=title,
        question=question,
        kind=kind,
        chart="documents",
        columns=("event.id", *columns),
        filters=filters,
    )


_ANSWER = (
    "model.name",
    "model.version",
    "model.role",
    "prediction.label",
    "prediction.value",
    "prediction.confidence",
)

DASHBOARD = Dashboard(
    id="one-event",
    title="One event",
    description="Everything that is known about one event id: choose it above.",
    controls=(Control("event.id", "Event"),),
    since="now-20y",
    rows=(
        (
            _documents(
                "answer",
                "Answer",
                "What did the version that served say, from which features, and how fast?",
                "predictions",
                (*_ANSWER, "entity.id", "latency.total_ms", "worker.id", "trace.id"),
                (Filter("model.role", ("champion", "canary")),),
            ),
        ),
        (
            _documents(
                "shadows",
                "What shadows would have said",
                "Would another version have answered otherwise?",
                "predictions",
                _ANSWER,
                (Filter("model.role", ("shadow",)),),
            ),
            _documents(
                "labels",
                "Labels",
                "What really happened, and was it corrected later?",
                "labels",
                ("model.name", "label.value", "label.number", "kafka.offset"),
            ),
        ),
        (
            _documents(
                "outcomes",
                "Answers beside the truth",
                "Was the answer right?",
                "outcomes",
                (*_ANSWER, "label.value", "label.number", "outcome.correct", "outcome.error"),
            ),
            _documents(
                "dead-letters",
                "Dead letters",
                "Was the event, its label or its document set aside, and why?",
                "dead-letters",
                (
                    "dead_letter.stage",
                    "dead_letter.reason",
                    "dead_letter.detail",
                    "dead_letter.attempts",
                    "worker.id",
                ),
            ),
        ),
    ),
)
