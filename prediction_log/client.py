"""Reaching Elasticsearch: one client, and its errors as sentences for people."""

from collections.abc import Iterator
from contextlib import contextmanager

from elasticsearch import ApiError, Elasticsearch, TransportError

from contracts.errors import MillraceError, UnreachableError
from contracts.settings import Settings

REQUEST_TIMEOUT_SECONDS = 60.0


def connect(settings: Settings, connections: int = 10) -> Elasticsearch:
    """A client; nothing is sent yet. It does not retry: who calls knows what may be repeated."""
    return Elasticsearch(
        settings.elasticsearch_url,
        request_timeout=REQUEST_TIMEOUT_SECONDS,
        max_retries=0,
        connections_per_node=connections,
    )


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises:
        UnreachableError: no answer, or a temporary refusal.
        MillraceError: Elasticsearch refused for good.
    """
    where = f"Elasticsearch at {settings.elasticsearch_url.rpartition('@')[2]}"
    try:
        yield
    except TransportError as error:
        raise UnreachableError(f"{where} does not answer: {error.message}") from error
    except ApiError as error:
        sentence = f"{where} refused with status {error.meta.status}: {reason(error)}"
        if error.meta.status in (429, 502, 503, 504):
            raise UnreachableError(sentence) from error
        raise MillraceError(sentence) from error


def reason(error: ApiError) -> str:
    """Elasticsearch's own words."""
    body = error.body
    found = body.get("error") if isinstance(body, dict) else None
    if isinstance(found, dict):
        return str(found.get("reason") or found.get("type"))
    return str(found or body or error)[:500]
