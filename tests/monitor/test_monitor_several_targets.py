"""A model of several targets: outcomes, performance and drift of each, as documents."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from service_processes import ServiceProcesses
from sklearn.metrics import accuracy_score, mean_absolute_error
from waiting import wait_until

from contracts.events import Classification, ModelRef, MultiOutput, Regression
from contracts.release_rules import Limit, MonitorRule
from trainer.deployments.deploying import publish
from trainer.recipes import Recipe
from trainer.training import train

pytestmark = pytest.mark.stack
ROWS = 150
RULES = {
    "two": MonitorRule(least_rows=50, metrics={"big.accuracy": Limit(at_least=0.95)}),
    "sizes": MonitorRule(least_rows=50, metrics={"sum.mae": Limit(at_most=1.0)}),
}


def classes(big: bool, top: bool) -> MultiOutput:
    def one(positive: bool, no: str, yes: str) -> Classification:
        share = 0.7 if positive else 0.3
        return Classification(yes if positive else no, 0.7, {no: 1 - share, yes: share})

    return MultiOutput({"big": one(big, "false", "true"), "place": one(top, "bottom", "top")})


def numbers(total: float, half: float) -> MultiOutput:
    return MultiOutput({"sum": Regression(total), "half": Regression(half)})


@pytest.fixture
def deployed(watched: Any, tmp_path: Path) -> Any:
    """Beside `m`: `two` tells two classes of each event, `sizes` two numbers."""
    x = np.random.default_rng(0).random(400)
    table = pd.DataFrame({"x": x, "big": x > 0.5, "place": np.where(x > 0.3, "top", "bottom")})
    table["sum"], table["half"] = 3 * x, x / 2
    for model, targets, others in (
        ("two", ("big", "place"), ["sum", "half"]),
        ("sizes", ("sum", "half"), ["big", "place"]),
    ):
        path = tmp_path / f"{model}.parquet"
        table.drop(columns=others).to_parquet(path)
        recipe = Recipe(
            model=model, data=str(path), target=targets, estimator="linear", monitor=RULES[model]
        )
        train(recipe, watched.settings)
        publish(watched.settings, model, "1")
    return watched


def test_each_target_has_its_outcomes_and_its_figures(
    deployed: Any, running: ServiceProcesses
) -> None:
    rng = np.random.default_rng(1)
    said, total = rng.random(ROWS) < 0.5, rng.random(ROWS).round(3)
    big = np.where(rng.random(ROWS) < 0.8, said, ~said)
    two, sizes = (ModelRef(name, "1", "champion") for name in ("two", "sizes"))
    for n in range(ROWS):
        deployed.answer(n, n / 10, classes(bool(said[n]), True), two, x=0)
        deployed.label(n, {"big": bool(big[n]), "place": "top"}, "two")
        deployed.answer(n, n / 10, numbers(float(total[n]), 1.0), sizes, offset=5000 + n, x=0)
        deployed.label(n, {"sum": float(n), "half": 1.5}, "sizes")
    deployed.answer(1000, 1, classes(True, True), two, x=0)
    deployed.label(1000, {"big": True}, "two")  # the other is not known yet
    for offset, model, answer in ((2000, two, classes(True, True)), (2001, sizes, numbers(1, 1))):
        deployed.answer(offset, 30, answer, model, x=0)  # lets the window end
    deployed.flush()
    running.start("elk", ["indexer"])

    told: list[dict[str, Any]] = []

    def joined() -> bool:
        told.append(deployed.once())
        return bool(deployed.count("outcomes") == 2 * ROWS + 1)

    def nothing_failed() -> bool:
        told.append(deployed.once())
        return not [what for what in told[-1].values() if isinstance(what, str)]

    wait_until(joined, 120, lambda: f"{deployed.count('outcomes')} outcomes, {told}")
    wait_until(nothing_failed, 60, lambda: f"{told[-1]}")
    outcomes = {(o["model"]["name"], o["event"]["id"]): o for o in deployed.sources("outcomes")}
    for n in range(ROWS):
        one, other = outcomes["two", f"e{n}"], outcomes["sizes", f"e{n}"]
        assert one["label"]["values"] == {"big": str(bool(big[n])).lower(), "place": "top"}
        assert one["prediction"]["labels"] == {"big": str(bool(said[n])).lower(), "place": "top"}
        assert one["outcome"] == {"correct": bool(big[n] == said[n])}
        assert other["label"]["numbers"] == {"sum": float(n), "half": 1.5}
        assert other["prediction"]["values"] == {"sum": total[n], "half": 1.0}

    documents = {one["model"]["name"]: one for one in deployed.sources("performance")}
    assert set(documents) == {"two", "sizes"}
    performance = documents["two"]["performance"]
    assert (performance["predictions"], performance["labelled"]) == (ROWS + 1, ROWS + 1)
    assert performance["measured"] == ROWS  # a label that leaves something out is no row
    assert performance["metrics"]["big.accuracy"] == pytest.approx(accuracy_score(big, said))
    assert performance["metrics"]["place.accuracy"] == 1.0
    assert {"big.accuracy", "place.accuracy", "accuracy"} <= performance["low"].keys()
    verdict = documents["two"]["verdict"]
    assert (verdict["signal"], verdict["state"]) == ("big.accuracy", "over")
    expected = mean_absolute_error(range(ROWS), total)
    assert documents["sizes"]["performance"]["metrics"]["sum.mae"] == pytest.approx(expected)
    assert documents["sizes"]["verdict"]["state"] == "over"
    # Figures of a target can be drawn as those of a model of one.
    found = deployed.elasticsearch.search(
        index=f"{deployed.settings.index_prefix}-performance-sizes-*",
        size=0,
        aggs={"mean": {"avg": {"field": "performance.metrics.sum.mae"}}},
    )
    assert found["aggregations"]["mean"]["value"] == pytest.approx(expected)
    signals = {one["verdict"]["signal"] for one in deployed.sources("drift")}
    assert {"x", "prediction of big", "prediction of sum"} <= signals
