"""`millrace worker` and `millrace indexer`: run a service in the foreground."""

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch
from contracts.settings import Settings, load_settings


def worker(
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=256, help="Worker processes to run.")
    ] = 1,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this model, from the topic of its own."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
) -> None:
    """Score feature events with the current models until SIGTERM or Ctrl-C.

    With --processes 2 or more, a worker that ends unasked is started again, after a second at first
    and after a minute at most. All stop together; a second signal kills them. Each serves health
    and metrics at a port of its own: that of MILLRACE_HTTP_ADDRESS, and those after it.

    Start as many as you like, on as many hosts as you like: they share the partitions of the
    topic `features`. A newly published version is served within seconds, without a restart.

    A slow or busy model can have a topic and workers of its own: name it in MILLRACE_OWN_TOPICS.

    Examples: `millrace worker --processes 2`, `millrace worker --model images`
    """
    settings = load_settings(bootstrap_servers=bootstrap_servers, worker_model=model)
    settings.kafka  # noqa: B018 - fail here, with one sentence, if there is none
    if processes == 1:
        from stream_workers.__main__ import run

        run(settings)
    else:
        sys.exit(_worker_processes(processes, settings))


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


def _worker_processes(count: int, settings: Settings) -> int:
    """Run several workers under one supervisor; its exit status."""
    from contracts.telemetry import configure_logging
    from stream_workers import lifeline
    from stream_workers.supervisor import Program, supervise

    host, _, port = settings.http_address.rpartition(":")
    log = configure_logging(settings, "worker")
    log.info("the supervisor starts workers", processes=count)
    return supervise(
        [
            Program(
                f"worker process {n + 1}",
                [sys.executable, "-m", "stream_workers", lifeline.ARGUMENT],
                os.environ
                | {
                    "MILLRACE_BOOTSTRAP_SERVERS": settings.kafka,
                    "MILLRACE_WORKER_MODEL": settings.worker_model or "",
                    "MILLRACE_HTTP_ADDRESS": f"{host}:{int(port) and int(port) + n}",
                },
            )
            for n in range(count)
        ]
    )
