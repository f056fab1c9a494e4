"""Valid inputs of every target, from which fuzzing starts; from the contracts themselves."""

from datetime import UTC, datetime

import msgspec
from fuzz_targets import KEY

from contracts.dead_letters import DeadLetter, to_headers
from contracts.deployments import PAYLOAD_TYPE, Canary, DeployedVersion, Deployment
from contracts.events import Label, Latency, ModelRef, Prediction, Regression, Source
from contracts.feature_schema import Feature, FeatureSchema
from contracts.model_events import ModelEvent
from contracts.packages import DataWindow, GoldenSample, Manifest, Payload
from contracts.signatures import seal

_AT = datetime(2013, 3, 11, tzinfo=UTC)
_DIGEST = "0" * 64
_SOURCE = Source("features", "uuid", 0, 1)
_DEPLOYMENT = Deployment(
    environment="local",
    model="m",
    sequence=1,
    champion=DeployedVersion("1", _DIGEST),
    canary=Canary("2", _DIGEST, 0.1),
    author="me",
    reason="why",
    created_at=_AT,
)
_MANIFEST = Manifest(
    environment="local",
    model="m",
    version="1",
    task="regression",
    schema=FeatureSchema((Feature("size", "numeric"),)),
    payload=Payload("joblib", _DIGEST, 1),
    estimator="E",
    data=DataWindow(source="s", fingerprint="f", rows=1, target="y"),
    golden=(GoldenSample({"size": 1.0}, Regression(1.0)),),
    libraries={"scikit-learn": "1.9"},
    created_at=_AT,
    created_by="me",
)
_LETTER = DeadLetter(
    stage="worker",
    reason="invalid",
    detail="why",
    source=_SOURCE,
    sent_at=_AT,
    failed_at=_AT,
    member="w",
)
_PREDICTION = Prediction(
    event_id="e",
    entity_id="n",
    occurred_at=_AT,
    predicted_at=_AT,
    model=ModelRef("m", "1", "champion"),
    prediction=Regression(1.0),
    latency=Latency(1, 2, 3, 4),
    source=_SOURCE,
    worker="w",
    features={"size": 1.0},
)
_EVENT = (
    b'{"event_id":"e","entity_id":"n","occurred_at":"2013-03-11T00:00:00Z","model":"m",'
    b'"features":{"size":3,"city":"Oslo","vip":true,"gap":null}}'
)
_ANSWER = (
    b'{"items":[{"create":{"status":400,"error":{"type":"t","reason":"r",'
    b'"caused_by":{"reason":"c"}}}},{"create":{"status":201}}]}'
)

SEEDS: dict[str, bytes] = {
    "feature_event": _EVENT,
    "control_message": seal(msgspec.json.encode(_DEPLOYMENT), PAYLOAD_TYPE, KEY),
    "signed_deployment": msgspec.json.encode(_DEPLOYMENT),
    "manifest": msgspec.json.encode(_MANIFEST),
    "dead_letter": b"\n".join(
        name.encode() + b": " + value for name, value in to_headers(_LETTER, [("a", b"b")])
    ),
    "label": msgspec.json.encode(Label(event_id="e", model="m", label="yes", occurred_at=_AT)),
    "prediction": msgspec.json.encode(_PREDICTION),
    "model_event": msgspec.json.encode(
        ModelEvent(event="swapped", model="m", at=_AT, member="w", version="1")
    ),
    "bulk_answer": _ANSWER,
}
