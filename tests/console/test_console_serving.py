"""The console without Elasticsearch: it listens for friends alone, only shows, and says what is
wrong."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from console.opened import Console, console

from contracts.errors import ConfigurationError
from contracts.settings import Settings, load_settings
from elk.console import address
from elk.console.serving import whereabouts
from elk.dashboards import dashboards

STATIC = Path(address.__file__).parent / "static"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(
        project_dir=tmp_path_factory.mktemp("project"),
        elasticsearch=NOBODY,
        console_address="127.0.0.1:0",
        console_hosts="Console.example, other",
    )


@pytest.fixture(scope="module")
def opened(settings: Settings) -> Iterator[Console]:
    with console(settings) as served:
        yield served


def test_each_dashboard_is_a_page_with_all_its_panels(opened: Console) -> None:
    for board in dashboards():
        text = opened.get(board.id).data.decode()
        assert f"<h1>{board.title}</h1>" in text
        for panel in board.panels:
            assert f'data-panel="{panel.id}"' in text


def test_the_address_alone_leads_to_the_first_dashboard(opened: Console) -> None:
    answer = opened.get("")
    assert answer.status == 307
    assert answer.headers["location"] == "/overview"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5610", "127.0.0.1.evil.example"])
def test_a_page_of_a_stranger_whose_name_leads_here_is_refused(opened: Console, host: str) -> None:
    """DNS rebinding: the browser sends the stranger's name."""
    for path in ("overview", "api/panels/overview/predictions", "static/page.js"):
        answer = opened.get(path, headers={"Host": host})
        assert answer.status == 421
        assert b"MILLRACE_CONSOLE_HOSTS" in answer.data


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80", "console.EXAMPLE:5"])
def test_known_names_are_answered(opened: Console, host: str) -> None:
    assert opened.get("overview", headers={"Host": host}).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_reading_is_allowed(opened: Console, method: str) -> None:
    for path in ("overview", "api/panels/overview/predictions", "static/page.js", "nowhere"):
        assert opened.get(path, method).status == 405


def test_a_browser_may_run_our_own_files_alone(opened: Console) -> None:
    for path in ("overview", "static/page.js", "nowhere", "api/offered/overview"):
        policy = opened.get(path).headers["content-security-policy"]
        parts = dict(part.split(" ", 1) for part in policy.split("; "))
        assert parts["default-src"] == "'none'"
        assert parts["script-src"] == "'self'"
        assert parts["frame-ancestors"] == "'none'"
    for board in dashboards():
        text = opened.get(board.id).data.decode()
        assert text.count("<script") == text.count("<script src=")
        assert " style=" not in text
        assert "//" not in text.replace("http://www.w3.org", "")


def test_our_scripts_set_text_and_never_html() -> None:
    for script in STATIC.glob("*.js"):
        text = script.read_text()
        for never in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert never not in text, script.name


def test_plotly_comes_from_the_console_and_stays_in_the_browser(opened: Console) -> None:
    text = opened.get("overview").data.decode()
    path = text.partition('src="/plotly')[2].partition('"')[0]
    answer = opened.get(f"plotly{path}")
    assert answer.status == 200
    assert len(answer.data) > 1_000_000
    assert "immutable" in answer.headers["cache-control"]


def test_an_elasticsearch_that_is_away_is_a_sentence_in_each_panel(opened: Console) -> None:
    told = opened.refusal("api/panels/overview/predictions", 503)
    assert told["away"]
    assert f"Elasticsearch at {NOBODY} does not answer" in told["error"]
    assert opened.refusal("api/offered/overview", 503)["away"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"range": "week"}, "choose one of"),
        ({"range": "absolute", "from": "yesterday", "to": "2026-01-01"}, "'yesterday' is no time"),
        ({"range": "absolute", "from": "0001-01-01T00:00+09:00", "to": "2026"}, "is no time"),
        ({"range": "absolute", "from": "2026-01-02", "to": "2026-01-01"}, "ends before it begins"),
        ({"model_name": "x" * 9000}, "longer than"),
    ],
)
def test_a_mistake_in_the_address_is_a_sentence(
    opened: Console, query: dict[str, str], sentence: str
) -> None:
    assert sentence in opened.refusal("api/panels/overview/predictions", 400, **query)["error"]


def test_what_there_is_not_is_not_found(opened: Console) -> None:
    assert opened.get("nowhere").status == 404
    assert opened.get("static/../server.py").status == 404
    assert opened.get("static/%2e%2e/server.py").status == 404
    for path in ("api/panels/overview/nothing", "api/panels/nothing/predictions"):
        assert "reload" in opened.refusal(path, 400)["error"]


def test_the_project_knows_where_its_console_is_as_long_as_it_runs(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"project_dir": tmp_path})
    assert whereabouts(own) is None
    with console(own) as served:
        told = whereabouts(own)
        assert told is not None
        assert told.url == served.url
    assert whereabouts(own) is None


def test_a_wanted_address_that_is_taken_is_a_mistake(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wanted = settings.model_copy(update={"console_address": f"127.0.0.1:{port}"})
        with pytest.raises(ConfigurationError, match="cannot listen"):
            address.listen(wanted)


def test_without_an_address_two_consoles_have_two_ports_of_this_machine(
    settings: Settings,
) -> None:
    usual = settings.model_copy(update={"console_address": None})
    with address.listen(usual) as first, address.listen(usual) as second:
        assert address.url(first) != address.url(second)
        for listening in (first, second):
            assert not address.beyond_loopback(listening)


def test_answers_are_not_kept_by_browsers(opened: Console) -> None:
    assert opened.get("api/panels/overview/predictions").headers["cache-control"] == "no-store"
    assert json.loads(opened.get("api/panels/overview/predictions").data)["error"]
