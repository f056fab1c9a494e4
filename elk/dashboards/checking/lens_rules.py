"""What a Lens panel shows is what its columns say, and fits the fields of the documents."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elk.dashboards.checking.reading import ReadObject, layers, lens_state, panel_name
from elk.dashboards.fields import field_type, shown_fields
from elk.dashboards.kql import read_kql
from elk.dashboards.lens_columns import RECORDS

_NUMBERS = frozenset({"long", "integer", "float", "double"})
_WORDS = frozenset({"keyword", "boolean"})
_FITTING: Mapping[str, frozenset[str]] = {
    "date_histogram": frozenset({"date"}),
    "terms": _WORDS,
    "range": _NUMBERS,
    "count": frozenset(),
    "average": _NUMBERS,
    "sum": _NUMBERS,
    "min": _NUMBERS | {"date"},
    "max": _NUMBERS | {"date"},
    "median": _NUMBERS,
    "percentile": _NUMBERS,
    "unique_count": _NUMBERS | _WORDS | {"date"},
}
"""Operation -> types of fields that it takes."""
_DATA_TYPES = {"keyword": "string", "boolean": "boolean", "date": "date"}
_SERIES = frozenset({"line", "bar", "bar_stacked", "bar_percentage_stacked", "area_stacked"})
_KINDS = frozenset({"lnsXY", "lnsMetric", "lnsDatatable", "lnsHeatmap"})
_COLUMN = frozenset(
    {"label", "dataType", "operationType", "sourceField", "isBucketed", "scale", "params"}
)


def lens_problems(objects: Sequence[ReadObject]) -> Iterator[str]:
    """A sentence for each panel, search or control that asks for what cannot be shown."""
    for found in objects:
        for panel in found.panels:
            if panel.get("type") == "lens":
                yield from (f"{found.name}: {panel_name(panel)}: {p}" for p in _panel(panel))
        for control in found.controls.values():
            name = control.get("explicitInput", {}).get("fieldName")
            if field_type(str(name)) not in _WORDS:
                yield f"{found.name}: a control is for '{name}', which has no values to choose"
        if found.body.get("type") == "search":
            yield from (f"{found.name}: {problem}" for problem in _search(found))


def _search(found: ReadObject) -> Iterator[str]:
    for column in found.body.get("attributes", {}).get("columns", []):
        if column not in shown_fields():
            yield f"documents have no field '{column}'"
    yield from _query(found.inside.get("searchSourceJSON", {}).get("query", {}))


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    attributes, state = panel["embeddableConfig"].get("attributes", {}), lens_state(panel)
    kind, shown = attributes.get("visualizationType"), state.get("visualization", {})
    if kind not in _KINDS:
        yield f"'{kind}' is no picture that dashboards use"
        return
    if not attributes.get("description"):
        yield "it does not say what it answers"
    yield from _query(state.get("query", {}))
    accessors = list(_accessors(shown))
    for _, layer in layers(panel):
        columns, order = layer.get("columns", {}), layer.get("columnOrder", [])
        if sorted(columns) != sorted(order):
            yield "columns and columnOrder differ"
        if sorted(accessors) != sorted(order):
            yield "what it shows is not what its columns are"
        buckets = [columns[c].get("isBucketed") for c in order if c in columns]
        if buckets != sorted(buckets, reverse=True):
            yield "a metric stands before a bucket"
        for column in columns.values():
            yield from _column(column, columns)
    if palette := shown.get("palette"):
        yield from _palette(palette, shown)
    for layer in shown.get("layers", []):
        if layer.get("seriesType") not in _SERIES:
            yield f"'{layer.get('seriesType')}' is no series that dashboards use"


def _accessors(shown: Mapping[str, Any]) -> Iterator[str]:
    """Ids of all columns that a visualisation of any kind shows."""
    names = ("metricAccessor", "breakdownByAccessor", "xAccessor", "yAccessor", "valueAccessor")
    for part in (shown, *shown.get("layers", [])):
        yield from (part[name] for name in (*names, "splitAccessor") if name in part)
        yield from part.get("accessors", [])
        yield from (column["columnId"] for column in part.get("columns", []))


def _palette(palette: Mapping[str, Any], shown: Mapping[str, Any]) -> Iterator[str]:
    if palette.get("accessor") != shown.get("valueAccessor"):
        yield "its colours are of another column than its values"
    params = palette.get("params", {})
    begins, ends = ([one["stop"] for one in params.get(n, ())] for n in ("colorStops", "stops"))
    if not begins or begins[1:] != ends[:-1] or begins != sorted(begins):
        yield "its colours do not follow one another"


def _column(column: Mapping[str, Any], others: Mapping[str, Any]) -> Iterator[str]:
    if missing := _COLUMN - set(column):
        yield f"a column lacks {', '.join(sorted(missing))}"
        return
    label, operation, field = column["label"], column["operationType"], column["sourceField"]
    if operation not in _FITTING:
        yield f"'{label}': '{operation}' is no operation that dashboards use"
        return
    if operation == "count":
        if field != RECORDS:
            yield f"'{label}' counts '{field}' instead of documents"
        return
    found = field_type(field)
    if found is None:
        yield f"'{label}': documents have no field '{field}' that can be aggregated from the start"
        return
    if found not in _FITTING[operation]:
        yield f"'{label}': {operation} does not fit '{field}', which is of the type {found}"
    elif operation not in ("unique_count", "range") and column["dataType"] != _DATA_TYPES.get(
        found, "number"
    ):
        yield f"'{label}' says it is {column['dataType']}, and '{field}' is of the type {found}"
    order = column["params"].get("orderBy", {})
    if order.get("type") == "column" and order.get("columnId") not in others:
        yield f"'{label}' is ordered by a column that is not there"


def _query(query: Mapping[str, Any]) -> Iterator[str]:
    try:
        for one in read_kql(str(query.get("query", ""))):
            if field_type(one.field) is None:
                yield f"its filter asks for '{one.field}', which documents do not have"
    except ValueError as error:
        yield f"its filter cannot be read: {error}"
