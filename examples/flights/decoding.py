"""Reading topics that anyone may write to: what is none of our messages is passed over."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoded(values: Iterable[bytes | None], kind: type[T]) -> Iterator[T]:
    """Those of some JSON values that are messages of a kind."""
    decode = msgspec.json.Decoder(kind).decode
    for value in values:
        try:
            yield decode(value or b"")
        except (ValueError, RecursionError):
            continue
