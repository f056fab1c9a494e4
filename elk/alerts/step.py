"""The step of the monitor's cycle that says which alerts begin and which end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

import structlog
from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.alert_log import AlertCourse, AlertLog
from contracts.alerts import Alert
from contracts.release_rules import AlertKind, MonitorRule
from contracts.settings import Settings
from elk.alerts.publishing import publish_alerts
from elk.alerts.reading import newest_windows
from elk.alerts.rule import LookedAt, Subject, next_word, resolved, subject
from elk.alerts.webhook import webhook
from prediction_log.client import translated

log = structlog.stdlib.get_logger("elk")

_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


class ServingVersion(Struct, frozen=True):
    """A champion or canary of a deployment in force; `rule` is that of its manifest, None while
    that cannot be read: then nothing is decided about it."""

    model: str
    version: str
    rule: MonitorRule | None


class AlertStep:
    """Looks at the versions that serve, cycle by cycle. Which alerts are open is known from Kafka
    alone, so it may be killed at any time, and several may run.

    Raises:
        ConfigurationError: the webhook is no URL.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._webhook = webhook(settings)
        self._log: AlertLog | None = None

    def __call__(self, client: Elasticsearch, serving: Sequence[ServingVersion]) -> list[Alert]:
        """Say what there is to say now.

        Args:
            serving: every champion and canary; alerts of others end.

        Returns:
            What was said.

        Raises:
            UnreachableError, AccessError: Kafka or Elasticsearch; the next cycle does it.
        """
        with translated(self._settings):
            windows = {
                about: (one.rule, newest_windows(client, self._settings, about, one.rule.windows))
                for one in serving
                if one.rule is not None
                for about in (Subject(one.model, one.version, kind) for kind in _KINDS)
            }
        if self._log is None:
            self._log = AlertLog(self._settings)
        known = {subject(course.raised): course for course in self._log.refreshed().open}
        versions = {(one.model, one.version) for one in serving}
        alerts = list(_words(windows, known, versions, datetime.now(UTC)))
        if alerts:
            publish_alerts(self._settings, alerts)
        for alert in alerts:
            log.warning(f"alert {alert.state}", alert=alert.alert_id, why=alert.reason)
            if self._webhook is not None:
                self._webhook.post(alert)
        return alerts

    def close(self) -> None:
        """Disconnect, after what is still to be posted."""
        if self._webhook is not None:
            self._webhook.close()
        if self._log is not None:
            self._log.close()


def _words(
    windows: Mapping[Subject, tuple[MonitorRule, Sequence[LookedAt]]],
    known: Mapping[Subject, AlertCourse],
    serving: set[tuple[str, str]],
    now: datetime,
) -> Iterator[Alert]:
    for about, (rule, looked) in windows.items():
        word = next_word(about, rule, looked, known.get(about), now)
        if word is not None:
            yield word
    for about, course in known.items():
        if (about.model, about.version) not in serving:
            yield resolved(course, now, f"version {about.version} serves no longer")
