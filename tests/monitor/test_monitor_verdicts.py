"""A figure alarms only if it is beyond its limit for sure."""

import pytest

from contracts.packages import Metrics
from contracts.release_rules import Limit, MonitorRule
from elk.performance.verdicts import verdicts, worst
from prediction_log.window_documents import PerformanceFigures


def figures(
    low: float, value: float, high: float, name: str, rows: int = 500
) -> PerformanceFigures:
    return PerformanceFigures(
        predictions=1000,
        labelled=rows,
        coverage=0.5,
        metrics={name: value},
        low={name: low},
        high={name: high},
    )


def state(rule: MonitorRule, held_out: Metrics, found: PerformanceFigures) -> str:
    return worst(verdicts(rule, held_out, found), found.labelled >= rule.least_rows).state


AUC = {"roc_auc": 0.8, "accuracy": 0.9}


@pytest.mark.parametrize(("high", "expected"), [(0.76, "ok"), (0.74, "over")])
def test_the_better_end_of_the_interval_decides(high: float, expected: str) -> None:
    found = figures(0.5, 0.6, high, "roc_auc")
    assert state(MonitorRule(), AUC, found) == expected


@pytest.mark.parametrize(("low", "expected"), [(0.55, "ok"), (0.65, "over")])
def test_of_losses_the_lower_end_is_the_better(low: float, expected: str) -> None:
    rule = MonitorRule(metrics={"log_loss": Limit(worse_by=0.1)})
    assert state(rule, {"log_loss": 0.5}, figures(low, 0.7, 0.9, "log_loss")) == expected


def test_few_labels_say_nothing() -> None:
    found = figures(0.1, 0.1, 0.1, "roc_auc", rows=199)
    assert state(MonitorRule(), AUC, found) == "too_few"
    assert state(MonitorRule(), {}, found) == "too_few"


def test_without_held_out_figures_only_bounds_of_the_rule_itself_can_be_broken() -> None:
    found = figures(0.1, 0.1, 0.1, "roc_auc")
    assert state(MonitorRule(), {}, found) == "unknown"
    rule = MonitorRule(metrics={"roc_auc": Limit(worse_by=0.1)})
    assert state(rule, {}, found) == "unknown"
    rule = MonitorRule(metrics={"roc_auc": Limit(at_least=0.7, worse_by=0.1)})
    assert state(rule, {}, found) == "over"
    rule = MonitorRule(metrics={"bias": Limit(at_most=1.0)})
    assert state(rule, {}, figures(1.5, 2.0, 2.5, "bias")) == "over"


def test_the_ratio_tells_how_much_of_what_is_tolerated_is_used_up() -> None:
    (one,) = verdicts(MonitorRule(), AUC, figures(0.6, 0.65, 0.7, "roc_auc"))
    assert one.ratio == pytest.approx(2.0)
    assert one.limit == pytest.approx(0.75)


def test_the_stricter_of_two_bounds_counts_and_the_worst_metric_comes_first() -> None:
    rule = MonitorRule(
        metrics={
            "roc_auc": Limit(at_least=0.5, worse_by=0.1),
            "accuracy": Limit(at_least=0.95, worse_by=0.1),
        }
    )
    found = PerformanceFigures(
        predictions=1000,
        labelled=1000,
        coverage=1.0,
        metrics={"roc_auc": 0.75, "accuracy": 0.9},
        low={"roc_auc": 0.7, "accuracy": 0.88},
        high={"roc_auc": 0.8, "accuracy": 0.92},
    )
    judged = verdicts(rule, AUC, found)
    assert [(one.signal, one.state) for one in judged] == [("accuracy", "over"), ("roc_auc", "ok")]
    assert judged[1].limit == pytest.approx(0.7)
