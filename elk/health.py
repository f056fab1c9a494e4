"""What makes an indexer ready, and when only a restart helps it."""

import threading
import time
from typing import Protocol

from elasticsearch import ApiError, TransportError

from contracts.kafka_reading import Partition
from contracts.operating.health import Condition, Health, recent, starting
from contracts.operating.operated import Operated
from contracts.settings import Settings
from elk.lanes import Lanes
from prediction_log.client import connect, reason

_PROBE_SECONDS = 2.0
_UNFINISHED_SECONDS = 10.0
"""Longer than a bulk request takes where nothing is wrong."""
_STUCK_SECONDS = 300.0
"""The consumer's `max.poll.interval.ms`: silent for longer, it has lost its partitions anyway."""


class Loops(Protocol):
    """What is asked of the indexer, from other threads."""

    went_round: float

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions the group has given it."""


class ElasticsearchProbe:
    """Asks Elasticsearch, at most once in two seconds however many want to know."""

    def __init__(self, settings: Settings) -> None:
        self._client = connect(settings, connections=1).options(request_timeout=_PROBE_SECONDS)
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._answer = Condition(False, "not asked yet")

    def condition(self) -> Condition:
        """Whether it answers, and can be written to as far as its health tells."""
        with self._lock:
            if time.monotonic() - self._asked_at > _PROBE_SECONDS:
                self._answer = self._ask()
                self._asked_at = time.monotonic()
            return self._answer

    def _ask(self) -> Condition:
        try:
            status = self._client.cluster.health(filter_path="status")["status"]
        except ApiError as error:
            return Condition(False, f"Elasticsearch refused: {reason(error)}")
        except TransportError as error:
            return Condition(False, f"Elasticsearch does not answer: {error.message}")
        return Condition(status != "red", f"its health is {status}")


def watch_elasticsearch(health: Health, settings: Settings) -> None:
    """Ready: Elasticsearch answers. The rest follows once there is an indexer."""
    health.ready_while("assignment", starting)
    health.ready_while("elasticsearch", ElasticsearchProbe(settings).condition)


def watch_indexer(operated: Operated, indexer: Loops, lanes: Lanes) -> None:
    """Ready: the group has given it partitions, and Elasticsearch takes its documents. Alive: its
    loop goes round."""

    def delivery() -> Condition:
        seconds = lanes.unfinished_seconds
        if seconds < _UNFINISHED_SECONDS:
            return Condition(True, "documents are taken")
        return Condition(False, f"Elasticsearch has not taken a batch for {seconds:.0f} s: see log")

    def assignment() -> Condition:
        if indexer.assignment:
            return Condition(True, f"{len(indexer.assignment)} partitions")
        return Condition(False, "no partitions: the group is rebalancing, or has indexers to spare")

    def goes_round() -> Condition:
        kafka = operated.kafka.condition()
        if not kafka.holds:  # then it may wait for a connection
            return Condition(True, kafka.detail)
        return recent(indexer.went_round, _STUCK_SECONDS)

    operated.health.ready_while("assignment", assignment)
    operated.health.ready_while("delivery", delivery)
    operated.health.alive_while("loop", goes_round)
