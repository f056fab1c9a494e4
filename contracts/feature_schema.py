"""The feature schema of a model: which features an event must carry, and of which kind."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from contracts.events import FeatureValue

FeatureKind = Literal["numeric", "categorical", "boolean"]

_PYTHON_TYPES: dict[str, frozenset[type]] = {
    "numeric": frozenset({float, int}),
    "categorical": frozenset({str}),
    "boolean": frozenset({bool}),
}
_EXPECTED = {"numeric": "a number", "categorical": "a string", "boolean": "true or false"}
_NULL = type(None)


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
    """The inputs of a model, in the order in which it was trained."""

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in training order."""
        return tuple(feature.name for feature in self.features)

    @property
    def all_numbers(self) -> bool:
        """Whether rows fit a plain float matrix (no strings)."""
        return all(feature.kind != "categorical" for feature in self.features)

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
            if accepted.issuperset(map(type, column)):
                continue
            for number, value in enumerate(column):
                if type(value) not in accepted and number not in found:
                    found[number] = _problem(feature, value)
        return found


def _problem(feature: Feature, value: FeatureValue) -> str:
    if value is None:
        return (
            f"feature '{feature.name}' is missing or null; "
            f"the model needs {_EXPECTED[feature.kind]}"
        )
    given = "a boolean" if isinstance(value, bool) else f"{type(value).__name__} {value!r:.60}"
    return f"feature '{feature.name}' must be {_EXPECTED[feature.kind]}, not {given}"
