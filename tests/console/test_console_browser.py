"""The console in a real Chromium: people see every panel, can choose, and nothing of a stranger's
runs. Two pictures are written, to the folder in CONSOLE_IMAGES if it is set."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attribution.days import write
from chromium import chromium
from console.conftest import HOSTILE
from console.opened import Console, console
from dashboards.seeded import EVENT
from forwarder import Forwarder
from logged_events import LoggedEvents
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from contracts.settings import Settings
from elk.dashboards import dashboards

pytestmark = pytest.mark.stack
_PATIENCE_MS = 30_000
_MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Watched:
    """A page, and what its browser complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._told)

    def open(self, url: str) -> Page:
        self.page.goto(url)
        settled(self.page)
        return self.page

    def _told(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


def settled(page: Page) -> None:
    expect(page.locator("#updated")).not_to_be_empty(timeout=_PATIENCE_MS)
    expect(page.locator("[data-panel][aria-busy=true]")).to_have_count(0, timeout=_PATIENCE_MS)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


def test_every_panel_of_every_dashboard_shows_something(watched: Watched, opened: Console) -> None:
    for board in dashboards():
        query = f"?event.id={EVENT}" if board.id == "one-event" else "?range=24h"
        page = watched.open(f"{opened.url}{board.id}{query}")
        for panel in board.panels:
            shown = page.locator(f"[data-panel={panel.id}]")
            if panel.chart == "metric":
                expect(shown.locator("dd").first).not_to_have_text("–")
            elif panel.chart in ("table", "documents"):
                assert shown.locator("tbody tr").count(), f"{board.id}/{panel.id}"
            else:
                expect(shown.locator(".chart .main-svg").first).to_be_visible()
        assert page.locator(".error:visible").count() == 0
        assert page.locator(".nothing").count() == 0, board.id


def test_what_is_chosen_narrows_the_page_and_stands_in_its_address(
    watched: Watched, opened: Console
) -> None:
    page = watched.open(f"{opened.url}models?range=24h")
    champion = page.locator("[data-panel=predictions] div", has_text="champion").locator("dd")
    expect(champion.first).to_have_text("144")
    expect(page.locator("#several")).to_contain_text("2 models together: delay, flights")
    page.get_by_role("combobox", name="Model", exact=True).select_option("delay")
    expect(champion.first).to_have_text("72")
    assert "model.name=delay" in page.url
    expect(page.locator("#several")).to_be_empty()
    page.get_by_role("link", name="Overview").click()
    settled(page)
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("delay")
    expect(page.locator("[data-panel=predictions] dd")).to_have_text("72")
    page.go_back()
    page.go_back()
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("")


def test_one_event_is_found_by_its_id_and_by_a_click(watched: Watched, opened: Console) -> None:
    page = watched.open(f"{opened.url}one-event")
    expect(page.locator("[data-panel=everything]")).to_contain_text("Write the id of an event")
    page.get_by_label("Event").fill(EVENT)
    page.keyboard.press("Enter")
    told = page.locator("[data-panel=everything]")
    expect(told).to_contain_text("Answer beside the truth")
    expect(told).to_contain_text("features.cat.carrier")
    page.goto(f"{opened.url}operations")
    page.locator("[data-panel=letters]").get_by_role("link", name=EVENT).first.click()
    expect(page.locator("[data-panel=everything]")).to_contain_text("Dead letter")


def test_what_strangers_send_is_shown_and_never_run(watched: Watched, opened: Console) -> None:
    page = watched.open(f"{opened.url}one-event")
    page.get_by_label("Event").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator("[data-panel=everything] h3")).to_contain_text("<img src=x")
    for board in ("overview", "models"):
        page = watched.open(f"{opened.url}{board}")
        expect(page.locator("[data-panel=versions]")).to_contain_text("<img src=x")
        assert page.locator("img").count() == 0
        assert "taken" not in page.title()


def test_a_version_that_takes_over_is_marked_on_charts_of_event_time(
    watched: Watched, opened: Console
) -> None:
    page = watched.open(f"{opened.url}overview?model.name=flights")
    expect(page.locator("#marks")).to_contain_text("another version took over: 1 (20")
    expect(page.locator("[data-panel=confidence-over-time] .annotation")).to_have_count(1)
    expect(page.locator("[data-panel=dead-letters-over-time] .annotation")).to_have_count(0)
    page.locator("[data-panel=confidence-over-time] .annotation").hover()
    # From whom it took over is a text of a stranger.
    expect(page.locator("[data-panel=confidence-over-time] .hovertext")).to_contain_text("<img")
    page.get_by_role("combobox", name="Time").select_option("24h")
    expect(page.locator("#marks")).to_be_empty()
    expect(page.locator("[data-panel=confidence-over-time] .annotation")).to_have_count(0)


