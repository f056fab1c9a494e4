"""The messages of the stream path: feature events, predictions and labels (JSON on the wire)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

SCHEMA_VERSION_HEADER = "schema-version"
"""Header with the major version of a message; absent means 1."""

MODEL_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
"""No hyphen, so that the index patterns of two models never overlap."""

FeatureValue = float | str | bool | None
Id = Annotated[str, Meta(min_length=1, max_length=256, description="1 to 256 bytes of UTF-8")]
ModelName = Annotated[str, Meta(pattern=MODEL_NAME_PATTERN)]
Moment = Annotated[datetime, Meta(tz=True)] | float
"""RFC 3339 with a zone, or seconds since 1970."""

Role = Literal["champion", "canary", "shadow"]


class FeatureEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened, to be scored. Topic `features`, keyed by `entity_id`.

    `model` may be left out only on a topic whose setting names a default model.
    """

    event_id: Id
    entity_id: Id
    occurred_at: Moment
    model: ModelName | None = None
    features: dict[str, FeatureValue]


class Label(Struct, frozen=True, kw_only=True):
    """What really happened to an event. Topic `labels`, keyed by `event_id`; early or late.

    `label` has target -> value for a model with several targets.
    """

    event_id: Id
    model: ModelName
    label: FeatureValue | dict[str, FeatureValue]
    occurred_at: Moment


class ModelRef(Struct, frozen=True, gc=False):
    """Which version of which model answered, and in which role."""

    name: ModelName
    version: str
    role: Role


class Classification(Struct, frozen=True, tag_field="task", tag="classification", gc=False):
    """A class label; `confidence` is the probability of that label."""

    label: str
    confidence: float | None
    probabilities: dict[str, float]


class Regression(Struct, frozen=True, tag_field="task", tag="regression", gc=False):
    """A number, in the unit of the target."""

    value: float


class Clustering(Struct, frozen=True, tag_field="task", tag="clustering", gc=False):
    """The nearest cluster, and the distance to its centre where the estimator has one."""

    cluster: int
    distance: float | None = None


class Anomaly(Struct, frozen=True, tag_field="task", tag="anomaly", gc=False):
    """Whether the event is out of the ordinary; lower scores are more so (scikit-learn)."""

    is_anomaly: bool
    score: float


class MultiOutput(Struct, frozen=True, tag_field="task", tag="multi_output", gc=False):
    """Several targets at once: target -> its class or number."""

    outputs: dict[str, Classification | Regression]


Outcome = Classification | Regression | Clustering | Anomaly | MultiOutput


class Latency(Struct, frozen=True, gc=False):
    """Milliseconds. Queue and total count from the record's send time; the age from
    `occurred_at`. `inference_ms` is that of the whole batch the event was scored in."""

    queue_ms: float
    inference_ms: float
    total_ms: float
    event_age_ms: float


class Source(Struct, frozen=True, gc=False):
    """Where in Kafka the event stands. `topic_id` tells a re-created topic from the old one."""

    topic: str
    topic_id: str
    partition: int
    offset: int


class Explanation(Struct, frozen=True, gc=False):
    """Why a prediction is what it is, as Shapley values in the unit of the answer.

    `base` is the mean answer to rows that the model learned from, `values` has for each feature
    how far its value moved the answer from there: together they are the answer, which is the
    `confidence` of a class, a `value`, or the `score` of an anomaly.
    """

    base: float
    values: dict[str, float]


class Prediction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A scored event. Topic `predictions`, same key and partition as the event.

    `features` are those received; a shadow prediction refers to its serving one by `source`
    and does not repeat them. `explanation` is there for a sampled share of the events.
    """

    event_id: str
    entity_id: str
    occurred_at: datetime
    predicted_at: datetime
    model: ModelRef
    prediction: Outcome
    latency: Latency
    source: Source
    worker: str
    features: dict[str, FeatureValue] | None = None
    trace_id: str | None = None
    explanation: Explanation | None = None


def to_datetime(moment: datetime | float) -> datetime:
    """Give a `Moment` as an aware UTC datetime.

    Raises:
        ValueError, OverflowError: the number is outside what a datetime can hold.
    """
    if isinstance(moment, datetime):
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return datetime.fromtimestamp(moment, UTC)
