"""A console asked as a browser asks it: the panels of a page, some at a time."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import urllib3
from msgspec import Struct

from elk.console.sections import sections
from elk.dashboards import dashboards

_CONNECTIONS = 6
"""As many as browsers open to one server."""

Answer = dict[str, Any]


class Page(Struct, frozen=True):
    """One look at a dashboard: seconds until its first and its last panel was there, and which
    panel took longest."""

    dashboard: str
    first: float
    last: float
    slowest: str
    answers: dict[str, Answer]


def look(url: str, dashboard: str, chosen: Mapping[str, str]) -> Page:
    """Open a page.

    Raises:
        RuntimeError: a panel has no answer.
    """
    board = next(one for one in dashboards() if one.id == dashboard)
    panels = [one.id for one in sections(dashboard)] + [one.id for one in board.panels]
    paths = {panel: f"panels/{dashboard}/{panel}" for panel in panels}
    paths["marks"] = f"marks/{dashboard}"
    with urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False, timeout=60) as http:
        began = time.perf_counter()

        def ask(panel: str) -> tuple[float, Answer]:
            asked = f"{url}api/{paths[panel]}?{urlencode(chosen)}"
            response = http.request("GET", asked)
            if response.status != 200:
                raise RuntimeError(f"{dashboard}/{panel}: {response.data.decode()[:300]}")
            return time.perf_counter() - began, json.loads(response.data)

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            found = dict(zip(paths, pool.map(ask, paths), strict=True))
    times = {panel: seconds for panel, (seconds, _) in found.items()}
    slowest = max(times, key=times.__getitem__)
    answers = {panel: answer for panel, (_, answer) in found.items()}
    return Page(dashboard, min(times.values()), times[slowest], slowest, answers)


def looks(url: str, chosen: Mapping[str, str], rounds: int) -> Iterator[list[Page]]:
    """Every dashboard, so many times; the first look is part of it."""
    for board in dashboards():
        yield [look(url, board.id, chosen) for _ in range(rounds)]
