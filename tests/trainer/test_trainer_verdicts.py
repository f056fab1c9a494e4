"""What becomes of a canary follows from its evidence."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts.release_rules import CanaryRule, Limit
from trainer.canaries.verdicts import Shown, stability_index, verdict, wilson_lower

RULE = CanaryRule(least_predictions=1000, hours=24)
HOUR = timedelta(hours=1)
CHAMPION = Shown(
    predictions=9000,
    failures=9,
    inference_ms=2.0,
    answers={"yes": 3000, "no": 6000},
    labels=0,
    metrics={},
)
CANARY = replace(CHAMPION, predictions=1000, failures=1, answers={"yes": 340, "no": 660})


def decided(canary: Shown, rule: CanaryRule = RULE, age: timedelta = HOUR) -> tuple[str, str]:
    found = verdict(rule, CHAMPION, canary, age)
    return found.decision, found.why


def test_a_canary_like_the_champion_is_promoted() -> None:
    assert decided(CANARY)[0] == "promote"


def test_too_little_evidence_waits_until_the_time_is_over() -> None:
    few = replace(CANARY, predictions=999)
    assert decided(few) == (
        "wait",
        "not enough evidence yet: 999 of 1,000 predictions of the canary",
    )
    assert decided(few, age=timedelta(hours=24))[0] == "roll back"


def test_a_canary_that_fails_on_events_ends_before_there_is_enough_evidence() -> None:
    failing = replace(CANARY, predictions=40, failures=20)
    assert decided(failing) == ("roll back", "it fails on events that the champion can score")
    assert decided(replace(CANARY, predictions=49, failures=1))[0] == "wait", "may be chance"


@pytest.mark.parametrize(
    ("canary", "name"),
    [
        (replace(CANARY, failures=15), "error rate"),
        (replace(CANARY, inference_ms=4.5), "predict call"),
        (replace(CANARY, answers={"yes": 900, "no": 100}), "distance"),
    ],
)
def test_one_check_that_fails_ends_it(canary: Shown, name: str) -> None:
    decision, why = decided(canary)
    assert decision == "roll back"
    assert name in why


def test_labels_are_waited_for_if_the_rule_says_so() -> None:
    rule = CanaryRule(least_labels=200, metrics={"log_loss": Limit(worse_by=0.02)})
    champion = replace(CHAMPION, labels=500, metrics={"log_loss": 0.40})
    early = replace(CANARY, labels=150, metrics={"log_loss": 0.90})
    assert verdict(rule, champion, early, HOUR).decision == "wait"
    worse = replace(early, labels=250)
    assert verdict(rule, champion, worse, HOUR).decision == "roll back"
    fine = replace(worse, metrics={"log_loss": 0.41})
    assert verdict(rule, champion, fine, HOUR).decision == "promote"


def test_the_distance_between_equal_distributions_is_none() -> None:
    assert stability_index({"a": 100, "b": 300}, {"a": 100, "b": 300}) == pytest.approx(0.0)
    assert stability_index({"a": 500, "b": 500}, {"a": 50, "b": 950}) > 0.25
    assert stability_index({"a": 1000}, {"a": 990, "never before": 10}) < 0.25


def test_an_interval_is_wide_where_there_is_little_to_see() -> None:
    assert wilson_lower(1, 2) < wilson_lower(50, 100) < wilson_lower(5000, 10_000) < 0.5
    assert wilson_lower(0, 10) == 0.0
