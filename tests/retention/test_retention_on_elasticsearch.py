"""A year of two models on a real Elasticsearch: summaries first, and then exactly what is old."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from logged_events import LoggedEvents
from service_processes import as_variables
from typer.testing import CliRunner

from cli.main import app
from contracts.events import Classification, FeatureEvent, Label, Latency, Outcome, Regression
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.release_rules import MonitorRule
from contracts.settings import Settings
from elk.drift.measuring import DriftStep
from elk.performance.measuring import measure
from elk.retention.retaining import Retained, retain
from elk.watched import Watched
from prediction_log import read
from trainer.deployments.deploying import publish
from trainer.recipes import Recipe
from trainer.training import train

pytestmark = pytest.mark.stack

MONTHS = [*((2024, month) for month in range(3, 13)), (2025, 1), (2025, 2)]
NOW = datetime(2025, 2, 20, tzinfo=UTC)
KEPT = ("2024.11", "2024.12", "2025.01", "2025.02")
RULE = MonitorRule(window_hours=24 * 28, least_rows=10)
MODELS = ("late", "minutes")


class Year:
    """What two models answered, what happened, and what failed."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings.model_copy(
            update={
                f"keep_months_{kind}": 3
                for kind in ("predictions", "labels", "outcomes", "dead_letters", "operations")
            }
        )
        self.log = LoggedEvents(settings)
        self._number = 0
        generate_keys(settings.keys)
        create_topics(settings)
        rng = np.random.default_rng(0)
        x = rng.random(500)
        for model, y in (("late", rng.random(500) < x), ("minutes", 60 * x + rng.random(500))):
            path = folder / f"{model}.parquet"
            pd.DataFrame({"x": x, "y": y}).to_parquet(path)
            recipe = Recipe(
                model=model, data=str(path), target="y", estimator="linear", monitor=RULE
            )
            train(recipe, settings)
            publish(settings, model, "1")
        for year, month in MONTHS:
            start = datetime(year, month, 1, tzinfo=UTC)
            for hour in range(0, 27 * 24, 18):
                at = start + timedelta(hours=hour)
                if at < NOW:
                    self.answer(at, float(rng.random()))
            self._others(start)
        self.log.write()

    def answer(self, at: datetime, x: float) -> None:
        """An event that both models answer."""
        self._number += 1
        chance = float(np.float32(x))
        label = "true" if x >= 0.5 else "false"
        answers: dict[str, Outcome] = {
            "late": Classification(label, max(chance, 1 - chance), {"true": x, "false": 1 - x}),
            "minutes": Regression(60 * x),
        }
        for model, answer in answers.items():
            event = FeatureEvent(
                event_id=f"e{self._number}",
                entity_id="n",
                occurred_at=at,
                model=model,
                features={"x": x},
            )
            said = Label(
                event_id=event.event_id,
                model=model,
                label=x > 0.4 if model == "late" else 61 * x,
                occurred_at=at,
            )
            total = float(self._number * 37 % 101)
            latency = Latency(1, 2, total, 4)
            self.log.served(event, answer, said, latency=latency)
            if model == "late" and self._number % 3 == 0:
                self.log.served(event, answer, None, version="1", role="shadow", latency=latency)

    def _others(self, start: datetime) -> None:
        names = self.log.names
        for number, (model, reason) in enumerate(
            (("late", "malformed"), ("late", "malformed"), (None, "unknown_model"))
        ):
            self.log.add(
                names.dead_letters(start),
                f"{start:%Y%m}-{number}",
                {
                    "@timestamp": start.isoformat(),
                    "failed_at": start.isoformat(),
                    "dead_letter": {"stage": "worker", "reason": reason},
                    **({"model": {"name": model}} if model else {}),
                },
            )
        self.log.add(
            names.operations(start),
            f"{start:%Y%m}",
            {"@timestamp": start.isoformat(), "service": {"name": "worker"}},
        )

    def indices(self, *kinds: str) -> set[str]:
        """Names of the indices of some kinds, without the prefix."""
        prefix = self.settings.index_prefix
        found = self.log.client.indices.get(index=[f"{prefix}-{kind}-*" for kind in kinds])
        return {name.removeprefix(f"{prefix}-") for name in found}

    def kept(self) -> dict[str, tuple[int, Any]]:
        """Summaries, performance and drift: id -> how often it was written, and what it says."""
        prefix = self.settings.index_prefix
        self.log.client.indices.refresh(index=f"{prefix}-*")
        found = self.log.client.search(
            index=[f"{prefix}-{kind}-*" for kind in ("summaries", "performance", "drift")],
            size=10_000,
            version=True,
        )["hits"]["hits"]
        return {f"{hit['_index']} {hit['_id']}": (hit["_version"], hit["_source"]) for hit in found}

    def letters(self) -> dict[tuple[tuple[int, int], str | None, str], int]:
        """Month, model and reason -> dead letters, as summaries say."""
        summaries = [source for _, source in self.kept().values() if "summary" in source]
        return {
            (
                tuple(map(int, one["@timestamp"].split("-")[:2])),
                one.get("model", {}).get("name"),
                one["summary"]["reason"],
            ): one["summary"]["count"]
            for one in summaries
            if one["summary"]["of"] == "dead letters"
        }

    def block(self, blocked: bool) -> None:
        """Nobody can write summaries, or everybody again."""
        client, names = self.log.client, self.log.names
        for model in (*MODELS, "dead_letters"):
            index = names.summaries(model, datetime(2024, 3, 1, tzinfo=UTC))
            client.options(ignore_status=400).indices.create(index=index)
            client.indices.put_settings(index=index, settings={"index.blocks.write": blocked})

    def retain(self) -> Retained:
        return retain(self.settings, act=True, now=NOW)


