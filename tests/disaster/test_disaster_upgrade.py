"""Old and new side by side: workers, messages, index templates and packages."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

import msgspec
import pytest
from chaos.deployer import Deployer
from chaos.evidence import Witness
from chaos.verdict import judge
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from elasticsearch import BadRequestError, Elasticsearch
from service_processes import PROJECT, ServiceProcesses
from waiting import wait_until

from contracts.deployments import PAYLOAD_TYPE, ControlLog
from contracts.errors import SignatureError
from contracts.kafka import create_topics
from contracts.keys import TrustedKey, key_id, load_trusted_keys
from contracts.package_loading import load_scorer
from contracts.packages import Package, decode_manifest
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics
from elk.records import Rejection, Transcriber
from prediction_log.template import install_template, template_body
from stream_workers.decoding import Limits, ReceivedEvent, Refusal, decode_event

RELEASE_0_1 = Path(__file__).parent / "package_0_1"
LIMITS = Limits(1024, 1e12, 1e12)


class Message(NamedTuple):
    """A record as both clients give it, as far as decoding looks at it."""

    topic: str
    value: bytes
    headers: list[tuple[str, bytes]]
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_700_000_000_000
    key: bytes | None = b"k"
    overhead_bytes: int = 0
    sent_at: float | None = None


# Messages


EVENT = {"event_id": "e", "entity_id": "n", "occurred_at": 1.7e9, "model": "m", "features": {}}
PREDICTION = {
    "event_id": "e",
    "entity_id": "n",
    "occurred_at": "2026-03-01T00:00:00Z",
    "predicted_at": "2026-03-01T00:00:01Z",
    "model": {"name": "m", "version": "1", "role": "champion", "future": 1},
    "prediction": {"task": "regression", "value": 1.0, "future": [2]},
    "latency": {"queue_ms": 1, "inference_ms": 1, "total_ms": 1, "event_age_ms": 1, "future": 3},
    "source": {"topic": "features", "topic_id": "u", "partition": 0, "offset": 1, "future": {}},
    "worker": "w",
}


def test_fields_of_a_later_release_are_ignored() -> None:
    future = json.dumps({**EVENT, "future": {"a": [1]}}).encode()
    assert isinstance(decode_event(_message("features", future), LIMITS), ReceivedEvent)
    topics = Topics(Settings())
    transcriber = Transcriber(Settings(), topics, {})
    for content in (PREDICTION, {**PREDICTION, "future": "x"}):
        record = _message(topics.predictions.name, json.dumps(content).encode())
        document = json.loads(transcriber.lines(record).splitlines()[1])
        assert "future" not in str(document)


def test_a_higher_schema_version_is_set_aside_until_a_newer_release_runs() -> None:
    header = [("schema-version", b"2")]
    refused = decode_event(_message("features", json.dumps(EVENT).encode(), header), LIMITS)
    assert isinstance(refused, Refusal)
    assert "schema-version" in refused.detail
    topics = Topics(Settings())
    transcriber = Transcriber(Settings(), topics, {})
    for topic in (topics.predictions, topics.labels, topics.model_events):
        with pytest.raises(Rejection, match="run a newer one, then 'millrace dead-letters replay'"):
            transcriber.lines(_message(topic.name, json.dumps(PREDICTION).encode(), header))


def test_a_deployment_with_later_fields_counts_and_one_of_a_later_version_does_not() -> None:
    key = Ed25519PrivateKey.generate()
    control = ControlLog("local", {key_id(key.public_key()): TrustedKey(key.public_key())})
    deployment = {
        "environment": "local",
        "model": "m",
        "sequence": 1,
        "champion": {"version": "1", "digest": "0" * 64, "future": 1},
        "author": "a",
        "reason": "r",
        "created_at": "2026-03-01T00:00:00Z",
        "future": {"x": 1},
    }
    payload = json.dumps(deployment).encode()
    later = PAYLOAD_TYPE.replace(".v1+", ".v2+")
    with pytest.raises(SignatureError, match=r"v2\+json', expected"):
        control.accept(seal(payload, later, key), None)
    assert control.accept(seal(payload, PAYLOAD_TYPE, key), None).sequence == 1


# Packages


def test_a_package_of_an_older_release_still_loads() -> None:
    package = Package(
        *((RELEASE_0_1 / name).read_bytes() for name in ("manifest.json", "payload")),
        signature=(RELEASE_0_1 / "signature.json").read_bytes(),
    )
    trusted = load_trusted_keys(RELEASE_0_1 / "keys", "packages")
    manifest, scorer = load_scorer(
        package, digest=package.digest, environment="local", trusted=trusted
    )
    rows = [golden.features for golden in manifest.golden]
    assert [o and o.label for o in scorer.predict(scorer.schema.columns(rows))] == [  # type: ignore[union-attr]
        golden.prediction.label  # type: ignore[union-attr]
        for golden in manifest.golden
    ]


def test_a_manifest_with_later_fields_is_read() -> None:
    content = json.loads((RELEASE_0_1 / "manifest.json").read_bytes())
    content |= {"future": 1, "data": {**content["data"], "future": 2}}
    assert decode_manifest(json.dumps(content).encode()).model == "orders"


# Index templates


@pytest.fixture
def elasticsearch(settings: Settings) -> Iterator[Elasticsearch]:
    client = Elasticsearch(settings.elasticsearch_url)
    yield client
    client.close()


@pytest.mark.stack
def test_an_older_indexer_leaves_a_newer_template_and_a_newer_one_brings_its_own(
    settings: Settings, elasticsearch: Elasticsearch
) -> None:
    prefix = settings.index_prefix
    older, newer = _release(settings, -1), _release(settings, +1)
    del older["template"]["mappings"]["properties"]["trace"]
    newer["template"]["mappings"]["properties"]["future"] = {"type": "keyword"}
    elasticsearch.indices.put_index_template(name=prefix, body=older)
    elasticsearch.index(index=f"{prefix}-labels-m-2020.01", document={"event": {"id": "e"}})
    traced = {"event": {"id": "e"}, "trace": {"id": "t"}}
    with pytest.raises(BadRequestError, match="strict_dynamic_mapping"):
        elasticsearch.index(index=f"{prefix}-labels-m-2020.01", document=traced)

    install_template(settings)

    for month in ("2020.01", "2020.02"):
        elasticsearch.index(index=f"{prefix}-labels-m-{month}", document=traced)
    elasticsearch.indices.put_index_template(name=prefix, body=newer)
    elasticsearch.index(index=f"{prefix}-labels-m-2020.03", document={"future": "x"})

    install_template(settings)  # an indexer of this release, after an outage

    elasticsearch.index(index=f"{prefix}-labels-m-2020.04", document={"future": "x"} | traced)
    elasticsearch.index(index=f"{prefix}-labels-m-2020.03", document=traced)


def _release(settings: Settings, step: int) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(template_body(settings)))
    body["version"] += step
    body["template"]["mappings"]["_meta"]["version"] += step
    return body


# Workers


@pytest.mark.stack
def test_workers_are_replaced_one_by_one_under_load_by_ones_that_deliver_otherwise(
    settings: Settings, running: ServiceProcesses, tmp_path: Path
) -> None:
    running.environment["PYTHONPATH"] = f"{PROJECT}:{PROJECT / 'tests'}"
    record = tmp_path / "acknowledged"
    record.touch()
    create_topics(settings)
    deployer = Deployer(settings)
    deployer.next_version()
    deployer.flush()
    witness = Witness(settings.kafka, settings.elasticsearch_url, settings.topic_prefix, record)
    running.start("elk", ["indexer"])
    workers = [_worker(running, "at_least_once") for _ in range(2)]
    load = running.start("chaos.load", [str(record), "100"])
    _wait_until_it_flows(witness)
    for delivery in ("exactly_once", "exactly_once", "at_least_once"):
        workers.append(_worker(running, delivery))
        _wait_until_it_flows(witness)
        assert workers.pop(0).stop() == 0
        _wait_until_it_flows(witness)
    assert load.stop() == 0
    events = sum(witness.ends("features").values())
    wait_until(lambda: _outcomes(witness) >= events, 120, "every event's outcome")
    verdict = judge(witness.evidence(), "at_least_once", finished=True)
    assert not verdict.differences, str(verdict)
    assert verdict.counts["events"] == events > 0


def _worker(running: ServiceProcesses, delivery: str) -> Any:
    return running.start(
        "stream_workers", MILLRACE_DELIVERY=delivery, MILLRACE_SESSION_TIMEOUT_MS="6000"
    )


def _wait_until_it_flows(witness: Witness) -> None:
    before = _outcomes(witness)
    wait_until(lambda: _outcomes(witness) > before + 50, 120, "events becoming documents")


def _outcomes(witness: Witness) -> int:
    try:
        return witness.outcomes()
    except HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return 0  # an index is just being created


def _message(topic: str, value: bytes, headers: Any = ()) -> Any:
    return Message(topic, value, list(headers))
