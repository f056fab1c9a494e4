"""What a page shows of an answer: figures, a chart and always a table; sent to browsers as JSON."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from elk.attribution.sentences import Finding


class Link(Struct, frozen=True):
    """A cell that leads to another page of the console."""

    text: str
    href: str


class Tile(Struct, frozen=True):
    """One figure, large."""

    label: str
    value: str


ShownCell = str | Link


class View(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to look at.

    Args:
        title, description: where one answer has several views.
        findings: shown as sentences, above all else.
        numbers: which columns are right-aligned.
        chart: Plotly's `data` and `layout`, without colours: those are the page's.
        alternative: the table says what the chart or the tiles say, and is shown on demand.
    """

    title: str = ""
    description: str = ""
    findings: Sequence[Finding] = ()
    tiles: Sequence[Tile] = ()
    columns: Sequence[str] = ()
    numbers: Sequence[bool] = ()
    rows: Sequence[Sequence[ShownCell]] = ()
    chart: dict[str, Any] | None = None
    alternative: bool = False


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a panel shows.

    Args:
        start, end: the time that was looked at, for people.
        nothing: why there is no view, as a sentence.
    """

    views: Sequence[View] = ()
    start: str = ""
    end: str = ""
    nothing: str = ""


def page(dashboard: str, **values: str | None) -> str:
    """The address of a dashboard, narrowed; `model_name` stands for `model.name`."""
    wanted = {name.replace("_", "."): value for name, value in values.items() if value}
    return f"/{dashboard}?{urlencode(wanted)}" if wanted else f"/{dashboard}"


def event_cell(event: str) -> ShownCell:
    """An event id that leads to all that is known of it."""
    return Link(event, page("one-event", event_id=event))
