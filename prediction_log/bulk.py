"""Lines of Elasticsearch's `_bulk` bodies."""

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode


class _UpdateTarget(Struct, rename={"index": "_index", "id": "_id"}):
    index: str
    id: str
    retry_on_conflict: int = 5


class SeenDocument(Struct, frozen=True, kw_only=True):
    """A document as it was when it was read: what changed since is not overwritten (optimistic
    concurrency control by sequence numbers)."""

    index: str
    id: str
    if_seq_no: int
    if_primary_term: int


class _SeenTarget(Struct, rename={"index": "_index", "id": "_id"}):
    index: str
    id: str
    if_seq_no: int
    if_primary_term: int


class _Update(Struct):
    update: _UpdateTarget


class _Merge(Struct):
    doc: Struct
    doc_as_upsert: bool = True


def create_lines(index: str, document_id: str, document: Struct) -> bytes:
    """Two lines that create a document; one with that id already there answers 409."""
    return b'{"create":{"_index":%b,"_id":%b}}\n%b\n' % (
        _encode(index),
        _encode(document_id),
        _encode(document),
    )


def index_lines(index: str, document_id: str, document: Struct) -> bytes:
    """Two lines that write a document, whether or not one with that id is there."""
    return b'{"index":{"_index":%b,"_id":%b}}\n%b\n' % (
        _encode(index),
        _encode(document_id),
        _encode(document),
    )


def update_lines(index: str, document_id: str, document: Struct) -> bytes:
    """Two lines that merge fields into a document, which is created where there is none."""
    action = _encode(_Update(_UpdateTarget(index, document_id)))
    return action + b"\n" + _encode(_Merge(document)) + b"\n"


def replace_lines(seen: SeenDocument, document: Struct) -> bytes:
    """Two lines that replace a document; 409 if it is not as it was seen any more."""
    return b'{"index":%b}\n%b\n' % (_encode(_target(seen)), _encode(document))


def delete_line(seen: SeenDocument) -> bytes:
    """A line that deletes a document; 409 if it is not as it was seen any more."""
    return b'{"delete":%b}\n' % _encode(_target(seen))


def _target(seen: SeenDocument) -> _SeenTarget:
    return _SeenTarget(seen.index, seen.id, seen.if_seq_no, seen.if_primary_term)
