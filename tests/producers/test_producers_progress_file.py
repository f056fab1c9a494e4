"""The saved progress of a replay: found again, locked, and refused when it does not fit."""

from pathlib import Path

import msgspec
import pytest

from contracts.errors import UsageError
from producers.progress_file import ProgressFile, SavedReplay, check_resumable
from producers.sources import TableFile
from producers.table_rows import Columns

SAVED = SavedReplay(
    replay_id="abcd1234",
    file="t.csv",
    sha256="0" * 64,
    model="m",
    columns=Columns(id="key"),
    rows=100,
    rows_done=40,
    positions={"features": {0: 7, 3: 9}},
    topic_ids={"features": "one"},
)


def progress_file(tmp_path: Path, **changes: str) -> ProgressFile:
    given = {"file": "t.csv", "model": "m", "topic": "features", **changes}
    return ProgressFile(tmp_path, Path(given["file"]), given["model"], given["topic"])


def saved(tmp_path: Path) -> ProgressFile:
    file = progress_file(tmp_path)
    with file.exclusively():
        file.save(SAVED)
    return file


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    saved(tmp_path)
    assert progress_file(tmp_path).load() == SAVED
    assert not SAVED.finished


@pytest.mark.parametrize("label", [None, "y", ("late", "kind")])
def test_a_replay_goes_on_with_the_label_columns_it_had(
    tmp_path: Path, label: str | tuple[str, ...] | None
) -> None:
    columns = Columns(id="key", label=label)
    file = saved(tmp_path)
    file.save(msgspec.structs.replace(SAVED, columns=columns))
    found = file.load()
    assert found is not None
    check_resumable(found, sha256=SAVED.sha256, columns=columns, topic_ids=SAVED.topic_ids)
    other = Columns(id="key", label=("late", "more"))
    with pytest.raises(UsageError, match="other columns"):
        check_resumable(found, sha256=SAVED.sha256, columns=other, topic_ids=SAVED.topic_ids)


def test_a_progress_file_of_an_older_release_is_read(tmp_path: Path) -> None:
    file = saved(tmp_path)
    text = file.path.read_text()
    columns = '"columns":{"id":"key","entity":null,"time":null,"label":"y"}'
    assert columns.replace('"y"', "null") in text
    file.path.write_text(text.replace(columns.replace('"y"', "null"), columns))
    found = file.load()
    assert found is not None
    assert found.columns == Columns(id="key", label="y")


@pytest.mark.parametrize("change", [{"model": "n"}, {"topic": "x.features"}, {"file": "u.csv"}])
def test_another_model_topic_or_file_is_another_replay(
    tmp_path: Path, change: dict[str, str]
) -> None:
    saved(tmp_path)
    assert progress_file(tmp_path, **change).load() is None


@pytest.mark.parametrize("damage", [b"", b"{", b'{"rows": 1}', b"\xff\xfe", b"[]"])
def test_a_damaged_file_says_so(tmp_path: Path, damage: bytes) -> None:
    file = saved(tmp_path)
    file.path.write_bytes(damage)
    with pytest.raises(UsageError, match=r"damaged.*without --resume"):
        file.load()


def test_two_replays_of_one_file_at_once_are_refused(tmp_path: Path) -> None:
    with (
        progress_file(tmp_path).exclusively(),
        pytest.raises(UsageError, match="another process"),
        progress_file(tmp_path).exclusively(),
    ):
        pass


def test_a_replay_can_go_on_if_nothing_changed() -> None:
    check_resumable(
        SAVED, sha256="0" * 64, columns=Columns(id="key"), topic_ids={"features": "one"}
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sha256": "1" * 64}, "has changed since row 40 of 100"),
        ({"columns": Columns(id="key", label="y")}, "label: y"),
        ({"topic_ids": {"features": "two"}}, "created anew"),
    ],
)
def test_a_replay_cannot_go_on_if_something_changed(changed: dict[str, object], words: str) -> None:
    now = msgspec.structs.replace(SAVED, **changed)
    with pytest.raises(UsageError, match=words):
        check_resumable(SAVED, sha256=now.sha256, columns=now.columns, topic_ids=now.topic_ids)


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    before = TableFile(path).fingerprint()
    path.write_text("a\n2\n")
    assert TableFile(path).fingerprint() != before
    with pytest.raises(UsageError, match="there is no file"):
        TableFile(tmp_path / "none.csv").fingerprint()
    with pytest.raises(UsageError, match="cannot be read"):
        TableFile(tmp_path).fingerprint()
