"""Lines of Elasticsearch's `_bulk` bodies."""

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode


class _UpdateTarget(Struct, rename={"index": "_index", "id": "_id"}):
    index: str
    id: str
    retry_on_conflict: int = 5


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
