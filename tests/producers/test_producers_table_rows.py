"""From the cells of a file to events: order, ids, times, kinds of values, labels."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.errors import UsageError
from contracts.events import FeatureEvent, Label
from contracts.feature_schema import Feature, FeatureSchema
from contracts.tabular import read_table
from producers.table_rows import Columns, TableRows, label_columns, text_columns

SCHEMA = FeatureSchema(
    (
        Feature("a", "numeric", nullable=True),
        Feature("code", "categorical", nullable=True),
        Feature("flag", "boolean", nullable=True),
    )
)
TABLE = """key,at,a,code,flag,extra,y
k3,2024-01-03T00:00:00Z,3,03,true,zz,1
k1,2024-01-01T00:00:00Z,,01,,zz,0
k2,2024-01-02T00:00:00+00:00,2.5,,false,zz,
"""


def rows(tmp_path: Path, text: str, columns: Columns, name: str = "t.csv") -> TableRows:
    path = tmp_path / name
    path.write_text(text)
    frame = read_table(path, text_columns(SCHEMA, columns))
    return TableRows(frame, SCHEMA, columns, model="m", source=name)


def events(
    tmp_path: Path, text: str, first: int = 0, **columns: str
) -> list[tuple[FeatureEvent, Label | None]]:
    table = rows(tmp_path, text, Columns(**columns))
    return list(table.events(first, id_prefix="t-abc", now=lambda: 1234.5))


def test_only_the_models_features_are_sent_with_the_kind_the_model_knows(tmp_path: Path) -> None:
    assert [event.features for event, _ in events(tmp_path, TABLE)] == [
        {"a": 3.0, "code": "03", "flag": True},
        {"a": None, "code": "01", "flag": None},
        {"a": 2.5, "code": None, "flag": False},
    ]


def test_a_cell_that_is_not_of_its_kind_is_sent_as_it_is(tmp_path: Path) -> None:
    assert events(tmp_path, "a,flag\nmany,perhaps\n1,true\n")[0][0].features == {
        "a": "many",
        "flag": "perhaps",
    }


def test_events_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    sent = events(tmp_path, TABLE, id="key", time="at")
    assert [event.event_id for event, _ in sent] == ["k1", "k2", "k3"]
    assert sent[0][0].occurred_at == datetime(2024, 1, 1, tzinfo=UTC)


def test_rows_of_equal_time_keep_the_order_of_the_file(tmp_path: Path) -> None:
    lines = "".join(f"{n},2024-01-0{1 + n % 2}\n" for n in range(40))
    sent = events(tmp_path, "key,at\n" + lines, id="key", time="at")
    assert [int(e.event_id) for e, _ in sent] == [*range(0, 40, 2), *range(1, 40, 2)]


def test_without_a_time_column_events_occur_when_they_are_sent(tmp_path: Path) -> None:
    sent = events(tmp_path, TABLE, id="key")
    assert [(e.event_id, e.occurred_at) for e, _ in sent] == [
        ("k3", 1234.5),
        ("k1", 1234.5),
        ("k2", 1234.5),
    ]


def test_ids_without_a_column_tell_the_row_of_the_file(tmp_path: Path) -> None:
    sent = events(tmp_path, TABLE, time="at")
    assert [e.event_id for e, _ in sent] == ["t-abc-2", "t-abc-3", "t-abc-1"]
    assert [e.entity_id for e, _ in sent] == [e.event_id for e, _ in sent]


def test_continuing_gives_the_same_events_as_the_first_time(tmp_path: Path) -> None:
    assert (
        events(tmp_path, TABLE, 1, time="at", label="y")
        == events(tmp_path, TABLE, time="at", label="y")[1:]
    )


def test_ids_and_entities_keep_their_leading_zeros(tmp_path: Path) -> None:
    event, _ = events(tmp_path, "id,who,a\n007,01,1\n", id="id", entity="who")[0]
    assert (event.event_id, event.entity_id) == ("007", "01")


def test_several_label_columns_are_the_targets_that_are_known(tmp_path: Path) -> None:
    text = "a,late,kind\n1,true,x\n2,,y\n3,,\n"
    table = rows(tmp_path, text, Columns(label=label_columns(["late", "kind", "late"])))
    sent = table.events(0, id_prefix="t", now=lambda: 1.0)
    assert [label.label if label else None for _, label in sent] == [
        {"late": True, "kind": "x"},
        {"kind": "y"},
        None,
    ]
    assert (label_columns(["late"]), label_columns([]), label_columns(None)) == ("late", None, None)


def test_a_row_without_a_label_sends_none(tmp_path: Path) -> None:
    labels = [label for _, label in events(tmp_path, TABLE, id="key", time="at", label="y")]
    assert [label.label if label else None for label in labels] == [0, None, 1]
    assert labels[0] is not None
    assert labels[0].event_id == "k1"
    assert labels[0].occurred_at == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "expected"), [("true,false", [True, False]), ("late,on time", ["late", "on time"])]
)
def test_labels_keep_their_kind(tmp_path: Path, cells: str, expected: list[object]) -> None:
    text = "a,y\n" + "".join(f"1,{cell}\n" for cell in cells.split(","))
    assert [label.label for _, label in events(tmp_path, text, label="y") if label] == expected


def test_more_rows_than_are_built_at_once(tmp_path: Path) -> None:
    text = "key,a\n" + "".join(f"{n},{n}\n" for n in range(12_345))
    sent = events(tmp_path, text, id="key")
    assert [event.features["a"] for event, _ in sent] == list(range(12_345))


def test_repeated_ids_are_counted(tmp_path: Path) -> None:
    assert rows(tmp_path, "key,a\nx,1\ny,2\nx,3\nx,4\n", Columns(id="key")).repeated_ids == 2


def test_a_missing_nullable_feature_is_left_out_but_a_needed_one_is_an_error(
    tmp_path: Path,
) -> None:
    frame = read_table(_written(tmp_path, "a\n1\n"))
    needed = FeatureSchema((Feature("a", "numeric"), Feature("b", "numeric")))
    with pytest.raises(UsageError, match=r"no column 'b', which model 'm' needs; it has: a"):
        TableRows(frame, needed, Columns(), model="m", source="t.csv")
    assert events(tmp_path, "a\n1\n")[0][0].features == {"a": 1.0}


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        (TABLE, {"id": "nope"}, "no column 'nope'"),
        (TABLE, {"time": "code"}, "holds no times"),
        ("key,at\nx,\ny,2024-01-01\n", {"time": "at"}, "empty in 1 rows .the first is row 1"),
        ("key,a\nx,1\n,2\n", {"id": "key"}, "row 2 has not"),
        (f"key,a\n{'x' * 257},2\n", {"id": "key"}, "row 1 has not"),
        (TABLE, {"entity": "nope"}, "no column 'nope'"),
        ("a,y\n1,\n2,\n", {"label": "y"}, "holds no labels"),
    ],
)
def test_a_column_that_cannot_play_its_part_is_one_clear_sentence(
    tmp_path: Path, text: str, columns: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        rows(tmp_path, text, Columns(**columns))


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "w.csv"
    path.write_text(text)
    return path
