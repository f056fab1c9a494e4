"""The published contract documents are current, valid, and true of real messages."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import schemas
from contracts.dead_letters import DeadLetter, to_headers
from contracts.deployments import PAYLOAD_TYPE, Canary, DeployedVersion, Deployment
from contracts.events import (
    Classification,
    FeatureEvent,
    Label,
    Latency,
    ModelRef,
    Prediction,
    Regression,
    Source,
)
from contracts.model_events import ModelEvent
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime.now(UTC)
SOURCE = Source("features", "id", 0, 1)
EVENT = FeatureEvent(
    event_id="e", entity_id="n", occurred_at=NOW, model="m", features={"a": 1.5, "b": None}
)
DEPLOYMENT = Deployment(
    environment="local",
    model="m",
    sequence=1,
    champion=DeployedVersion("1", "a" * 64),
    canary=Canary("2", "b" * 64, 0.1),
    author="me",
    reason="why",
    created_at=NOW,
)


def prediction(outcome: Classification | Regression) -> Prediction:
    return Prediction(
        event_id="e",
        entity_id="n",
        occurred_at=NOW,
        predicted_at=NOW,
        model=ModelRef("m", "1", "champion"),
        prediction=outcome,
        latency=Latency(1, 2, 3, 4),
        source=SOURCE,
        worker="w",
    )


MESSAGES = [
    ("feature-event", EVENT),
    ("feature-event", msgspec.structs.replace(EVENT, occurred_at=1.7e9, model=None)),
    ("label", Label(event_id="e", model="m", label=True, occurred_at=NOW)),
    ("prediction", prediction(Classification("1", 0.9, {"0": 0.1, "1": 0.9}))),
    ("prediction", prediction(Regression(1.5))),
    ("model-event", ModelEvent(event="swapped", model="m", at=NOW, member="w", version="2")),
    ("deployment", DEPLOYMENT),
]


def committed(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DOCS / "schemas" / f"{name}.json").read_text())
    return document


def test_the_committed_documents_are_those_of_the_types(tmp_path: Path) -> None:
    for path in schemas.write(tmp_path):
        there = DOCS / path.relative_to(tmp_path)
        assert there.read_text() == path.read_text(), "run: python -m contracts.schemas docs"
    names = {path.stem for path in (DOCS / "schemas").glob("*.json")}
    assert names == set(schemas.message_schemas())


@pytest.mark.parametrize("name", sorted(schemas.message_schemas()))
def test_every_schema_is_valid_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(committed(name))


@pytest.mark.parametrize(("name", "message"), MESSAGES)
def test_messages_as_they_are_encoded_fit_their_schema(name: str, message: msgspec.Struct) -> None:
    jsonschema.validate(json.loads(msgspec.json.encode(message)), committed(name))


def test_a_sealed_deployment_fits_the_schema_of_envelopes() -> None:
    sealed = seal(msgspec.json.encode(DEPLOYMENT), PAYLOAD_TYPE, Ed25519PrivateKey.generate())
    jsonschema.validate(json.loads(sealed), committed("envelope"))


@pytest.mark.parametrize("known", [True, False])
def test_the_headers_of_a_dead_letter_fit_their_schema(known: bool) -> None:
    letter = DeadLetter(
        stage="worker",
        reason="invalid",
        detail="feature 'a' must be a number",
        source=SOURCE,
        sent_at=NOW,
        failed_at=NOW,
        member="w",
        model="m" if known else None,
        event_id="e" if known else None,
        truncated=known,
    )
    headers = {name: value.decode() for name, value in to_headers(letter, [("mine", b"1")])}
    jsonschema.validate(headers, committed("dead-letter-headers"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_id": ""},
        {"event_id": 5},
        {"model": "No"},
        {"occurred_at": None},
        {"features": {"a": [1]}},
        {"features": None},
    ],
)
def test_what_a_worker_refuses_does_not_fit_the_schema(wrong: dict[str, Any]) -> None:
    event = {**json.loads(msgspec.json.encode(EVENT)), **wrong}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, committed("feature-event"))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(event), type=FeatureEvent)


def test_asyncapi_names_every_topic_with_its_limits() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    topics = {topic.name: topic for topic in Topics(Settings.model_construct()).all()}
    channels = {channel["address"]: channel for channel in document["channels"].values()}
    assert document["asyncapi"] == "3.0.0"
    assert channels.keys() == topics.keys()
    for name, topic in topics.items():
        kafka = channels[name]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"].keys() == topic.config.keys()


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    references = list(_references(document))
    assert len(references) > 20
    for reference in references:
        file, _, pointer = reference.partition("#")
        if file:
            assert (DOCS / file).is_file(), reference
            continue
        node = document
        for part in pointer.strip("/").split("/"):
            node = node[part]


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
