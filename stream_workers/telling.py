"""What a worker tells about its models: to the log, to the metrics, and on `model-events`."""

from collections.abc import Callable
from datetime import UTC, datetime

import confluent_kafka
import msgspec
import structlog

from contracts.deployments import Deployment
from contracts.kafka import librdkafka_settings
from contracts.model_events import ModelEvent, ModelEventKind
from contracts.settings import Settings
from contracts.topics import Topics

_REASON_CHARACTERS = 1000
log = structlog.get_logger("stream_workers.control")


class ModelEventWriter:
    """Writes the model events of one worker.

    Args:
        member: the worker's id.
        changed: told of every event.

    Attributes:
        offset: where in the control topic the deployment stands that is dealt with.
    """

    def __init__(
        self, settings: Settings, member: str, changed: Callable[[ModelEventKind], None]
    ) -> None:
        self._member = member
        self._changed = changed
        self._topic = Topics(settings).model_events.name
        self._producer = confluent_kafka.Producer(
            {**librdkafka_settings(settings), "enable.idempotence": True}
        )
        self.offset: int | None = None

    def tell(
        self, event: ModelEventKind, model: str, deployment: Deployment | None, **more: object
    ) -> None:
        """Tell of a deployment what is not said otherwise by `more`, the event's other fields."""
        facts: dict[str, object] = {}
        if deployment is not None:
            facts = {
                "version": deployment.champion.version,
                "digest": deployment.champion.digest,
                "sequence": deployment.sequence,
                "author": deployment.author,
            }
        facts |= more
        if isinstance(reason := facts.get("reason"), str):
            facts["reason"] = reason[:_REASON_CHARACTERS]  # strangers may have written it
        self._changed(event)
        level = log.warning if event in ("rejected", "kept") else log.info
        level(f"model {event}", model=model, **facts)
        value = ModelEvent(
            event=event,
            model=model,
            at=datetime.now(UTC),
            member=self._member,
            control_offset=self.offset,
            **facts,  # type: ignore[arg-type]
        )
        try:
            self._producer.produce(self._topic, msgspec.json.encode(value), model.encode())
            self._producer.poll(0)
        except (confluent_kafka.KafkaException, BufferError) as error:
            log.warning("a model event was not written", event_kind=event, reason=str(error))

    def poll(self) -> None:
        """Let delivery reports be dealt with."""
        self._producer.poll(0)

    def flush(self, seconds: float) -> None:
        """Wait until what was told has arrived, but not for ever."""
        self._producer.flush(seconds)