@pytest.fixture
def year(settings: Settings, tmp_path: Path) -> Iterator[Year]:
    made = Year(settings, tmp_path)
    with made.log:
        yield made


def test_summaries_first_and_then_exactly_what_is_old(
    year: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = year.indices("*")
    answered = {model: read(year.settings, model) for model in MODELS}

    # Read-only summaries: nothing is deleted that needs one, and the reason is told.
    year.block(True)
    refused = retain(
        year.settings.model_copy(update={"keep_months_operations": None}), act=True, now=NOW
    )
    assert len(refused.old) == len(refused.refused) == 8 * 7
    assert all("refused" in str(one.refused) for one in refused.old)
    assert every <= year.indices("*")
    year.block(False)

    # Looking changes nothing.
    seen = retain(year.settings, act=False, now=NOW)
    assert len(seen.old) == 8 * 8
    assert every <= year.indices("*")

    done = year.retain()
    assert not done.refused
    assert {one.index for one in done.old} == {one.index for one in seen.old}
    left = year.indices("predictions", "outcomes", "labels", "dead-letters", "operations")
    assert left == {
        f"{kind}-{month}"
        for month in KEPT
        for kind in (
            *(f"{kind}-{m}" for kind in ("predictions", "outcomes", "labels") for m in MODELS),
            *("dead-letters", "operations"),
        )
    }
    for model in MODELS:
        _summaries_are_what_pandas_says(year, model, answered[model])
    assert year.letters() == {
        (month, model, reason): count
        for month in MONTHS[:8]
        for model, reason, count in (("late", "malformed", 2), (None, "unknown_model", 1))
    }
    _every_window_was_measured(year, answered)

    # Again: there is nothing to do, and nothing is written.
    kept = year.kept()
    assert year.retain().old == []
    assert year.kept() == kept

    # What comes late is cleaned up, and is not taken for all there was; neither by the monitor.
    year.answer(datetime(2024, 10, 30, tzinfo=UTC), 0.5)
    year.log.write()
    models = Watched(year.settings).models()
    measure(year.settings, year.log.client, models)
    DriftStep()(year.settings, year.log.client, models)
    late = year.kept()
    assert {name: late[name] for name in kept} == kept
    again = year.retain()
    assert {one.index.removeprefix(f"{year.settings.index_prefix}-") for one in again.old} == {
        f"{kind}-{m}-2024.10" for kind in ("predictions", "outcomes", "labels") for m in MODELS
    }
    assert again.summaries == 0

    # Outcomes alone: their windows are measured before, and not again without them.
    outcomes = retain(
        year.settings.model_copy(
            update={
                "keep_months_predictions": None,
                "keep_months_labels": None,
                "keep_months_outcomes": 1,
            }
        ),
        act=True,
        now=NOW,
    )
    assert len(outcomes.old) == 2 * len(MODELS)
    kept = year.kept()
    measure(year.settings, year.log.client, models)
    assert {name: found for name, found in year.kept().items() if name in kept} == kept
    left = year.indices("predictions", "outcomes", "labels", "dead-letters", "operations")

    # What cannot be measured stays, and what is wrong is told.
    at = datetime(2024, 2, 2, tzinfo=UTC)
    event = FeatureEvent(event_id="x", entity_id="n", occurred_at=at, model="late", features={})
    year.log.served(event, Regression(1.0), None, version="7")
    year.log.write()
    (stays,) = year.retain().refused
    assert stays.index in {f"{year.settings.index_prefix}-{one}" for one in year.indices("*")}
    assert "version 7 is not measured in all of 2024-02" in str(stays.refused)

    # The command does the same by the clock of this machine.
    for name, value in as_variables(year.settings).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["retention", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout.splitlines()[-1])
    assert not told["acted"]
    assert len(told["old"]) == len(left) + 1


def _summaries_are_what_pandas_says(year: Year, model: str, answered: pd.DataFrame) -> None:
    old = answered[answered["@timestamp"] < datetime(2024, 11, 1, tzinfo=UTC)].copy()
    old["day"] = old["@timestamp"].dt.floor("D")
    by = ["day", "model.version", "model.role"]
    summaries = read(year.settings, model, kind="summaries").rename(columns={"@timestamp": "day"})

    days = summaries[summaries["summary.of"] == "version"].set_index(by).sort_index()
    groups = old.groupby(by)
    latency = groups["latency.total_ms"]
    expected = pd.DataFrame({"summary.count": groups.size()})
    for percent in (50, 95, 99):
        expected[f"summary.latency.p{percent}_ms"] = latency.quantile(percent / 100)
    if model == "late":
        expected["summary.confidence"] = groups["prediction.confidence"].mean()
    else:
        expected["summary.value"] = groups["prediction.value"].mean()
    pd.testing.assert_frame_equal(
        days[expected.columns], expected, check_dtype=False, rtol=1e-6, check_names=False
    )
    if model == "late":
        answers = summaries[summaries["summary.of"] == "answer"]
        counted = answers.set_index([*by, "summary.answer"])["summary.count"].sort_index()
        wanted = old.groupby([*by, "prediction.label"]).size()
        pd.testing.assert_series_equal(counted, wanted, check_names=False, check_dtype=False)


def _every_window_was_measured(year: Year, answered: dict[str, pd.DataFrame]) -> None:
    """Rows of all windows that begin before what is kept are those of the deleted documents."""
    for model, rows in answered.items():
        for kind in ("performance", "drift"):
            found = read(year.settings, model, kind=kind)
            assert not found.empty, f"there is no {kind} of {model}"
            windows = found.drop_duplicates(["@timestamp", "model.role"])
            for _, window in windows.iterrows():
                start, end = (pd.Timestamp(window[f"window.{side}"]) for side in ("start", "end"))
                times = rows["@timestamp"]
                inside = (times >= start) & (times < end)
                inside &= rows["model.role"] == window["model.role"]
                assert window["rows"] == inside.sum()
            first, last = rows["@timestamp"].min(), pd.Timestamp("2024-11-01", tz="UTC")
            starts = pd.to_datetime(found["window.start"], utc=True)
            ends = pd.to_datetime(found["window.end"], utc=True)
            assert starts.min() <= first
            assert ends.max() >= last
