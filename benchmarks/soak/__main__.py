"""`python -m benchmarks.soak --minutes 60 --rate 500`: run, judge, report."""

import argparse
import itertools
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import local_stack
from benchmarks.soak.report import Totals, write_report
from benchmarks.soak.sampling import Sampler
from benchmarks.soak.trends import Trend, trend
from cli.lag import topic_states
from contracts.errors import MillraceError
from contracts.events import FeatureEvent, Label
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.model_store import ModelStore
from contracts.settings import Settings, load_settings
from examples.flights.audit import Ledger
from examples.flights.live import Live
from examples.flights.recipes import MODEL, recipe
from examples.flights.stream import FIRST, FlightStream, Malformed
from local_stack import services
from prediction_log.template import install_template
from producers.client import FeatureProducer
from producers.replay import Progress, replay
from trainer import publish, train

_SERVICES = {
    "worker-1": "stream_workers",
    "worker-2": "stream_workers",
    "indexer": "elk",
}
_SETTLE_SECONDS = 120.0


def main() -> None:
    """Entry point; exit status 0 only if all is flat and nothing was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=500.0, help="events per second")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    with ExitStack() as stack:
        project = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(local_stack.down, project, wipe=True)
        servers = stack.enter_context(local_stack.session(project))
        settings = load_settings(project_dir=project)
        samples, totals = soak(settings, servers, stack, chosen)
    trends = judge(samples)
    page = write_report(chosen.output, samples.samples, trends, totals)
    growing = [t for t in trends if not t.flat]
    sys.stdout.write(page.read_text())
    if growing or totals.lost or totals.duplicated:
        sys.exit(1)


def soak(
    settings: Settings, servers: local_stack.Stack, stack: ExitStack, chosen: argparse.Namespace
) -> tuple[Sampler, Totals]:
    """Send flights at the rate for the time, over and over with new ids."""
    create_topics(settings)
    install_template(settings)
    generate_keys(settings.keys)
    first = train(recipe(datetime(2013, 1, 1, tzinfo=UTC), FIRST), settings)
    publish(settings, MODEL, first.version, reason="soak run")
    pids = {"producer": os.getpid()}
    for name, package in _SERVICES.items():
        service = services.start(settings.project_dir, name, [sys.executable, "-m", package])
        stack.callback(service.stop)
        assert service.pid is not None, f"{name} did not start"
        pids[name] = service.pid
    live = Live(settings, MODEL)
    live.wait_for_swap(first.version)
    live.close()
    ledger = Ledger(settings, MODEL)
    [digest] = ModelStore(settings.store_url).versions(MODEL).values()
    schema = ModelStore(settings.store_url).manifest(MODEL, digest).schema
    stop = threading.Event()
    sampler = Sampler(pids, lambda: lags(settings), chosen.every)
    began = time.monotonic()
    deadline = began + chosen.minutes * 60

    def events() -> Iterator[tuple[FeatureEvent, Label | None]]:
        for _ in itertools.count():
            stream = FlightStream(None, uuid.uuid4().hex[:6])
            for item in stream.items(schema, 0, len(stream)):
                if not isinstance(item, Malformed):
                    yield item

    def progress(done: Progress) -> None:
        if time.monotonic() > deadline:
            stop.set()

    sampler.start()
    with FeatureProducer(settings) as producer:
        result = replay(events(), producer, rate=chosen.rate, on_progress=progress, stop=stop)
    sampler.stop()
    seconds = time.monotonic() - began
    end = time.monotonic() + _SETTLE_SECONDS
    while ledger.accounted() < result.acknowledged and time.monotonic() < end:
        time.sleep(1)
    audit = ledger.audit()
    return sampler, Totals(
        seconds,
        result.acknowledged / seconds,
        audit.events,
        audit.indexed,
        audit.dead_letters,
        audit.lost,
        audit.duplicated,
    )


def lags(settings: Settings) -> Mapping[str, float]:
    """Records that each consumer group has not finished; empty while Kafka does not answer."""
    try:
        states = topic_states(settings)
    except MillraceError:
        return {}
    groups: dict[str, float] = {}
    for state in states:
        for group, records in state.lag.items():
            groups[group] = groups.get(group, 0.0) + records
    return groups


def judge(sampler: Sampler) -> list[Trend]:
    """The trend of every figure of every subject."""
    wanted = dict.fromkeys((s.subject, s.figure) for s in sampler.samples)
    return [
        trend(
            subject,
            figure,
            [s.seconds for s in sampler.samples if (s.subject, s.figure) == (subject, figure)],
            [s.value for s in sampler.samples if (s.subject, s.figure) == (subject, figure)],
        )
        for subject, figure in wanted
    ]


if __name__ == "__main__":
    main()
