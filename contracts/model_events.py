"""What happened to a model on its way into traffic. Topic `model-events`, keyed by model name."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

ModelEventKind = Literal[
    "trained", "published", "accepted", "rejected", "loaded", "swapped", "kept"
]
"""`kept`: loading failed and the worker went on with the version it had."""


class ModelEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one version, told by the service that took it.

    `reason` says why something was rejected or kept; `load_ms` is the time from reading the
    package to the checked golden samples. `control_offset` is the deployment's place in
    `model-control`; with `member` it identifies the event.
    """

    event: ModelEventKind
    model: str
    at: datetime
    member: str
    version: str | None = None
    digest: str | None = None
    role: str | None = None
    sequence: int | None = None
    previous_version: str | None = None
    load_ms: float | None = None
    reason: str | None = None
    author: str | None = None
    control_offset: int | None = None
