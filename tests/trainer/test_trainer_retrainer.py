"""The retrainer as the process it is, on a real Kafka and a real Elasticsearch, killed anywhere."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from command_line import millrace
from logged_events import LoggedEvents
from service_processes import PROJECT, ServiceProcess, ServiceProcesses
from waiting import wait_until

from contracts.alerts import Alert
from contracts.control_topic import read_control
from contracts.deployments import Deployment
from contracts.events import Classification, FeatureEvent, Label
from contracts.following import FollowedTopic
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.model_events import ModelEvent
from contracts.release_rules import Gate, Limit, MonitorRule, RetrainRule
from contracts.settings import Settings
from contracts.topics import Topics
from contracts.windows import window_at
from elk.alerts.publishing import publish_alerts
from trainer import Recipe, publish, train
from trainer.retraining.carrying import carry_on
from trainer.retraining.outlook import Outlook

pytestmark = [pytest.mark.stack, pytest.mark.long]
START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = 20 * 24
RULE = RetrainRule(train_hours=10 * 24, least_rows=100, cooldown_hours=3 * 24)
PATIENCE = 150


class Loop:
    """A model `m` that has drifted, as everything but the retrainer leaves it."""

    def __init__(self, settings: Settings, logged: LoggedEvents, folder: Path) -> None:
        self.settings, self._logged, self._folder = settings, logged, folder
        self._topic = FollowedTopic(settings, Topics(settings).model_events.name)
        self._read: list[ModelEvent] = []

    def begin(self, rule: RetrainRule = RULE, *, poisoned: bool = False) -> None:
        """Version 1 serves, trained on days 0 to 9; from day 10 the world is another.

        Args:
            poisoned: all labels but the newest say the contrary of what is so.
        """
        rng = np.random.default_rng(0)
        x = rng.normal(size=HOURS)
        at = [START + timedelta(hours=n) for n in range(HOURS)]
        truth = np.where(np.arange(HOURS) < HOURS // 2, x > 0, x > 1)
        path = self._folder / "rows.parquet"
        table = pd.DataFrame({"at": at, "x": x, "z": rng.normal(size=HOURS), "y": truth})
        table[: HOURS // 2].to_parquet(path)
        recipe = Recipe(
            model="m",
            data=str(path),
            target="y",
            time_column="at",
            final_fit="all",
            monitor=MonitorRule(window_hours=24),
            retrain=rule,
            gate=Gate(metrics={"accuracy": Limit(worse_by=0.02)}),
        )
        train(recipe, self.settings)
        publish(self.settings, "m")
        newest = np.arange(HOURS) >= HOURS - 24 * 2
        labels = truth ^ ~newest if poisoned else truth
        answer = Classification("true", 0.5, {"true": 0.5, "false": 0.5})
        for n in range(HOURS // 2, HOURS):
            name = f"e{n}"
            event = FeatureEvent(
                event_id=name,
                entity_id="n",
                occurred_at=at[n],
                model="m",
                features={"x": float(x[n]), "z": float(table["z"][n])},
            )
            said = Label(event_id=name, model="m", label=bool(labels[n]), occurred_at=at[n])
            self._logged.served(event, answer, said)
        self._logged.served(
            FeatureEvent(
                event_id="last",
                entity_id="n",
                occurred_at=START + timedelta(hours=HOURS),
                model="m",
                features={"x": 0.0, "z": 0.0},
            ),
            answer,
            None,
        )
        self._logged.write()

    def alert(self, version: str = "1", state: Any = "raised") -> str:
        """What a monitor would say of the last window."""
        window = window_at(START + timedelta(hours=HOURS - 1), 24)
        name = f"m-{version}-performance-{int(window.start.timestamp())}"
        alert = Alert(
            alert_id=name,
            state=state,
            kind="performance",
            model="m",
            version=version,
            at=datetime.now(UTC),
            window=window,
            reason="it became worse",
        )
        publish_alerts(self.settings, [alert])
        return name

    def events(self, kind: str | None = None) -> list[ModelEvent]:
        """What stands on `model-events` now."""
        self._read += [
            msgspec.json.decode(value, type=ModelEvent) for value in self._topic.new_values()
        ]
        return [event for event in self._read if kind in (None, event.event)]

    def close(self) -> None:
        self._topic.close()

    def trail(self) -> list[str]:
        """Kinds of the model events that name a retraining, each once, in order."""
        return list(dict.fromkeys(e.event for e in self.events() if e.retraining))

    def history(self) -> list[Deployment]:
        return read_control(self.settings).log.history["m"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"session_timeout_ms": 6000, "retrainer_interval_seconds": 0.5}
    )


@pytest.fixture
def loop(settings: Settings, tmp_path: Path) -> Iterator[Loop]:
    generate_keys(settings.keys)
    create_topics(settings)
    with LoggedEvents(settings) as logged, closing(Loop(settings, logged, tmp_path)) as loop:
        yield loop


def start(running: ServiceProcesses) -> ServiceProcess:
    return running.start("trainer", ["retrainer"])


def once(running: ServiceProcesses) -> list[dict[str, Any]]:
    """`millrace retrainer --once --json`, and what it tells."""
    done = millrace(
        "retrainer", "--once", "--json", folder=PROJECT, environment=running.environment
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])["retrainings"]
    return found


STEPS = ("retraining_began", "trained", "retrained", "gate_passed", "published")


def test_killed_after_each_step_in_turn_one_alert_leads_to_one_deployment(
    loop: Loop, running: ServiceProcesses
) -> None:
    loop.begin()
    alert = loop.alert()
    for step in STEPS:
        known = len(loop.events(step))
        service = start(running)
        # A step that was through before the kill came is not taken again.
        wait_until(
            lambda step=step, known=known: (  # type: ignore[misc]
                len(loop.events(step)) > known or loop.events("retraining_ended")
            ),
            PATIENCE,
            lambda service=service: service.output,  # type: ignore[misc]
        )
        service.kill()
    last = start(running)
    wait_until(lambda: loop.events("retraining_ended"), PATIENCE, lambda: last.output)
    [_, made] = loop.history()
    [ended] = loop.events("retraining_ended")
    assert (ended.sequence, ended.version) == (2, made.champion.version)
    assert ended.reason == "published as champion, sequence 2"
    assert made.reason.startswith(f"retraining {ended.retraining} answers alert {alert}: ")
    assert loop.trail() == [
        "retraining_began",
        "retrained",
        "gate_passed",
        "published",
        "retraining_ended",
    ]
    assert {e.alert for e in loop.events() if e.retraining} == {alert}
    assert [e.event for e in loop.events()].count("published") == 2  # version 1, and the candidate
    assert last.stop() == 0


def test_an_alert_is_answered_once_and_one_of_a_version_that_is_gone_never(
    loop: Loop, running: ServiceProcesses
) -> None:
    loop.begin()
    loop.alert()
    [done] = once(running)
    assert done["ended"] == "published as champion, sequence 2"
    loop.alert()
    assert once(running) == []
    loop.alert(version="2")  # of the candidate: too soon after the retraining
    assert once(running) == []
    assert len(loop.history()) == 2


def test_labels_that_are_wrong_lead_to_a_candidate_that_is_refused(
    loop: Loop, running: ServiceProcesses
) -> None:
    loop.begin(poisoned=True)
    loop.alert()
    [done] = once(running)
    assert done["ended"].startswith("the gate refuses version 2: "), done
    assert "champion" in done["ended"]
    assert [d.champion.version for d in loop.history()] == ["1"]
    assert loop.trail() == ["retraining_began", "retrained", "gate_refused", "retraining_ended"]
    assert once(running) == []


def test_too_few_labelled_events_train_nothing(loop: Loop, running: ServiceProcesses) -> None:
    loop.begin(msgspec.structs.replace(RULE, least_rows=5000))
    loop.alert()
    [done] = once(running)
    assert done["ended"] == "only 240 labelled events of the 5,000 that its rule asks for"
    assert len(loop.history()) == 1


def test_of_two_retrainers_one_works_and_the_other_takes_over(
    loop: Loop, running: ServiceProcesses
) -> None:
    loop.begin(msgspec.structs.replace(RULE, role="canary", weight=0.25))
    one, other = start(running), start(running)

    def leader() -> ServiceProcess | None:
        leads = [s for s in (one, other) if "this retrainer does the work" in s.output]
        return leads[0] if leads else None

    working = wait_until(leader, PATIENCE)
    standby = other if working is one else one
    loop.alert()
    wait_until(lambda: loop.events("retraining_began"), PATIENCE, lambda: working.output)
    assert working.stop() == 0
    wait_until(lambda: loop.events("retraining_ended"), PATIENCE, lambda: standby.output)
    [_, made] = loop.history()
    assert made.champion.version == "1"
    assert made.canary is not None
    assert made.canary.weight == 0.25
    assert standby.stop() == 0


def test_two_that_carry_on_the_same_retraining_deploy_once(loop: Loop) -> None:
    loop.begin()
    loop.alert()
    with closing(Outlook(loop.settings)) as outlook:
        [begun] = outlook.to_do()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(carry_on, loop.settings, begun.id) for _ in range(2)]
        ends = [one.result(PATIENCE) for one in both]
    [_, made] = loop.history()
    [candidate] = {one.candidate.version for one in ends if one and one.candidate}
    assert made.champion.version == candidate
    assert {one.ended for one in ends if one} == {"published as champion, sequence 2"}
