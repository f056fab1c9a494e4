"""What is older than what is kept, told by names and dates alone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from contracts.errors import UsageError
from contracts.settings import Settings
from contracts.windows import Window
from elk.retention.closed import is_open, still_measured
from elk.retention.due import dated, due, months_kept
from elk.retention.months import kept_from, month_of

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)


def gone(names: list[str], newest: dict[str, datetime] | None = None, **keep: int) -> list[str]:
    """Names of what is due, each group in brackets of its own."""
    kinds = months_kept(Settings(**{f"keep_months_{kind}": n for kind, n in keep.items()}))
    indices = [index for name in names if (index := dated("millrace", name))]
    return [
        " ".join(index.name.removeprefix("millrace-") for index in group.indices)
        for group in due(indices, newest or {}, kinds, NOW)
    ]


def test_nothing_is_old_without_a_setting():
    assert gone(["millrace-predictions-m-1999.01", "millrace-operations-2020.01"]) == []


def test_so_many_whole_months_stay_beside_the_one_under_way():
    names = [f"millrace-predictions-m-2026.{month:02}" for month in range(1, 6)]

    assert gone(names, predictions=3) == ["predictions-m-2026.01"]
    assert gone(names, predictions=1) == [f"predictions-m-2026.0{month}" for month in (1, 2, 3)]


def test_what_a_month_has_of_a_model_goes_together_and_oldest_first():
    names = [
        "millrace-predictions-m-2026.02",
        "millrace-predictions-m-2026.01",
        "millrace-outcomes-m-2026.01",
        "millrace-labels-n-2026.01",
    ]

    assert gone(names, predictions=1, outcomes=1, labels=1) == [
        "predictions-m-2026.01 outcomes-m-2026.01",
        "labels-n-2026.01",
        "predictions-m-2026.02",
    ]


def test_days_stay_until_their_month_is_old():
    names = ["millrace-predictions-m-2026.01.31", "millrace-predictions-m-2026.02.01"]

    assert gone(names, predictions=3) == ["predictions-m-2026.01.31"]


def test_kinds_have_months_of_their_own():
    names = ["millrace-predictions-m-2026.01", "millrace-labels-m-2026.01"]

    assert gone(names, labels=3, predictions=6) == ["labels-m-2026.01"]


def test_undated_letters_go_by_their_newest():
    name = "millrace-dead-letters-undated"

    assert gone([name], {name: datetime(2026, 1, 31, tzinfo=UTC)}, dead_letters=3) == [
        "dead-letters-undated"
    ]
    assert gone([name], {name: datetime(2026, 2, 1, tzinfo=UTC)}, dead_letters=3) == []
    assert gone([name], dead_letters=3) == []


@pytest.mark.parametrize(
    "name",
    [
        "millrace-drift-m-2020",
        "millrace-performance-m-2020",
        "millrace-summaries-m-2020",
        "millrace-model-events-2020",
        "millrace-alerts-2020",
        "millrace-replays-dead-letters",
        "millrace-test-predictions-m-2020.01",
        "other-predictions-m-2020.01",
        "millrace-predictions-m-2020.13",
        "millrace-predictions-m-0000.01",
        "millrace-predictions-m-2020.01-copy",
        "millrace-predictions-my-copy-2020.01",
        "millrace-predictions-m-undated",
    ],
)
def test_what_is_kept_for_ever_and_what_is_not_ours_is_never_old(name: str):
    assert dated("millrace", name) is None


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 2000))
def test_the_newest_document_that_goes_is_as_old_as_is_said(now: datetime, months: int):
    kept = kept_from(now, months)

    assert kept < now or kept.year == 1
    assert kept.year == 1 or (now.year - kept.year) * 12 + now.month - kept.month == months


def test_months_end_where_the_next_begins_and_time_does():
    assert month_of(2026, 12).end == month_of(2027, 1).start
    assert month_of(9999, 12).end > month_of(9999, 12).start


def test_a_window_with_any_part_in_a_closed_month_is_not_measured_again():
    closed = [month_of(2026, 1)]
    week = Window(datetime(2026, 1, 26, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))
    next_week = Window(week.end, datetime(2026, 2, 9, tzinfo=UTC))

    assert not is_open(closed, week)
    assert is_open(closed, next_week)
    assert still_measured(closed, next_week.end)(next_week)
    assert not still_measured(closed, week.end)(next_week)


@pytest.mark.parametrize("options", ["--dry-run --yes", "--dry-run --every 1", "--every 1"])
def test_what_cannot_be_meant_is_refused(options: str, no_variables: None):
    result = CliRunner().invoke(app, ["retention", *options.split()])

    assert isinstance(result.exception, UsageError)
