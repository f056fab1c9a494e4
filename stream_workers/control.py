"""Follow the control topic: judge each deployment, load it, swap, and tell what happened."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import confluent_kafka
import msgspec
import structlog

from contracts.deployments import ControlLog, Deployment
from contracts.errors import MillraceError, UnreachableError
from contracts.kafka import librdkafka_settings
from contracts.model_events import ModelEvent, ModelEventKind
from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.signatures import load_trusted_keys
from contracts.topics import Topics
from stream_workers.loading import VersionLoader
from stream_workers.serving import ServedModel, Serving

log = structlog.get_logger("stream_workers.control")
_POLL_SECONDS = 0.2


class ControlFeed:
    """Keeps `serving` in line with the control topic.

    The lane reads `serving` once per batch; it is replaced whole, so a batch never sees half a
    swap.

    Args:
        member: the worker's id, written into model events.
        changed: told of every model event.
    """

    def __init__(
        self, settings: Settings, member: str, changed: Callable[[ModelEventKind], None]
    ) -> None:
        self._settings = settings
        self._member = member
        self._changed = changed
        self.caught_up = False
        self.behind = 0
        topics = Topics(settings)
        self._control_topic = topics.model_control.name
        self._events_topic = topics.model_events.name
        self._log = ControlLog(
            settings.environment, load_trusted_keys(settings.keys, "deployments")
        )
        self._loader = VersionLoader(
            ModelStore(settings.store_url),
            settings.environment,
            load_trusted_keys(settings.keys, "packages"),
            settings.package_retry_seconds,
            self._tell_loaded,
        )
        self.serving = Serving()
        self._offset: int | None = None
        connection = librdkafka_settings(settings)
        self._producer = confluent_kafka.Producer({**connection, "enable.idempotence": True})
        self._consumer = confluent_kafka.Consumer(
            {
                **connection,
                # Every worker reads the whole topic: the group is never joined nor committed to.
                "group.id": f"{settings.topic_prefix}millrace-control-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
            }
        )

    def catch_up(self, timeout: float = 60.0) -> None:
        """Replay the control topic to its end, then load each model's newest deployment.

        Raises:
            UnreachableError: the topic's end was not reached in time.
        """
        partition = confluent_kafka.TopicPartition(
            self._control_topic, 0, confluent_kafka.OFFSET_BEGINNING
        )
        self._consumer.assign([partition])
        deadline = time.monotonic() + timeout
        while True:
            message = self._consumer.poll(_POLL_SECONDS)
            if message is None:
                if time.monotonic() > deadline:
                    raise UnreachableError(
                        f"the end of topic '{self._control_topic}' was not reached in "
                        f"{timeout:.0f} s: is Kafka reachable, and was 'millrace up' or "
                        "'millrace setup' run?"
                    )
                continue
            error = message.error()
            if error is None:
                self._judge(message)
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                break
        for model, history in self._log.history.items():
            try:
                self._swap(self._loader.load_newest(history))
            except MillraceError as error:
                unavailable = {**self.serving.unavailable, model: str(error)}
                self.serving = msgspec.structs.replace(self.serving, unavailable=unavailable)
                self._tell("rejected", model, history[-1], reason=str(error))
        self._producer.flush(10)
        self.caught_up = True

    def follow(self, stop: threading.Event) -> None:
        """Apply deployments as they arrive, until `stop` is set."""
        while not stop.is_set():
            self._producer.poll(0)
            message = self._consumer.poll(_POLL_SECONDS)
            if message is None or message.error() is not None:
                continue  # librdkafka reconnects and goes on by itself
            self._note_behind(message)
            deployment = self._judge(message)
            if deployment is not None:
                self._apply(deployment)
        self._producer.flush(5)
        self._consumer.close()

    def _note_behind(self, message: confluent_kafka.Message) -> None:
        """How many records come after this one; others must not ask a consumer that polls."""
        partition = confluent_kafka.TopicPartition(self._control_topic, 0)
        _, end = self._consumer.get_watermark_offsets(partition, cached=True)
        self.behind = max(0, end - (message.offset() or 0) - 1)

    def _judge(self, message: confluent_kafka.Message) -> Deployment | None:
        self._offset = message.offset()
        try:
            return self._log.accept(message.value())
        except MillraceError as error:
            key = message.key()
            model = key.decode("utf-8", "replace")[:63] if key else ""
            self._tell("rejected", model, None, reason=str(error))
            return None

    def _apply(self, deployment: Deployment) -> None:
        self._tell("accepted", deployment.model, deployment)
        current = self.serving.models.get(deployment.model)
        try:
            self._swap(self._loader.load(deployment, current))
        except MillraceError as error:
            self._tell("rejected", deployment.model, deployment, reason=str(error))
            if current is not None:
                self._tell(
                    "kept", deployment.model, current.deployment, reason="the newer one is refused"
                )
            elif deployment.model not in self.serving.models:
                unavailable = {**self.serving.unavailable, deployment.model: str(error)}
                self.serving = msgspec.structs.replace(self.serving, unavailable=unavailable)

    def _swap(self, served: ServedModel) -> None:
        model = served.deployment.model
        before = self.serving.models.get(model)
        self.serving = Serving(
            {**self.serving.models, model: served},
            {name: why for name, why in self.serving.unavailable.items() if name != model},
        )
        self._tell(
            "swapped",
            model,
            served.deployment,
            previous_version=before.champion.ref.version if before else None,
        )

    def _tell_loaded(
        self, deployment: Deployment, role: str, version: str, digest: str, milliseconds: float
    ) -> None:
        self._tell(
            "loaded",
            deployment.model,
            deployment,
            role=role,
            version=version,
            digest=digest,
            load_ms=round(milliseconds, 3),
        )

    def _tell(
        self, event: ModelEventKind, model: str, deployment: Deployment | None, **more: object
    ) -> None:
        facts: dict[str, object] = {}
        if deployment is not None:
            facts = {
                "version": deployment.champion.version,
                "digest": deployment.champion.digest,
                "sequence": deployment.sequence,
                "author": deployment.author,
            }
        facts |= more
        self._changed(event)
        level = log.warning if event in ("rejected", "kept") else log.info
        level(f"model {event}", model=model, **facts)
        value = ModelEvent(
            event=event,
            model=model,
            at=datetime.now(UTC),
            member=self._member,
            control_offset=self._offset,
            **facts,  # type: ignore[arg-type]
        )
        self._producer.produce(self._events_topic, msgspec.json.encode(value), model.encode())
        self._producer.poll(0)
