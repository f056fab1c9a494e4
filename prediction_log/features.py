"""Features in a document: numbers in one place, words in another, so that a feature whose type
changes between two events changes its place instead of breaking the index."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from contracts.events import FeatureValue

MAX_NAME_LENGTH = 512
"""Longer feature names are left out: the mapping would carry them in every cluster state."""


class Features(Struct, frozen=True, gc=False):
    """`num` holds numbers, `cat` strings and booleans (as "true" or "false"). Numbers may be the
    bytes they came in."""

    num: dict[str, float] | Raw
    cat: dict[str, str]


_decode_numbers = msgspec.json.Decoder(dict[str, float]).decode
_decode_features = msgspec.json.Decoder(dict[str, FeatureValue] | None).decode
_NO_WORDS: dict[str, str] = {}
_seen: set[str] = set()
"""Names that are usable, to be asked for all names of an event at once."""
_MOST_SEEN = 10_000


def read_features(received: Raw) -> Features | None:
    """Sort the features of a message; those that are all numbers are passed on as they came.

    Raises:
        msgspec.ValidationError: they are no flat object of numbers, strings, booleans and nulls.
    """
    try:
        numbers = _decode_numbers(received)
    except msgspec.ValidationError:
        features = _decode_features(received)
        return None if features is None else split(features)
    given = bytes(received)
    if (
        # As many colons as names: none of them is there twice.
        given.count(b":") == len(numbers)
        # In a bulk request each document is a line.
        and b"\n" not in given
        and (_seen.issuperset(numbers) or _all_usable(numbers))
    ):
        return Features(received, _NO_WORDS)
    return split(numbers)


def split(features: Mapping[str, FeatureValue]) -> Features:
    """Sort features by type; nulls and names that Elasticsearch refuses (blank) are left out."""
    num: dict[str, float] = {}
    cat: dict[str, str] = {}
    for name, value in features.items():
        if not usable_name(name):
            continue
        if type(value) is float:  # by far the most frequent, so asked first
            num[name] = value
        elif isinstance(value, str):
            cat[name] = value
        elif isinstance(value, bool):
            cat[name] = "true" if value else "false"
        elif value is not None:
            num[name] = value
    return Features(num, cat)


def _all_usable(names: Iterable[str]) -> bool:
    usable = all(map(usable_name, names))
    if usable and len(_seen) < _MOST_SEEN:
        _seen.update(names)
    return usable


@lru_cache(maxsize=10_000)
def usable_name(name: str) -> bool:
    """Whether a mapping can have a field of this name."""
    return len(name) <= MAX_NAME_LENGTH and bool(name.strip())
