"""The feature schema of a model: which features an event must carry, and of which kind."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.events import FeatureValue

FeatureKind = Literal["numeric", "categorical", "boolean", "text", "datetime"]
"""`text` is for reading, `categorical` for comparing; `datetime` is RFC 3339 with a zone, or
seconds since 1970."""

_PYTHON_TYPES: dict[str, frozenset[type]] = {
    "numeric": frozenset({float, int}),
    "categorical": frozenset({str}),
    "boolean": frozenset({bool}),
    "text": frozenset({str}),
    "datetime": frozenset({float, int, str}),
}
_EXPECTED = {
    "numeric": "a number",
    "categorical": "a string",
    "boolean": "true or false",
    "text": "a string",
    "datetime": "a time: RFC 3339 with a zone, or seconds since 1970",
}
_NULL = type(None)
_NUMBERS = frozenset({"numeric", "boolean", "datetime"})
_AS_RECEIVED = frozenset({"numeric", "boolean"})


class Feature(Struct, frozen=True):
    """One input of a model. `nullable` features may be null or left out."""

    name: str
    kind: FeatureKind
    nullable: bool = False

    @property
    def accepted_types(self) -> frozenset[type]:
        """Python types a decoded value may have."""
        types = _PYTHON_TYPES[self.kind]
        return types | {_NULL} if self.nullable else types


class FeatureSchema(Struct, frozen=True):
    """The inputs of a model, in the order in which it was trained.

    `frame`: the estimator asks for columns by name, even if all of them are numbers.
    """

    features: tuple[Feature, ...]
    frame: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in training order."""
        return tuple(feature.name for feature in self.features)

    @property
    def all_numbers(self) -> bool:
        """Whether rows fit a plain float matrix (no strings)."""
        return not self.frame and all(feature.kind in _NUMBERS for feature in self.features)

    @property
    def as_received(self) -> bool:
        """Whether values go into that matrix as they are decoded."""
        return self.all_numbers and all(f.kind in _AS_RECEIVED for f in self.features)

    def columns(self, rows: Sequence[Mapping[str, FeatureValue]]) -> list[list[FeatureValue]]:
        """Turn n rows into one list of n values per feature; absent values become None."""
        return [[row.get(name) for row in rows] for name in self.names]

    def problems(self, columns: Sequence[Sequence[FeatureValue]]) -> dict[int, str]:
        """Find the rows that do not fit, by column; the fast answer is an empty dict.

        Args:
            columns: what `columns` returned.

        Returns:
            Row number -> a sentence for whoever produced the row.
        """
        found: dict[int, str] = {}
        for feature, column in zip(self.features, columns, strict=True):
            accepted = feature.accepted_types
            if feature.kind != "datetime" and accepted.issuperset(map(type, column)):
                continue
            for number, value in enumerate(column):
                if number not in found and not _fits(feature, accepted, value):
                    found[number] = _problem(feature, value)
        return found


def seconds(value: FeatureValue | datetime) -> float:
    """A value of kind `datetime` as seconds since 1970; NaN if there is none.

    Raises:
        ValueError: it is no time (`msgspec.ValidationError`).
    """
    if value is None:
        return math.nan
    moment = msgspec.convert(value, _Moment)
    return moment.timestamp() if isinstance(moment, datetime) else moment


_Moment = Annotated[datetime, Meta(tz=True)] | float


def _fits(feature: Feature, accepted: frozenset[type], value: FeatureValue) -> bool:
    if type(value) not in accepted:
        return False
    if feature.kind == "datetime" and isinstance(value, str):
        try:
            seconds(value)
        except ValueError:
            return False
    return True


def _problem(feature: Feature, value: FeatureValue) -> str:
    if value is None:
        return (
            f"feature '{feature.name}' is missing or null; "
            f"the model needs {_EXPECTED[feature.kind]}"
        )
    given = "a boolean" if isinstance(value, bool) else f"{type(value).__name__} {value!r:.60}"
    return f"feature '{feature.name}' must be {_EXPECTED[feature.kind]}, not {given}"
