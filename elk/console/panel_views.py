"""From the answer to a panel's query to what a page shows of it (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from elk.console.charts import chart
from elk.console.traces import FEW
from elk.console.views import Link, ShownCell, Tile, View, event_cell, page
from elk.console.words import figure, known, moment, natural
from elk.dashboards import Panel, Span, rows
from elk.dashboards.answers import Cell, columns, is_empty
from elk.dashboards.panels import Terms

NOTHING = "Nothing was found in this time."


def views(panel: Panel, answer: Mapping[str, Any], span: Span) -> list[View]:
    """One view, or none where there is nothing to show."""
    found = rows(panel, answer)
    if is_empty(panel, answer) and not _counted(panel, found):
        return []
    if panel.chart == "documents":
        return [_documents(panel, found)]
    keys = len(panel.by)
    listed: Sequence[Sequence[Cell]] = found
    if panel.chart != "table":
        listed = sorted((row for row in found if set(row[keys:]) != {None}), key=_of_people)
    table = View(
        columns=columns(panel),
        numbers=[False] * keys + [True] * len(panel.metrics),
        rows=[_row(panel, row) for row in listed],
    )
    if panel.chart == "table":
        return [table]
    if panel.chart == "metric":
        return [replace(table, tiles=_tiles(panel, found), alternative=True)]
    drawn = chart(panel, answer, span)
    few = any(True in trace.get("hollow", ()) for trace in drawn["data"])
    told = f"Hollow points: fewer than {FEW} answers." if few else ""
    return [replace(table, description=told, chart=drawn, alternative=True)]


def _of_people(row: Sequence[Cell]) -> list[tuple[str, Any]]:
    """By time or what stands first, and then as people count: version 9 before version 10."""
    return [(type(v).__name__, natural(v) if isinstance(v, str) else v) for v in row]


def _counted(panel: Panel, found: Sequence[Sequence[Cell]]) -> bool:
    """Whether it says how many there are of something: none is an answer, too."""
    return panel.chart == "metric" and not panel.by and found[0][0] is not None


def _row(panel: Panel, row: Sequence[Cell]) -> list[ShownCell]:
    keys = len(panel.by)
    figures = [
        figure(value, metric.decimals)
        for metric, value in zip(panel.metrics, row[keys:], strict=True)
    ]
    told = [known(value) for value in row[:keys]]
    if panel.opens is None:
        return [*told, *figures]
    narrowed = {
        part.field.replace(".", "_"): value
        for part, value in zip(panel.by, told, strict=True)
        if isinstance(part, Terms)
    }
    linked = [
        Link(value, page(panel.opens, **narrowed)) if isinstance(part, Terms) else value
        for part, value in zip(panel.by, told, strict=True)
    ]
    return [*linked, *figures]


def _tiles(panel: Panel, found: Sequence[Sequence[Cell]]) -> list[Tile]:
    keys = len(panel.by)
    return [
        Tile(
            " · ".join(map(known, row[:keys])) or metric.label,
            figure(value, metric.decimals),
        )
        for row in found
        for metric, value in zip(panel.metrics, row[keys:], strict=True)
    ]


def _documents(panel: Panel, found: Sequence[Sequence[Cell]]) -> View:
    names = columns(panel)
    # A column in which no document has anything takes room from the others.
    kept = [n for n in range(len(names)) if n == 0 or any(row[n] is not None for row in found)]
    return View(
        columns=[_spoken(names[n]) if n else "Time" for n in kept],
        numbers=[all(isinstance(row[n], float | None) for row in found) for n in kept],
        rows=[
            [_cell(names[n], row[n]) if n else moment(str(row[n])) for n in kept] for row in found
        ],
    )


def _spoken(field: str) -> str:
    """A field of documents as people say it."""
    return field.replace("_", " ").replace(".", " ").capitalize()


def _cell(name: str, value: Cell) -> ShownCell:
    if name == "event.id" and isinstance(value, str) and value:
        return event_cell(value)
    return known(value)
