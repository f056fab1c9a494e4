"""What a record of Kafka is to those who read it, whichever client it came from."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """What we need of a consumed Kafka record."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Send time, ms since 1970."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]] | None:
        """Its headers, None if the name of one is not UTF-8."""
