"""Follow the control topic: judge each deployment, load it, swap, and tell what happened."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import confluent_kafka
import msgspec
import structlog

from contracts.deployments import ControlLog, Deployment
from contracts.errors import MillraceError, UnreachableError
from contracts.kafka import librdkafka_settings
from contracts.keys import load_trusted_keys
from contracts.model_events import ModelEventKind
from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.topics import Topics
from stream_workers.loading import NotInStoreError, VersionLoader
from stream_workers.roll_call import answer_question
from stream_workers.serving import ServedModel, Serving
from stream_workers.telling import ModelEventWriter

log = structlog.get_logger("stream_workers.control")
_POLL_SECONDS = 0.2
_TRY_AGAIN_SECONDS = 5.0


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
        self._events = ModelEventWriter(settings, member, changed)
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
            settings.model_runtime,
            self._note_loaded,
            allow_pickle=settings.allow_pickle,
        )
        self.serving = Serving()
        self._missing: dict[str, Deployment] = {}
        """The newest deployments whose packages the store did not give."""
        self._tried_at = 0.0
        self._consumer = confluent_kafka.Consumer(
            {
                **librdkafka_settings(settings),
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
            if self._concerns(model) and not self._load(history[-1]):
                self._fall_back(history[:-1])
        self._events.flush(10)
        # From now on: who asked before has gone.
        questions = confluent_kafka.TopicPartition(
            self._events_topic, 0, confluent_kafka.OFFSET_END
        )
        self._consumer.incremental_assign([questions])
        self.caught_up = True

    def wait_for_the_store(self) -> None:
        """Follow until a model can be served, or none is missing: a worker that has none makes
        dead letters of events that could as well wait in Kafka."""
        if self._missing and not self.serving.models:
            log.warning("events wait: no model can be loaded yet", **self.serving.unavailable)
        while self._missing and not self.serving.models:
            self._follow()

    def follow(self, stop: threading.Event) -> None:
        """Apply deployments as they arrive, until `stop` is set."""
        while not stop.is_set():
            self._follow()
        self._events.flush(5)
        self._consumer.close()

    def _follow(self) -> None:
        self._events.poll()
        self._load_missing(time.monotonic())
        message = self._consumer.poll(_POLL_SECONDS)
        if message is None or message.error() is not None:
            return  # librdkafka reconnects and goes on by itself
        if message.topic() == self._events_topic:
            answer_question(message.value(), self.serving, self._events)
            return
        self._note_behind(message)
        self._read_keys()
        deployment = self._judge(message)
        if deployment is not None and self._concerns(deployment.model):
            self._events.tell("accepted", deployment.model, deployment)
            self._load(deployment)

    def _concerns(self, model: str) -> bool:
        """Whether this worker scores events of a model: one of a model's own topic no others."""
        return self._settings.worker_model in (None, model)

    def _read_keys(self) -> None:
        """A key that was trusted or revoked since counts, or does not, from this record on."""
        try:
            self._log.trusted = load_trusted_keys(self._settings.keys, "deployments")
            self._loader.trusted = load_trusted_keys(self._settings.keys, "packages")
        except MillraceError as error:
            log.warning("the trusted keys stay as they were", reason=str(error))

    def _note_behind(self, message: confluent_kafka.Message) -> None:
        """How many records come after this one; others must not ask a consumer that polls."""
        partition = confluent_kafka.TopicPartition(self._control_topic, 0)
        _, end = self._consumer.get_watermark_offsets(partition, cached=True)
        self.behind = max(0, end - (message.offset() or 0) - 1)

    def _judge(self, message: confluent_kafka.Message) -> Deployment | None:
        self._events.offset = message.offset()
        try:
            return self._log.accept(message.value(), _appended_at(message))
        except MillraceError as error:
            key = message.key()
            model = key.decode("utf-8", "replace")[:63] if key else ""
            self._events.tell("rejected", model, None, reason=str(error))
            return None

    def _fall_back(self, history: Sequence[Deployment]) -> None:
        """Serve what a worker that never stopped would be serving."""
        for deployment in reversed(history):
            try:
                return self._swap(self._loader.load(deployment, None, wait=False))
            except MillraceError:
                continue

    def _load(self, deployment: Deployment) -> bool:
        """Serve a deployment if it can be loaded, or else go on with what there is."""
        model = deployment.model
        current = self.serving.models.get(model)
        self._missing.pop(model, None)
        try:
            self._swap(self._loader.load(deployment, current))
        except MillraceError as error:
            if isinstance(error, NotInStoreError):
                self._missing[model] = deployment
            self._events.tell("rejected", model, deployment, reason=str(error))
            if current is not None:
                self._events.tell(
                    "kept", model, current.deployment, reason="the newer one is refused"
                )
            else:
                unavailable = {**self.serving.unavailable, model: str(error)}
                self.serving = msgspec.structs.replace(self.serving, unavailable=unavailable)
            return False
        return True

    def _load_missing(self, now: float) -> None:
        """Try again what the store did not give: it may have been away."""
        if now - self._tried_at < _TRY_AGAIN_SECONDS:
            return
        self._tried_at = now
        for model, deployment in list(self._missing.items()):
            try:
                served = self._loader.load(deployment, self.serving.models.get(model), wait=False)
            except NotInStoreError:
                continue
            except MillraceError as error:
                del self._missing[model]
                self._events.tell("rejected", model, deployment, reason=str(error))
            else:
                del self._missing[model]
                self._swap(served)

    def _swap(self, served: ServedModel) -> None:
        model = served.deployment.model
        before = self.serving.models.get(model)
        self.serving = Serving(
            {**self.serving.models, model: served},
            {name: why for name, why in self.serving.unavailable.items() if name != model},
        )
        self._events.tell(
            "swapped",
            model,
            served.deployment,
            previous_version=before.champion.ref.version if before else None,
        )

    def _note_loaded(
        self, deployment: Deployment, role: str, version: str, digest: str, milliseconds: float
    ) -> None:
        self._events.tell(
            "loaded",
            deployment.model,
            deployment,
            role=role,
            version=version,
            digest=digest,
            load_ms=round(milliseconds, 3),
        )


def _appended_at(message: confluent_kafka.Message) -> datetime | None:
    """Kafka's own time of a record; None if it is that of whoever wrote it."""
    kind, milliseconds = message.timestamp()
    if kind != confluent_kafka.TIMESTAMP_LOG_APPEND_TIME:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
