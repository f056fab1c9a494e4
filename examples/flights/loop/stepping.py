"""One window of event time after the other: flights fly, then the loop has its say.

The clock of events stands still while the loop works. So its answers come after the same events on
a slow machine and on a fast one, and the months of 2013 can be replayed within minutes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta

from elasticsearch import Elasticsearch

from contracts.alert_log import AlertLog
from contracts.control_topic import read_control
from contracts.deployments import Deployment
from contracts.errors import MillraceError, UnreachableError
from contracts.settings import Settings
from contracts.windows import window_at
from elk import monitor
from examples.flights.audit import Ledger
from examples.flights.live import Live
from examples.flights.loop.timeline import Timeline
from examples.flights.recipes import WEEK
from examples.flights.stage import wait_until_accounted
from examples.flights.stream import FIRST, Malformed
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames
from producers.acknowledged_prefix import AcknowledgedPrefix
from producers.client import FeatureProducer
from producers.replay import Outgoing, Replay
from trainer import start_shadow
from trainer.retraining import service as retrainer

_PAST_THE_END = timedelta(hours=4)
"""A window is looked at once an event behind its end has been scored."""
_JOIN_SECONDS = 60.0
_LOOK_SECONDS = 0.2


class Stepping:
    """Runs the stream to its end.

    Args:
        stale: the version that goes on as a shadow when the loop has replaced it.
        advance: called with the number of events sent.
    """

    def __init__(
        self,
        settings: Settings,
        timeline: Timeline,
        producer: FeatureProducer,
        ledger: Ledger,
        live: Live,
        *,
        model: str,
        run: str,
        stale: str,
        rate: float,
        advance: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._timeline = timeline
        self._producer = producer
        self._ledger = ledger
        self._live = live
        self._model = model
        self._run = run
        self._stale = stale
        self._rate = rate
        self._advance = advance
        self._client: Elasticsearch = connect(settings, connections=1)
        self.labels = 0

    def through(self, end: datetime) -> None:
        """Replay everything up to a moment.

        Raises:
            MillraceError: Kafka did not take the events, or a label found no outcome.
        """
        try:
            window = window_at(FIRST, WEEK)
            while window.start < end:
                self._send(window.end + _PAST_THE_END)
                wait_until_accounted(self._ledger, self._timeline.sent)
                self._look()
                self._answer()
                window = window_at(window.end, WEEK)
        finally:
            self._client.close()

    def _send(self, until: datetime) -> None:
        def rows() -> Iterator[Outgoing]:
            for item in self._timeline.until(until):
                if isinstance(item, Malformed):
                    self._producer.send_encoded(item.key, item.value)
                else:
                    yield item

        replay = Replay(AcknowledgedPrefix(), self._rate, lambda _: self._tell())
        result = replay.run(rows(), self._producer)
        if result.failure is not None:
            raise MillraceError(result.failure)
        self.labels += result.labels
        self._tell()

    def _tell(self) -> None:
        self._advance(self._timeline.sent)

    def _look(self) -> None:
        """Let the monitor look until every label has found its prediction."""
        deadline, found = time.monotonic() + _JOIN_SECONDS, 0
        while True:
            monitor.once(self._settings)
            with suppress(UnreachableError):  # an index that was just made may not answer yet
                found = self._outcomes()
            if found >= self.labels:
                return
            if time.monotonic() > deadline:
                raise MillraceError(
                    f"only {found:,} of {self.labels:,} labels have become outcomes"
                )
            time.sleep(_LOOK_SECONDS)

    def _outcomes(self) -> int:
        with translated(self._settings):
            pattern = IndexNames(self._settings).pattern("outcomes", self._model)
            self._client.indices.refresh(index=pattern, ignore_unavailable=True)
            counted = self._client.count(
                index=pattern,
                query={
                    "bool": {
                        "filter": [{"prefix": {"event.id": f"{self._run}-"}}],
                        "must_not": [{"term": {"model.role": "shadow"}}],
                    }
                },
            )
        return int(counted["count"])

    def _answer(self) -> None:
        """Let the retrainer answer what the monitor has found, and wait for what it deploys."""
        with closing(AlertLog(self._settings)) as log:
            if not log.refreshed().open:
                return
        before = self._newest()
        retrainer.run(self._settings, threading.Event(), once=True)
        after = self._newest()
        if after.champion == before.champion:
            return
        if before.champion.version == self._stale:
            reason = "to compare the loop with"
            shadowed = start_shadow(self._settings, self._model, self._stale, reason=reason)
            after = shadowed.deployment
        self._live.wait_for_deployment(after.sequence)

    def _newest(self) -> Deployment:
        newest = read_control(self._settings).log.newest(self._model)
        assert newest is not None  # it was published before the first event
        return newest
