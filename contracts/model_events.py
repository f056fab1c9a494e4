"""What happened to a model on its way into traffic. Topic `model-events`, keyed by model name."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from contracts.windows import Window

ModelEventKind = Literal[
    "trained",
    "gate_passed",
    "gate_refused",
    "gate_overruled",
    "published",
    "accepted",
    "rejected",
    "loaded",
    "swapped",
    "kept",
    "verdict",
    "asked",
    "serving",
    "retraining_began",
    "retrained",
    "retraining_ended",
]
"""`published`: a deployment was written and won. `kept`: loading failed, or no deployment counts
any more, and the worker went on with what it had. `verdict`: what became of a canary. `asked`:
somebody wants to know what workers run; each answers with `serving`. A retraining begins, has a
candidate, and ends: published, or `reason` says why not."""


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing looked at before a version serves; `limit` is what was asked for in words, `note`
    why there is no value."""

    name: str
    passed: bool
    value: float | None = None
    champion: float | None = None
    limit: str = ""
    note: str = ""


class ModelEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one version, told by the service that took it.

    `reason` says why something was rejected or kept; `load_ms` is the time from reading the
    package to the checked golden samples. `control_offset` is the deployment's place in
    `model-control`; with `member` it identifies the event. `checks` are the figures behind a
    decision of the gate or about a canary. `question` is that of `asked`, and comes back with the
    answer, whose `versions` are the version and role of all that is loaded. `retraining` is the id
    of one, `alert` that of what it answers to, and `window` what it trains on.
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
    checks: tuple[Check, ...] = ()
    question: str | None = None
    versions: dict[str, str] | None = None
    paused: bool | None = None
    alert: str | None = None
    retraining: str | None = None
    window: Window | None = None
