"""Claims that were cut off: looking in Kafka whether their records were sent.

A replayed record carries the id of its letter, and a claim tells where the partition ended before.
So what is between there and its end now decides: the record is there, or the letter is open again.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from elasticsearch import Elasticsearch
from kafka import TopicPartition
from msgspec import Struct

from contracts.replays import replay_mark
from contracts.settings import Settings
from elk.dead_letters.claims import Claims
from elk.dead_letters.reading import records_from
from elk.dead_letters.replaying import CLAIM_LIFE
from prediction_log.indices import IndexNames
from prediction_log.replays import Acknowledged, Claim, Replay, read_replays


class Recovery(Struct):
    """What came of claims that were cut off.

    Attributes:
        sent: were in Kafka, and are noted as replayed now.
        reopened: were not, and can be replayed.
        undecided: Kafka no longer holds the records that would tell.
        recent: claimed too recently; somebody may still be at it.
    """

    sent: int = 0
    reopened: int = 0
    undecided: int = 0
    recent: int = 0


def patience(settings: Settings) -> timedelta:
    """How old a claim must be, so that nobody sends its record any more."""
    return 2 * (CLAIM_LIFE + timedelta(seconds=settings.delivery_timeout_seconds))


def recover(settings: Settings, client: Elasticsearch, older_than: timedelta) -> Recovery:
    """Decide all claims without an acknowledgement that are older than `older_than`.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    names, report = IndexNames(settings), Recovery()
    latest = datetime.now(UTC) - older_than
    in_doubt: dict[TopicPartition, dict[str, Claim]] = defaultdict(dict)
    for letter, replay in read_replays(client, names).items():
        if replay.state != "claimed" or replay.claimed is None:
            continue
        if replay.claimed.at > latest:
            report.recent += 1
        else:
            where = TopicPartition(replay.claimed.topic, replay.claimed.partition)
            in_doubt[where][letter] = replay.claimed
    claims = Claims(client, names)
    for partition, doubtful in in_doubt.items():
        _decide(settings, claims, partition, doubtful, report)
    return report


def _decide(
    settings: Settings,
    claims: Claims,
    partition: TopicPartition,
    doubtful: Mapping[str, Claim],
    report: Recovery,
) -> None:
    sent: dict[str, Replay] = {}
    first, records = records_from(settings, partition, min(c.end_offset for c in doubtful.values()))
    for record in records:
        mark = replay_mark(record.headers)
        if mark is not None and mark.letter in doubtful:
            place = Acknowledged(record.topic, record.partition, record.offset)
            sent.setdefault(mark.letter, Replay(acknowledged=place))
    claims.note(sent)
    missing = {letter: claim for letter, claim in doubtful.items() if letter not in sent}
    decidable = {x: claim for x, claim in missing.items() if claim.end_offset >= first}
    report.sent += len(sent)
    report.undecided += len(missing) - len(decidable)
    report.reopened += claims.release(decidable)
