"""The contracts as documents: JSON Schema of every message and AsyncAPI of every topic.

`python -m contracts.schemas docs` writes `docs/schemas/*.json`, the page that lists them and
`docs/asyncapi.json`; a test keeps the committed files equal to what the types say.
"""

import json
import sys
from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from contracts.alerts import Alert
from contracts.dead_letters import PREFIX, PRODUCER_HEADER, Reason, Stage
from contracts.deployments import PAYLOAD_TYPE, Deployment
from contracts.erasures import Erasure
from contracts.events import SCHEMA_VERSION_HEADER, FeatureEvent, Label, Prediction
from contracts.model_events import ModelEvent
from contracts.service_stats import ServiceStats
from contracts.settings import Settings
from contracts.signatures import Envelope
from contracts.topics import Topic, Topics

JsonObject = dict[str, Any]
"""A JSON document on its way to a file; nothing in here is a message."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INTRODUCTION = """\
<!-- Generated from contracts/schemas.py by `make docs`: change it there. -->
# Messages as schemas

What is on which topic, as JSON Schema (draft 2020-12). [asyncapi.json](../asyncapi.json) has all of
it, with partitions, sizes and retention.

| topic | what | schema |
|---|---|---|
"""

_MESSAGES: Mapping[str, type[msgspec.Struct]] = {
    "feature-event": FeatureEvent,
    "label": Label,
    "prediction": Prediction,
    "model-event": ModelEvent,
    "alert": Alert,
    "service-stats": ServiceStats,
    "erasure": Erasure,
    "deployment": Deployment,
    "envelope": Envelope,
}
_VERSION_HEADERS: JsonObject = {
    "type": "object",
    "properties": {
        SCHEMA_VERSION_HEADER: {
            "type": "string",
            "const": "1",
            "description": "Major version of the message; absent means 1",
        },
        "traceparent": {
            "type": "string",
            "description": "W3C trace context, passed through to the prediction",
        },
        PRODUCER_HEADER: {
            "type": "string",
            "description": "Who sends it, for dead letters to be grouped by",
        },
    },
}


class _Channel(msgspec.Struct, frozen=True):
    attribute: str
    message: str
    action: Literal["send", "receive"]
    key: str
    summary: str
    content_type: str = "application/json"


_CHANNELS = (
    _Channel("features", "feature-event", "receive", "entity_id", "Events to be scored"),
    _Channel("labels", "label", "receive", "event_id", "What really happened to an event"),
    _Channel(
        "waiting",
        "feature-event",
        "send",
        "entity_id",
        "Events of models that are paused, as they came; marked by two headers",
    ),
    _Channel("predictions", "prediction", "send", "entity_id", "Predictions that serve"),
    _Channel(
        "shadow_predictions",
        "prediction",
        "send",
        "entity_id",
        "Predictions of shadow versions; never to act on",
    ),
    _Channel(
        "dead_letters",
        "dead-letter",
        "send",
        "that of the source record",
        "Records nobody could use: the original bytes, the reason in headers",
        "application/octet-stream",
    ),
    _Channel(
        "model_control",
        "envelope",
        "receive",
        "model name",
        f"Signed deployments: a DSSE envelope whose payload ({PAYLOAD_TYPE}) is a Deployment",
    ),
    _Channel("model_events", "model-event", "send", "model name", "Steps of versions into traffic"),
    _Channel("alerts", "alert", "send", "model name", "When a model drifts or is worse"),
    _Channel("erasures", "erasure", "send", "hash of the entity", "Whose data must not come back"),
    _Channel("service_stats", "service-stats", "send", "member", "How every process is doing"),
)
_SCHEMAS_OF = {
    "dead-letter": ("dead-letter-headers",),
    "envelope": ("envelope", "deployment"),
}
"""Of messages that are not described by the schema of their name alone."""


def message_schemas() -> dict[str, JsonObject]:
    """File name without suffix -> JSON Schema (draft 2020-12) of the message."""
    schemas = {name: _schema(name, type_) for name, type_ in _MESSAGES.items()}
    schemas["dead-letter-headers"] = _dead_letter_headers()
    return dict(sorted(schemas.items()))


def asyncapi() -> JsonObject:
    """The AsyncAPI 3.0 document, with topic names and sizes as the default settings give."""
    topics = Topics(Settings.model_construct())
    channels, operations = {}, {}
    for channel in _CHANNELS:
        topic: Topic = getattr(topics, channel.attribute)
        name = _camel(channel.attribute)
        channels[name] = {
            "address": topic.name,
            "description": channel.summary,
            "messages": {channel.message: {"$ref": f"#/components/messages/{channel.message}"}},
            "bindings": {
                "kafka": {
                    "topic": topic.name,
                    "partitions": topic.partitions,
                    "topicConfiguration": {k: _number(v) for k, v in topic.config.items()},
                    "bindingVersion": "0.5.0",
                }
            },
        }
        operations[f"{channel.action}{name[0].upper()}{name[1:]}"] = {
            "action": channel.action,
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": channel.summary,
            "messages": [{"$ref": f"#/channels/{name}/messages/{channel.message}"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Millrace",
            "version": "1",
            "description": "Streaming inference on Kafka: events in, predictions out. "
            "`receive` is what Millrace reads, `send` what it writes.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": {c.message: _message(c) for c in _CHANNELS}},
    }


def overview() -> str:
    """The Markdown of the page that lists the schemas, topic by topic."""
    topics = Topics(Settings.model_construct())
    rows = []
    for channel in _CHANNELS:
        names = _SCHEMAS_OF.get(channel.message, (channel.message,))
        files = ", ".join(f"[{name}]({name}.json)" for name in names)
        topic: Topic = getattr(topics, channel.attribute)
        rows.append(f"| `{topic.name}` | {channel.summary} | {files} |")
    return _INTRODUCTION + "\n".join(rows) + "\n"


def write(docs: Path) -> list[Path]:
    """Write all documents below a folder and give their paths."""
    schemas = docs / "schemas"
    texts = {schemas / f"{n}.json": rendered(schema) for n, schema in message_schemas().items()}
    texts[schemas / "README.md"] = overview()
    texts[docs / "asyncapi.json"] = rendered(asyncapi())
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def rendered(document: JsonObject) -> str:
    """A document as it stands in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schema(name: str, type_: type[msgspec.Struct]) -> JsonObject:
    schema = _clean(msgspec.json.schema(type_))
    return {"$schema": DIALECT, "$id": f"urn:millrace:{name}:1", **schema}


