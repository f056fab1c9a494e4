"""Why the confidence of a model changed: one question to the log after the other."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from elk.attribution.asking import Search
from elk.attribution.beside import (
    Chosen,
    Over,
    alerts,
    newest_bins,
    over_by_period,
    published,
    ratios,
    worth,
)
from elk.attribution.causes import Causes
from elk.attribution.changes import Change, change, largest_fall
from elk.attribution.course import Course, course_search, courses
from elk.attribution.groups import (
    MOST_SIGNALS,
    grouped,
    groups_search,
    parts,
    unlikely,
)
from elk.attribution.jumps import jumps
from elk.attribution.takeovers import takeovers
from elk.attribution.unchanged import unchanged
from elk.attribution.units import Unit, before_of, unit_of
from elk.dashboards.catalogue.figures import SERVING
from elk.dashboards.intervals import Span
from elk.dashboards.panels import Filter

_OF_WINDOWS = ("model.name", "model.version", "model.role")
"""Fields that documents of drift and performance have, too."""


class Explanation(Struct, frozen=True, kw_only=True):
    """How sure a model was, and why that changed.

    Args:
        whole: all time is looked at, so that there is none before.
        causes: of the change from the time before to the one that was asked for; where no time was,
            or nothing is known of the one before: of the largest fall within. None: there is none.
        over: by the beginning of a period the features over their limits, the worst first.
    """

    course: Course
    unit: Unit
    whole: bool
    causes: Causes | None
    over: dict[datetime, list[Over]]

    @property
    def change(self) -> Change | None:
        """That which has causes."""
        return None if self.causes is None else self.causes.change


def explain(
    search: Search, span: Span, filters: Mapping[str, Sequence[str]], *, whole: bool
) -> list[Explanation]:
    """One for each model that says how sure it is, the one with most answers first.

    Args:
        filters: field of the predictions -> values, any of which will do.
        whole: the time is all that there is, so that there is none before.

    Raises:
        MillraceError: what the search raises.
    """
    chosen = [Filter(field, tuple(values)) for field, values in filters.items() if values]
    unit = unit_of(span)
    before = None if whole else before_of(span)
    answer = search(("predictions",), course_search(span, before, unit, chosen))
    return [
        _explained(search, course, span, unit, chosen, whole=whole)
        for course in courses(answer, span, before, unit)
        if course.now is not None
    ]


def _explained(
    search: Search, course: Course, span: Span, unit: Unit, chosen: Chosen, *, whole: bool
) -> Explanation:
    others = [one for one in chosen if one.field != "model.name"]
    of_model = [Filter("model.name", (course.model,)), *others]
    of_windows = [one for one in of_model if one.field in _OF_WINDOWS]
    found = change(course.before, course.now) or largest_fall(course.periods)
    return Explanation(
        course=course,
        unit=unit,
        whole=whole,
        causes=None if found is None else _causes(search, course.model, found, of_model),
        over=over_by_period(search, span, unit, of_windows),
    )


def _causes(search: Search, model: str, found: Change, of_model: Chosen) -> Causes:
    before, now = (Span(one.start, one.end) for one in (found.before, found.now))
    either = Span(before.start, now.end)
    of_windows = [one for one in of_model if one.field in _OF_WINDOWS]
    newest = Filter("model.version", (found.now.versions[0].version,))
    documents = newest_bins(search, now.end, [*of_windows, newest, SERVING], MOST_SIGNALS)
    signals = tuple(grouped(documents))
    answer = search(("predictions",), groups_search(before, now, [*of_model, SERVING], signals))
    taken = takeovers(search, either, (model,))
    versions = list(dict.fromkeys(one.version for one in taken))
    said = published(search, model, versions) if versions else []
    answered = [one.alert for one in said if one.alert]
    of_alerts = [one for one in of_windows if one.field != "model.role"]
    narrowed = any(one.field in _OF_WINDOWS[1:] for one in of_model)
    return Causes(
        change=found,
        jumps=tuple(jumps(search, taken, found)),
        unchanged=None if narrowed else unchanged(search, model, found),
        published=tuple(said),
        unlikely=unlikely(answer, signals),
        parts=tuple(sorted(parts(answer, signals), key=lambda one: -one.part * found.size)),
        ratios=ratios(search, now, of_windows),
        alerts=tuple(alerts(search, now, answered, of_alerts)),
        worth=tuple(worth(search, before, now, of_windows)),
    )
