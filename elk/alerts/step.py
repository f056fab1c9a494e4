"""The step of the monitor's cycle that says which alerts begin and which end."""

import atexit
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

import structlog
from elasticsearch import Elasticsearch

from contracts.alert_log import AlertCourse, AlertLog
from contracts.alerts import Alert
from contracts.release_rules import AlertKind
from contracts.settings import Settings
from elk.alerts.publishing import publish_alerts
from elk.alerts.reading import newest_windows
from elk.alerts.rule import LookedAt, Subject, next_word, resolved, subject
from elk.alerts.webhook import Webhook, webhook
from elk.watched import WatchedModel

log = structlog.stdlib.get_logger("elk")

_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


class AlertStep:
    """Looks at the versions that serve, cycle by cycle. Which alerts are open is known from Kafka
    alone, so it may be killed at any time, and several may run; what was read is kept.
    """

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._webhook: Webhook | None = None
        self._log: AlertLog | None = None

    def __call__(
        self, settings: Settings, client: Elasticsearch, models: Sequence[WatchedModel]
    ) -> Mapping[str, int]:
        """Say what there is to say now of some models.

        Returns:
            How many alerts were raised and resolved.

        Raises:
            UnreachableError, AccessError: Kafka; the next cycle does it.
            ConfigurationError: the webhook is no URL.
            elasticsearch.ApiError, elasticsearch.TransportError: Elasticsearch.
        """
        if self._settings is not settings:
            self.close()
            self._settings, self._webhook = settings, webhook(settings)
            if self._webhook is not None:
                atexit.register(self._webhook.close)
        windows = {
            about: newest_windows(client, settings, about, _windows(model, about))
            for model in models
            for about in _subjects(model)
        }
        if self._log is None:
            self._log = AlertLog(settings)
        known = {subject(course.raised): course for course in self._log.refreshed().open}
        now = datetime.now(UTC)
        alerts = [word for model in models for word in _words(model, windows, known, now)]
        if alerts:
            publish_alerts(settings, alerts)
        for alert in alerts:
            log.warning(f"alert {alert.state}", alert=alert.alert_id, why=alert.reason)
            if self._webhook is not None:
                self._webhook.post(alert)
        return {
            state: sum(alert.state == state for alert in alerts) for state in ("raised", "resolved")
        }

    def close(self) -> None:
        """Disconnect, after what is still to be posted."""
        if self._webhook is not None:
            self._webhook.close()
            atexit.unregister(self._webhook.close)
        if self._log is not None:
            self._log.close()
        self._settings = self._webhook = self._log = None


def _serving(model: WatchedModel) -> list[str]:
    """Versions that answer to people."""
    deployment = model.deployment
    canary = [deployment.canary.version] if deployment.canary else []
    return [deployment.champion.version, *canary]


def _subjects(model: WatchedModel) -> Iterator[Subject]:
    """What can be decided about: while a manifest cannot be read, its rule is not known."""
    for version in _serving(model):
        if version in model.versions:
            yield from (Subject(model.name, version, kind) for kind in _KINDS)


def _windows(model: WatchedModel, about: Subject) -> int:
    return model.versions[about.version].monitor.windows


def _words(
    model: WatchedModel,
    windows: Mapping[Subject, Sequence[LookedAt]],
    known: Mapping[Subject, AlertCourse],
    now: datetime,
) -> Iterator[Alert]:
    for about in _subjects(model):
        rule = model.versions[about.version].monitor
        word = next_word(about, rule, windows[about], known.get(about), now)
        if word is not None:
            yield word
    serving = _serving(model)
    for about, course in known.items():
        if about.model == model.name and about.version not in serving:
            yield resolved(course, now, f"version {about.version} serves no longer")
