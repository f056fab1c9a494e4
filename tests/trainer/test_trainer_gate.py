"""The gate refuses what is not good enough, and says by which figure."""

import math

import pytest

from contracts.packages import Metrics
from contracts.release_rules import Gate, LatencyBudget, Limit
from trainer.gate.checks import GateReport, Timings, compared, timed, worse
from trainer.gate.holdout import MOST_ROWS


def refused(gate: Gate, candidate: Metrics | None, champion: Metrics | str | None = None) -> str:
    rows = int(candidate["rows"]) if candidate else 0
    checks = tuple(compared(gate, rows, candidate, champion))
    return GateReport(model="m", version="2", champion="1", rows=rows, checks=checks).failures


GOOD: Metrics = {"rows": 1000.0, "roc_auc": 0.80, "log_loss": 0.40, "calibration_error": 0.03}


def test_absolute_limits() -> None:
    gate = Gate(metrics={"roc_auc": Limit(at_least=0.75), "calibration_error": Limit(at_most=0.05)})
    assert not refused(gate, GOOD)
    assert "roc_auc is 0.7, wanted at least 0.75" in refused(gate, GOOD | {"roc_auc": 0.70})
    assert "calibration_error is 0.2" in refused(gate, GOOD | {"calibration_error": 0.2})


def test_limits_relative_to_the_champion_know_which_direction_is_better() -> None:
    gate = Gate(metrics={"roc_auc": Limit(worse_by=0.01), "log_loss": Limit(worse_by=0.01)})
    assert not refused(gate, GOOD, GOOD | {"roc_auc": 0.805, "log_loss": 0.395})
    assert "champion 0.83" in refused(gate, GOOD, GOOD | {"roc_auc": 0.83})
    assert "champion 0.35" in refused(gate, GOOD, GOOD | {"log_loss": 0.35})
    assert not refused(gate, GOOD, GOOD | {"roc_auc": 0.5, "log_loss": 0.9})


def test_a_candidate_may_have_to_be_better() -> None:
    gate = Gate(metrics={"roc_auc": Limit(worse_by=-0.02)})
    assert refused(gate, GOOD, GOOD)
    assert not refused(gate, GOOD, GOOD | {"roc_auc": 0.77})


def test_whoever_must_be_better_than_the_champion_is_not_if_equal() -> None:
    def refusal(gate: Gate, champion: Metrics | str | None) -> str:
        checks = tuple(compared(gate, 1000, GOOD, champion, better=True))
        return GateReport(model="m", version="2", champion="1", rows=1, checks=checks).failures

    one_pair_of_rows = 1 / (MOST_ROWS / 2) ** 2  # the least by which an AUC can differ
    just_below, just_above = 0.80 - one_pair_of_rows, 0.80 + one_pair_of_rows
    by_rounding = math.nextafter(0.80, 0.0)
    for own in ({}, {"roc_auc": Limit(at_least=0.5, worse_by=0.1)}, {"log_loss": Limit()}):
        gate = Gate(metrics=own)
        assert "wanted better than the champion" in refusal(gate, GOOD).replace(
            "at least 0.5, ", ""
        )
        assert refusal(gate, GOOD | {"roc_auc": just_above})
        assert refusal(gate, GOOD | {"roc_auc": by_rounding})
        assert not refusal(gate, GOOD | {"roc_auc": just_below})
        assert not refusal(gate, None), "the first has nobody to beat"
        assert "the champion cannot be loaded" in refusal(gate, "the champion cannot be loaded")
    more = Gate(metrics={"roc_auc": Limit(worse_by=-0.02)})
    assert refusal(more, GOOD | {"roc_auc": just_below})
    assert "which is better" in refusal(Gate(), {"rows": 1000.0, "silhouette": 0.1})


def test_without_a_champion_only_absolute_limits_count() -> None:
    assert not refused(Gate(metrics={"roc_auc": Limit(worse_by=0.0)}), GOOD, None)


def test_a_champion_that_cannot_be_compared_is_no_reason_to_pass() -> None:
    gate = Gate(metrics={"roc_auc": Limit(worse_by=0.01)})
    assert "the champion needs 'x'" in refused(gate, GOOD, "the champion needs 'x'")
    assert "does not give this figure" in refused(gate, GOOD, {"rows": 1000.0})


def test_a_figure_that_the_rows_do_not_give_is_no_reason_to_pass() -> None:
    gate = Gate(metrics={"r2": Limit(at_least=0.1)})
    assert "do not give this figure" in refused(gate, GOOD)
    assert "do not give this figure" in refused(gate, None)


def test_too_few_rows() -> None:
    assert "held-out rows is 1000, wanted at least 2,000" in refused(Gate(minimum_rows=2000), GOOD)
    assert "held-out rows" in refused(Gate(minimum_rows=1), None)


def test_without_rules_a_version_must_not_be_clearly_worse_than_the_champion() -> None:
    assert "roc_auc" in refused(Gate(), GOOD, GOOD | {"roc_auc": 0.83})
    assert not refused(Gate(), GOOD, GOOD | {"roc_auc": 0.815})
    few = GOOD | {"rows": 100.0}
    assert not refused(Gate(), few, GOOD | {"roc_auc": 0.99}), "by chance with so few rows"
    assert not refused(Gate(), None, None)


def test_the_latency_budget() -> None:
    gate = Gate(latency=LatencyBudget(one_row_ms=2.0, batch_ms=10.0))
    assert all(check.passed for check in timed(gate, Timings(1.5, 9.0, 2000)))
    assert [c.passed for c in timed(gate, Timings(2.5, 9.0, 2000))] == [False, True]
    assert [c.passed for c in timed(gate, Timings(1.5, 11.0, 2000))] == [True, False]
    assert all(check.passed for check in timed(Gate(), Timings(1e6, 1e6, 2000)))


def test_nobody_guesses_which_direction_is_better() -> None:
    assert worse("f1", 0.5, 0.6) == pytest.approx(0.1)
    assert worse("rmse", 5.0, 4.0) == pytest.approx(1.0)
    with pytest.raises(KeyError):
        worse("a metric of somebody's own", 1.0, 2.0)
