"""Which services run anywhere, and how they are doing: by their latest word on `service-stats`,
and by the files of those on this machine, which tell also while Kafka is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from kafka import TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.consumers import python_consumer
from contracts.errors import MillraceError
from contracts.operating.publisher import stats_folder
from contracts.service_stats import ServiceStats
from contracts.settings import Settings
from contracts.topics import Topics

_LOOK_BACK = timedelta(minutes=2)
_SILENT = "silent"
_SILENT_INTERVALS = 3
_stats = msgspec.json.Decoder(ServiceStats)


class ServiceState(Struct, frozen=True):
    """One process: `ready`, what it waits for, or `silent` since when."""

    health: str
    stats: ServiceStats

    @property
    def alive(self) -> bool:
        """Whether it has told its figures lately."""
        return not self.health.startswith(_SILENT)


def running_services(settings: Settings, now: datetime, *, ask_kafka: bool) -> list[ServiceState]:
    """Every process that has told its figures within two minutes, by service and member."""
    newest: dict[str, ServiceStats] = {}
    told = _from_topic(settings, now) if ask_kafka else []
    for stats in (*_from_files(settings), *told):
        known = newest.get(stats.member)
        if known is None or known.at < stats.at:
            newest[stats.member] = stats
    recent = (stats for stats in newest.values() if now - stats.at < _LOOK_BACK)
    ordered = sorted(recent, key=lambda stats: (stats.service, stats.member))
    return [ServiceState(health(stats, settings, now), stats) for stats in ordered]


def health(stats: ServiceStats, settings: Settings, now: datetime) -> str:
    """What there is to say about a process in a word or a sentence."""
    silence = (now - stats.at).total_seconds()
    if silence > _SILENT_INTERVALS * max(settings.stats_interval_seconds, 1.0):
        return f"{_SILENT} for {silence:.0f} s"
    if stats.ready:
        return "ready"
    return "; ".join(f"{name}: {why}" for name, why in stats.not_ready.items())


def _from_files(settings: Settings) -> Iterator[ServiceStats]:
    for path in stats_folder(settings).glob("*.json"):
        try:
            yield _stats.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue  # it ended at this moment, or is of another version


def appended_times(settings: Settings, now: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Member -> the time of its latest figures by its own clock, and by that of Kafka."""
    return {stats.member: (stats.at, appended) for stats, appended in _told(settings, now)}


def _from_topic(settings: Settings, now: datetime) -> list[ServiceStats]:
    return [stats for stats, _ in _told(settings, now)]


def _told(settings: Settings, now: datetime) -> list[tuple[ServiceStats, datetime]]:
    try:
        return list(_read_back(settings, now))
    except (KafkaError, MillraceError):
        return []


def _read_back(settings: Settings, now: datetime) -> Iterator[tuple[ServiceStats, datetime]]:
    partition = TopicPartition(Topics(settings).service_stats.name, 0)
    consumer = python_consumer(settings, bootstrap_timeout_ms=3000)
    try:
        consumer.assign([partition])
        since = int((now - _LOOK_BACK).timestamp() * 1000)
        begin = consumer.offsets_for_times({partition: since})[partition]
        if begin is None:
            return
        end = consumer.end_offsets([partition])[partition]
        consumer.seek(partition, begin.offset)
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=1000).get(partition, ()):
                try:
                    stats = _stats.decode(record.value or b"")
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue  # whoever may write to the topic may write anything
                yield stats, datetime.fromtimestamp(record.timestamp / 1000, UTC)
    finally:
        consumer.close()
