"""What every demonstration needs: servers, services, and the wait for the last document."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import local_stack
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.settings import Settings, load_settings
from examples.flights.audit import Ledger
from examples.flights.show import Show
from local_stack import services
from prediction_log.template import install_template

_STALLED_SECONDS = 90.0
_LOOK_SECONDS = 0.5

Program = tuple[str, list[str]]
"""The name of a service, and the arguments of `python`."""
WORKER: Program = ("worker", ["-m", "stream_workers"])
INDEXER: Program = ("indexer", ["-m", "elk"])
CONSOLE: Program = ("console", ["-m", "elk", "console"])


def enter_stack(settings: Settings, stack: ExitStack, show: Show) -> local_stack.Stack | None:
    """Start the local stack, unless the settings name servers that run elsewhere."""
    if settings.bootstrap_servers and settings.elasticsearch:
        return None
    with show.step("Kafka and Elasticsearch"):
        return stack.enter_context(local_stack.session(settings.project_dir))


def install(settings: Settings, show: Show) -> Settings:
    """Create topics, index template and keys where they are missing; gives the settings with the
    endpoints of the stack that runs now."""
    settings = load_settings(project_dir=settings.project_dir)
    with show.step("topics, index template and keys"):
        create_topics(settings)
        install_template(settings)
        generate_keys(settings.keys)
    return settings


def start_services(
    project: Path,
    stack: ExitStack,
    own: local_stack.Stack | None,
    show: Show,
    programs: tuple[Program, ...] = (WORKER, INDEXER),
) -> list[services.Service]:
    """Start services, unless they run already (or elsewhere)."""
    if own is None:
        return []
    running = {s.name for s in services.list_services(project) if s.pid is not None}
    started = []
    with show.step("services: " + ", ".join(name for name, _ in programs)):
        for name, arguments in programs:
            if name not in running:
                service = services.start(project, name, [sys.executable, *arguments])
                stack.callback(service.stop)
                started.append(service)
    return started


def wait_until_accounted(ledger: Ledger, events: int) -> None:
    """Wait until so many events are a document or a dead letter, or nothing moves any more."""
    known, since = -1, time.monotonic()
    while True:
        now = ledger.accounted()
        if now >= events:
            return
        if now != known:
            known, since = now, time.monotonic()
        elif time.monotonic() - since > _STALLED_SECONDS:
            return  # the account will say what is missing
        time.sleep(_LOOK_SECONDS)
