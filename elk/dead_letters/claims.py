"""Claims: who creates the document of a letter's replay is the only one who replays it.

Elasticsearch creates a document of one id only once, so that two operators, or one who starts
again after a crash, never send the same letter twice.
"""

import getpass
import os
import socket
import time
from collections.abc import Mapping, Sequence

import msgspec
from elasticsearch import ApiError, Elasticsearch, TransportError

from contracts.errors import MillraceError
from elk import backoff
from elk.bulk_answers import EXISTS, FILTER_PATH, BulkAnswer, Item
from prediction_log.bulk import create_lines
from prediction_log.indices import IndexNames
from prediction_log.replays import Claim, Replay, ReplayDocument, merge_lines

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_ATTEMPTS = 8


class Claims:
    """Claims letters and notes what became of them."""

    def __init__(self, client: Elasticsearch, names: IndexNames) -> None:
        self._client = client
        self._names = names

    def claim(self, claims: Mapping[str, Claim]) -> set[str]:
        """Claim letters by their ids.

        Returns:
            Those that are ours now; the others are somebody else's.

        Raises:
            MillraceError: Elasticsearch refused a claim; none of these was sent.
        """
        index = self._names.replays
        ids = list(claims)
        lines = [
            create_lines(index, letter, ReplayDocument(Replay(claimed=claim)))
            for letter, claim in claims.items()
        ]
        items = self._bulk(lines)
        won = {letter for letter, item in zip(ids, items, strict=True) if item.status < 300}
        refused = [item for item in items if item.status >= 300 and item.status != EXISTS]
        if refused:
            self.release({letter: claims[letter] for letter in won})
            raise MillraceError(
                f"Elasticsearch does not take claims of letters: {refused[0].error}"
            )
        return won

    def release(self, claims: Mapping[str, Claim]) -> int:
        """Open letters again that were certainly not sent, unless they are claimed anew or their
        record was acknowledged meanwhile.

        Returns:
            How many were opened.
        """
        return sum(self._release(letter, claim) for letter, claim in claims.items())

    def _release(self, letter: str, claim: Claim) -> bool:
        index = self._names.replays
        lenient = self._client.options(ignore_status=[404, EXISTS])
        found = lenient.get(index=index, id=letter).body
        if not found.get("found"):
            return False
        if msgspec.convert(found["_source"], ReplayDocument).replay != Replay(claimed=claim):
            return False
        deleted = lenient.delete(
            index=index,
            id=letter,
            if_seq_no=found["_seq_no"],
            if_primary_term=found["_primary_term"],
        )
        return bool(deleted.body.get("result") == "deleted")

    def note(self, replays: Mapping[str, Replay]) -> None:
        """Add what became of letters; tried for a while, since afterwards nobody knows it.

        Raises:
            MillraceError: Elasticsearch did not take it.
        """
        if not replays:
            return
        lines = [merge_lines(self._names, letter, replay) for letter, replay in replays.items()]
        for attempt in range(_ATTEMPTS):
            try:
                items = self._bulk(lines)
                if all(item.status < 300 for item in items):
                    return
            except (ApiError, TransportError):
                if attempt + 1 == _ATTEMPTS:
                    raise
            time.sleep(backoff.delay(attempt))
        raise MillraceError(
            f"Elasticsearch did not take what became of {len(lines)} replayed letters: run "
            "'millrace dead-letters recover' once it does"
        )

    def _bulk(self, lines: Sequence[bytes]) -> list[Item]:
        if not lines:
            return []
        response = self._client.perform_request(
            "POST", f"/_bulk?filter_path={FILTER_PATH}", headers=_HEADERS, body=b"".join(lines)
        )
        answer = msgspec.convert(response.body, BulkAnswer)
        return [action.create or action.update or Item(500) for action in answer.items]


def operator() -> str:
    """Who runs this: user, host and process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's uid without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}, process {os.getpid()}"
