"""Dashboards and rules reach Kibana as its API takes them; a real HTTP server keeps what came."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboards.recording_kibana import Answer, RecordingKibana, recording_kibana
from typer.testing import CliRunner

from cli.main import app
from contracts.errors import (
    AccessError,
    ConfigurationError,
    MillraceError,
    UnreachableError,
    UsageError,
)
from contracts.settings import load_settings
from elk.dashboards.checking.problems import problems
from elk.dashboards.importing import export_objects, import_objects, once_it_answers
from elk.dashboards.kibana import Kibana
from elk.dashboards.rules import RULES, create_rules, rule_id

NDJSON = b'{"id":"one"}\n'


@pytest.fixture
def there(no_variables: None) -> Iterator[RecordingKibana]:
    with recording_kibana() as recording:
        yield recording


def kibana(there: RecordingKibana, **more: object) -> Kibana:
    return Kibana(load_settings(kibana=there.url, **more))


def test_the_import_is_a_file_that_replaces_what_was_there(there: RecordingKibana) -> None:
    assert import_objects(Kibana(load_settings(kibana=there.url + "/")), NDJSON) == 4
    path, headers, _ = there.requests[0]
    assert path == "/api/saved_objects/_import?overwrite=true"
    assert headers["kbn-xsrf"]
    name, content = there.uploaded()
    assert (name or "").endswith(".ndjson")
    assert content.strip() == NDJSON.strip()


def test_a_space_is_part_of_the_path(there: RecordingKibana) -> None:
    import_objects(kibana(there, kibana_space="ml"), NDJSON)
    assert there.requests[0][0] == "/s/ml/api/saved_objects/_import?overwrite=true"


def test_an_api_key_introduces_us(there: RecordingKibana) -> None:
    import_objects(kibana(there, elasticsearch_api_key="a2V5"), NDJSON)
    assert there.requests[0][1]["authorization"] == "ApiKey a2V5"


def test_an_account_introduces_us(there: RecordingKibana) -> None:
    import_objects(
        kibana(there, elasticsearch_username="ann", elasticsearch_password="secret"), NDJSON
    )
    assert there.requests[0][1]["authorization"] == "Basic YW5uOnNlY3JldA=="


def test_an_export_asks_for_what_is_named(there: RecordingKibana) -> None:
    there.answers = lambda path: (200, NDJSON)
    assert export_objects(kibana(there), [{"type": "dashboard", "id": "one"}]) == NDJSON
    path, _, body = there.requests[0]
    assert path == "/api/saved_objects/_export"
    assert json.loads(body)["objects"] == [{"type": "dashboard", "id": "one"}]


@pytest.mark.parametrize(
    ("status", "answer", "error", "said"),
    [
        (400, b'{"message": "no such thing"}', MillraceError, "no such thing"),
        (403, b"", AccessError, "check MILLRACE_ELASTICSEARCH_API_KEY"),
        (503, b"Kibana server is not ready yet", UnreachableError, "not ready"),
        (200, b"<html>hello</html>", UnreachableError, "does not answer as Kibana"),
        (
            200,
            b'{"success": false, "successCount": 1, "errors": [{"id": "bad-one"}]}',
            MillraceError,
            "bad-one",
        ),
    ],
)
def test_a_refusal_is_told_in_kibana_s_words(
    there: RecordingKibana, status: int, answer: bytes, error: type[Exception], said: str
) -> None:
    there.answers = lambda path: (status, answer)
    with pytest.raises(error, match=said):
        import_objects(kibana(there), NDJSON)


def test_without_an_address_it_is_said_what_to_set(no_variables: None) -> None:
    with pytest.raises(ConfigurationError, match="set MILLRACE_KIBANA"):
        Kibana(load_settings())


def test_a_kibana_that_starts_is_waited_for(
    there: RecordingKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elk.dashboards.importing._REST_SECONDS", 0.01)
    ready: list[str] = []
    there.answers = lambda path: (
        (200, b'{"success": true, "successCount": 4}') if len(ready) > 2 else (503, b"starting")
    )
    assert once_it_answers(lambda: import_objects(kibana(there), NDJSON), 60, ready.append) == 4
    assert len(ready) == 3
    with pytest.raises(UnreachableError):
        once_it_answers(_starting, 0, ready.append)


def _starting() -> None:
    raise UnreachableError("it starts")


def test_rules_are_made_once_and_then_left_alone(there: RecordingKibana) -> None:
    settings = load_settings(kibana=there.url)
    made: set[str] = set()

    def answers(path: str) -> Answer:
        if path in made:
            return 409, b'{"message": "conflict"}'
        made.add(path)
        return 200, b"{}"

    there.answers = answers
    assert create_rules(Kibana(settings), settings) == (len(RULES), 0)
    assert create_rules(Kibana(settings), settings) == (0, len(RULES))
    assert [path for path, _, _ in there.requests[: len(RULES)]] == [
        f"/api/alerting/rule/{rule_id(settings, rule)}" for rule in RULES
    ]


def test_a_rule_keeps_to_the_parameters_of_kibana_s_rule_type(there: RecordingKibana) -> None:
    """Kibana's `EsQueryRuleParamsSchema` forbids what it does not know."""
    create_rules(kibana(there), load_settings())
    for _, _, sent in there.requests:
        body = json.loads(sent)
        assert set(body) == {
            "name",
            "rule_type_id",
            "consumer",
            "enabled",
            "schedule",
            "tags",
            "params",
            "actions",
        }
        assert body["rule_type_id"] == ".es-query"
        params = body["params"]
        assert set(params) <= {
            "searchType",
            "esQuery",
            "index",
            "timeField",
            "timeWindowSize",
            "timeWindowUnit",
            "size",
            "aggType",
            "aggField",
            "thresholdComparator",
            "threshold",
            "groupBy",
            "termField",
            "termSize",
            "excludeHitsFromPreviousRun",
        }
        assert "query" in json.loads(params["esQuery"])
        assert (params["aggType"] == "count") == ("aggField" not in params)
        assert params["groupBy"] == "top"
        assert 1 <= params["termSize"] <= 1000


