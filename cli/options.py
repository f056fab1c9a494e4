"""Options that several commands share."""

from typing import Annotated

import typer

BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help="Kafka; default: MILLRACE_BOOTSTRAP_SERVERS, else the running local stack.",
    ),
]
Elasticsearch = Annotated[
    str | None,
    typer.Option(
        "--elasticsearch",
        metavar="URL",
        help="Elasticsearch; default: MILLRACE_ELASTICSEARCH, else the running local stack.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line, for scripts.")
]
