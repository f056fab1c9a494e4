"""The notebook on predictions does what it says, on documents of a real Elasticsearch."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from dashboards.seeded import HOURS, seed
from logged_events import LoggedEvents
from nbclient import NotebookClient
from service_processes import as_variables

from contracts.events import Classification, FeatureEvent
from contracts.settings import Settings

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebooks" / "predictions.ipynb"
FOUND = """
import json

print(json.dumps({
    "sure": sure.reset_index().to_dict("records"),
    "right": right.reset_index().to_dict("records"),
    "worst": worst.isoformat(),
    "fall": fall,
    "changed": list(changed.index),
    "explained": list(explained.index),
    "signals": list(ratios.index),
    "over": list(over["verdict.state"]),
    "happened": list(happened["model_event.kind"]),
}))
"""
"""Asked in the kernel at the end: what the variables of the notebook are."""


def test_it_is_kept_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert len(cells) > 10
    for cell in cells:
        assert cell.outputs == []
        assert cell.execution_count is None


def run(folder: Path) -> tuple[dict[str, Any], str]:
    """What a kernel of its own finds, cell by cell; and all that is printed."""
    notebook = nbformat.read(NOTEBOOK, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(FOUND))
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=200, resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    told = [output.text for output in shown if output.output_type == "stream"]
    pictures = [
        output for output in shown if "application/vnd.plotly.v1+json" in output.get("data", ())
    ]
    assert len(pictures) == 3
    return json.loads(told[-1]), "".join(told[:-1])


def of(rows: list[dict[str, Any]], version: str, role: str) -> dict[str, Any]:
    [found] = (r for r in rows if (r["model.version"], r["model.role"]) == (version, role))
    return found


@pytest.mark.stack
def test_it_tells_how_many_how_sure_and_why_confidence_fell(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
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

        found, told = run(tmp_path)

    sure, right = found["sure"], found["right"]
    assert of(sure, "1", "champion")["count"] == HOURS * 6 + 30
    assert of(sure, "2", "canary")["count"] == HOURS * 3
    assert of(sure, "3", "shadow")["count"] == HOURS * 6
    assert of(sure, "2", "canary")["mean"] == pytest.approx((0.52 + 0.64 + 0.82) / 3)
    assert of(right, "1", "champion")["labelled"] == HOURS * 6
    assert of(right, "1", "champion")["accuracy"] == pytest.approx(0.75)
    assert datetime.fromisoformat(found["worst"]) == fell
    assert found["fall"] > 0.1
    assert found["changed"][0] == "features.cat.carrier"
    assert found["explained"][0] == "ZZ"
    assert set(found["signals"]) == {"hour", "carrier", "features together", "roc_auc"}
    assert set(found["over"]) == {"over"}
    assert "swapped" in found["happened"]
    assert "2026-03-02 08:00 UTC" in told
