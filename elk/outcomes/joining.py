"""The join: what is new on the topics, as far as the indexers have made documents of it.

Label and prediction of an event may come in any order. Nothing is read here before it can be
searched, so whichever comes second finds the other in Elasticsearch.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from elasticsearch import Elasticsearch

from contracts.kafka_reading import Partition
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.kafka_log import KafkaLog, Stretch
from elk.erasure_log import ErasureLog
from elk.outcomes.joiner import Joiner
from elk.outcomes.positions import Positions
from prediction_log.client import opened
from prediction_log.indices import IndexNames

Tell = Callable[[int, dict[Partition, int]], None]
"""Told after each batch how many records it had, and how many offsets are left to read."""


def join_new(settings: Settings, client: Elasticsearch, stop: threading.Event, tell: Tell) -> int:
    """Make the outcomes of all that was indexed since the last time, until `stop` is set.

    Returns:
        How many outcomes were written or deleted.

    Raises:
        UnreachableError: Kafka or Elasticsearch does not answer; the rest is for the next time.
        AccessError, ConfigurationError: it cannot be done like this.
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    with _log(settings) as log, Positions(settings) as positions:
        new = positions.new(log.stretches())
        # All of them: Kafka forgets a position that nobody has told it for a week.
        reached = {place: stretch.first for place, stretch in new.items()}
        ends = {place: max(stretch.first, stretch.end) for place, stretch in new.items()}
        if ends == reached:
            positions.commit(reached)
            tell(0, dict.fromkeys(new, 0))
            return 0
        with closing(ErasureLog(settings)) as erasures:
            joiner = _joiner(settings, client, log, erasures)
            for records in log.records(new):
                joiner.take(records)
                last = records[-1]
                reached[last.topic, last.partition] = last.offset + 1
                positions.commit(reached)
                tell(len(records), {p: s.end - reached[p] for p, s in new.items()})
                if stop.is_set():
                    return joiner.written
        # Behind the last records there may be markers that end transactions.
        positions.commit(ends)
        tell(0, dict.fromkeys(new, 0))
        return joiner.written


def join_again(
    settings: Settings, progress: Callable[[int, int], None], since: datetime | None = None
) -> int:
    """Make the outcomes of all that Kafka holds, or of what was sent since a moment, whatever was
    joined before. All of it must be indexed; no position is touched.

    Args:
        progress: told how many offsets are done, and of how many.

    Raises:
        UnreachableError, AccessError, ConfigurationError: as `join_new`.
        MillraceError: Elasticsearch refused.
    """
    with (
        opened(settings) as client,
        _log(settings) as log,
        closing(ErasureLog(settings)) as erasures,
    ):
        joiner = _joiner(settings, client, log, erasures)
        stretches = log.stretches(since)
        whole = sum(stretch.end - stretch.first for stretch in stretches.values())
        left = dict(stretches)
        for records in log.records(stretches):
            joiner.take(records)
            last = records[-1]
            place = last.topic, last.partition
            left[place] = Stretch(last.offset + 1, left[place].end)
            progress(whole - sum(s.end - s.first for s in left.values()), whole)
        return joiner.written


def _log(settings: Settings) -> KafkaLog:
    topics = Topics(settings)
    read = (topics.labels, topics.predictions, topics.shadow_predictions)
    return KafkaLog(settings, [topic.name for topic in read])


def _joiner(
    settings: Settings, client: Elasticsearch, log: KafkaLog, erasures: ErasureLog
) -> Joiner:
    names = IndexNames(settings)
    client.indices.refresh(index=[names.pattern("predictions"), names.pattern("labels")])
    labels = Topics(settings).labels.name
    return Joiner(settings, client, log.topic_ids.get(labels, ""), erasures)
