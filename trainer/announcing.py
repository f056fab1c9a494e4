"""Model events of the trainer: told to whoever listens, never a reason to fail."""

import logging
import os
import socket
from contextlib import closing
from datetime import UTC, datetime

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.deployments import Deployment
from contracts.errors import ConfigurationError
from contracts.kafka import python_client_settings
from contracts.model_events import ModelEvent
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.topics import Topics
from trainer.author import author
from trainer.control_topic import QUICK_TIMEOUT_MS

_LIMITS = {
    "bootstrap_timeout_ms": QUICK_TIMEOUT_MS,
    "max_block_ms": QUICK_TIMEOUT_MS,
    "delivery_timeout_ms": 10_000,
    "request_timeout_ms": 5_000,
    "allow_auto_create_topics": False,
}

logger = logging.getLogger("trainer")


def announce_trained(settings: Settings, manifest: Manifest, digest: str) -> None:
    """Write a `trained` event if Kafka is there."""
    event = ModelEvent(
        event="trained",
        model=manifest.model,
        at=datetime.now(UTC),
        member=_member(),
        version=manifest.version,
        digest=digest,
        previous_version=manifest.parent,
        author=author(),
    )
    _send(settings, event)


def announce_published(
    settings: Settings, deployment: Deployment, previous: Deployment | None, offset: int
) -> None:
    """Write a `published` event; the deployment holds whether or not that succeeds."""
    event = ModelEvent(
        event="published",
        model=deployment.model,
        at=datetime.now(UTC),
        member=_member(),
        version=deployment.champion.version,
        digest=deployment.champion.digest,
        role="champion",
        sequence=deployment.sequence,
        previous_version=previous.champion.version if previous else None,
        reason=deployment.reason,
        author=deployment.author,
        control_offset=offset,
    )
    _send(settings, event)


def _send(settings: Settings, event: ModelEvent) -> None:
    try:
        connection = python_client_settings(settings) | _LIMITS
        with closing(KafkaProducer(**connection, acks="all")) as producer:
            producer.send(
                Topics(settings).model_events.name,
                key=event.model.encode(),
                value=msgspec.json.encode(event),
            ).get(timeout=10)
    except ConfigurationError:
        return  # nobody listens where no Kafka is configured
    except KafkaError as error:
        logger.warning("the model event '%s' was not written: %s", event.event, error)


def _member() -> str:
    return f"trainer-{socket.gethostname()}-{os.getpid()}"
