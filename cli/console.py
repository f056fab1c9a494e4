"""`millrace console`: the dashboards as a local web page."""

import signal
import threading
import webbrowser
from typing import Annotated

import typer

from cli.options import Elasticsearch, Json
from cli.output import print_json, say, stdout
from contracts.settings import load_settings


def console(
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="Where to listen; default: MILLRACE_CONSOLE_ADDRESS, else 127.0.0.1:5610.",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Show the dashboards as a web page on this machine, until SIGTERM or Ctrl-C.

    The panels are those of Kibana's dashboards, live; and beside them who is live, everything
    about one event, and each feature's reference against now. It reads Elasticsearch and changes
    nothing. Without an address it listens at 127.0.0.1:5610, or at any free port where that is
    taken.

    Example: `millrace console --open`
    """
    from contracts.telemetry import configure_logging
    from elk.console.serving import run

    settings = load_settings(elasticsearch=elasticsearch, console_address=address)
    configure_logging(settings, "console")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def tell(url: str) -> None:
        if json:
            print_json({"url": url})
        else:
            stdout.print(url, markup=False, soft_wrap=True)
            say("Ctrl-C ends it.")
        if open_:
            webbrowser.open(url)

    run(settings, stop, tell)
