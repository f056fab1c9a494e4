"""The notebook on predictions does what it says, on documents of a real Elasticsearch."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboards.seeded import HOURS, seed
from logged_events import LoggedEvents
from service_processes import as_variables

from contracts.events import Classification, FeatureEvent
from contracts.settings import Settings

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebooks" / "predictions.ipynb"


def cells(kind: str) -> list[dict[str, Any]]:
    return [one for one in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if _is(one, kind)]


def test_it_is_kept_without_outputs():
    assert len(cells("code")) > 10
    for cell in cells("code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.stack
def test_it_tells_how_many_how_sure_and_why_confidence_fell(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    now = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    fell = datetime(2026, 3, 2, 8, tzinfo=UTC)
    with LoggedEvents(settings) as log:
        seed(log.client, settings, now)
        for number in range(30):
            event = FeatureEvent(
                event_id=f"new{number}",
                entity_id="N1",
                occurred_at=fell + timedelta(minutes=number),
                model="flights",
                features={"hour": float((23 + number % HOURS) % 24), "carrier": "ZZ"},
            )
            log.served(event, Classification("late", 0.5, {"late": 0.5, "on time": 0.5}), None)
        log.write()

        found: dict[str, Any] = {}
        for number, cell in enumerate(cells("code")):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), found)

    sure, right = found["sure"], found["right"]
    assert sure.loc[("1", "champion"), "count"] == HOURS * 6 + 30
    assert sure.loc[("2", "canary"), "count"] == HOURS * 3
    assert sure.loc[("3", "shadow"), "count"] == HOURS * 6
    assert sure.loc[("2", "canary"), "mean"] == pytest.approx((0.52 + 0.64 + 0.82) / 3)
    assert right.loc[("1", "champion"), "labelled"] == HOURS * 6
    assert right.loc[("1", "champion"), "accuracy"] == pytest.approx(0.75)
    assert found["worst"] == fell
    assert found["fall"] > 0.1
    assert found["changed"].index[0] == "features.cat.carrier"
    assert found["explained"].index[0] == "ZZ"
    assert set(found["ratios"].index) == {"hour", "carrier", "features together", "roc_auc"}
    assert set(found["over"]["verdict.state"]) == {"over"}
    assert "swapped" in set(found["happened"]["model_event.kind"])
    assert "2026-03-02 08:00 UTC" in capsys.readouterr().out


def _is(cell: dict[str, Any], kind: str) -> bool:
    return bool(cell["cell_type"] == kind)
