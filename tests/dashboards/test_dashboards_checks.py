"""What is built has no problems, and every kind of breakage is found and said."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dashboards.opened import (
    Change,
    Objects,
    board,
    built,
    changed,
    column,
    layer,
    panel,
    state,
)

from contracts.settings import load_settings
from elk.dashboards import dashboards
from elk.dashboards.checking.problems import problems
from elk.dashboards.saved_objects import as_ndjson, saved_objects
from elk.dashboards.texts import text

PROJECT = Path(__file__).parents[2]


def test_what_is_built_has_no_problems() -> None:
    assert problems(built()) == []


def test_two_builds_are_equal_byte_by_byte(no_variables: None, tmp_path: Path) -> None:
    """In another process, whose sets have another order."""
    file = tmp_path / "dashboards.ndjson"
    command = [sys.executable, "-m", "cli", "dashboards", "build", "--output", str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "1"}, cwd=PROJECT)
    assert file.read_bytes() == built()


def test_keys_are_sorted() -> None:
    """Then a change of one panel is a change of one place in the file."""
    for line in built().decode().splitlines():
        assert line == json.dumps(
            json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )


def test_installations_beside_each_other_share_no_ids(no_variables: None) -> None:
    mine, other = (
        {json.loads(line)["id"] for line in as_ndjson(found).splitlines()}
        for found in (
            saved_objects(load_settings(), dashboards()),
            saved_objects(load_settings(index_prefix="other"), dashboards()),
        )
    )
    assert not mine & other


def test_nothing_is_lost_by_opening_and_closing() -> None:
    assert changed(lambda objects: None) == built()


def _first(kind: str, objects: Objects) -> dict[str, Any]:
    return next(one for one in objects if one["type"] == kind)


def _without_view(objects: Objects) -> None:
    objects.remove(next(one for one in objects if one["id"] == "millrace-drift"))


def _without_search(objects: Objects) -> None:
    objects.remove(_first("search", objects))


def _unknown_format(objects: Objects) -> None:
    attributes = _first("index-pattern", objects)["attributes"]
    attributes["fieldFormatMap"] = text({"verdict.states": {"id": "static_lookup"}})


def _of_another_view(objects: Objects) -> None:
    attributes = panel(objects, "Predictions")["embeddableConfig"]["attributes"]
    attributes["references"][0]["id"] = "millrace-labels"


def _unused(objects: Objects) -> None:
    extra = {"type": "index-pattern", "id": "millrace-labels", "name": "another"}
    board(objects)["references"].append(extra)


def _without_reference(objects: Objects, part: str) -> None:
    references = board(objects)["references"]
    references.remove(next(one for one in references if part in one["name"]))


def _renamed_field(objects: Objects) -> None:
    column(objects, "Mean confidence", "average")["sourceField"] = "prediction.confidences"


def _wrong_type(objects: Objects) -> None:
    column(objects, "Mean confidence", "average")["sourceField"] = "model.name"


def _text_field(objects: Objects) -> None:
    column(objects, "Dead letters by reason", "terms")["sourceField"] = "dead_letter.detail"


def _moved(objects: Objects, **place: int) -> None:
    panel(objects, "Mean confidence")["gridData"] |= place


def _other_place(objects: Objects) -> None:
    panel(objects, "Predictions")["gridData"]["i"] = "another"


def _same_name(objects: Objects) -> None:
    one, other = panel(objects, "Predictions"), panel(objects, "Mean confidence")
    one["panelIndex"] = one["gridData"]["i"] = other["panelIndex"]


def _dropped_column(objects: Objects) -> None:
    layer(objects, "Predictions by class")["columnOrder"].pop()


def _not_shown(objects: Objects) -> None:
    del state(objects, "Predictions by class")["visualization"]["layers"][0]["splitAccessor"]


def _metric_first(objects: Objects) -> None:
    layer(objects, "Predictions by class")["columnOrder"].reverse()


def _ordered_by_nothing(objects: Objects) -> None:
    params = column(objects, "Predictions by class", "terms")["params"]
    params["orderBy"]["columnId"] = "gone"


def _colours(objects: Objects) -> dict[str, Any]:
    found = state(objects, "Signals over time, times their limit", "Drift")
    palette: dict[str, Any] = found["visualization"]["palette"]
    return palette


def _doubled(objects: Objects) -> None:
    objects.append(json.loads(json.dumps(objects[0])))


CHANGES: dict[str, tuple[Change, str]] = {
    "no type version": (
        lambda o: board(o).pop("typeMigrationVersion"),
        "lacks or should not have typeMigrationVersion",
    ),
    "a newer type version": (
        lambda o: board(o).update(typeMigrationVersion="10.3.0"),
        "typeMigrationVersion is 10.3.0",
    ),
    "no core version": (lambda o: board(o).update(coreMigrationVersion=""), "coreMigrationVersion"),
    "an unknown attribute": (
        lambda o: board(o)["attributes"].update(hits=0),
        "attributes lack or should not have hits",
    ),
    "an unknown attribute of controls": (
        lambda o: board(o)["attributes"]["controlGroupInput"].update(more=1),
        "attributes of its controls",
    ),
    "an unknown attribute of a panel": (
        lambda o: panel(o, "Predictions").update(version="8.7.0"),
        "unknown version",
    ),
    "a strange type": (lambda o: _first("search", o).update(type="lens"), "no type that"),
    "no description": (lambda o: board(o)["attributes"].update(description=""), "nobody can tell"),
    "one id twice": (_doubled, "2 objects are index-pattern"),
    "no data view": (_without_view, "that is not in the file"),
    "words for the values of no field": (_unknown_format, "verdict.states, which documents do not"),
    "no saved search": (_without_search, "that is not in the file"),
    "another data view inside": (_of_another_view, "is not the one its panel holds"),
    "a reference too many": (_unused, "nothing uses reference another"),
    "a link to nowhere": (lambda o: _without_reference(o, ":link_"), "is missing"),
    "a drilldown to nowhere": (lambda o: _without_reference(o, "DRILLDOWN"), "is missing"),
    "a control without a data view": (
        lambda o: _without_reference(o, "optionsListDataView"),
        "is missing",
    ),
    "an unknown field": (_renamed_field, "documents have no field 'prediction.confidences'"),
    "a mean of words": (_wrong_type, "average does not fit 'model.name'"),
    "terms of a text": (_text_field, "no field 'dead_letter.detail' that can be aggregated"),
    "a wrong data type": (
        lambda o: column(o, "Mean confidence", "average").update(dataType="string"),
        "says it is string",
    ),
    "an unknown operation": (
        lambda o: column(o, "Mean confidence", "average").update(operationType="last_value"),
        "'last_value' is no operation",
    ),
    "a count of a field": (
        lambda o: column(o, "Predictions", "count").update(sourceField="model.name"),
        "instead of documents",
    ),
    "a column without a label": (lambda o: column(o, "Predictions", "count").pop("label"), "lacks"),
    "a filter on nothing": (
        lambda o: state(o, "Predictions")["query"].update(query='model.rôle : ("shadow")'),
        "cannot be read|which documents do not have",
    ),
    "a filter that is none": (
        lambda o: state(o, "Predictions")["query"].update(query="model.role:"),
        "cannot be read",
    ),
    "an unknown picture": (
        lambda o: panel(o, "Predictions")["embeddableConfig"]["attributes"].update(
            visualizationType="lnsFlower"
        ),
        "'lnsFlower' is no picture",
    ),
    "an unknown series": (
        lambda o: state(o, "Latency over time")["visualization"]["layers"][0].update(
            seriesType="lines"
        ),
        "'lines' is no series",
    ),
    "colours of another column": (
        lambda o: _colours(o).update(accessor="gone"),
        "its colours are of another column",
    ),
    "colours that fall": (
        lambda o: _colours(o)["params"]["colorStops"].reverse(),
        "its colours do not follow one another",
    ),
    "a panel without a question": (
        lambda o: panel(o, "Predictions")["embeddableConfig"]["attributes"].update(description=""),
        "does not say what it answers",
    ),
    "a panel without a title": (lambda o: panel(o, "Predictions").update(title=""), "no title"),
    "a column too few in the order": (_dropped_column, "columns and columnOrder differ"),
    "a column that is not shown": (_not_shown, "not what its columns are"),
    "a metric before its buckets": (_metric_first, "a metric stands before a bucket"),
    "an order by nothing": (_ordered_by_nothing, "ordered by a column that is not there"),
    "a panel on another": (lambda o: _moved(o, x=0), "lies on"),
    "a panel beyond the edge": (lambda o: _moved(o, x=40), "leaves the 48 columns"),
    "a panel of no height": (lambda o: _moved(o, h=0), "has no height"),
    "a panel without a width": (lambda o: panel(o, "Predictions")["gridData"].pop("w"), "no whole"),
    "a panel at another's place": (_other_place, "stands at the place of another"),
    "two panels of one name": (_same_name, "two panels have one panelIndex"),
    "a control for a text": (
        lambda o: next(iter(board(o)["attributes"]["controlGroupInput"]["panelsJSON"].values()))[
            "explicitInput"
        ].update(fieldName="alert.reason"),
        "has no values to choose",
    ),
    "a search for an unknown column": (
        lambda o: _first("search", o)["attributes"]["columns"].append("event.name"),
        "no field 'event.name'",
    ),
    "a search with another filter": (
        lambda o: _first("search", o)["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"][
            "query"
        ].update(query="a: b"),
        "cannot be read",
    ),
    "a broken string": (
        lambda o: board(o)["attributes"].update(optionsJSON="{"),
        "optionsJSON holds no JSON",
    ),
    "an object instead of a string": (
        lambda o: board(o)["attributes"].update(kibanaSavedObjectMeta={"searchSourceJSON": None}),
        "searchSourceJSON holds neither an object nor a list",
    ),
    "a panel without its content": (
        lambda o: panel(o, "Predictions").pop("embeddableConfig"),
        "not built as Kibana's",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_breakage_is_found_and_said(name: str) -> None:
    change, sentence = CHANGES[name]
    found = problems(changed(change))
    assert any(part in problem for problem in found for part in sentence.split("|")), found


def test_a_line_that_is_no_json_is_said() -> None:
    assert any("line 2 is not JSON" in p for p in problems(built().replace(b"\n", b"\n{\n", 1)))
    assert problems(b"[]\n") == ["line 1 is no object"]
