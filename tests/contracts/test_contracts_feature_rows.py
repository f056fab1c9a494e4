"""The fast way of reading features takes only what the careful way finds nothing wrong with."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor

from contracts.events import FeatureValue
from contracts.feature_schema import Feature, FeatureSchema
from contracts.scorer import Scorer

NUMBERS = FeatureSchema((Feature("a", "numeric"), Feature("b", "numeric", nullable=True)))
FLAGS = FeatureSchema((Feature("a", "numeric"), Feature("b", "boolean")))
MIXED = FeatureSchema((Feature("a", "categorical", nullable=True), Feature("b", "numeric")))

decode = msgspec.json.Decoder(dict[str, FeatureValue]).decode
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abä€", max_size=3)
)


def scorer(schema: FeatureSchema) -> Scorer:
    return Scorer("regression", schema, DummyRegressor())


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return bool(one.equals(other) and (one.dtypes == other.dtypes).all())


@pytest.mark.parametrize("schema", [NUMBERS, FLAGS, MIXED])
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), values), min_size=1, max_size=4))
def test_rows_that_are_read_at_once_are_those_that_are_read_one_by_one(
    schema: FeatureSchema, rows: list[dict[str, FeatureValue]]
) -> None:
    objects = [msgspec.Raw(msgspec.json.encode(row)) for row in rows]
    read = scorer(schema).read(objects)
    columns = schema.columns([decode(one) for one in objects])
    if read is None:
        assert schema.problems(columns) or any("c" in row for row in rows)
    else:
        assert schema.problems(columns) == {}
        assert same(read, scorer(schema).inputs(columns))


@pytest.mark.parametrize(
    "features",
    [
        b'{"a": 1, "b": 2, "new": {"x": 1}}',
        b'{"a": 1, "b": 2, "new": "\xff"}',
        b'{"a": 1, "a": "2", "b": 1}',
        b'{"b": 1}',
        b'{"a": 1e999, "b": 1}',
        b'{"a": true, "b": 1}',
        b"[1, 2]",
    ],
)
def test_what_somebody_must_look_at_is_not_taken(features: bytes) -> None:
    good = msgspec.Raw(b'{"a": 1, "b": 2}')
    assert scorer(NUMBERS).read([good, msgspec.Raw(features), good]) is None


@pytest.mark.parametrize("name", ['"', "a\\b", "\n", "\u00e4 \u20ac", ""])
def test_features_with_odd_names_are_read_one_way_or_the_other(name: str) -> None:
    odd = scorer(FeatureSchema((Feature(name, "numeric"),)))
    read = odd.read([msgspec.Raw(msgspec.json.encode({name: 1.5}))])
    assert read is None or read.tolist() == [[1.5]]  # type: ignore[union-attr]
