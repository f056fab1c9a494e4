"""A real Chromium, for what people see in a browser."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser for the length of a block; the test fails where there is none."""
    path = _path()
    with sync_playwright() as playwright:
        # Without its sandbox only where it cannot have one: for root.
        root = sys.platform != "win32" and os.geteuid() == 0
        started = playwright.chromium.launch(executable_path=path, chromium_sandbox=not root)
        yield started
        started.close()


def _path() -> str:
    found = next(filter(None, (os.environ.get("CHROMIUM"), *map(shutil.which, _NAMES))), None)
    if found is None and _MAC.exists():
        found = str(_MAC)
    if found is None:
        pytest.fail(
            "there is no Chromium here: install it (on Debian 'apt-get install chromium'), or say "
            "where it is in the variable CHROMIUM",
            pytrace=False,
        )
    return found
