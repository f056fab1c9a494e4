"""Importing saved objects over Kibana's API (POST /api/saved_objects/_import)."""

import urllib.error
import urllib.request
import uuid

import msgspec
from msgspec import Struct

from contracts.errors import MillraceError, UnreachableError

_TIMEOUT_SECONDS = 60


class ImportResult(Struct, frozen=True, rename="camel"):
    """Kibana's answer."""

    success: bool
    success_count: int = 0
    errors: list[msgspec.Raw] = []


def import_objects(kibana: str, ndjson: bytes) -> int:
    """Import saved objects, replacing those of the same ids; gives how many.

    Raises:
        UnreachableError: Kibana does not answer.
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
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            answer = msgspec.json.decode(response.read(), type=ImportResult)
    except urllib.error.HTTPError as error:
        refusal = error.read(500).decode("utf-8", "replace")
        raise MillraceError(f"Kibana at {kibana} refused the import: {refusal}") from error
    except (OSError, ValueError) as error:
        raise UnreachableError(f"Kibana at {kibana} does not answer as one: {error}") from error
    if not answer.success:
        reasons = b", ".join(bytes(e) for e in answer.errors).decode("utf-8", "replace")
        raise MillraceError(f"Kibana at {kibana} refused some objects: {reasons[:500]}")
    return answer.success_count