def test_a_kibana_without_an_encryption_key_is_told_apart(there: RecordingKibana) -> None:
    there.answers = lambda path: (500, b'{"message": "plugin is missing encryption key"}')
    with pytest.raises(MillraceError, match=r"set xpack\.encryptedSavedObjects\.encryptionKey"):
        create_rules(kibana(there), load_settings())


def test_the_command_imports_everything_it_builds(there: RecordingKibana, tmp_path: Path) -> None:
    runner, file = CliRunner(), tmp_path / "dashboards.ndjson"
    assert runner.invoke(app, ["dashboards", "build", "--output", str(file)]).exit_code == 0
    done = runner.invoke(
        app, ["dashboards", "import", "--kibana", there.url, "--space", "ml", "--rules", "--json"]
    )
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {
        "kibana": f"{there.url}/s/ml",
        "objects": 4,
        "rules": len(RULES),
        "rules_kept": 0,
    }
    there.requests[:] = there.requests[:1]
    assert there.uploaded()[1].strip() == file.read_bytes().strip()


def test_the_check_of_a_file_ends_with_its_problems(no_variables: None, tmp_path: Path) -> None:
    runner, file = CliRunner(), tmp_path / "dashboards.ndjson"
    check = ["dashboards", "check", "--offline", "--json", "--file", str(file)]
    file.write_bytes(b'{"type":"dashboard"}\n')
    broken = runner.invoke(app, check)
    assert broken.exit_code == 1
    assert json.loads(broken.stdout.splitlines()[-1])["problems"]
    runner.invoke(app, ["dashboards", "build", "--output", str(file)])
    assert runner.invoke(app, check).exit_code == 0
    timed = runner.invoke(app, [*check, "--from", "2013-03-01"])
    assert isinstance(timed.exception, UsageError)
    assert "a file has times of its own" in str(timed.exception)


def test_dashboards_open_at_the_time_that_is_asked_for(there: RecordingKibana) -> None:
    """All but those that know nothing of event time."""
    asked = ["dashboards", "import", "--kibana", there.url, "--from", "2013-03-01"]
    done = CliRunner().invoke(app, [*asked, "--to", "2014-01-01"])
    assert done.exit_code == 0, done.output
    _, ndjson = there.uploaded()
    boards = [b for b in map(json.loads, ndjson.splitlines()) if b["type"] == "dashboard"]
    opens = {b["attributes"]["title"]: b["attributes"]["timeFrom"] for b in boards}
    assert opens.pop("[Millrace] Operations") == "now-24h"
    assert set(opens.values()) == {"2013-03-01T00:00:00+00:00"}
    assert problems(ndjson) == []


@pytest.mark.parametrize(
    "wrong", [["--to", "2014"], ["--from", "2014-01-01", "--to", "2013-01-01"]]
)
def test_a_time_to_open_at_that_is_none_is_refused(
    there: RecordingKibana, wrong: list[str]
) -> None:
    done = CliRunner().invoke(app, ["dashboards", "import", "--kibana", there.url, *wrong])
    assert isinstance(done.exception, UsageError)
    assert not there.requests
