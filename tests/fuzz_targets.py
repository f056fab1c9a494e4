"""Everything that reads bytes of strangers, each as a function of bytes that may not fail.

A target returns for any input: what the input is not, its decoder says by its own documented
answer or error. Any other exception is a finding.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.dead_letters import from_headers
from contracts.deployments import PAYLOAD_TYPE, ControlLog
from contracts.errors import DeploymentError, MillraceError, PackageError, SignatureError
from contracts.keys import TrustedKey, key_id
from contracts.packages import decode_manifest
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics
from elk.bulk_answers import BulkAnswer, judge
from elk.records import Rejection, Transcriber
from stream_workers.decoding import Limits, Refusal, decode_event, decode_features, refuse_time
from stream_workers.records import Record

Target = Callable[[bytes], None]

_NOW = 1_363_000_000.0
_LIMITS = Limits(1024 * 1024, 20 * 365.25 * 86_400, 3600)
_TOPICS = Topics(Settings(bootstrap_servers="none:1", elasticsearch="http://none"))
_TRANSCRIBER = Transcriber(
    Settings(bootstrap_servers="none:1", elasticsearch="http://none"),
    _TOPICS,
    {topic.name: "uuid" for topic in _TOPICS.all()},
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_TRUSTED = {key_id(KEY.public_key()): TrustedKey(KEY.public_key())}


class _Consumed(msgspec.Struct):
    """A record as the indexer's client gives it."""

    topic: str
    value: bytes | None
    headers: list[tuple[str, bytes]] | None
    partition: int = 0
    offset: int = 0
    timestamp: int = int(_NOW * 1000)
    key: bytes | None = None


def feature_event(data: bytes) -> None:
    """What a worker does with a record of `features`."""
    record = Record("features", 0, 0, b"k", data, _NOW, headers(data))
    event = decode_event(record, _LIMITS)
    if isinstance(event, Refusal):
        assert event.detail
        return
    decode_features(event)
    refuse_time(event, _NOW, _LIMITS)


def control_message(data: bytes) -> None:
    """What a worker does with a record of `model-control`."""
    with suppress(SignatureError, DeploymentError):
        ControlLog("local", _TRUSTED).accept(data, None)


def signed_deployment(data: bytes) -> None:
    """The same behind a signature: keys may be stolen."""
    with suppress(SignatureError, DeploymentError):
        ControlLog("local", _TRUSTED).accept(seal(data, PAYLOAD_TYPE, KEY), None)


def manifest(data: bytes) -> None:
    """What everybody does with the manifest of a package."""
    with suppress(PackageError):
        decode_manifest(data)


def dead_letter(data: bytes) -> None:
    """What the indexer and the command do with the headers of a dead letter."""
    with suppress(MillraceError):
        from_headers(headers(data))
    _transcribe(_TOPICS.dead_letters.name, data, headers(data))


def label(data: bytes) -> None:
    """What the indexer does with a record of `labels`."""
    _transcribe(_TOPICS.labels.name, data, [])


def prediction(data: bytes) -> None:
    """What the indexer does with a record of `predictions`."""
    _transcribe(_TOPICS.predictions.name, data, [])


def model_event(data: bytes) -> None:
    """What the indexer does with a record of `model-events`."""
    _transcribe(_TOPICS.model_events.name, data, [])


def bulk_answer(data: bytes) -> None:
    """What the indexer does with Elasticsearch's answer."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        judge(msgspec.json.decode(data, type=BulkAnswer).items)


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        feature_event,
        control_message,
        signed_deployment,
        manifest,
        dead_letter,
        label,
        prediction,
        model_event,
        bulk_answer,
    )
}


def headers(data: bytes) -> list[tuple[str, bytes]]:
    """Lines of `name: value` as headers; names are as a client could have read them."""
    pairs = (line.partition(b": ") for line in data.split(b"\n")[:100])
    return [(name.decode("utf-8", "replace"), value) for name, _, value in pairs]


def _transcribe(topic: str, value: bytes, found: list[tuple[str, bytes]]) -> None:
    record = _Consumed(topic, value, found)
    with suppress(Rejection):
        _TRANSCRIBER.lines(record)
    if _TRANSCRIBER.may_become_dead_letter(record):
        _TRANSCRIBER.origin(record)
