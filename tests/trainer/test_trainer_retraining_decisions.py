"""Whether a model is trained again follows from its rule, its alerts and its past."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from contracts.alert_log import AlertCourse
from contracts.alerts import Alert
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.feature_schema import FeatureSchema
from contracts.packages import DataWindow, Manifest, Payload
from contracts.release_rules import RetrainRule
from contracts.windows import Window, window_at
from trainer.retraining.decisions import Situation, next_retraining
from trainer.retraining.trail import Retraining

DAY = timedelta(days=1)
NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 3, 10, tzinfo=UTC)
RULE = RetrainRule(train_hours=48, cooldown_hours=7 * 24)
DIGEST = "0" * 64


def manifest(rule: RetrainRule | None, trained_to: datetime | None = None) -> Manifest:
    return Manifest(
        environment="local",
        model="m",
        version="1",
        task="regression",
        schema=FeatureSchema(()),
        payload=Payload("joblib", DIGEST, 1),
        estimator="e",
        data=DataWindow(source="f", fingerprint="x", rows=1, target="y", end=trained_to),
        retrain=rule,
        golden=(),
        libraries={},
        created_at=NOON,
        created_by="me",
    )


DEPLOYMENT = Deployment(
    environment="local",
    model="m",
    sequence=1,
    champion=DeployedVersion("1", DIGEST),
    author="me",
    reason="published",
    created_at=NOON,
)


def alert(end: datetime = MIDNIGHT, **more: Any) -> AlertCourse:
    facts: dict[str, Any] = {"kind": "drift", "version": "1", **more}
    raised = Alert(
        alert_id=f"m-{facts['version']}-{facts['kind']}-1",
        state="raised",
        model="m",
        at=NOON,
        window=window_at(end - timedelta(hours=1), 24),
        reason="it drifts",
        **facts,
    )
    return AlertCourse(raised, raised)


def past(end: datetime) -> Retraining:
    return Retraining(
        id=f"r-{end.timestamp()}",
        model="m",
        champion="1",
        alert=None,
        window=Window(end - DAY, end),
        why="",
        ended="refused",
    )


def situation(*alerts: AlertCourse, rule: RetrainRule | None = RULE, **more: Any) -> Situation:
    known: dict[str, Any] = {
        "deployment": DEPLOYMENT,
        "champion": manifest(rule),
        "alerts": alerts,
        "past": (),
        "newest": NOON,
    }
    return Situation(**(known | more))


def test_an_alert_is_answered_on_data_up_to_the_end_of_its_window() -> None:
    found = next_retraining(situation(alert(MIDNIGHT - 2 * DAY)))
    assert found is not None
    assert found.window == Window(MIDNIGHT - 4 * DAY, MIDNIGHT - 2 * DAY)
    assert found.id == f"m-1-drift-1-{int((MIDNIGHT - 2 * DAY).timestamp())}"
    assert (found.alert, found.champion, found.why) == ("m-1-drift-1", "1", "it drifts")


def test_only_alerts_of_the_champion_and_of_the_kinds_of_its_rule_are_answered() -> None:
    assert next_retraining(situation()) is None
    assert next_retraining(situation(alert(), rule=None)) is None
    assert next_retraining(situation(alert(version="2"))) is None
    only_performance = replace(RULE, on=("performance",))
    assert next_retraining(situation(alert(), rule=only_performance)) is None
    found = next_retraining(situation(alert(), alert(kind="performance"), rule=only_performance))
    assert found is not None
    assert found.alert == "m-1-performance-1"


def test_nothing_begins_while_a_canary_is_tried() -> None:
    tried = replace(DEPLOYMENT, canary=Canary("2", DIGEST, 0.1))
    assert next_retraining(situation(alert(), deployment=tried)) is None


def test_an_alert_that_stays_open_is_answered_again_after_the_cooldown() -> None:
    one = alert(MIDNIGHT)
    answered = (past(MIDNIGHT),)
    for days in (0, 1, 6):
        assert next_retraining(situation(one, past=answered, newest=NOON + days * DAY)) is None
    found = next_retraining(situation(one, past=answered, newest=NOON + 7 * DAY))
    assert found is not None
    assert found.window.end == MIDNIGHT + 7 * DAY
    again = situation(one, past=(*answered, found), newest=NOON + 7 * DAY)
    assert next_retraining(again) is None


def test_without_a_cooldown_there_still_is_one_retraining_per_window() -> None:
    rule = replace(RULE, cooldown_hours=0)
    found = next_retraining(situation(alert(), rule=rule))
    assert found is not None
    assert next_retraining(situation(alert(), rule=rule, past=(found,))) is None
    another_cause = (past(MIDNIGHT),)
    assert next_retraining(situation(alert(), rule=rule, past=another_cause)) is None
    assert next_retraining(situation(alert(), rule=rule, past=(found,), newest=NOON + DAY))


def test_windows_that_are_not_over_are_nobodys() -> None:
    found = next_retraining(situation(alert(MIDNIGHT + 99 * DAY)))
    assert found is not None
    assert found.window.end == MIDNIGHT
    assert next_retraining(situation(alert(), past=(past(MIDNIGHT + 999 * DAY),))) is not None


def test_an_alert_of_long_ago_is_answered_on_what_is_newest() -> None:
    """Whoever may write to the topic may name any time, the first day of the calendar too."""
    for end in (datetime(1, 1, 2, tzinfo=UTC), MIDNIGHT - 3 * DAY):
        found = next_retraining(situation(alert(end)))
        assert found is not None
        assert found.window == Window(MIDNIGHT - 2 * DAY, MIDNIGHT)


def test_a_schedule_counts_from_the_newest_training_data() -> None:
    rule = replace(RULE, every_hours=72)
    fresh = manifest(rule, MIDNIGHT - 2 * DAY)
    assert next_retraining(situation(champion=fresh)) is None
    found = next_retraining(situation(champion=fresh, newest=NOON + DAY))
    assert found is not None
    assert found.id == f"m-1-schedule-{int((MIDNIGHT + DAY).timestamp())}"
    assert (found.alert, found.window.end) == (None, MIDNIGHT + DAY)
    done = (past(MIDNIGHT + DAY),)
    assert next_retraining(situation(champion=fresh, past=done, newest=NOON + 3 * DAY)) is None
    assert next_retraining(situation(champion=fresh, past=done, newest=NOON + 4 * DAY))
    naive = manifest(rule, (MIDNIGHT - 3 * DAY).replace(tzinfo=None))
    assert next_retraining(situation(champion=naive)) is not None
