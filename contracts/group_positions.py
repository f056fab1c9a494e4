"""Up to where a consumer group has read, asked of its coordinator."""

import time
from collections.abc import Callable
from typing import TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import RetriableError

_T = TypeVar("_T")
_SETTLES_SECONDS = 10.0
_PAUSE_SECONDS = 0.2


def committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """The offsets that a group has committed; of a group that is not known, none.

    Raises:
        KafkaError: Kafka refused.
    """
    answer = once_settled(lambda: admin.list_group_offsets([group]))
    return {p: found.offset for offsets in answer.values() for p, found in offsets.items()}


def once_settled(ask: Callable[[], _T], seconds: float = _SETTLES_SECONDS) -> _T:
    """Ask again while a coordinator is being found or reads its groups, which it does for a moment
    after the first group of its partition came: the admin client of kafka-python asks once.

    Raises:
        KafkaError: another one than that, or still the same after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except RetriableError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
