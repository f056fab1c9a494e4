"""Saved objects into Kibana and out of it (POST /api/saved_objects/_import and _export)."""

import time
import uuid
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from contracts.errors import MillraceError, UnreachableError
from elk.dashboards.kibana import Kibana

T = TypeVar("T")
_REST_SECONDS = 2.0


class ImportResult(Struct, frozen=True, rename="camel"):
    """Kibana's answer."""

    success: bool
    success_count: int = 0
    errors: list[msgspec.Raw] = []


def import_objects(kibana: Kibana, ndjson: bytes) -> int:
    """Import saved objects, replacing those of the same ids; gives how many.

    Raises:
        UnreachableError: Kibana does not answer, or is starting.
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
    answer = kibana.post(
        "/api/saved_objects/_import?overwrite=true",
        body,
        f"multipart/form-data; boundary={boundary}",
    )
    result: ImportResult = kibana.decoded(answer, ImportResult)
    if not result.success:
        reasons = b", ".join(bytes(e) for e in result.errors).decode("utf-8", "replace")
        raise MillraceError(f"Kibana at {kibana.url} refused some objects: {reasons[:500]}")
    return result.success_count


def export_objects(kibana: Kibana, objects: list[dict[str, str]]) -> bytes:
    """Saved objects as Kibana has them, as NDJSON.

    Args:
        objects: `type` and `id` of each.

    Raises:
        UnreachableError, AccessError, MillraceError: as `import_objects`.
    """
    wanted = {"objects": objects, "excludeExportDetails": True, "includeReferencesDeep": False}
    return kibana.post("/api/saved_objects/_export", msgspec.json.encode(wanted))


def once_it_answers(call: Callable[[], T], seconds: float, wait: Callable[[str], None]) -> T:
    """Call until Kibana is there: it needs a minute and more to start.

    Args:
        call: safe to repeat.
        seconds: how long at most.
        wait: told why, each time before a rest.

    Raises:
        UnreachableError: it is not there after that time.
        MillraceError: whatever else the call raises, at once.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except UnreachableError as error:
            if time.monotonic() + _REST_SECONDS > deadline:
                raise
            wait(str(error))
            time.sleep(_REST_SECONDS)
