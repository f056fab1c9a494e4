"""What is known of each retraining, from `model-events` alone: what a crash leaves behind. Pure.

Whoever reads the same records comes to the same answer: the first word counts. A retraining that
begins while another of its model is open does not count, so a model has one at a time.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.model_events import ModelEvent
from contracts.windows import Window

_events = msgspec.json.Decoder(ModelEvent)


class Candidate(Struct, frozen=True):
    """What a retraining has trained."""

    version: str
    digest: str


class Retraining(Struct, frozen=True, kw_only=True):
    """One retraining, as far as it has come.

    Args:
        champion: the version that served when it began, which it is to replace.
        alert: what it answers to; None: the schedule.
        window: what it trains on, in event time.
        why: it began, in words.
        ended: what became of it, in words; None: it is not over.
        sequence: of the deployment that it has led to.
    """

    id: str
    model: str
    champion: str
    alert: str | None
    window: Window
    why: str
    candidate: Candidate | None = None
    ended: str | None = None
    sequence: int | None = None


class Trail:
    """All retrainings as far as the topic was read."""

    def __init__(self) -> None:
        self._known: dict[str, Retraining] = {}
        self._open: dict[str, str] = {}
        self._published: set[tuple[str, int]] = set()

    def take(self, values: Iterable[bytes]) -> None:
        """Read the next records; what is none of ours is passed over."""
        for value in values:
            try:
                event = _events.decode(value)
            except (ValueError, RecursionError):
                continue
            self._add(event)

    def of(self, model: str) -> Sequence[Retraining]:
        """Those of a model, in the order in which they began."""
        return tuple(one for one in self._known.values() if one.model == model)

    def open(self, model: str) -> Retraining | None:
        """The one that is not over."""
        known = self._open.get(model)
        return None if known is None else self._known[known]

    @property
    def all_open(self) -> Sequence[Retraining]:
        """Of all models."""
        return tuple(self._known[known] for known in self._open.values())

    def get(self, retraining: str) -> Retraining | None:
        """One by its id."""
        return self._known.get(retraining)

    def was_told(self, model: str, sequence: int) -> bool:
        """Whether a deployment was told of."""
        return (model, sequence) in self._published

    def _add(self, event: ModelEvent) -> None:
        if event.event == "published" and event.sequence is not None:
            self._published.add((event.model, event.sequence))
        if event.retraining is None:
            return
        known = self._known.get(event.retraining)
        if event.event == "retraining_began":
            if known is None and event.model not in self._open:
                self._begin(event, event.retraining)
        elif known is None or known.model != event.model or known.ended is not None:
            return
        elif event.event == "retrained" and event.version and event.digest:
            if known.candidate is None:
                candidate = Candidate(event.version, event.digest)
                self._known[known.id] = replace(known, candidate=candidate)
        elif event.event == "retraining_ended":
            ended = replace(known, ended=event.reason or "", sequence=event.sequence)
            self._known[known.id] = ended
            del self._open[known.model]

    def _begin(self, event: ModelEvent, retraining: str) -> None:
        window = event.window
        if window is None or event.previous_version is None or not _has_zones(window):
            return
        self._known[retraining] = Retraining(
            id=retraining,
            model=event.model,
            champion=event.previous_version,
            alert=event.alert,
            window=window,
            why=event.reason or "",
        )
        self._open[event.model] = retraining


def _has_zones(window: Window) -> bool:
    moments: tuple[datetime, ...] = (window.start, window.end)
    return all(moment.tzinfo is not None for moment in moments)