def test_a_month_leads_to_what_changed_in_it(watched: Watched, opened: Console) -> None:
    page = watched.open(f"{opened.url}drift")
    told = page.locator("[data-panel=confidence]")
    expect(told).to_contain_text("Mean confidence did not fall")
    told.get_by_role("link", name="March 2013").click()
    settled(page)
    expect(page.get_by_label("From (UTC)")).to_have_value("2013-03-01T00:00")
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("flights")
    expect(told).to_contain_text("This time has too few answers to compare it: 1.")
    expect(told.get_by_role("link", name="1 March 2013")).to_be_visible()


def test_an_outage_is_shown_and_ends_by_itself(browser: Browser, seeded: Settings) -> None:
    forwarder = Forwarder(seeded.elasticsearch_url.removeprefix("http://"))
    away = seeded.model_copy(update={"elasticsearch": f"http://{forwarder.address}"})
    with console(away) as served:
        page = browser.new_context().new_page()
        page.goto(f"{served.url}overview")
        expect(page.get_by_role("status")).to_contain_text("does not answer")
        expect(page.locator("[data-panel=rate] .error")).to_contain_text("does not answer")
        page.get_by_label("Refresh").select_option("0")
        forwarder.open()
        expect(page.locator("[data-panel=predictions] dd")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.get_by_role("status")).to_be_empty()
        page.context.close()
    forwarder.close()


@pytest.fixture
def explained(settings: Settings) -> Iterator[Console]:
    """A model that another version took over, and whose events became others, too."""
    with LoggedEvents(settings) as logged:
        write(
            logged,
            origin=lambda day, n: "JFK" if n % 10 < (8 if day < 12 else 6) else "EWR",
            version=lambda day: "1" if day < 12 else "2",
            less=lambda day: 0.0 if day < 12 else 0.2,
        )
    with console(settings.model_copy(update={"console_address": "127.0.0.1:0"})) as served:
        yield served


def test_the_drift_page_says_why_confidence_fell(watched: Watched, explained: Console) -> None:
    page = watched.open(f"{explained.url}drift")
    told = page.locator("[data-panel=confidence]")
    expect(told.get_by_role("definition").first).to_contain_text(
        "Most of it came with version 2 (since 13 January 2024)."
    )
    expect(told.get_by_role("heading", level=3).first).to_contain_text("by 0.28")
    told.get_by_text("Show the table").click()
    expect(told.locator("tbody tr", has_text="origin 'EWR' 20%, then 40%")).to_be_visible()
    told.get_by_role("link", name="14 January 2024").click()
    settled(page)
    expect(told.get_by_role("heading", level=3).first).to_contain_text("no change beyond chance")


def test_it_can_be_read_by_keys_and_in_both_colours(
    browser: Browser, opened: Console, explained: Console, tmp_path: Path
) -> None:
    folder = Path(os.environ.get("CONSOLE_IMAGES") or tmp_path)
    grounds: dict[str, str] = {}
    for scheme, url in (
        ("dark", f"{explained.url}drift"),
        ("light", f"{opened.url}overview?range=24h&model.name=flights"),
    ):
        context = browser.new_context(
            viewport={"width": 1280, "height": 860},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = Watched(context).open(url)
        page.evaluate("document.fonts.ready")
        grounds[scheme] = ground(page)
        written = folder / f"console-{scheme}.png"
        page.screenshot(path=written)
        Image.open(written).convert("RGB").quantize(128).save(written, optimize=True)
        assert written.stat().st_size < _MOST_BYTES
        if scheme == "light":
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the panels")).to_be_focused()
            summary = page.locator("[data-panel=rate] summary")
            summary.focus()
            page.keyboard.press("Enter")
            expect(page.locator("[data-panel=rate] tbody tr").nth(12)).to_be_visible()
            page.get_by_role("button", name="Colours").press("Enter")
            assert ground(page) == grounds["dark"]
        context.close()
    assert grounds["light"] != grounds["dark"]


def ground(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour
