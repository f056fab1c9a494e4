"""Posting alerts to a URL of somebody's choice, beside everything else and never in its way."""

import logging
import queue
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec
import structlog
import urllib3

from contracts.alerts import Alert
from contracts.errors import ConfigurationError
from contracts.settings import Settings

log = structlog.stdlib.get_logger("elk")

ATTEMPTS = 4
_FIRST_REST_SECONDS = 1.0
_TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)
_MOST_WAITING = 1000
_CLOSE_SECONDS = 3.0
_TRY_AGAIN = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
_OK = range(200, 300)


class Webhook:
    """Posts in a thread of its own, in order, each alert a few times. The URL may be a secret, so
    neither it nor what a server says appears in any log.

    Raises:
        ConfigurationError: the setting is no URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                "MILLRACE_ALERT_WEBHOOK is no URL: give one that begins with https://"
            )
        logging.getLogger("urllib3").setLevel(logging.WARNING)  # below, it logs paths
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)
        self._waiting: queue.Queue[Alert | None] = queue.Queue(_MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
        self._thread.start()

    def post(self, alert: Alert) -> None:
        """Have an alert posted soon; returns at once."""
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            log.warning("an alert was not posted: too many wait", alert=alert.alert_id)

    def close(self) -> None:
        """Post what is waiting, as far as that takes a few seconds."""
        self._closing.set()
        with suppress(queue.Full):  # then it ends at the first that fails
            self._waiting.put_nowait(None)
        self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        while (alert := self._waiting.get()) is not None:
            failure = self._try(msgspec.json.encode(message(alert)))
            if failure is not None:
                log.warning("an alert was not posted", alert=alert.alert_id, why=failure)
                if self._closing.is_set():
                    return

    def _try(self, body: bytes) -> str | None:
        """Post; why it failed for good."""
        rest, failure = _FIRST_REST_SECONDS, None
        for attempt in range(ATTEMPTS):
            if attempt and self._closing.wait(rest * 2 ** (attempt - 1)):
                return failure
            try:
                answer = self._pool.request(
                    "POST", self._url, body=body, headers={"Content-Type": "application/json"}
                )
            except urllib3.exceptions.HTTPError as error:
                failure = type(error).__name__
                continue
            if answer.status in _OK:
                return None
            failure = f"status {answer.status}"
            if answer.status < _SERVER_ERRORS and answer.status not in _TRY_AGAIN:
                return failure
        return failure


def webhook(settings: Settings) -> Webhook | None:
    """The webhook of the settings, if there is one; errors as those of `Webhook`."""
    url = settings.alert_webhook
    return None if url is None else Webhook(url.get_secret_value())


def message(alert: Alert) -> dict[str, object]:
    """What is posted: the alert, and `text`, which Slack, Mattermost and Teams show."""
    word = "ALERT" if alert.state == "raised" else "resolved"
    text = f"{word}: model {alert.model} version {alert.version}, {alert.kind}: {alert.reason}"
    return {"text": text, **msgspec.to_builtins(alert)}
