"""Answering those who ask on `model-events` which versions run: `millrace models show --live`."""

import msgspec

from contracts.model_events import ModelEvent
from stream_workers.serving import WITHDRAWN, Serving
from stream_workers.telling import ModelEventWriter

_MOST_BYTES = 4096
"""A question is short; what is not is none, and not worth reading."""


def answer_question(value: bytes | None, serving: Serving, events: ModelEventWriter) -> None:
    """Tell what serves, if a record of `model-events` asks for it and there is such a model."""
    if value is None or len(value) > _MOST_BYTES or b'"asked"' not in value:
        return
    try:
        asked = msgspec.json.decode(value, type=ModelEvent)
    except (ValueError, RecursionError):
        return  # the indexer says what is wrong with it
    served, current = serving.models.get(asked.model), serving.in_effect(asked.model)
    if asked.event != "asked" or asked.question is None:
        return
    if current is None:
        why = serving.unavailable.get(asked.model, "no deployment was accepted")
        events.tell("serving", asked.model, None, question=asked.question, versions={}, reason=why)
        return
    events.tell(
        "serving",
        asked.model,
        current,
        question=asked.question,
        versions=served.roles if served else {},
        paused=current.paused or None,
        reason=WITHDRAWN if asked.model in serving.withdrawn else None,
    )
