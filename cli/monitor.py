"""`millrace monitor`: was it right, is it drifting, must somebody know."""

import signal
import threading
from typing import Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table
from contracts.errors import UsageError
from contracts.settings import load_settings


def monitor(
    once: Annotated[bool, typer.Option("--once", help="Go round once, and end.")] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Join labels with predictions, and measure every version by them, until SIGTERM or Ctrl-C.

    What it finds are documents: `outcomes`, one for each prediction that has a label, and
    `performance`, one for each version and window, beside the limits in the [monitor] section of
    its recipe. Labels may come early, late, corrected, or never. Reads only what indexers have
    indexed, so one must run.

    Exit status of --once: 0 all steps are done, 1 one of them failed.

    Examples: `millrace monitor`, `millrace monitor --once --json`
    """
    from contracts.telemetry import configure_logging
    from elk import monitor as service

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    if json and not once:
        raise UsageError("--json tells of one round: add --once")
    if not once:
        configure_logging(settings, "monitor")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        service.run(settings, stop)
        return
    done = service.once(settings)
    if json:
        print_json({"steps": done})
    else:
        print_table(
            "Monitor",
            ("step", "model", "written", "failure"),
            (
                (
                    one.step,
                    one.model or "",
                    ", ".join(f"{count:,} {what}" for what, count in one.counts.items()),
                    one.failure or "",
                )
                for one in done
            ),
        )
    if any(one.failure for one in done):
        raise typer.Exit(1)
