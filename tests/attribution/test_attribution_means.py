"""What a difference between two means is made of, and when a mean fell."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elk.attribution.changes import Change, Period, change, largest_fall
from elk.attribution.mix import Group, part_of_mix
from elk.attribution.units import called, end_of, unit_of
from elk.dashboards.intervals import Span

START = datetime(2024, 1, 1, tzinfo=UTC)


def groups(*pairs: tuple[int, float]) -> list[Group]:
    return [Group(rows, mean if rows else None) for rows, mean in pairs]


def mean(found: list[Group]) -> float:
    return sum(g.rows * (g.mean or 0.0) for g in found) / sum(g.rows for g in found)


def course(*means: float, rows: int = 1000, spread: float = 0.1) -> list[Period]:
    return [
        Period(
            start=START + timedelta(days=day),
            end=START + timedelta(days=day + 1),
            rows=rows,
            mean=value,
            spread=spread,
        )
        for day, value in enumerate(means)
    ]


def test_another_mixture_alone_makes_the_whole_difference() -> None:
    before, now = groups((80, 0.9), (20, 0.5)), groups((20, 0.9), (80, 0.5))
    assert part_of_mix(before, now) == pytest.approx(mean(now) - mean(before)) == -0.24


def test_the_same_mixture_makes_none_of_it() -> None:
    assert part_of_mix(groups((80, 0.9), (20, 0.5)), groups((160, 0.7), (40, 0.3))) == 0


def test_a_group_that_comes_or_goes_is_a_matter_of_the_mixture() -> None:
    before, now = groups((100, 0.9), (0, 0)), groups((50, 0.9), (50, 0.3))
    assert part_of_mix(before, now) == pytest.approx(-0.3)
    assert part_of_mix(now, before) == pytest.approx(0.3)
    assert part_of_mix(groups((0, 0)), groups((5, 0.5))) == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 1000), st.integers(1, 1000), st.floats(0, 1), st.floats(0, 1)),
        min_size=1,
        max_size=8,
    )
)
def test_the_rest_of_the_difference_lies_within_the_groups(
    rows: list[tuple[int, int, float, float]],
) -> None:
    before = groups(*((a, p) for a, _, p, _ in rows))
    now = groups(*((b, q) for _, b, _, q in rows))
    totals = [sum(g.rows for g in time) for time in (before, now)]
    within = sum(
        ((q.mean or 0) - (p.mean or 0)) * (p.rows / totals[0] + q.rows / totals[1]) / 2
        for p, q in zip(before, now, strict=True)
    )
    assert part_of_mix(before, now) + within == pytest.approx(mean(now) - mean(before), abs=1e-9)


@pytest.mark.parametrize(
    ("means", "ends"),
    [
        ((0.8, 0.6, 0.7, 0.65), (0, 1)),
        # On and on: from where it began to where it ended.
        ((0.6, 0.8, 0.7, 0.5, 0.6), (1, 3)),
        # What fell slightly before and after a step does not belong to it.
        ((0.8, 0.79, 0.5, 0.49, 0.6), (1, 2)),
        ((0.5, 0.6, 0.7), None),
        ((0.5,), None),
        ((), None),
    ],
)
def test_the_largest_fall_is_found_where_it_began_and_ended(
    means: tuple[float, ...], ends: tuple[int, int] | None
) -> None:
    periods = course(*means)
    found = largest_fall(periods)
    expected = None if ends is None else Change(periods[ends[0]], periods[ends[1]])
    assert found == expected


def test_few_rows_are_passed_over_and_chance_is_no_fall() -> None:
    sure, few, less = course(0.8)[0], course(0.1, rows=20)[0], course(0.6)[0]
    assert largest_fall([sure, few, less]) == Change(sure, less)
    assert change(sure, few) is None
    assert change(None, sure) is None
    # 0.1 / sqrt(1000) on either side: a difference of 0.01 is within three standard errors.
    assert largest_fall(course(0.8, 0.79)) is None
    assert largest_fall(course(0.8, 0.78)) is not None


@pytest.mark.parametrize(
    ("length", "unit", "end", "name"),
    [
        (timedelta(hours=1), "minute", START + timedelta(minutes=1), "1 January 2024, 00:00"),
        (timedelta(days=1), "hour", START + timedelta(hours=1), "1 January 2024, 00:00"),
        (timedelta(days=30), "day", START + timedelta(days=1), "1 January 2024"),
        (timedelta(days=90), "week", START + timedelta(days=7), "the week of 1 January 2024"),
        (timedelta(days=365), "month", datetime(2024, 2, 1, tzinfo=UTC), "January 2024"),
    ],
)
def test_a_time_is_cut_into_what_people_compare_it_by(
    length: timedelta, unit: str, end: datetime, name: str
) -> None:
    found = unit_of(Span(START, START + length))
    assert found == unit
    assert end_of(START, found) == end
    assert called(START, end, found) == name


def test_the_last_month_of_a_year_ends_with_it() -> None:
    assert end_of(datetime(2024, 12, 1, tzinfo=UTC), "month") == datetime(2025, 1, 1, tzinfo=UTC)
