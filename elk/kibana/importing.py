"""Importing saved objects over Kibana's API (POST /api/saved_objects/_import)."""

import base64
import urllib.error
import urllib.request
import uuid

import msgspec
from msgspec import Struct

from contracts.errors import AccessError, MillraceError, UnreachableError
from contracts.settings import Settings
from contracts.tls import what_to_do
from prediction_log.client import tls_context

_TIMEOUT_SECONDS = 60


class ImportResult(Struct, frozen=True, rename="camel"):
    """Kibana's answer."""

    success: bool
    success_count: int = 0
    errors: list[msgspec.Raw] = []


def import_objects(settings: Settings, kibana: str, ndjson: bytes) -> int:
    """Import saved objects, replacing those of the same ids; gives how many.

    Raises:
        UnreachableError: Kibana does not answer.
        AccessError: it is not trusted, or does not know us or our rights.
        MillraceError: Kibana refused some or all of them.
    """
    boundary = uuid.uuid4().hex
    # Kibana refuses a file whose name does not end so.
    body = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="objects.ndjson"\r\n'
        "Content-Type: application/ndjson\r\n\r\n"
    ).encode()
    body += ndjson + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{kibana.rstrip('/')}/api/saved_objects/_import?overwrite=true",
        data=body,
        headers={
            "kbn-xsrf": "millrace",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        },
    )
    if introduction := _introduction(settings):
        # Not for whoever the answer may redirect us to.
        request.add_unredirected_header("Authorization", introduction)
    context = tls_context(settings) if kibana.startswith("https:") else None
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context) as response:
            answer = msgspec.json.decode(response.read(), type=ImportResult)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise AccessError(
                f"Kibana at {kibana} does not know us, or does not let us import (status "
                f"{error.code}): check MILLRACE_ELASTICSEARCH_API_KEY, or "
                "MILLRACE_ELASTICSEARCH_USERNAME and its password, and the account's rights"
            ) from error
        refusal = error.read(500).decode("utf-8", "replace")
        raise MillraceError(f"Kibana at {kibana} refused the import: {refusal}") from error
    except (OSError, ValueError) as error:
        advice = what_to_do(str(error), f"Kibana at {kibana}", "MILLRACE_ELASTICSEARCH_CA_FILE")
        if advice:
            raise AccessError(advice) from error
        raise UnreachableError(f"Kibana at {kibana} does not answer as one: {error}") from error
    if not answer.success:
        reasons = b", ".join(bytes(e) for e in answer.errors).decode("utf-8", "replace")
        raise MillraceError(f"Kibana at {kibana} refused some objects: {reasons[:500]}")
    return answer.success_count


def _introduction(settings: Settings) -> str | None:
    """Who we are, as Kibana hands it on to Elasticsearch."""
    if settings.elasticsearch_api_key is not None:
        return f"ApiKey {settings.elasticsearch_api_key.get_secret_value()}"
    if settings.elasticsearch_username and settings.elasticsearch_password:
        password = settings.elasticsearch_password.get_secret_value()
        login = f"{settings.elasticsearch_username}:{password}".encode()
        return f"Basic {base64.b64encode(login).decode()}"
    return None
