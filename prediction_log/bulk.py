"""Lines of Elasticsearch's `_bulk` bodies."""

import msgspec
from msgspec import Struct

_json = msgspec.json.Encoder()


class _Target(Struct, rename={"index": "_index", "id": "_id"}):
    index: str
    id: str


class _Create(Struct):
    create: _Target


def create_lines(index: str, document_id: str, document: Struct) -> bytes:
    """Two lines that create a document; one with that id already there answers 409."""
    action = _json.encode(_Create(_Target(index, document_id)))
    return action + b"\n" + _json.encode(document) + b"\n"
