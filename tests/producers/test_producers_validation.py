"""What a producer refuses before sending, and what it says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from contracts.errors import UsageError
from contracts.events import FeatureEvent, Label
from contracts.settings import Settings
from producers.validation import Validator

NOW = datetime.now(UTC)


def event(**fields: Any) -> FeatureEvent:
    usual = {
        "event_id": "e1",
        "entity_id": "n1",
        "occurred_at": NOW,
        "model": "m",
        "features": {"a": 1.5, "b": "x", "c": True, "d": None},
    }
    return FeatureEvent(**{**usual, **fields})


@pytest.fixture
def validator() -> Validator:
    return Validator(Settings(max_event_bytes=2000))


def test_an_event_is_keyed_by_its_entity_and_keeps_its_values(validator: Validator) -> None:
    key, value = validator.event(event())
    assert key == b"n1"
    assert json.loads(value)["features"] == {"a": 1.5, "b": "x", "c": True, "d": None}


def test_a_label_is_keyed_by_its_event(validator: Validator) -> None:
    key, value = validator.label(Label(event_id="e1", model="m", label=True, occurred_at=NOW))
    assert (key, json.loads(value)["label"]) == (b"e1", True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event_id": ""}, "event_id '' has 0 bytes"),
        ({"entity_id": "é" * 129}, "has 258 bytes as UTF-8"),
        ({"event_id": "\ud800"}, "not text that UTF-8 can hold"),
        ({"model": "No-Such"}, "cannot be the name of a model"),
        ({"occurred_at": datetime(2024, 1, 1)}, "has no time zone"),
        ({"occurred_at": 1_700_000_000_000.0}, "not milliseconds"),
        ({"occurred_at": float("nan")}, "too far"),
        ({"occurred_at": NOW + timedelta(days=1)}, "too far in the future"),
        ({"occurred_at": NOW - timedelta(days=21 * 366)}, "too far in the past"),
        ({"features": {"a": 1.0, "z": float("nan")}}, "'z' is nan"),
        ({"features": {"z": float("-inf")}}, "'z' is -inf"),
        ({"features": {"z": np.int64(3)}}, "'z' is a numpy.int64; give a plain"),
        ({"features": {"z": "\ud800"}}, "surrogates not allowed"),
        ({"features": {"z": "x" * 3000}}, "at most 2,000 are allowed"),
    ],
)
def test_an_event_that_would_become_a_dead_letter_is_refused(
    validator: Validator, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")) as refused:
        validator.event(event(**fields))
    assert len(str(refused.value)) < 400  # a sentence, not the event


def test_ids_of_256_bytes_are_allowed(validator: Validator) -> None:
    validator.event(event(event_id="é" * 128, entity_id="x" * 256))


@pytest.mark.parametrize("label", [float("inf"), "x" * 70_000])
def test_a_label_that_no_topic_takes_is_refused(validator: Validator, label: float | str) -> None:
    with pytest.raises(UsageError):
        validator.label(Label(event_id="e", model="m", label=label, occurred_at=NOW))
