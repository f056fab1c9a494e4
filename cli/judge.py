"""`millrace judge`: promote or end canaries by the rules of their recipes."""

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from cli.models.tables import print_checks
from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, stdout
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer.canaries.judging import Judged


def judge(
    once: Annotated[bool, typer.Option("--once", help="Judge each canary once, and end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --once: show the figures, change nothing.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Promote or end canaries by the [canary] rules of their recipes, until SIGTERM or Ctrl-C.

    It compares what Elasticsearch has of the canary and of the champion since the canary began:
    events that could not be scored, the time of a predict call, what is predicted, and figures on
    labels. A canary that clearly fails ends at once. Needs the key that signs deployments.

    Examples: `millrace judge`, `millrace judge --once --dry-run`
    """
    from contracts.telemetry import configure_logging
    from trainer.canaries.judging import judge_all, watch

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    if not once:
        configure_logging(settings, "judge")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watch(settings, stop)
        return
    judged = list(judge_all(settings, act=not dry_run))
    if json:
        print_json({"canaries": judged})
    elif not judged:
        stdout.print("there is no canary")
    else:
        for one in judged:
            _print(one)


def _print(judged: "Judged") -> None:
    title = f"{judged.model}: canary {judged.canary} beside champion {judged.champion}"
    stdout.print(title, style="bold", markup=False)
    if judged.verdict is None:
        stdout.print(judged.note, markup=False, soft_wrap=True)
        return
    print_checks(judged.verdict.checks)
    text = f"{judged.verdict.decision}: {judged.verdict.why}"
    stdout.print(f"{text}. {judged.note}" if judged.note else text, markup=False, soft_wrap=True)
