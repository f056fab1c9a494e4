"""Following the topic `erasures`: all of it, by every process that writes documents."""

from typing import Any

import structlog

from contracts.erasures import Erasures, decode_erasure
from contracts.errors import MillraceError
from contracts.following import FollowedTopic
from contracts.settings import Settings
from contracts.topics import Topics

log = structlog.stdlib.get_logger("elk")

_LOUD_EVERY = 10


class ErasureLog:
    """Reads the topic from its beginning; for one thread. Errors as those of `FollowedTopic`."""

    def __init__(self, settings: Settings) -> None:
        self._topic = FollowedTopic(settings, Topics(settings).erasures.name)
        self.erasures = Erasures()
        self._failures = 0

    def refresh(self) -> Erasures:
        """Read what is there at this moment: an erasure acknowledged before is known after.

        Raises:
            UnreachableError: Kafka does not answer.
            AccessError: it does not allow that.
        """
        for record in self._topic.new_records():
            self._take(record)
        return self.erasures

    def try_refresh(self) -> bool:
        """As `refresh`, for those who try again later; whether it succeeded."""
        try:
            self.refresh()
        except MillraceError as error:
            if self._failures % _LOUD_EVERY == 0:
                log.warning("erasures are not known yet", why=str(error))
            self._failures += 1
            return False
        self._failures = 0
        return True

    def close(self) -> None:
        """Disconnect."""
        self._topic.close()

    def _take(self, record: Any) -> None:
        try:
            self.erasures.add(decode_erasure(record.value))
        except MillraceError as error:
            log.error(
                "an erasure cannot be read, so it is not carried out",
                topic=record.topic,
                offset=record.offset,
                why=str(error),
            )


def known_erasures(settings: Settings) -> Erasures:
    """All erasures of this moment; errors as those of `ErasureLog`."""
    following = ErasureLog(settings)
    try:
        return following.refresh()
    finally:
        following.close()
