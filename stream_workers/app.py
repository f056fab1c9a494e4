"""The Faust application of a worker: control feed, then the lane, wired from the settings."""

import asyncio
import os
import socket
import tempfile
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import faust
from mode import Service, ServiceT

from contracts.errors import ConfigurationError
from contracts.kafka import consumer_group, describe_topics, librdkafka_settings
from contracts.kafka_waiting import when_kafka_answers
from contracts.operating.membership import Membership
from contracts.operating.operated import Operated
from contracts.settings import Settings
from contracts.topics import MIB, Topics
from stream_workers.control import ControlFeed
from stream_workers.decoding import Limits
from stream_workers.explaining import Explaining
from stream_workers.health import watch_lane, watch_models
from stream_workers.lane import Lane
from stream_workers.listener import Listener
from stream_workers.metrics import SERVICE, WorkerMetrics
from stream_workers.outputs import Destinations, OutputWriter
from stream_workers.refused_batches import read_refused
from stream_workers.scoring import BatchScorer
from stream_workers.tracing import ScoringTraces
from stream_workers.transport import Transport

DAY_SECONDS = 86_400


class ControlService(Service):
    """Follows the control feed in a thread, beside the lane."""

    def __init__(self, feed: ControlFeed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feed = feed
        self._stop_feed = threading.Event()

    @Service.task
    async def _follow(self) -> None:
        await asyncio.to_thread(self.feed.follow, self._stop_feed)

    async def on_stop(self) -> None:
        """Let the thread end."""
        self._stop_feed.set()


class WorkerApp(faust.App):
    """A Faust app whose consumer is the lane. `control.feed` must have caught up before it
    starts: models must be there before records are."""

    class BootStrategy(faust.App.BootStrategy):  # type: ignore[valid-type,misc]
        """Adds the control feed to what a worker runs."""

        def kafka_consumer(self) -> Iterable[ServiceT]:
            """The control feed starts before the consumer and stops after it."""
            return [self.app.control, *super().kafka_consumer()]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.member = f"{socket.gethostname()}-{os.getpid()}"
        self.operated = Operated(settings, SERVICE, self.member)
        self.metrics = WorkerMetrics(self.operated.metrics)
        feed = ControlFeed(settings, self.member, self.metrics.model_changed)
        self.control = ControlService(feed)
        self.metrics.ask_models(feed)
        watch_models(self.operated.health, feed)
        self.declared = Topics(settings)
        super().__init__(
            id=consumer_group(settings, settings.workers),
            broker=f"librdkafka://{settings.kafka.replace(',', ';')}",
            # Faust makes this folder although it keeps nothing in it without tables.
            datadir=tempfile.gettempdir(),
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            stream_recovery_delay=0.0,
            topic_allow_declare=False,
            broker_commit_interval=settings.commit_interval_seconds,
            broker_session_timeout=settings.session_timeout_ms / 1000,
        )
        self.events = input_topic(settings)
        self.topics.add(self.topic(self.events))

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)

    def new_lane(self, listener: Listener) -> Lane:
        """Build the lane; the transport's consumer calls this."""
        settings, topics = self.settings, self.declared
        room = int(topics.dead_letters.config["max.message.bytes"])
        default = settings.worker_model or settings.default_model
        defaults = {self.events: default} if default else {}
        writer = OutputWriter(
            self.member,
            Destinations(
                topics.predictions.name,
                topics.shadow_predictions.name,
                topics.dead_letters.name,
                topics.waiting.name,
            ),
            letter_bytes=room - MIB // 2,
        )
        traces = self.operated.traces
        scorer = BatchScorer(
            writer,
            Limits(
                settings.max_event_bytes,
                settings.max_past_days * DAY_SECONDS,
                settings.max_future_seconds,
            ),
            defaults,
            observers=[self.metrics, *([ScoringTraces(traces)] if traces else [])],
            explaining=Explaining(settings.explain_share, self.metrics)
            if settings.explain_share
            else None,
        )
        outputs = (
            topics.predictions,
            topics.shadow_predictions,
            topics.dead_letters,
            topics.waiting,
        )

        def look_up_topics(stopping: threading.Event) -> None:
            found = when_kafka_answers(
                settings,
                lambda: input_topic_ids(
                    settings, [self.events], [output.name for output in outputs]
                ),
                stopping,
            )
            if found is not None:
                writer.topic_ids = found

        membership = Membership()

        def take_statistics(statistics: str) -> None:
            self.metrics.consumer_statistics(statistics)
            membership.take(statistics, self.operated.kafka.condition().holds)

        lane = Lane(
            {
                **consumer_settings(settings, self.conf.id),
                "statistics.interval.ms": 5000,
                "stats_cb": take_statistics,
            },
            producer_settings(settings, room, self.member),
            scorer,
            lambda: self.control.feed.serving,
            look_up_topics,
            partial(read_refused, settings),
            settings.worker_batch,
            listener,
            membership,
        )
        self.metrics.ask(lane)
        watch_lane(self.operated, lane)
        return lane