def _clean(node: Any) -> Any:
    """Docstrings without their indentation, which Python keeps up to 3.12 and strips from 3.13."""
    if isinstance(node, dict):
        return {
            key: cleandoc(value)
            if key == "description" and isinstance(value, str)
            else _clean(value)
            for key, value in node.items()
        }
    return [_clean(item) for item in node] if isinstance(node, list) else node


def _message(channel: _Channel) -> JsonObject:
    message: JsonObject = {
        "name": channel.message,
        "contentType": channel.content_type,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": channel.key},
                "bindingVersion": "0.5.0",
            }
        },
    }
    if channel.message == "dead-letter":
        return message | {
            "headers": {"$ref": "./schemas/dead-letter-headers.json"},
            "payload": {"type": "string", "format": "binary"},
        }
    return message | {
        "headers": _VERSION_HEADERS,
        "payload": {"$ref": f"./schemas/{channel.message}.json"},
    }


def _dead_letter_headers() -> JsonObject:
    text: JsonObject = {"type": "string"}
    moment: JsonObject = {"type": "string", "format": "date-time"}
    whole: JsonObject = {"type": "string", "pattern": "^[0-9]+$"}
    fields: dict[str, JsonObject] = {
        "stage": text | {"enum": list(get_args(Stage))},
        "reason": text | {"enum": list(get_args(Reason))},
        "detail": text | {"description": "One sentence the producer of the record can act on"},
        "source-topic": text,
        "source-topic-id": text,
        "source-partition": whole,
        "source-offset": whole,
        "sent-at": moment,
        "failed-at": moment,
        "member": text | {"description": "The process that set the record aside"},
        "model": text,
        "event-id": text,
        "producer": text | {"description": "Who sent the record, by its header `producer`"},
        "truncated": text | {"const": "true", "description": "Only the beginning was kept"},
        "replay-of": text | {"description": "The letter whose replay failed again"},
        "replay-first": text | {"description": "The record's first letter"},
        "replay-attempt": whole | {"description": "How often the record has failed by now"},
        "replay-first-seen": moment,
    }
    optional = {"model", "event-id", "producer", "truncated"}
    optional |= {name for name in fields if name.startswith("replay-")}
    return {
        "$schema": DIALECT,
        "$id": "urn:millrace:dead-letter-headers:1",
        "title": "DeadLetterHeaders",
        "description": "Headers of a record on `dead-letters`, UTF-8; the source's own come first",
        "type": "object",
        "properties": {PREFIX + name: schema for name, schema in fields.items()},
        "required": [PREFIX + name for name in fields if name not in optional],
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _number(value: str) -> int | str | list[str]:
    if value == "delete":
        return [value]  # AsyncAPI gives cleanup policies as a list
    return int(value) if value.lstrip("-").isdigit() else value


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
