"""The site of the documentation: all that the pages say, and nothing that comes from elsewhere."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from chromium import chromium
from docs.pages import PAGES, PROJECT, anchors
from markdown_it import MarkdownIt
from playwright.sync_api import expect

_NAMES = [path.relative_to(PROJECT).as_posix() for path in PAGES]
_GITHUBS = MarkdownIt("commonmark").enable("table")
_FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_PATIENCE_MS = 30_000


class Html(HTMLParser):
    """What stands in a piece of HTML: text, ids of headings, and where its tags lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.headings = "", set[str]()
        self.links, self.fetched = list[str](), list[str]()
        self._mark_of_heading = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if re.fullmatch("h[1-6]", tag) and "id" in given:
            self.headings.add(given["id"])
        if fetched := given.get(_FETCHED.get(tag, "")):
            self.fetched.append(fetched)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self._mark_of_heading = tag == "a" and "headerlink" in given.get("class", "")

    def handle_endtag(self, tag: str) -> None:
        self._mark_of_heading = False

    def handle_data(self, data: str) -> None:
        if not self._mark_of_heading:
            self.text += data

    @property
    def words(self) -> list[str]:
        """All that is read."""
        return self.text.split()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=PROJECT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert built.returncode == 0, built.stderr
    return folder


def html(site: Path, page: str) -> str:
    return (site / address(page)).read_text("utf-8")


def address(page: str) -> str:
    """Where a page of the repository is in the site."""
    return re.sub(r"README\.md$", "index.md", page).removesuffix("md") + "html"


@pytest.mark.parametrize("page", _NAMES)
def test_a_page_says_what_it_says_on_github(site: Path, page: str) -> None:
    [(_, article)] = re.findall("(<article[^>]*>)(.*)</article>", html(site, page), re.DOTALL)
    on_github = _GITHUBS.render((PROJECT / page).read_text("utf-8"))

    assert Html(article).words == Html(on_github).words
    for tag in ("<li", "<td", "<pre", "<img", "<h2", "<h3", "<em", "<strong"):
        assert len(re.findall(rf"{tag}\b", article)) == len(re.findall(rf"{tag}\b", on_github)), tag


@pytest.mark.parametrize("page", _NAMES)
def test_headings_are_called_as_on_github(site: Path, page: str) -> None:
    assert Html(html(site, page)).headings == anchors((PROJECT / page).read_text("utf-8"))


def test_every_link_and_every_file_of_a_page_is_in_the_site(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        found = Html(page.read_text("utf-8"))
        elsewhere = [name for name in found.fetched if urlsplit(name).netloc]
        assert not elsewhere, f"{page.name} fetches {elsewhere}"
        names = [name for name in (*found.fetched, *found.links) if not urlsplit(name).scheme]
        # A page that is not found may be anywhere, so it says where the site begins.
        roots = (site if name.startswith("/") else page.parent for name in names)
        for name, root in zip(names, roots, strict=True):
            path = unquote(urlsplit(name).path).lstrip("/")
            assert (root / path).exists(), f"{page.relative_to(site)}: {name}"


@pytest.mark.parametrize(
    "files",
    [
        *("docs/schemas/*.json", "docs/asyncapi.json", "docs/images/*"),
        *("examples/ci/train.yml", "examples/notebooks/*.ipynb", "benchmarks/results/*.png"),
    ],
)
def test_files_that_pages_link_to_are_copied(site: Path, files: str) -> None:
    originals = list(PROJECT.glob(files))
    assert originals
    for original in originals:
        assert (site / original.relative_to(PROJECT)).read_bytes() == original.read_bytes()


def test_the_search_knows_every_page_and_what_is_in_its_blocks(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    found = {entry["location"] for entry in index["docs"]}

    assert {address(page) for page in _NAMES} <= found
    assert any("--weight 10%" in entry["text"] for entry in index["docs"])


@pytest.mark.stack  # beside the console's tests: the fast ones need no browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_works_from_disk_without_a_network(site: Path, scheme: str) -> None:
    with chromium() as browser:
        context = browser.new_context(color_scheme=scheme, offline=True)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        asked, complaints = list[str](), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        page.goto((site / "index.html").as_uri())
        colours = {"light": "default", "dark": "slate"}
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", colours[scheme])
        page.get_by_role("link", name="docs/index.md").first.click()
        page.get_by_role("link", name="operator", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("For operators")
        page.get_by_placeholder("Search").click()
        page.keyboard.type("fencing rebalance generation")
        page.locator(".md-search-result__link").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Architecture")

    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
