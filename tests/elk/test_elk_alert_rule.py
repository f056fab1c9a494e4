"""When an alert begins and ends follows from the newest windows."""

from datetime import UTC, datetime, timedelta

from contracts.alert_log import AlertCourse
from contracts.alerts import Alert
from contracts.release_rules import MonitorRule
from contracts.windows import window_at
from elk.alerts.rule import LookedAt, Means, Subject, next_word
from prediction_log.window_documents import State, Verdict

ABOUT = Subject("flights", "3", "drift")
RULE = MonitorRule(windows=3, over=2)
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int, *states: State) -> LookedAt:
    verdicts = (
        Verdict(signal=f"f{n}", statistic="psi", state=state, value=0.3, limit=0.1, ratio=n + 1.0)
        for n, state in enumerate(states)
    )
    return LookedAt(window_at(MONDAY + timedelta(days=number), 24), tuple(verdicts))


def said(*newest_first: LookedAt, known: Alert | None = None) -> Alert | None:
    course = None if known is None else AlertCourse(known, known)
    return next_word(ABOUT, RULE, newest_first, course, NOW)


def test_an_alert_is_raised_when_enough_of_the_newest_windows_are_over() -> None:
    assert said(day(2, "over"), day(1, "ok"), day(0, "ok")) is None
    raised = said(day(2, "ok"), day(1, "ok", "over"), day(0, "over"))
    assert raised is not None
    assert (raised.state, raised.kind, raised.version) == ("raised", "drift", "3")
    assert raised.window == window_at(MONDAY + timedelta(days=2), 24)
    assert raised.alert_id == f"flights-3-drift-{int(MONDAY.timestamp())}"
    assert "drift in 2 of the newest 3 windows of 24 h: f1 (psi 0.3, limit 0.1)" in raised.reason


def test_the_worst_signals_come_first_and_the_rest_is_counted() -> None:
    raised = said(day(1, *["over"] * 25), day(0, "over"))
    assert raised is not None
    assert [signal.name for signal in raised.signals][:2] == ["f24", "f23"]
    assert len(raised.signals) == 20
    assert raised.reason.endswith("and 22 more")


def test_it_is_told_which_way_a_number_moved() -> None:
    def window(number: int) -> LookedAt:
        found = day(number, "over", "over", "over")
        means = {"f2": Means(0.43, 0.63), "f1": Means(12.0, 9.5)}
        return LookedAt(found.window, found.verdicts, means)

    raised = said(window(1), window(0))
    assert raised is not None
    assert raised.reason.endswith(
        ": f2 fell from 0.63 to 0.43 (psi 0.3, limit 0.1), f1 rose from 9.5 to 12 (psi 0.3, "
        "limit 0.1), f0 (psi 0.3, limit 0.1)"
    )
    assert [(one.mean_before, one.mean) for one in raised.signals] == [
        (0.63, 0.43),
        (9.5, 12.0),
        (None, None),
    ]


def test_windows_beyond_those_of_the_rule_do_not_count() -> None:
    old = [day(number, "over") for number in (2, 1, 0)]
    assert said(day(5, "ok"), day(4, "ok"), day(3, "over"), *old) is None


def test_an_open_alert_is_not_raised_again_and_ends_when_no_window_is_over() -> None:
    raised = said(day(1, "over"), day(0, "over"))
    assert said(day(2, "over"), day(1, "over"), day(0, "over"), known=raised) is None
    assert said(day(3, "ok"), day(2, "ok"), day(1, "over"), known=raised) is None
    assert said(known=raised) is None
    ended = said(day(4, "ok"), day(3, "ok"), day(2, "ok"), known=raised)
    assert ended is not None
    assert raised is not None
    assert (ended.state, ended.alert_id) == ("resolved", raised.alert_id)
    assert ended.reason == "no drift in the newest 3 windows"
    assert said(day(4, "ok"), day(3, "ok"), day(2, "ok")) is None
