"""The figures of the console against figures that were computed without Elasticsearch."""

from pathlib import Path

import msgspec
import pytest
from console.opened import console

from benchmarks.looking.asking import look
from benchmarks.looking.comparing import compare
from benchmarks.looking.page import write_page
from benchmarks.looking.year import draw, write
from contracts.settings import Settings
from elk.dashboards import dashboards
from prediction_log.client import connect
from prediction_log.indices import IndexNames
from prediction_log.template import install_template

EVENTS = 20_000
EVERYTHING = {"range": "all"}


@pytest.mark.stack
def test_panels_show_what_was_drawn_and_a_wrong_figure_is_seen(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"console_address": "127.0.0.1:0"})
    install_template(settings)
    year = draw(EVENTS)
    client = connect(settings, 4)
    assert sum(write(year, client, IndexNames(settings))) == EVENTS
    client.close()
    with console(settings) as opened:
        pages = [look(opened.url, board.id, EVERYTHING) for board in dashboards()]
    answers = {page.dashboard: page.answers for page in pages}
    compared = list(compare(year, answers))
    assert [one for one in compared if one.off > one.allowed] == []
    assert all(one.points >= 12 for one in compared)
    page = write_page(
        tmp_path, "here", EVENTS, {"all time": [[one, one] for one in pages]}, compared
    )
    assert all(board.id in page.read_text("utf-8") for board in dashboards())

    other = msgspec.structs.replace(year, confidence=year.confidence * 0.98)
    off = {one.panel: one.off > one.allowed for one in compare(other, answers)}
    assert [panel for panel, wrong in off.items() if wrong] == [
        "Mean confidence by version",
        "Why did confidence fall?, by month",
    ]
