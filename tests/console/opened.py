"""A console that serves for the length of a block, and what it answers over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3

from contracts.settings import Settings
from elk.console.serving import served


class Console:
    """A running console; `get` asks it without a browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = urllib3.PoolManager(retries=False, timeout=30)

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **query: str
    ) -> urllib3.BaseHTTPResponse:
        """What it answers; `model_name` stands for the parameter `model.name`."""
        named = {name.replace("_", ".").strip("."): value for name, value in query.items()}
        asked = f"{self.url}{path}" + (f"?{urlencode(named)}" if named else "")
        return self._http.request(method, asked, headers=headers, redirect=False)

    def panel(self, dashboard: str, panel: str, **query: str) -> dict[str, Any]:
        """What it says of a panel."""
        answer = self.get(f"api/panels/{dashboard}/{panel}", **query)
        assert answer.status == 200, answer.data
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def refusal(self, path: str, status: int, **query: str) -> dict[str, Any]:
        """What it says where it has no answer."""
        answer = self.get(path, **query)
        assert answer.status == status, answer.data
        found: dict[str, Any] = json.loads(answer.data)
        return found


@contextmanager
def console(settings: Settings) -> Iterator[Console]:
    """Serve until the block ends."""
    with served(settings) as url:
        yield Console(url)
