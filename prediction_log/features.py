"""Features in a document: numbers in one place, words in another, so that a feature whose type
changes between two events changes its place instead of breaking the index."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from contracts.events import FeatureValue

MAX_NAME_LENGTH = 512
"""Longer feature names are left out: the mapping would carry them in every cluster state."""


class Features(Struct, frozen=True):
    """`num` holds numbers, `cat` strings and booleans (as "true" or "false")."""

    num: dict[str, float]
    cat: dict[str, str]


def split(features: Mapping[str, FeatureValue]) -> Features:
    """Sort features by type; nulls and names that Elasticsearch refuses (blank) are left out."""
    num: dict[str, float] = {}
    cat: dict[str, str] = {}
    for name, value in features.items():
        if not _usable(name):
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


@lru_cache(maxsize=10_000)
def _usable(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and bool(name.strip())
