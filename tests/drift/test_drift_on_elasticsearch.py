"""Drift of real documents, counted inside a real Elasticsearch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drift.logged import Log
from msgspec.structs import replace

from contracts.events import Outcome, Role
from contracts.keys import generate_keys, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest
from contracts.release_rules import MonitorRule
from contracts.scorer import Scorer
from contracts.settings import Settings
from elk.drift.measuring import DriftStep
from elk.drift.report.page import page
from elk.drift.report.reading import report
from elk.drift.report.summary import headline
from prediction_log.client import connect
from trainer import Recipe, train

pytestmark = pytest.mark.stack
START = datetime(2024, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = 400


@dataclass
class Served:
    """A trained version, and a log that it has answered events in."""

    settings: Settings
    log: Log
    manifest: Manifest
    scorer: Scorer
    name: str = "orders"
    versions: Mapping[str, Manifest] = field(init=False)

    def __post_init__(self) -> None:
        self.versions = {self.manifest.version: self.manifest}

    def day(self, number: int, role: Role = "champion", rows: int = ROWS, **moved: float) -> None:
        """One day of events; `moved` as for `orders`."""
        start = START + number * DAY
        frame = orders(np.random.default_rng(number), rows, start, **moved)
        values = frame[list(self.scorer.schema.names)].astype(object)
        given = values.where(values.notna(), None).to_dict("records")
        answers: list[Outcome] = [
            one for one in self.scorer.predict(self.scorer.schema.columns(given)) if one is not None
        ]
        moments = [moment.to_pydatetime() for moment in frame["at"]]
        self.log.answer(moments, given, answers, self.manifest.version, role)

    def measure(self) -> Mapping[str, int]:
        """What the monitor does in a round, and what it wrote can be found."""
        client = connect(self.settings, connections=1)
        try:
            found = DriftStep()(self.settings, client, [self])
        finally:
            client.close()
        self.log.documents("drift")
        return found

    def verdicts(self, number: int, role: str = "champion") -> dict[str, dict[str, Any]]:
        """Signal -> document of a day."""
        start = (START + number * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            one["verdict"]["signal"]: one
            for one in self.log.documents("drift")
            if one["window"]["start"] == start and one["model"]["role"] == role
        }


def orders(
    generator: np.random.Generator,
    rows: int,
    start: datetime,
    amount: float = 0.0,
    gaps: float = 0.1,
    new: float = 0.0,
    apart: float = 0.0,
) -> pd.DataFrame:
    """A day of orders, or several: two numbers that go together unless `apart`, one with gaps, a
    country that may be `new`, a truth value, and what follows from them."""
    one = generator.normal(amount, 1, rows)
    two = (1 - apart) * 0.9 * one + (1 - 0.81 * (1 - apart)) ** 0.5 * generator.normal(size=rows)
    country = generator.choice(["NO", "SE", "DE"], rows, p=[0.5, 0.3, 0.2])
    return pd.DataFrame(
        {
            "at": pd.Timestamp(start)
            + pd.to_timedelta(np.sort(generator.random(rows)) * 86_400, "s"),
            "amount": one,
            "price": np.where(generator.random(rows) < gaps, np.nan, two),
            "country": np.where(generator.random(rows) < new, "XX", country),
            "member": generator.random(rows) < 0.3,
            "fraud": np.where(generator.random(rows) < 1 / (1 + np.exp(-2 * one)), "yes", "no"),
        }
    )


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    generate_keys(settings.keys)
    generator = np.random.default_rng(99)
    days = [orders(generator, ROWS, START - number * DAY) for number in range(10, 0, -1)]
    path = tmp_path / "orders.parquet"
    pd.concat(days, ignore_index=True).to_parquet(path)
    trained = train(
        Recipe(
            model="orders",
            data=str(path),
            target="fraud",
            estimator="linear",
            time_column="at",
            nullable=("price", "country"),
            monitor=MonitorRule(window_hours=24, least_rows=100),
        ),
        settings,
    )
    package = ModelStore(settings.store_url).read("orders", trained.digest)
    trusted = load_trusted_keys(settings.keys, "packages")
    _, scorer = load_scorer(
        package, digest=trained.digest, environment=settings.environment, trusted=trusted
    )
    log = Log(settings, "orders")
    yield Served(settings, log, trained.manifest, scorer)
    log.close()


def test_drift_is_found_where_it_is_and_nowhere_else(served: Served) -> None:
    served.day(0)
    served.day(1, amount=0.8)
    served.day(2, gaps=0.4)
    served.day(3, new=0.1)
    served.day(4, apart=1.0)
    served.day(5, rows=50)
    served.day(5, role="shadow")
    served.day(6, rows=1)  # time goes on, so that the days before are over
    served.measure()
    measured = {(d["window"]["start"], d["model"]["role"]) for d in served.log.documents("drift")}
    assert len(measured) == 7

    def over(number: int, role: str = "champion") -> dict[str, str]:
        return {
            signal: one["verdict"]["statistic"]
            for signal, one in served.verdicts(number, role).items()
            if one["verdict"]["state"] == "over"
        }

    assert over(0) == {}
    assert over(1).items() >= {"amount": "psi", "prediction": "psi"}.items()
    assert "country" not in over(1)
    assert over(2)["price"] == "missing"
    assert over(3)["country"] == "unknown"
    assert over(4) == {"features together": "auc"}
    assert {one["verdict"]["state"] for one in served.verdicts(5).values()} == {"too_few"}
    assert served.verdicts(5).keys() == served.verdicts(0).keys()
    assert served.verdicts(5, "shadow").keys() == {
        "prediction",
        "confidence",
        "estimated accuracy",
        "estimated roc_auc",
    }
    assert not served.verdicts(6)

    day = served.verdicts(2)["price"]
    assert day["drift"]["missing"] == pytest.approx(0.4, abs=0.1)
    assert day["drift"]["missing_before"] == pytest.approx(0.1, abs=0.02)
    assert sum(day["drift"]["bins"]["window"]) == day["rows"] == ROWS
    expected = served.verdicts(0)["estimated accuracy"]["drift"]
    assert expected["estimate"] == pytest.approx(
        served.manifest.metrics["test"]["accuracy"], abs=0.06
    )


def test_only_windows_that_changed_are_measured_again(served: Served) -> None:
    served.day(0)
    served.day(1)
    served.day(2, rows=1)
    assert served.measure()["documents"] == 2 * len(served.verdicts(0))
    before = served.log.documents("drift")
    assert served.measure() == {"documents": 0}
    served.day(1, rows=150, amount=1.0)  # late, and unlike the others
    assert served.measure()["documents"] == len(served.verdicts(1))
    after = served.log.documents("drift")
    assert {one["_id"] for one in after} == {one["_id"] for one in before}
    assert {one["rows"] for one in served.verdicts(1).values()} == {ROWS + 150}


def test_a_report_shows_what_the_monitor_has_not_looked_at(served: Served) -> None:
    served.day(0)
    served.day(1, amount=0.8)
    found = report(served.settings, "orders")
    assert found.rows == (ROWS, ROWS)
    assert headline(found).startswith("Yes: in 1 of 2 windows")
    assert not served.log.documents("drift")
    html = page(found)
    assert "amount: over its limit in 1 of 2 windows" in html
    assert "cdn" not in html.split("<script>")[0]
    assert "http" not in html.split("<script>")[0]


def test_a_version_without_a_reference_says_that_nothing_is_known(served: Served) -> None:
    served.day(0)
    served.day(1, rows=1)
    served.versions = {"1": replace(served.manifest, reference=None)}
    assert served.measure() == {"documents": 1}
    [only] = served.log.documents("drift")
    assert only["verdict"]["state"] == "unknown"
    # As if it could not be read for a while: then all is measured, once.
    served.versions = {"1": served.manifest}
    assert served.measure()["documents"] == len(served.verdicts(0)) - 1 > 1
    assert served.measure() == {"documents": 0}
