"""Whom the lane tells what happens to it."""

from typing import Protocol

from contracts.kafka_reading import Partition


class Listener(Protocol):
    """Told, from the lane's thread, which partitions came and went, and of its death."""

    def lane_assigned(self, partitions: frozenset[Partition]) -> None: ...  # noqa: D102
    def lane_revoked(self, partitions: frozenset[Partition]) -> None: ...  # noqa: D102
    def lane_crashed(self, error: BaseException) -> None: ...  # noqa: D102
