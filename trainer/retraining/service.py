"""The retrainer as a service: looks for what there is to do and has it done, until told."""

import os
import socket
import threading
import time
from collections import Counter
from contextlib import closing

import structlog
from prometheus_client.metrics_core import Metric

from contracts.errors import AccessError, ConfigurationError, MillraceError, UnreachableError
from contracts.kafka import require_rights
from contracts.kafka_waiting import when_kafka_answers
from contracts.keys import PURPOSES, load_private_key
from contracts.operating.asked import Asked, gauge
from contracts.operating.health import recent
from contracts.operating.operated import Operated
from contracts.settings import Settings
from contracts.topics import Topics
from trainer.retraining.leadership import Leadership
from trainer.retraining.outlook import Outlook
from trainer.retraining.process import Outcome, Work
from trainer.retraining.telling import tell_ended
from trainer.retraining.trail import Retraining

log = structlog.get_logger("retrainer")

SERVICE = "retrainer"
MOST_ATTEMPTS = 3
"""At the work of one retraining that fails by itself, as by want of memory."""
_NEWS_SECONDS = 0.5
_STUCK_SECONDS = 120.0
_LEADER_WITHIN_SECONDS = 60.0


class Retrainer:
    """The loop; for one thread.

    Args:
        operated: counts what became of retrainings, and tells whether this one does the work.
    """

    def __init__(self, settings: Settings, operated: Operated) -> None:
        self._settings = settings
        self._work: Work | None = None
        self._failed: Counter[str] = Counter()
        self._ended: list[Retraining] = []
        self._look_at = self._went_round = time.monotonic()
        self._leads = False
        metrics = operated.metrics
        self._count = metrics.counter(
            "millrace_retrainings", "Retrainings that are over, by what came of them", ("outcome",)
        )
        for outcome in ("published", "not published"):
            self._count.labels(SERVICE, outcome)
        metrics.registry.register(Asked(self._metrics))
        operated.health.alive_while("loop", lambda: recent(self._went_round, _STUCK_SECONDS))

    def run(self, stop: threading.Event, *, once: bool = False) -> list[Retraining]:
        """Work until `stop` is set; what is under way then is gone on with at the next start.

        Args:
            once: until there is nothing more to do.

        Returns:
            What has ended meanwhile.

        Raises:
            AccessError, ConfigurationError: waiting would not mend that.
            UnreachableError: with `once`: a server does not answer, or another retrainer works.
        """
        began = time.monotonic()
        with (
            closing(Outlook(self._settings)) as outlook,
            closing(Leadership(self._settings)) as leadership,
        ):
            try:
                while not stop.is_set():
                    self._went_round = time.monotonic()
                    self._leads = leadership.leads(_NEWS_SECONDS)
                    if not self._leads:
                        self._abandon()
                        if once and time.monotonic() - began > _LEADER_WITHIN_SECONDS:
                            raise UnreachableError("another retrainer runs, and does the work")
                    elif not self._work_on(outlook, once) and once:
                        break
            finally:
                self._abandon()
        return self._ended

    def _work_on(self, outlook: Outlook, once: bool) -> bool:
        """Look after what is under way, or look for more; whether there was anything."""
        try:
            if self._work is not None:
                self._look_after(self._work, outlook, once)
                return True
            return time.monotonic() < self._look_at or self._look_for_more(outlook)
        except (AccessError, ConfigurationError):
            raise
        except MillraceError as error:  # a server is away; what is open is found again
            if once:
                raise
            log.warning("nothing can be decided now", why=str(error))
            return True

    def _look_after(self, work: Work, outlook: Outlook, once: bool) -> None:
        outcome = work.outcome()
        if outcome is not None:
            self._work = None
            pause = 0.0 if outcome.error is None else self._settings.retrainer_interval_seconds
            self._look_at = time.monotonic() + pause
            self._note(outcome, outlook, once)

    def _look_for_more(self, outlook: Outlook) -> bool:
        self._look_at = time.monotonic() + self._settings.retrainer_interval_seconds
        found = next(outlook.to_do(), None)
        if found is not None:
            log.info("retraining", retraining=found.id, end=found.window.end.isoformat())
            self._work = Work(self._settings, found.id)
        return found is not None

    def _note(self, outcome: Outcome, outlook: Outlook, once: bool) -> None:
        name = outcome.retraining
        if outcome.ended is not None:
            log.info("retraining ended", retraining=name, why=outcome.ended)
            self._end(name, outlook)
            return
        if outcome.wrong_settings:
            raise ConfigurationError(outcome.error or "")
        log.warning("retraining not over", retraining=name, why=outcome.error)
        if outcome.again:
            if once:
                raise UnreachableError(outcome.error or "")
            return
        self._failed[name] += 1
        if self._failed[name] >= MOST_ATTEMPTS:
            self._give_up(outcome, outlook)

    def _give_up(self, outcome: Outcome, outlook: Outlook) -> None:
        known = outlook.known(outcome.retraining)
        if known is not None and known.ended is None:
            why = f"given up after {MOST_ATTEMPTS} attempts: {outcome.error}"
            tell_ended(self._settings, known, why)
            self._end(known.id, outlook)

    def _end(self, retraining: str, outlook: Outlook) -> None:
        known = outlook.known(retraining)
        if known is not None:
            self._ended.append(known)
            outcome = "not published" if known.sequence is None else "published"
            self._count.labels(SERVICE, outcome).inc()

    def _abandon(self) -> None:
        if self._work is not None:
            log.info("abandoned, to be gone on with", retraining=self._work.retraining)
            self._work.kill()
            self._work = None

    def _metrics(self) -> list[Metric]:
        about = "1 for the one of several that does the work"
        return [gauge(SERVICE, "millrace_retrainer_leads", about, self._leads)]


def run(settings: Settings, stop: threading.Event, *, once: bool = False) -> list[Retraining]:
    """Retrain until `stop` is set, seen by operators from the beginning; as `Retrainer.run`.

    Raises:
        ConfigurationError: a key is missing, or a topic.
        AccessError: Kafka does not allow what is needed.
        UnreachableError: it does not answer at the start.
    """
    for purpose in PURPOSES:
        load_private_key(settings.keys, purpose)
    topics = Topics(settings)
    both = [topics.model_control.name, topics.model_events.name]

    def prepare() -> bool:
        require_rights(settings, read=[topics.alerts.name, *both], write=both)
        return True

    operated = Operated(settings, SERVICE, f"{SERVICE}-{socket.gethostname()}-{os.getpid()}")
    retrainer = Retrainer(settings, operated)
    with operated:
        if not when_kafka_answers(settings, prepare, stop):
            return []
        return retrainer.run(stop, once=once)
