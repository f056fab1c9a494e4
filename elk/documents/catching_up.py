"""Waiting until a consumer group has finished what stands on its topics."""

import time
from collections.abc import Callable, Mapping

from kafka import KafkaAdminClient
from kafka.errors import GroupIdNotFoundError, KafkaError

from contracts.group_positions import committed
from contracts.kafka import admin_client, consumer_group
from contracts.kafka_access import refusal
from contracts.kafka_reading import Partition
from contracts.settings import Settings
from elk.documents.kafka_log import KafkaLog, Stretch

_LOOK_SECONDS = 0.5


def wait_until_finished(
    settings: Settings,
    log: KafkaLog,
    service: str,
    stretches: Mapping[Partition, Stretch],
    seconds: float,
    tell: Callable[[int], None] = lambda _: None,
) -> dict[Partition, Stretch]:
    """Wait until everything before the ends is committed by the group of a service.

    Gives up at once if nobody is a member of the group, and when the time is over.

    Args:
        tell: called with the number of offsets to go, again and again.

    Returns:
        What is still to go; nothing if all is done.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    deadline = time.monotonic() + seconds
    group = consumer_group(settings, service)
    while True:
        committed, working = _positions(settings, group)
        left = {
            place: Stretch(max(stretch.first, committed.get(place, 0)), stretch.end)
            for place, stretch in stretches.items()
            if committed.get(place, 0) < stretch.end and stretch.first < stretch.end
        }
        # Markers of transactions are never committed, so an end may not be reached by numbers.
        if not left or next(log.records(left), None) is None:
            return {}
        tell(sum(stretch.end - stretch.first for stretch in left.values()))
        if not working or time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_SECONDS)


def _positions(settings: Settings, group: str) -> tuple[dict[Partition, int], bool]:
    """What a group has committed, and whether it has members."""
    admin = admin_client(settings)
    try:
        found = committed(admin, group)
        working = _has_members(admin, group)
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    return {(p.topic, p.partition): offset for p, offset in found.items()}, working


def _has_members(admin: KafkaAdminClient, group: str) -> bool:
    try:
        return any(one.get("members") for one in admin.describe_groups([group]).values())
    except GroupIdNotFoundError:
        return False
