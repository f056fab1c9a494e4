"""The console on a real Elasticsearch: every panel shows something, and what is chosen counts."""

import json
from datetime import datetime, timedelta

import pytest
from console.conftest import HOSTILE, LONG_AGO
from console.opened import Console, console
from dashboards.seeded import EVENT
from forwarder import Forwarder

from contracts.settings import Settings
from elk.console.sections import sections
from elk.dashboards import dashboards
from prediction_log.client import connect
from prediction_log.indices import IndexNames

pytestmark = pytest.mark.stack
TODAY = {"range": "24h"}
HOUR = timedelta(hours=1)


def test_every_panel_and_section_shows_something(opened: Console) -> None:
    for board in dashboards():
        chosen = {"event_id": EVENT} if board.id == "one-event" else {}
        for one in (*board.panels, *sections(board.id)):
            answer = opened.panel(board.id, one.id, **chosen)
            assert answer.get("views"), f"{board.id}/{one.id}: {answer}"
            # Who cannot see the picture has the table.
            tables = [view for view in answer["views"] if "rows" in view]
            assert tables, f"{board.id}/{one.id}"
            assert all(len(view["columns"]) == len(view["rows"][0]) for view in tables)


def test_a_chosen_model_version_and_time_narrow_a_panel(opened: Console) -> None:
    def roles(**query: str) -> dict[str, str]:
        (view,) = opened.panel("models", "predictions", **query)["views"]
        return {row[0]: row[1] for row in view["rows"]}

    assert roles(**TODAY) == {"champion": "144", "canary": "36", "shadow": "144"}
    assert roles(**TODAY, model_name="flights") == {
        "champion": "72",
        "canary": "36",
        "shadow": "72",
    }
    assert roles(**TODAY, model_name="flights", model_version="2") == {"canary": "36"}
    long_ago = {"range": "absolute", "from": "2013-01-01", "to": "2014-01-01"}
    assert roles(**long_ago) == {"champion": "1"}
    (counted,) = opened.panel("overview", "predictions", range="15m")["views"]
    assert counted["tiles"] == [{"label": "Predictions", "value": "0"}]


def test_all_time_is_that_of_the_events_or_that_of_clocks(opened: Console) -> None:
    """A replay of the past has both; dead letters must not shrink its charts to nothing."""
    assert opened.panel("overview", "predictions")["start"] == f"{LONG_AGO:%Y-%m-%d %H:%M:%S}"
    assert opened.panel("overview", "dead-letters")["start"] > "2026"
    narrowed = opened.panel("overview", "predictions", model_name="delay")
    assert narrowed["start"] > "2026"


def test_an_index_that_is_not_there_is_no_error(seeded: Settings) -> None:
    empty = seeded.model_copy(update={"index_prefix": "nothing-here"})
    with console(empty) as served:
        for board in dashboards():
            for one in (*board.panels, *sections(board.id)):
                answer = served.panel(board.id, one.id)
                shown = [
                    tile["value"] for view in answer.get("views", ()) for tile in view["tiles"]
                ]
                assert answer.get("nothing") or shown == ["0"], f"{board.id}/{one.id}"
        assert set(json.loads(served.get("api/offered/overview").data)) == {
            "model.name",
            "model.version",
        }


def test_values_are_offered_as_the_other_choices_leave_them(opened: Console) -> None:
    found = json.loads(opened.get("api/offered/models", **TODAY, model_name="delay").data)
    assert found["model.name"] == ["delay", "flights"]
    assert found["model.version"] == ["1", "2"]
    assert found["model.role"] == ["champion", "shadow"]


def test_one_event_is_told_in_full(opened: Console) -> None:
    views = opened.panel("one-event", "everything", event_id=EVENT)["views"]
    titles = [view["title"] for view in views]
    assert titles[:3] == [
        "Answer · flights · 1 · champion",
        "Answer · flights · 3 · shadow",
        "Label · flights",
    ]
    assert titles[3] == "Answer beside the truth · flights · 1 · champion"
    assert titles[4].startswith("Dead letter · flights")
    told = {row[0]: row[1] for row in views[0]["rows"]}
    assert told["features.cat.carrier"] == "UA"
    assert told["latency.inference_ms"] == "2"


def test_an_id_of_a_stranger_is_found_and_stays_text(opened: Console) -> None:
    (view,) = opened.panel("one-event", "everything", event_id=HOSTILE)["views"]
    told = {row[0]: row[1] for row in view["rows"]}
    assert told["event.id"] == HOSTILE
    assert told[f"features.cat.{HOSTILE}"] == HOSTILE
    answer = opened.panel("one-event", "everything", event_id="nobody")
    assert answer == {"nothing": "No document knows an event of this id."}


def test_drift_shows_the_newest_window_against_the_training(opened: Console) -> None:
    views = opened.panel("drift", "features", model_name="flights", model_version="2")["views"]
    assert [view["title"] for view in views] == ["carrier", "hour"]
    assert views[1]["description"].startswith("flights 2 champion, ▲ 1.25 times its limit")
    assert views[1]["rows"][0] == ["< 6", "20.0%", "12.0%"]
    assert views[1]["rows"][-1] == ["(no value)", "0.0%", "1.0%"]
    before, now = views[1]["chart"]["data"]
    assert (before["name"], now["name"]) == ("Training", "Window")
    assert sum(before["y"]) == pytest.approx(1)


def test_drift_shows_a_version_that_serves_even_if_a_shadow_was_looked_at_later(
    opened: Console, seeded: Settings
) -> None:
    client = connect(seeded)
    index = IndexNames(seeded).pattern("drift")
    newest = client.search(index=index, size=1, sort=[{"window.start": "desc"}])["hits"]["hits"][0]
    later = (datetime.fromisoformat(newest["_source"]["window"]["start"]) + HOUR).isoformat()
    shadow = newest["_source"] | {
        "@timestamp": later,
        "model": {"name": "flights", "version": "3", "role": "shadow"},
        "window": {"start": later, "end": later},
        "verdict": {"signal": "carrier", "state": "ok", "ratio": 0.1},
    }
    added = client.index(index=newest["_index"], document=shadow, refresh=True)
    try:
        views = opened.panel("drift", "features", model_name="flights")["views"]
        of_shadow = opened.panel("drift", "features", model_version="3")["views"]
    finally:
        client.delete(index=added["_index"], id=added["_id"], refresh=True)
        client.close()
    assert all(" champion, " in view["description"] for view in views)
    assert all(" shadow, " in view["description"] for view in of_shadow)


def test_versions_say_what_they_are_worth_and_who_is_live(opened: Console) -> None:
    (view,) = opened.panel("models", "measured", model_name="delay")["views"]
    assert "mae" in view["columns"]
    assert "7.500" in view["rows"][0]
    (live,) = opened.panel("models", "live")["views"]
    assert live["rows"][0][:2] == ["worker-1", "flights 1 champion"]
    (deployed,) = opened.panel("models", "deployed")["views"]
    assert deployed["rows"][0][:2] == ["flights", "champion"]


def test_a_console_that_began_without_elasticsearch_shows_it_when_it_comes(
    seeded: Settings,
) -> None:
    forwarder = Forwarder(seeded.elasticsearch_url.removeprefix("http://"))
    away = seeded.model_copy(update={"elasticsearch": f"http://{forwarder.address}"})
    with console(away) as served:
        assert served.refusal("api/panels/overview/predictions", 503)["away"]
        forwarder.open()
        assert served.panel("overview", "predictions")["views"]
    forwarder.close()