def input_topic(settings: Settings) -> str:
    """The topic a worker reads.

    Raises:
        ConfigurationError: it is to read that of a model that has none.
    """
    topics, model = Topics(settings), settings.worker_model
    if model is not None and model not in topics.own:
        raise ConfigurationError(
            f"model '{model}' has no topic of its own: name it in MILLRACE_OWN_TOPICS, for "
            "producers and every other service too, and run 'millrace setup'"
        )
    return topics.of_model(model).name


def input_topic_ids(
    settings: Settings, inputs: Sequence[str], outputs: Sequence[str]
) -> dict[str, str]:
    """Ask Kafka for the ids of the input topics, and check that every output fits them.

    Raises:
        ConfigurationError: a topic is missing, or an output has fewer partitions than an input:
            a prediction goes to the partition its event came from.
        UnreachableError: Kafka does not answer.
    """
    found = describe_topics(settings, [*inputs, *outputs])
    for name in (*inputs, *outputs):
        if name not in found:
            raise ConfigurationError(f"topic '{name}' does not exist: run 'millrace setup'")
    needed = max(found[name].partitions for name in inputs)
    for name in outputs:
        if found[name].partitions < needed:
            raise ConfigurationError(
                f"topic '{name}' has {found[name].partitions} partitions, the events have "
                f"{needed}: a topic that grows needs its outputs to grow first (kafka-topics.sh "
                f"--alter --topic {name} --partitions {needed})"
            )
    return {name: found[name].id for name in inputs}


def consumer_settings(settings: Settings, group: str) -> dict[str, Any]:
    """librdkafka's consumer settings (its CONFIGURATION.md), tuned for latency and throughput."""
    return {
        **librdkafka_settings(settings),
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": settings.session_timeout_ms,
        "heartbeat.interval.ms": min(3000, settings.session_timeout_ms // 3),
        "isolation.level": "read_committed",
        # The default of one second throttles a consumer that keeps up to a third of its speed.
        "fetch.queue.backoff.ms": 5,
        # What comes is answered at once; only a worker that has nothing to do waits, and is to ask
        # its broker ten times a second and not two hundred.
        "fetch.wait.max.ms": 100,
        "queued.min.messages": 20_000,
        "queued.max.messages.kbytes": 32 * 1024,
        # What compresses well is hundreds of times larger once it is in the queue, whose bound is
        # only looked at between two fetches.
        "fetch.message.max.bytes": MIB // 4,
    }


def producer_settings(settings: Settings, largest_record: int, member: str) -> dict[str, Any]:
    """librdkafka's producer settings: idempotent, so that retries neither double nor reorder."""
    own: dict[str, Any] = {
        **librdkafka_settings(settings),
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": 1,
        "message.max.bytes": largest_record,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 64 * 1024,
    }
    if settings.delivery == "exactly_once":
        own["transactional.id"] = f"{consumer_group(settings, settings.workers)}-{member}"
        # What a killed worker left open is aborted when its partitions go to another.
        own["transaction.timeout.ms"] = settings.session_timeout_ms
    return own
