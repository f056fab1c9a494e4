"""What counts on the control topic, by the keys that are trusted now."""

from collections.abc import Iterable

from contracts.deployments import ControlLog, Deployment
from contracts.errors import MillraceError
from contracts.keys import TrustedKeys
from stream_workers.control_records import ControlRecord
from stream_workers.telling import ModelEventWriter


class ControlJudge:
    """Judges records in log order, and tells once of each that it is refused.

    Args:
        trusted: public keys that may sign deployments.

    Attributes:
        trusted: replace them, and judge anew: keys that come or go change what counted before.
        log: what counts.
    """

    def __init__(self, environment: str, trusted: TrustedKeys, events: ModelEventWriter) -> None:
        self.trusted = trusted
        self.log = ControlLog(environment, trusted)
        self._environment = environment
        self._events = events
        self._accepted: set[int] = set()
        self._judged = -1
        self._unfinished = False

    @property
    def outdated(self) -> bool:
        """Whether the log was judged by other keys than are trusted now, or not to its end."""
        return self._unfinished or self.log.trusted != self.trusted

    def judge(self, record: ControlRecord) -> Deployment | None:
        """Whether the next record counts."""
        deployment = self._judge(self.log, record, tell=True)
        if deployment is not None:
            self._accepted.add(record.offset)
        return deployment

    def judge_anew(self, records: Iterable[ControlRecord]) -> ControlLog:
        """Judge the whole topic by the keys that are trusted now.

        Returns:
            The log as it was before.

        Raises:
            UnreachableError: from `records`; nothing has changed then but that it is outdated.
        """
        self._unfinished = True
        log, accepted = ControlLog(self._environment, self.trusted), set()
        for record in records:
            new = record.offset > self._judged or record.offset in self._accepted
            if self._judge(log, record, tell=new) is not None:
                accepted.add(record.offset)
        self._unfinished = False
        before, self.log, self._accepted = self.log, log, accepted
        return before

    def _judge(self, log: ControlLog, record: ControlRecord, *, tell: bool) -> Deployment | None:
        self._events.offset = record.offset
        self._judged = max(self._judged, record.offset)
        try:
            return log.accept(record.value, record.at)
        except MillraceError as error:
            if tell:
                model = record.key.decode("utf-8", "replace")[:63] if record.key else ""
                self._events.tell("rejected", model, None, reason=str(error))
            return None
