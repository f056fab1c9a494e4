"""`millrace worker` and `millrace indexer`: run a service in the foreground."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch
from contracts.settings import Settings, load_settings

_LOOK_SECONDS = 0.2


def worker(
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=256, help="Worker processes to run.")
    ] = 1,
    bootstrap_servers: BootstrapServers = None,
) -> None:
    """Score feature events with the current models until SIGTERM or Ctrl-C.

    With --processes each serves health and metrics at a port of its own: that of
    MILLRACE_HTTP_ADDRESS, and those after it.

    Start as many as you like, on as many hosts as you like: they share the partitions of the
    topic `features`. A newly published version is served within seconds, without a restart.

    Example: `millrace worker --processes 2`
    """
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    settings.kafka  # noqa: B018 - fail here, with one sentence, if there is none
    if processes == 1:
        from stream_workers.__main__ import run

        run(settings)
    else:
        _run_many([sys.executable, "-m", "stream_workers"], processes, settings)


def indexer(
    bootstrap_servers: BootstrapServers = None, elasticsearch: Elasticsearch = None
) -> None:
    """Index predictions, labels, dead letters and model events until SIGTERM or Ctrl-C.

    Every record becomes one document, however often it is delivered.

    Example: `millrace indexer`
    """
    from contracts.telemetry import configure_logging
    from elk.indexer import run

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    configure_logging(settings, "indexer")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, stop)


def _run_many(argv: list[str], count: int, settings: Settings) -> None:
    """Run several processes; a signal, or the end of one of them, ends them all."""
    environment = {**os.environ, "MILLRACE_BOOTSTRAP_SERVERS": settings.kafka}
    host, _, port = settings.http_address.rpartition(":")
    children = [
        subprocess.Popen(
            argv,
            env={**environment, "MILLRACE_HTTP_ADDRESS": f"{host}:{int(port) and int(port) + n}"},
        )
        for n in range(count)
    ]

    def end_all(_signal: int, _frame: FrameType | None) -> None:
        for child in children:
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end_all)
    while all(child.poll() is None for child in children):
        time.sleep(_LOOK_SECONDS)
    end_all(signal.SIGTERM, None)
    sys.exit(max(abs(child.wait()) for child in children))
