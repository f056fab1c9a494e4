"""Model events of the trainer: told to whoever listens, never a reason to fail."""

import logging
import os
import socket
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.control_topic import QUICK_TIMEOUT_MS
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import ConfigurationError
from contracts.events import Role
from contracts.kafka import python_client_settings
from contracts.model_events import ModelEvent, ModelEventKind
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.topics import Topics
from trainer.author import author
from trainer.canaries.verdicts import Verdict
from trainer.deployments.answer import Answer
from trainer.gate.checks import GateReport

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
    _tell(
        settings,
        "trained",
        manifest.model,
        version=manifest.version,
        digest=digest,
        previous_version=manifest.parent,
        author=author(),
    )


def announce_deployed(
    settings: Settings,
    deployment: Deployment,
    previous: Deployment | None,
    offset: int,
    answer: Answer | None = None,
) -> None:
    """Write a `published` event; the deployment holds whether or not that succeeds."""
    version, role = _what_changed(deployment, previous)
    _tell(
        settings,
        "published",
        deployment.model,
        version=version.version,
        digest=version.digest,
        role=role,
        sequence=deployment.sequence,
        previous_version=previous.champion.version if previous else None,
        reason=deployment.reason,
        author=deployment.author,
        control_offset=offset,
        paused=deployment.paused or None,
        **_cause(answer),
    )


def _what_changed(
    deployment: Deployment, previous: Deployment | None
) -> tuple[DeployedVersion | Canary, Role]:
    if previous is not None and previous.champion == deployment.champion:
        if deployment.canary is not None and deployment.canary != previous.canary:
            return deployment.canary, "canary"
        new = [shadow for shadow in deployment.shadows if shadow not in previous.shadows]
        if new:
            return new[0], "shadow"
    return deployment.champion, "champion"


def announce_gate(
    settings: Settings,
    report: GateReport,
    digest: str,
    reason: str | None,
    *,
    forced: bool,
    answer: Answer | None = None,
) -> None:
    """Write what the gate saw, and whether it was overruled, and why."""
    kind: ModelEventKind = "gate_passed" if report.passed else "gate_refused"
    if forced and not report.passed:
        kind = "gate_overruled"
    _tell(
        settings,
        kind,
        report.model,
        version=report.version,
        digest=digest,
        previous_version=report.champion,
        reason=reason if forced else report.failures or None,
        author=author(),
        checks=report.checks,
        **_cause(answer),
    )


def _cause(answer: Answer | None) -> dict[str, Any]:
    return {} if answer is None else {"retraining": answer.retraining, "alert": answer.alert}


def announce_verdict(
    settings: Settings, deployment: Deployment, canary: DeployedVersion, verdict: Verdict
) -> None:
    """Write what became of a canary, with the figures."""
    _tell(
        settings,
        "verdict",
        deployment.model,
        version=canary.version,
        digest=canary.digest,
        role="champion" if verdict.decision == "promote" else None,
        sequence=deployment.sequence,
        reason=f"{verdict.decision}: {verdict.why}",
        author=author(),
        checks=verdict.checks,
    )


def write_model_event(settings: Settings, kind: ModelEventKind, model: str, **facts: Any) -> None:
    """Write a model event; returns when every replica has it.

    Raises:
        KafkaError: Kafka did not confirm it; it may stand there or not.
        ConfigurationError: no Kafka is configured.
    """
    event = ModelEvent(event=kind, model=model, at=datetime.now(UTC), member=_member(), **facts)
    connection = python_client_settings(settings) | _LIMITS
    with closing(KafkaProducer(**connection, acks="all")) as producer:
        producer.send(
            Topics(settings).model_events.name,
            key=event.model.encode(),
            value=msgspec.json.encode(event),
        ).get(timeout=10)


def _tell(settings: Settings, kind: ModelEventKind, model: str, **facts: Any) -> None:
    try:
        write_model_event(settings, kind, model, **facts)
    except ConfigurationError:
        return  # nobody listens where no Kafka is configured
    except KafkaError as error:
        logger.warning("the model event '%s' was not written: %s", kind, error)


def _member() -> str:
    return f"trainer-{socket.gethostname()}-{os.getpid()}"
