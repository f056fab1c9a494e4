"""Every topic of Millrace, declared once: name, partitions, limits, retention."""

from msgspec import Struct

from contracts.settings import Settings

MIB = 1024 * 1024
DAY_MS = 24 * 3600 * 1000
FOR_EVER = "-1"


class Topic(Struct, frozen=True):
    """A topic as it is to be created; `config` are Kafka's own topic settings."""

    name: str
    partitions: int
    config: dict[str, str]


class Topics:
    """The topics of one installation.

    `features` takes records of 1 MiB by default; what derives from them gets room for what is
    added, so that nothing that came in cannot go out.
    """

    def __init__(self, settings: Settings) -> None:
        prefix, events = settings.topic_prefix, settings.partitions
        room = str(2 * settings.max_event_bytes + MIB)
        of_predictions = _kept(settings.retention_predictions_days)

        def topic(name: str, partitions: int, **config: str) -> Topic:
            settings_of_kafka = {k.replace("_", "."): v for k, v in config.items()}
            return Topic(prefix + name, partitions, settings_of_kafka)

        of_features = {
            "max_message_bytes": str(settings.max_event_bytes + 64 * 1024),
            **_kept(settings.retention_features_days),
        }
        self.features = topic("features", events, **of_features)
        self.own = {
            # No model's name has a hyphen, so this is no other topic's name.
            model: topic(f"features-{model}", events, **of_features)
            for model in settings.models_with_topics
        }
        """Topics of events of one model each."""
        # Events of models that are paused; they may wait as long as dead letters.
        self.waiting = topic(
            "features.waiting",
            events,
            max_message_bytes=room,
            **_kept(settings.retention_dead_letters_days),
        )
        self.predictions = topic("predictions", events, max_message_bytes=room, **of_predictions)
        self.shadow_predictions = topic(
            "predictions.shadow", events, max_message_bytes=room, **of_predictions
        )
        self.labels = topic("labels", events, **_kept(settings.retention_labels_days))
        self.dead_letters = topic(
            "dead-letters",
            events,
            max_message_bytes=room,
            **_kept(settings.retention_dead_letters_days),
        )
        # One partition gives the log order that decides which deployment wins; compaction could
        # let a later invalid message with the same key erase the valid one. With Kafka's own times
        # nobody can date a record back into the life of a key that has expired.
        self.model_control = topic(
            "model-control",
            1,
            cleanup_policy="delete",
            message_timestamp_type="LogAppendTime",
            retention_ms=FOR_EVER,
            retention_bytes=FOR_EVER,
        )
        self.model_events = topic("model-events", 1, retention_ms=FOR_EVER)
        # From its beginning it says which alerts are open.
        self.alerts = topic("alerts", 1, cleanup_policy="delete", retention_ms=FOR_EVER)
        # Must outlive whatever an erased record could come back from: other topics, snapshots.
        self.erasures = topic(
            "erasures",
            1,
            cleanup_policy="delete",
            retention_ms=FOR_EVER,
            retention_bytes=FOR_EVER,
            max_message_bytes=str(4 * MIB),
        )
        # With Kafka's own times, each service's clock can be compared with Kafka's.
        self.service_stats = topic(
            "service-stats",
            1,
            retention_ms=str(DAY_MS),
            message_timestamp_type="LogAppendTime",
        )

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """Every topic that events are sent to."""
        return (self.features, *self.own.values())

    @property
    def workers(self) -> dict[str, str]:
        """Topic of events -> what the consumer group of the workers that read it is called."""
        own = {topic.name: f"workers-{model}" for model, topic in self.own.items()}
        return {self.features.name: "workers", **own}

    def of_model(self, model: str | None) -> Topic:
        """Where the events of a model are sent; None: they name none."""
        return self.own.get(model or "", self.features)

    def all(self) -> tuple[Topic, ...]:
        """Every topic, for creation and checks."""
        declared = (topic for topic in vars(self).values() if isinstance(topic, Topic))
        return (*declared, *self.own.values())


def _kept(days: float) -> dict[str, str]:
    """For how long records stay. Kafka deletes segments whole, so they are a day long at most."""
    milliseconds = int(days * DAY_MS)
    return {"retention_ms": str(milliseconds), "segment_ms": str(min(DAY_MS, milliseconds))}
