"""Reading the features of many events at once, straight from JSON into what a model is fed with.

A dictionary per event, and a look at the type of every value, cost more than most predictions. So
the rows of a batch are read by a decoder that is made for the schema and takes nothing else; a
batch that it does not take is read value by value, which finds the rows at fault and says why.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from contracts.events import FeatureValue, Moment
from contracts.feature_schema import Feature, FeatureSchema

Row = tuple[FeatureValue, ...]
"""The values of an event in the order of the schema; what is absent is None."""

_TYPES: dict[str, Any] = {
    "numeric": float,
    "categorical": str,
    "boolean": bool,
    "text": str,
    "datetime": Moment,
}


class RowReader:
    """A decoder for exactly the features of a schema.

    What it takes, `FeatureSchema.problems` finds nothing wrong with; not the other way round:
    features that the model does not know make it refuse, since nobody would have looked at them.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        fields = [_field(f"f{number}", feature) for number, feature in enumerate(schema.features)]
        self._decode: Callable[[msgspec.Raw], msgspec.Struct] | None = None
        try:
            exact = msgspec.defstruct(
                "Features",
                fields,
                rename={f"f{n}": feature.name for n, feature in enumerate(schema.features)},
                forbid_unknown_fields=True,
                kw_only=True,
                gc=False,
            )
        except ValueError:
            return  # msgspec has no such field names: quotes, backslashes, one of them twice
        self._decode = msgspec.json.Decoder(exact).decode

    def read(self, objects: Iterable[msgspec.Raw]) -> Sequence[Row] | None:
        """Read n JSON objects; None if one of them is not just the schema's features."""
        if self._decode is None:
            return None
        try:
            return list(map(astuple, map(self._decode, objects)))
        except (ValueError, RecursionError):
            return None


def _field(name: str, feature: Feature) -> tuple[str, Any] | tuple[str, Any, None]:
    kind = _TYPES[feature.kind]
    return (name, kind | None, None) if feature.nullable else (name, kind)
