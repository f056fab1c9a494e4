"""The steps of a retraining on `model-events`: not only told, but what a restart goes on from."""

from typing import Any

from kafka.errors import KafkaError

from contracts.kafka_access import refusal
from contracts.model_events import ModelEventKind
from contracts.settings import Settings
from trainer.announcing import write_model_event
from trainer.author import author
from trainer.retraining.trail import Candidate, Retraining


def tell_began(settings: Settings, retraining: Retraining) -> None:
    """Write that it begins; errors as `tell_ended`."""
    _write(
        settings,
        "retraining_began",
        retraining,
        previous_version=retraining.champion,
        window=retraining.window,
        reason=retraining.why,
    )


def tell_retrained(settings: Settings, retraining: Retraining, candidate: Candidate) -> None:
    """Write that it has a candidate; errors as `tell_ended`."""
    _write(
        settings,
        "retrained",
        retraining,
        version=candidate.version,
        digest=candidate.digest,
        previous_version=retraining.champion,
        window=retraining.window,
    )


def tell_ended(
    settings: Settings, retraining: Retraining, reason: str, sequence: int | None = None
) -> None:
    """Write that it is over, and why.

    Args:
        sequence: of the deployment that it has led to.

    Raises:
        UnreachableError: Kafka did not confirm it.
        AccessError: it does not allow that.
    """
    candidate = retraining.candidate
    _write(
        settings,
        "retraining_ended",
        retraining,
        version=candidate and candidate.version,
        digest=candidate and candidate.digest,
        previous_version=retraining.champion,
        window=retraining.window,
        reason=reason,
        sequence=sequence,
    )


def _write(settings: Settings, kind: ModelEventKind, retraining: Retraining, **facts: Any) -> None:
    try:
        write_model_event(
            settings,
            kind,
            retraining.model,
            retraining=retraining.id,
            alert=retraining.alert,
            author=author(),
            **facts,
        )
    except KafkaError as error:
        raise refusal(settings, error) from error
