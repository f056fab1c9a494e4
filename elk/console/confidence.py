"""Why confidence fell: the change of each model in sentences, and its course, period by period."""

from collections.abc import Iterator

from elk.attribution.changes import Period, change
from elk.attribution.explanation import Explanation, explain
from elk.attribution.sentences import findings, headline
from elk.attribution.units import called
from elk.attribution.wording import moved, signed
from elk.console.choices import ABSOLUTE, Choices
from elk.console.log import Log
from elk.console.views import Answer, Link, ShownCell, View, page
from elk.console.words import NOTHING, moment

_MOST_OVER = 4
_BEGINS = {"week": "Week from"}
_MOST_SIGNALS = 12


def confidence(log: Log, choices: Choices) -> Answer:
    """The change of the time against the one before it; of all time the largest fall within.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    span = choices.span or log.all_time("predictions", choices.filters)
    found = explain(log.search, span, choices.filters, whole=choices.span is None)
    if not found:
        return Answer(
            nothing="No answer of this time has a confidence: choose another time, or all time. "
            "Only classifiers have one."
        )
    return Answer(
        views=[view for one in found for view in _views(one, several=len(found) > 1)],
        start=moment(span.start),
        end=moment(span.end),
    )


def _views(found: Explanation, *, several: bool) -> Iterator[View]:
    of = f"{found.course.model}: " if several else ""
    yield View(
        title=of + headline(found),
        findings=findings(found),
    )
    yield View(
        title=f"{of}{found.unit.capitalize()} by {found.unit}",
        columns=(
            _BEGINS.get(found.unit, found.unit.capitalize()),
            "Confidence",
            "Change",
            "Answers",
            "Versions",
            "Features over limits",
        ),
        numbers=(False, True, True, True, False, False),
        rows=list(_periods(found)),
    )
    causes = found.causes
    if found.change is None or causes is None or not causes.parts or not found.change.is_certain:
        return
    yield View(
        title=f"{of}Signal by signal",
        description=f"What a signal's own shift makes of the {signed(found.change.size)}, taken "
        "alone. Signals hang together: their parts overlap and do not add up.",
        columns=("Signal", "Alone would make", "Times its limit"),
        numbers=(False, True, True),
        rows=[
            [
                moved(part),
                signed(part.part),
                f"{causes.ratios[part.signal]:.2f}" if part.signal in causes.ratios else NOTHING,
            ]
            for part in causes.parts[:_MOST_SIGNALS]
        ],
        alternative=True,
    )


def _periods(found: Explanation) -> Iterator[list[ShownCell]]:
    before: Period | None = None
    for period in found.course.periods:
        moved_by = change(before, period)
        over = [f"{one.signal} {one.ratio:.1f}×" for one in found.over.get(period.start, ())]
        more = [f"{len(over) - _MOST_OVER} more"] if len(over) > _MOST_OVER else []
        closer = {
            "model_name": found.course.model,
            "range": ABSOLUTE,
            "from": f"{period.start:%Y-%m-%dT%H:%M:%S}",
            "to": f"{period.end:%Y-%m-%dT%H:%M:%S}",
        }
        yield [
            Link(_short(called(period.start, period.end, found.unit)), page("drift", **closer)),
            f"{period.mean:.2f}",
            NOTHING if moved_by is None else signed(moved_by.size),
            f"{period.rows:,}",
            ", ".join(f"{v.version} ({v.rows / period.rows:.0%})" for v in period.versions),
            ", ".join([*over[:_MOST_OVER], *more]) or NOTHING,
        ]
        before = period


def _short(name: str) -> str:
    return name.removeprefix("the week of ")
