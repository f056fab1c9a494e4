"""What a panel is: a question, the documents that answer it, and the picture of the answer."""

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from prediction_log.indices import Kind

COLUMNS = 48
"""Of Kibana's grid; a row is some 20 pixels high."""
TIMESTAMP = "@timestamp"
_TIMES: Mapping[str, str] = {"alerts": "window.end"}
CLOCK_KINDS: tuple[Kind, ...] = ("dead-letters", "operations", "model-events")
"""Their documents stand at the time at which something happened, all others at event time."""

Operation = Literal[
    "count",
    "rate",
    "average",
    "sum",
    "min",
    "max",
    "median",
    "percentile",
    "unique_count",
    "latest",
]
"""`rate`: documents per second. `latest`: the newest of a date field."""
Chart = Literal[
    "line", "bar", "stacked", "shares", "area", "metric", "table", "heatmap", "documents"
]
"""`stacked` and `area` add up, `shares` add up to 100 %; `documents` are shown as they are."""
HEIGHTS: dict[Chart, int] = {"metric": 6, "table": 13, "documents": 15}
_HEIGHT = 12


def time_field(kind: Kind) -> str:
    """The time by which documents of a kind are found. Alerts are found by the window that raised
    or resolved them, not by when that was said: then those of a replay stand beside its drift."""
    return _TIMES.get(kind, TIMESTAMP)


class Filter(Struct, frozen=True):
    """Documents whose field has one of the values; with `other`, those that have none of them.
    Without values: those that have the field at all."""

    field: str
    values: tuple[str, ...] = ()
    other: bool = False


class Metric(Struct, frozen=True):
    """One figure.

    Args:
        label: with the unit, as on an axis.
        field: none for `count` and `rate`.
        percent: which percentile.
        decimals: how many are shown.
    """

    label: str
    operation: Operation = "count"
    field: str | None = None
    percent: float | None = None
    decimals: int = 0


class OverTime(Struct, frozen=True, tag=True):
    """One bucket per interval of `@timestamp`; `auto`: as long as fits the time that is shown."""

    label: str = "Time"
    every: Literal["auto", "day", "week"] = "auto"


class Terms(Struct, frozen=True, tag=True):
    """One bucket for each of the `size` most frequent values.

    Args:
        by: index of the metric that decides instead of the count; the greatest come first.
    """

    field: str
    label: str
    size: int = 10
    by: int | None = None


class Ranges(Struct, frozen=True, tag=True):
    """One bucket between each edge of a number and the next; the lower edge belongs to it."""

    field: str
    label: str
    edges: tuple[float, ...]


Breakdown = OverTime | Terms | Ranges


class Panel(Struct, frozen=True, kw_only=True):
    """One picture.

    Args:
        id: unique in its dashboard; ids in Kibana follow from it.
        question: what it answers, a sentence; people who cannot see the picture are told it.
        kind: whose documents.
        by: the first breakdown is the x axis, the second splits into series; a heatmap's second is
            its y axis; those of a table are its first columns.
        columns: the fields of `documents`.
        ceiling: of a heatmap's colours, which begin at 0: one value far out would leave all others
            alike.
        opens: the dashboard that a click on a value opens, filtered by it.
    """

    id: str
    title: str
    question: str
    kind: Kind
    chart: Chart
    metrics: tuple[Metric, ...] = ()
    by: tuple[Breakdown, ...] = ()
    filters: tuple[Filter, ...] = ()
    columns: tuple[str, ...] = ()
    ceiling: float | None = None
    opens: str | None = None

    @property
    def nesting(self) -> tuple[Breakdown, ...]:
        """Breakdowns from the outermost to the innermost bucket: what splits a chart comes before
        its x axis, so that the most frequent are those of the whole time."""
        return self.by if self.chart == "table" else tuple(reversed(self.by))


class Control(Struct, frozen=True):
    """A field that readers narrow a whole dashboard by; every panel's documents must have it."""

    field: str
    label: str


MODEL = Control("model.name", "Model")
VERSION = Control("model.version", "Version")
ROLE = Control("model.role", "Role")
ENTITY = Control("entity.id", "Entity")


class Placed(Struct, frozen=True):
    """A panel on the grid of 48 columns."""

    panel: Panel
    x: int
    y: int
    width: int
    height: int


class Dashboard(Struct, frozen=True, kw_only=True):
    """Panels beside and below each other.

    Args:
        rows: panels of one row share its width evenly and its height.
        since: the beginning of the time that is shown at first, in Elasticsearch's date math.
    """

    id: str
    title: str
    description: str
    rows: tuple[tuple[Panel, ...], ...]
    controls: tuple[Control, ...] = (MODEL, VERSION)
    since: str = "now-24h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in reading order."""
        return tuple(panel for row in self.rows for panel in row)

    @property
    def by_the_clock(self) -> bool:
        """Whether it knows nothing of event time: what it shows of a replay is of today."""
        return all(panel.kind in CLOCK_KINDS for panel in self.panels)

    def narrows(self, field: str) -> bool:
        """Whether all documents that it shows have the field, so that it can be narrowed by it."""
        return any(control.field == field for control in self.controls)

    def narrows_like(self, other: "Dashboard") -> bool:
        """Whether it is not left empty by what the other one is narrowed by."""
        return all(self.narrows(control.field) for control in other.controls)

    def placed(self, top: int = 0) -> Iterator[Placed]:
        """Where each panel stands; the first row begins at `top`."""
        for row in self.rows:
            height = max(HEIGHTS.get(panel.chart, _HEIGHT) for panel in row)
            edges = [COLUMNS * place // len(row) for place in range(len(row) + 1)]
            for panel, left, right in zip(row, edges, edges[1:], strict=False):
                yield Placed(panel, left, top, right - left, height)
            top += height
