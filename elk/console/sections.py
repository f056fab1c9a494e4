"""What the console shows beside the panels of a dashboard, because it needs more than one figure
per bucket."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from elk.console.choices import Choices
from elk.console.confidence import confidence
from elk.console.drift_features import drift_features
from elk.console.log import Log
from elk.console.one_event import one_event
from elk.console.versions import deployed, live, measured
from elk.console.views import Answer


class Section(Struct, frozen=True):
    """Asked and shown as a panel is.

    Args:
        first: it stands above the panels.
    """

    id: str
    title: str
    question: str
    ask: Callable[[Log, Choices], Answer]
    first: bool = True


def _everything(log: Log, choices: Choices) -> Answer:
    return one_event(log, next(iter(choices.filters.get("event.id", ())), ""))


SECTIONS: Mapping[str, tuple[Section, ...]] = {
    "models": (
        Section("live", "Who is live", "Which versions has each worker loaded, as what?", live),
        Section(
            "deployed",
            "Newest deployments",
            "What was published last, by whom? All that was before: Operations.",
            deployed,
        ),
        Section("measured", "Versions on labels", "What is each version worth now?", measured),
    ),
    "drift": (
        Section(
            "confidence",
            "Why did confidence fall, or rise?",
            "A time that is chosen is compared with the time before it; of all time, the largest "
            "fall is looked at. Click on a time to look closer.",
            confidence,
        ),
        Section(
            "features",
            "Reference against now, signal by signal",
            "How does the newest window of this time differ from the training? The worst signals "
            "come first; an earlier end of the time shows an earlier window.",
            drift_features,
            first=False,
        ),
    ),
    "one-event": (
        Section(
            "everything",
            "Everything that is known",
            "Answers, labels, outcomes and dead letters of this event, in full.",
            _everything,
        ),
    ),
}
"""By the id of the dashboard that they belong to."""


def sections(dashboard: str) -> tuple[Section, ...]:
    """Those of a dashboard."""
    return SECTIONS.get(dashboard, ())
