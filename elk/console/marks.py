"""Marks on the charts: when another version took over."""

from msgspec import Struct

from elk.attribution.takeovers import takeovers
from elk.console.choices import Choices
from elk.console.log import Log
from elk.console.traces import place
from elk.console.words import moment
from elk.dashboards import Dashboard

_MOST = 40
"""More would hide what they stand beside."""


class Mark(Struct, frozen=True):
    """One moment.

    Args:
        at: as Plotly writes times.
        label: short, beside the line; text: all of it.
    """

    at: str
    label: str
    text: str


def marks(log: Log, board: Dashboard, choices: Choices) -> list[Mark]:
    """The takeovers of the time, of the models that were chosen; none where no panel of a
    dashboard is of that time, or where there are very many.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    if board.by_the_clock:
        return []
    span = choices.span or log.all_time("predictions", choices.filters)
    found = takeovers(log.search, span, choices.filters.get("model.name", ()))
    if len(found) > _MOST:
        return []
    several = len({one.model for one in found}) > 1
    return [
        Mark(
            at=place(one.at),
            label=f"{one.model} {one.version}" if several else one.version,
            text=f"{one.model}: version {one.version} took over from {one.after}, {moment(one.at)}",
        )
        for one in found
    ]
