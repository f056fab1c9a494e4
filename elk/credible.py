"""What records may say of themselves, and what is not believed (pure)."""

from collections.abc import Sequence

from contracts.events import SCHEMA_VERSION_HEADER, Source

_KNOWN_VERSIONS = (None, b"", b"1")


def refused_version(headers: Sequence[tuple[str, bytes]]) -> str | None:
    """Why a record of this major version cannot be read, None if it can.

    A later one may mean something else by the same fields. Not for dead letters: they carry the
    version of their original, which their own headers do not depend on.
    """
    version = dict(headers).get(SCHEMA_VERSION_HEADER)
    if version in _KNOWN_VERSIONS:
        return None
    return (
        f"schema-version {version!r:.20} is not known, this indexer reads 1: run a newer one, then "
        "'millrace dead-letters replay'"
    )


def is_credible(source: Source) -> bool:
    """Whether a dead letter with these coordinates can itself be read and indexed."""
    return (
        0 < len(source.topic) <= 249
        and 0 < len(source.topic_id) <= 64
        and 0 <= source.partition < 2**31
        and 0 <= source.offset < 2**63
    )
