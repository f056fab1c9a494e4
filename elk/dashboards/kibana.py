"""One Kibana over HTTP: who we are, which space is meant, and its errors as sentences."""

import base64
import urllib.error
import urllib.request
from typing import Any

import msgspec

from contracts.errors import AccessError, ConfigurationError, MillraceError, UnreachableError
from contracts.settings import Settings
from contracts.tls import what_to_do
from prediction_log.client import tls_context

_TIMEOUT_SECONDS = 60
_STARTING = (502, 503, 504)
_REFUSED = (401, 403)
CONFLICT = 409


class RefusedError(MillraceError):
    """Kibana is there and says no; `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Kibana:
    """Speaks with the Kibana of the settings, in the space of the settings.

    Raises:
        ConfigurationError: no address is set.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.kibana is None:
            raise ConfigurationError("set MILLRACE_KIBANA to Kibana's URL, http://host:5601")
        self._settings = settings
        space = f"/s/{settings.kibana_space}" if settings.kibana_space else ""
        self.url = settings.kibana.rstrip("/") + space

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> bytes:
        """Send a body to `/api/…` and give what comes back.

        Raises:
            UnreachableError: Kibana does not answer, or is starting.
            AccessError: it is not trusted, or does not know us or our rights.
            RefusedError: it says no.
        """
        # Kibana takes nothing without the first header, so that no other page can send it.
        headers = {"kbn-xsrf": "millrace", "Content-Type": content_type}
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=headers)
        if introduction := _introduction(self._settings):
            # Not for whoever the answer may redirect us to.
            request.add_unredirected_header("Authorization", introduction)
        context = tls_context(self._settings) if self.url.startswith("https:") else None
        try:
            with urllib.request.urlopen(
                request, timeout=_TIMEOUT_SECONDS, context=context
            ) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (OSError, ValueError) as error:
            advice = what_to_do(
                str(error), f"Kibana at {self.url}", "MILLRACE_ELASTICSEARCH_CA_FILE"
            )
            if advice:
                raise AccessError(advice) from error
            raise UnreachableError(f"Kibana at {self.url} does not answer: {error}") from error

    def decoded(self, answer: bytes, type_: type[Any]) -> Any:
        """Read an answer.

        Raises:
            UnreachableError: Kibana would not say that: something else is at its address.
        """
        try:
            return msgspec.json.decode(answer, type=type_)
        except msgspec.MsgspecError as error:
            raise UnreachableError(f"{self.url} does not answer as Kibana: {error}") from error

    def _refusal(self, error: urllib.error.HTTPError) -> MillraceError:
        said = error.read(500).decode("utf-8", "replace")
        if error.code in _STARTING:
            return UnreachableError(f"Kibana at {self.url} is not ready: {said}")
        if error.code in _REFUSED:
            return AccessError(
                f"Kibana at {self.url} does not know us, or does not let us (status "
                f"{error.code}): check MILLRACE_ELASTICSEARCH_API_KEY, or "
                "MILLRACE_ELASTICSEARCH_USERNAME and its password, and the account's rights"
            )
        return RefusedError(f"Kibana at {self.url} refused: {said}", error.code)


def _introduction(settings: Settings) -> str | None:
    """Who we are, as Kibana hands it on to Elasticsearch."""
    if settings.elasticsearch_api_key is not None:
        return f"ApiKey {settings.elasticsearch_api_key.get_secret_value()}"
    if settings.elasticsearch_username and settings.elasticsearch_password:
        password = settings.elasticsearch_password.get_secret_value()
        login = f"{settings.elasticsearch_username}:{password}".encode()
        return f"Basic {base64.b64encode(login).decode()}"
    return None
