"""The console as a service: it serves until it is told to stop, and says where."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import msgspec
import structlog
import uvicorn
from msgspec import Struct

from contracts.settings import Settings
from elk.console import address
from elk.console.log import Log
from elk.console.server import application

log = structlog.stdlib.get_logger("console")

_FINISH_SECONDS = 5
_START_SECONDS = 30


class Whereabouts(Struct, frozen=True):
    """What `.millrace/console.json` says while a console runs."""

    url: str
    pid: int


def run(
    settings: Settings, stop: threading.Event, tell: Callable[[str], None] | None = None
) -> None:
    """Serve until `stop` is set. Elasticsearch need not be there yet.

    Args:
        tell: called with the URL once it can be opened.

    Raises:
        ConfigurationError: the address cannot be had, or it is not known where Elasticsearch is.
    """
    settings.elasticsearch_url  # noqa: B018 - fail here, with one sentence, if there is none
    with address.listen(settings) as listening:
        url = address.url(listening)
        if address.beyond_loopback(listening):
            log.warning("whoever reaches this address can read the log", address=url)
        source = Log(settings)
        server = uvicorn.Server(
            uvicorn.Config(
                application(source, address.names(settings, listening)),
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_FINISH_SECONDS,
            )
        )
        # Signals are ours: in a thread of its own the server leaves them alone.
        serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
        serving.start()
        # Where nothing may be written, as in a container, nobody looks it up either.
        with suppress(OSError):
            _write(settings, url)
        log.info("console", url=url)
        if tell is not None:
            tell(url)
        while serving.is_alive() and not stop.wait(1.0):
            pass
        server.should_exit = True
        serving.join(_FINISH_SECONDS + 5)
        _forget(_path(settings))
        source.close()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve in a thread until the block ends; gives the URL."""
    stop, told = threading.Event(), Queue[str]()
    serving = threading.Thread(target=run, args=(settings, stop, told.put), daemon=True)
    serving.start()
    try:
        yield told.get(timeout=_START_SECONDS)
    finally:
        stop.set()
        serving.join(_START_SECONDS)


def whereabouts(settings: Settings) -> Whereabouts | None:
    """Where the console of this project runs, by its own word; None: it runs nowhere."""
    try:
        return msgspec.json.decode(_path(settings).read_bytes(), type=Whereabouts)
    except (OSError, msgspec.DecodeError):
        return None


def _path(settings: Settings) -> Path:
    return settings.state_dir / "console.json"


def _write(settings: Settings, url: str) -> None:
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(Whereabouts(url, os.getpid())))
    draft.replace(path)


def _forget(path: Path) -> None:
    """Unless another console has told its own since."""
    try:
        if msgspec.json.decode(path.read_bytes(), type=Whereabouts).pid == os.getpid():
            path.unlink()
    except (OSError, msgspec.DecodeError):
        pass
