"""Reaching Elasticsearch: one client, and its errors as sentences for people."""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from elastic_transport import TlsError
from elasticsearch import ApiError, Elasticsearch, TransportError

from contracts.errors import AccessError, MillraceError, UnreachableError
from contracts.settings import Settings
from contracts.tls import client_context, what_to_do

REQUEST_TIMEOUT_SECONDS = 60.0
_UNKNOWN_HERE = 401
_FORBIDDEN = 403


def connect(settings: Settings, connections: int = 10) -> Elasticsearch:
    """A client; nothing is sent yet. It does not retry: who calls knows what may be repeated.

    Raises:
        ConfigurationError: a certificate or key cannot be used.
    """
    url = settings.elasticsearch_url
    protection: dict[str, Any] = {}
    if url.startswith("https:"):
        protection["ssl_context"] = tls_context(settings)
    if settings.elasticsearch_api_key is not None:
        protection["api_key"] = settings.elasticsearch_api_key.get_secret_value()
    elif settings.elasticsearch_username and settings.elasticsearch_password:
        password = settings.elasticsearch_password.get_secret_value()
        protection["basic_auth"] = (settings.elasticsearch_username, password)
    return Elasticsearch(
        url,
        request_timeout=REQUEST_TIMEOUT_SECONDS,
        max_retries=0,
        connections_per_node=connections,
        **protection,
    )


def tls_context(settings: Settings) -> ssl.SSLContext:
    """How Elasticsearch, and Kibana before it, are trusted and we introduce ourselves.

    Raises:
        ConfigurationError: a certificate or key cannot be used.
    """
    return client_context(
        settings.elasticsearch_ca_file,
        settings.elasticsearch_client_certificate,
        settings.elasticsearch_client_key,
        settings.elasticsearch_client_key_password,
    )


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises:
        UnreachableError: no answer, or a temporary refusal.
        AccessError: Elasticsearch is not trusted, does not know us, or does not allow it.
        MillraceError: it refused for good.
    """
    where = f"Elasticsearch at {settings.elasticsearch_url}"
    try:
        yield
    except TlsError as error:
        advice = what_to_do(error.message, where, "MILLRACE_ELASTICSEARCH_CA_FILE")
        raise AccessError(advice or f"{where} does not speak TLS: {error.message}") from error
    except TransportError as error:
        raise UnreachableError(f"{where} does not answer: {error.message}") from error
    except ApiError as error:
        if error.meta.status == _UNKNOWN_HERE:
            raise AccessError(
                f"{where} does not know us: check MILLRACE_ELASTICSEARCH_API_KEY, or "
                "MILLRACE_ELASTICSEARCH_USERNAME and MILLRACE_ELASTICSEARCH_PASSWORD"
            ) from error
        if error.meta.status == _FORBIDDEN and "unauthorized" in reason(error):
            raise AccessError(
                f"{where} does not allow that: {reason(error)}; the roles that services need are "
                "in deploy/elasticsearch/roles.json"
            ) from error
        sentence = f"{where} refused with status {error.meta.status}: {reason(error)}"
        if error.meta.status in (429, 502, 503, 504):
            raise UnreachableError(sentence) from error
        raise MillraceError(sentence) from error


@contextmanager
def opened(settings: Settings) -> Iterator[Elasticsearch]:
    """A client with one connection, closed in the end; errors as those of `translated`."""
    with closing(connect(settings, connections=1)) as client, translated(settings):
        yield client


def reason(error: ApiError) -> str:
    """Elasticsearch's own words."""
    body = error.body
    found = body.get("error") if isinstance(body, dict) else None
    if isinstance(found, dict):
        # A search that fails on every shard says only that.
        cause = next(iter(found.get("root_cause", ())), found)
        return str(cause.get("reason") or found.get("reason") or found.get("type"))
    return str(found or body or error)[:500]
