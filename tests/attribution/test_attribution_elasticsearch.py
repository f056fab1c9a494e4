"""Why confidence fell, asked of a real Elasticsearch about days whose causes are known."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attribution.days import DAY, DAYS, PER_DAY, START, drift, event, write
from command_line import Result, millrace
from logged_events import LoggedEvents
from msgspec.structs import replace

from contracts.alerts import Alert
from contracts.events import (
    Classification,
    Regression,
    Source,
)
from contracts.model_events import ModelEvent
from contracts.settings import Settings
from contracts.windows import Window
from elk.attribution.explanation import Explanation, explain
from elk.attribution.sentences import findings, headline
from elk.attribution.takeovers import takeovers
from elk.attribution.units import before_of
from elk.console.log import Log
from elk.dashboards.intervals import Span
from prediction_log.documents import EventModel, from_alert, from_model_event
from prediction_log.window_documents import (
    DriftFigures,
    PerformanceDocument,
    PerformanceFigures,
    Verdict,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def logged(settings: Settings) -> Iterator[LoggedEvents]:
    with LoggedEvents(settings) as events:
        yield events


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    found = Log(settings)
    yield found
    found.close()


def only(found: list[Explanation]) -> tuple[str, dict[str, str]]:
    (one,) = found
    return headline(one), {finding.about: finding.says for finding in findings(one)}


def between(first: int, last: int) -> Span:
    return Span(START + first * DAY, START + last * DAY)


WHOLE = between(0, DAYS)
LATER = between(10, 20)
"""Compared with the ten days before."""


def test_other_events_are_told_as_the_cause(logged: LoggedEvents, log: Log) -> None:
    write(logged, origin=lambda day, n: "JFK" if (n % 10 < 8) == (day < 10) else "EWR")
    said, found = only(explain(log.search, LATER, {}, whole=False))
    # 80 % of 0.9 and 20 % of 0.5 became the reverse.
    assert said == (
        "11 January 2024 to 20 January 2024: mean confidence 0.58, 1,000 answers; in the 10 days "
        "before 0.82, 1,000 answers. It fell by 0.24."
    )
    assert found["In short"].startswith("It came with other events, not with another version.")
    assert found["Versions"] == "Version 1 served before and after, with 0.82 and 0.58."
    assert found["Events"] == (
        "origin 'EWR' 20%, then 80%, alone would make −0.24. Over their limits then: origin 3.0 "
        "times."
    )


@pytest.mark.parametrize(("place", "name"), [("LGA", "others"), ("", "no value")])
def test_values_that_are_new_or_missing_are_groups_of_their_own(
    logged: LoggedEvents, log: Log, place: str, name: str
) -> None:
    """`LGA` is no category of the training; the feature is left out where its origin is none."""
    write(logged, origin=lambda day, n: "JFK" if day < 10 or n % 4 == 0 else place)
    _, found = only(explain(log.search, LATER, {}, whole=False))
    assert found["Events"].startswith(f"origin '{name}' 0%, then 75%, alone would make")


@pytest.mark.parametrize("rises", [False, True])
def test_the_signal_that_explains_most_comes_first(
    logged: LoggedEvents, log: Log, rises: bool
) -> None:
    write(logged, origin=lambda day, n: "JFK" if (n % 10 < 8) == ((day < 10) != rises) else "EWR")
    [one] = explain(log.search, LATER, {}, whole=False)
    assert one.causes is not None
    features = [part.signal for part in one.causes.parts if part.signal != "prediction"]
    assert features == ["origin", "hour"]


def test_another_version_is_told_as_the_cause(logged: LoggedEvents, log: Log) -> None:
    write(
        logged,
        version=lambda day: "1" if day < 12 else "2",
        less=lambda day: 0.0 if day < 12 else 0.3,
    )
    said, found = only(explain(log.search, WHOLE, {}, whole=True))
    assert said == (
        "Day by day, mean confidence fell most from 12 January 2024 (0.70, 100 answers) to "
        "13 January 2024 (0.40, 100 answers): by 0.30."
    )
    assert found["In short"].startswith("Most of it came with version 2 (since 13 January 2024).")
    assert found["Versions"] == (
        "Version 2 took over from 1 on 13 January 2024: 0.70 in the 24 hours before it, 0.40 in "
        "the 24 hours after (−0.30)."
    )
    assert found["Events"] == "Over their limits then: origin 3.0 times."


def test_a_version_that_answered_both_times_tells_versions_from_events(
    logged: LoggedEvents, log: Log
) -> None:
    """The old version stays as a shadow: what it did differently is of the events alone."""

    def origin(day: int, n: int) -> str:
        return "JFK" if n % 2 or (day < 10 and n % 4) else "EWR"

    sure = {"JFK": 0.9, "EWR": 0.58}
    write(
        logged,
        origin=origin,
        confidence=sure,
        version=lambda day: "1" if day < 10 else "2",
        less=lambda day: 0.0 if day < 10 else 0.2,
    )
    write(logged, origin=origin, role="shadow", days=range(10, DAYS), confidence=sure)
    said, found = only(explain(log.search, LATER, {}, whole=False))
    assert said.endswith("It fell by 0.28.")
    assert found["In short"].startswith("Most of it came with version 2 (since 11 January 2024).")
    assert found["Same events"] == (
        "Version 1 answered nearly all events of both times, if only unseen, as a shadow: "
        "0.82, then 0.74. So other events alone make about −0.08."
    )
    # Half of the answers, those of one origin, are below a half now, and say 'no'.
    assert "50% of the answers are a class to which it gives less than a half" in found["In short"]
    assert found["In short"].endswith("; before 0%.")


def test_steps_count_by_how_much_of_the_two_times_lies_between_them(
    logged: LoggedEvents, log: Log
) -> None:
    """A version that took over when the earlier time had just begun is in the means of both."""
    write(
        logged,
        version=lambda day: "1" if day < 1 else "2" if day < 12 else "3",
        less=lambda day: 0.0 if day < 1 else 0.3 if day < 12 else 0.4,
    )
    said, found = only(explain(log.search, LATER, {}, whole=False))
    assert said.endswith("It fell by 0.11.")
    assert "took over from 1 on 2 January 2024: 0.70" in found["Versions"]
    assert found["In short"].startswith("Most of it came with version 3 (since 13 January 2024).")


def test_a_whole_month_is_compared_with_the_month_before() -> None:
    months = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    assert before_of(Span(months[1], months[2])) == Span(months[0], months[1])
    december = datetime(2023, 12, 1, tzinfo=UTC)
    assert before_of(Span(months[0], months[1])) == Span(december, months[0])
    assert before_of(LATER) == between(0, 10)


def test_windows_of_too_few_rows_hide_no_signals(logged: LoggedEvents, log: Log) -> None:
    """The newest windows of a version that served to the end of the time are often such."""
    write(logged, origin=lambda day, n: "JFK" if (n % 10 < 8) == (day < 10) else "EWR")
    few = drift("origin", "1", {})
    at = few.timestamp + 2 * DAY
    verdict = replace(few.verdict, state="too_few")
    few = replace(few, timestamp=at, drift=DriftFigures(kind="categorical"), verdict=verdict)
    logged.add(logged.names.drift("m", at), "few", few)
    logged.write()
    _, found = only(explain(log.search, LATER, {}, whole=False))
    assert found["Events"].startswith("origin 'EWR' 20%, then 80%")


def test_labels_count_by_how_many_there_are(logged: LoggedEvents, log: Log) -> None:
    """A version leaves a window of a handful of labels behind, whose figures may be anything."""
    write(logged, less=lambda day: 0.3 * (day > 9))
    for number, (day, accuracy, labelled) in enumerate(((5, 0.9, 300), (15, 0.8, 297), (16, 0, 3))):
        at = START + day * DAY
        verdict = Verdict(signal="accuracy", statistic="accuracy", state="ok")
        document = PerformanceDocument(
            timestamp=at,
            model=EventModel("m", "1", "champion"),
            window=Window(at, at + DAY),
            rows=labelled,
            performance=PerformanceFigures(
                predictions=labelled,
                labelled=labelled,
                coverage=1.0,
                metrics={"accuracy": accuracy},
            ),
            verdict=verdict,
            verdicts=(verdict,),
            computed_at=at,
        )
        logged.add(logged.names.performance("m", at), f"performance-{number}", document)
    logged.write()
    _, found = only(explain(log.search, LATER, {}, whole=False))
    assert found["Labels"] == "accuracy 0.90, then 0.79."


def test_a_version_that_raised_it_is_no_cause_of_a_fall(logged: LoggedEvents, log: Log) -> None:
    write(
        logged,
        version=lambda day: "1" if day < 3 else "2",
        less=lambda day: 0.2 if day < 3 else 0.0 if day < 10 else 0.3,
    )
    said, found = only(explain(log.search, LATER, {}, whole=False))
    assert said.endswith("It fell by 0.24.")
    assert "0.50 in the 2 days before it, 0.70 in the 2 days after" in found["Versions"]
    assert found["In short"].startswith("It came with other events, not with another version.")


def test_who_published_a_version_and_for_which_alert(logged: LoggedEvents, log: Log) -> None:
    write(logged, version=lambda day: "1" if day < 12 else "2", less=lambda day: 0.3 * (day > 11))
    told = Alert(
        alert_id="m-1-drift-1",
        state="raised",
        kind="drift",
        model="m",
        version="1",
        at=datetime.now(UTC),
        window=Window(START + 9 * DAY, START + 10 * DAY),
        reason="origin is 3 times its limit",
    )
    place = Source("alerts", "uuid", 0, 0)
    logged.add(logged.names.alerts(told.at), "alert", from_alert(told, place))
    for number, alert in enumerate((None, "m-1-drift-1")):
        event = ModelEvent(
            event="published",
            model="m",
            at=told.at + timedelta(seconds=number),
            member="trainer",
            version="2",
            role="champion",
            author="anna",
            reason="a trial" if alert is None else "retraining r answers alert m-1-drift-1",
            alert=alert,
        )
        name = f"event-{number}"
        logged.add(logged.names.model_events(event.at), name, from_model_event(event, place))
        logged.write()
        _, found = only(explain(log.search, WHOLE, {}, whole=True))
        expected = "Version 2 by anna: a trial."
        if alert is not None:
            expected = "Version 2 by anna, a retraining that answers the alert of 11 January 2024."
            assert found["Alerts"] == "11 January 2024, version 1: origin is 3 times its limit."
        assert found["Published"] == expected


def test_a_rise_is_told_as_one(logged: LoggedEvents, log: Log) -> None:
    write(logged, less=lambda day: 0.3 if day < 10 else 0.0)
    said, found = only(explain(log.search, LATER, {}, whole=False))
    assert said.endswith("It rose by 0.30.")
    assert found["Versions"] == "Version 1 served before and after, with 0.40 and 0.70."


def test_what_did_not_change_is_not_explained(logged: LoggedEvents, log: Log) -> None:
    write(logged)
    said, found = only(explain(log.search, LATER, {}, whole=False))
    assert said.endswith("That is no change beyond chance.")
    assert set(found) == {"Versions"}
    said, found = only(explain(log.search, WHOLE, {}, whole=True))
    assert (said, found) == ("Mean confidence did not fall beyond chance in this time.", {})


def test_a_chosen_version_is_looked_at_alone(logged: LoggedEvents, log: Log) -> None:
    write(
        logged,
        version=lambda day: "1" if day < 10 else "2",
        less=lambda day: 0.0 if day < 10 else 0.2 if day < 15 else 0.3,
    )
    chosen = {"model.name": ["m"], "model.version": ["2"]}
    said, found = only(explain(log.search, LATER, chosen, whole=False))
    # Of the days before there is nothing of it: the largest fall within is looked at.
    assert "from 15 January 2024 (0.50, 100 answers) to 16 January 2024 (0.40" in said
    assert found["In short"].startswith("It came with other events, not with another version.")
    assert explain(log.search, WHOLE, {"model.name": ["other"]}, whole=True) == []


def test_shadows_and_models_without_confidence_have_no_say(logged: LoggedEvents, log: Log) -> None:
    write(logged, role="shadow", less=lambda day: 0.3 * (day > 9))
    logged.served(event("e", START, "prices"), Regression(12.0), None)
    logged.write()
    assert explain(log.search, WHOLE, {}, whole=True) == []


def test_who_takes_over_is_known_by_most_answers(logged: LoggedEvents, log: Log) -> None:
    """A rollback is one, too; an event of the past that is answered today is none."""
    write(logged, version=lambda day: "2" if 5 <= day < 9 else "1")
    late = event("late", START + 2 * DAY)
    logged.served(late, Classification("yes", 0.9, {"yes": 0.9}), None, version="2")
    logged.write()
    found = takeovers(log.search, WHOLE, ("m",))
    assert [(one.version, one.after, one.at) for one in found] == [
        ("2", "1", START + 5 * DAY),
        ("1", "2", START + 9 * DAY),
    ]
    assert takeovers(log.search, WHOLE, ("other",)) == []


def test_the_command_tells_people_and_scripts_the_same(
    logged: LoggedEvents, settings: Settings, tmp_path: Path
) -> None:
    write(logged, version=lambda day: "1" if day < 12 else "2", less=lambda day: 0.3 * (day > 11))
    environment = {**os.environ, "MILLRACE_INDEX_PREFIX": settings.index_prefix}

    def why(*arguments: str) -> Result:
        options = ("--elasticsearch", settings.elasticsearch_url)
        asked = ("drift", "why", *arguments, *options)
        return millrace(*asked, folder=tmp_path, environment=environment)

    people, scripts = why("m"), why("m", "--json")
    assert people.returncode == scripts.returncode == 0, people.stderr + scripts.stderr
    told = json.loads(scripts.stdout)
    assert told["headline"] in people.stdout
    assert told["findings"]["Versions"] in people.stdout
    assert told["change"] == pytest.approx(-0.3, abs=1e-6)
    assert [period["rows"] for period in told["periods"]] == [PER_DAY] * DAYS
    chosen = why("m", "--start", "2024-01-11", "--end", "2024-01-21", "--json")
    assert "in the 10 days before" in json.loads(chosen.stdout)["headline"]
    for arguments, reason in (
        (("other",), "no answer of 'other' in this time has a confidence"),
        (("m", "--end", "2024-01-21"), "give --start, too"),
        (("m", "--start", "2024-01-21", "--end", "2024-01-11"), "that time is empty"),
    ):
        refused = why(*arguments)
        assert refused.returncode == 2
        assert reason in " ".join(refused.stderr.split())
