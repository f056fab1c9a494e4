"""The monitor on real servers: what it says of windows, and that no death of it loses anything."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from service_processes import ServiceProcesses
from sklearn.metrics import log_loss, roc_auc_score
from waiting import wait_until

pytestmark = pytest.mark.stack


def by_window(watched: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (one["window"]["start"][:10], one["model"]["version"], one["model"]["role"]): one
        for one in watched.sources("performance")
    }


MOST_REQUESTS = 27
"""To Elasticsearch, of a round with nothing new and one model; two of them ask what is closed."""


def test_performance_is_that_of_the_rows_of_each_window(
    watched: Any, running: ServiceProcesses, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    late = rng.random(900).round(3)
    happened = rng.random(900) < late
    happened[600:] = rng.random(300) < 1 - late[600:]  # the world has turned round
    for n in range(900):
        watched.predict(n, hours=n / 300 * 24, late=float(late[n]))
        watched.predict(n, hours=n / 300 * 24, late=0.5, version="9", role="shadow")
        if n % 3:
            watched.label(n, bool(happened[n]))
    for n in range(10):  # event ids of the first day once more
        watched.predict(n, hours=1, late=0.9, offset=1000 + n)
    watched.predict(2000, hours=72.5, late=0.5)  # lets the third day end
    watched.flush()
    running.start("elk", ["indexer"])
    wait_until(lambda: watched.count("predictions") == len(watched.rows), 120)

    def settled() -> bool:
        """What a round writes, the next one may be the first to see."""
        done = watched.once()
        return done["performance"] == {"documents": 0} and watched.count("outcomes") == 2 * 600

    wait_until(settled, 120, lambda: f"{watched.count('outcomes')}")
    with caplog.at_level("INFO", "elastic_transport"):
        assert watched.once() == {
            "outcomes": {"outcomes": 0},
            "performance": {"documents": 0},
            "drift": {"documents": 0},
            "alerts": {"raised": 0, "resolved": 0},
        }
    told = [one.getMessage() for one in caplog.records if one.name.startswith("elastic_transport")]
    # An index that is just being created is asked again, which is told, too.
    asked = [one for one in told if "[status:2" in one or "[status:404" in one]
    assert 0 < len(asked) <= MOST_REQUESTS, "\n".join(asked)

    rows = pd.DataFrame({"late": late, "happened": happened, "day": np.arange(900) // 300})
    labelled = rows[rows.index % 3 != 0].copy()
    found = by_window(watched)
    # Of version 9 there is no package: its outcomes are there, and nothing to judge them by.
    assert set(found) == {(f"2026-03-0{2 + day}", "1", "champion") for day in range(3)}
    for day, part in labelled.groupby("day"):
        one = found[f"2026-03-0{2 + int(str(day))}", "1", "champion"]
        performance, metrics = one["performance"], one["performance"]["metrics"]
        again = 10 if day == 0 else 0
        assert performance["predictions"] == 300 + again
        assert (performance["labelled"], performance["measured"]) == (200, 200)
        assert performance.get("repeated", 0) == again
        assert performance["coverage"] == pytest.approx(200 / (300 + again))
        area = roc_auc_score(part["happened"], part["late"])
        assert metrics["roc_auc"] == pytest.approx(area)
        assert metrics["log_loss"] == pytest.approx(log_loss(part["happened"], part["late"]))
        assert performance["low"]["roc_auc"] < area < performance["high"]["roc_auc"]
        assert one["verdict"]["state"] == ("over" if day == 2 else "ok")
        assert {v["signal"] for v in one["verdicts"]} == {"roc_auc", "log_loss"}

    others = {key: one["computed_at"] for key, one in found.items() if key[0] != "2026-03-02"}
    watched.label(1, not happened[1])  # a correction changes no count
    watched.flush()
    labelled.loc[1, "happened"] = not happened[1]
    part = labelled[labelled["day"] == 0]
    area = pytest.approx(roc_auc_score(part["happened"], part["late"]))

    def corrected() -> bool:
        watched.once()
        one = by_window(watched)["2026-03-02", "1", "champion"]["performance"]
        return bool(one["metrics"]["roc_auc"] == area)

    wait_until(corrected, 60)
    found = by_window(watched)
    assert {key: found[key]["computed_at"] for key in others} == others
    assert len(found) == watched.count("performance") == 3


def test_a_killed_monitor_loses_and_doubles_nothing(
    watched: Any, running: ServiceProcesses
) -> None:
    for n in range(3000):
        watched.predict(n, hours=0, late=0.7)
        watched.label(n, n % 2 == 0)
    watched.flush()
    running.start("elk", ["indexer"])
    first = running.start("elk", ["monitor"], MILLRACE_MONITOR_INTERVAL_SECONDS="0.1")
    wait_until(lambda: watched.count("outcomes") > 0, 120)
    first.kill()
    second = running.start("elk", ["monitor"], MILLRACE_MONITOR_INTERVAL_SECONDS="0.1")
    wait_until(lambda: watched.count("outcomes") >= 3000, 120)
    outcomes = watched.sources("outcomes")
    assert len({one["event"]["id"] for one in outcomes}) == len(outcomes) == 3000
    assert all(
        one["outcome"]["correct"] == (int(one["event"]["id"][1:]) % 2 == 0) for one in outcomes
    )
    assert second.stop() == 0
    assert watched.once()["outcomes"] == {"outcomes": 0}
