"""The soak run's parts on real services, for seconds: what it measures is there and holds."""

import itertools
import os
import threading
from datetime import UTC, datetime

import pytest
from service_processes import ServiceProcesses
from waiting import wait_until

from benchmarks.soak.__main__ import judge, lags
from benchmarks.soak.report import Totals, write_report
from benchmarks.soak.sampling import Sampler
from contracts.events import FeatureEvent
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.settings import Settings
from prediction_log.template import install_template
from producers.client import FeatureProducer
from producers.replay import Progress, replay

pytestmark = pytest.mark.stack

SECONDS = 12.0


def test_services_hold_their_descriptors_and_threads_under_load(
    settings: Settings, running: ServiceProcesses
) -> None:
    create_topics(settings)
    install_template(settings)
    generate_keys(settings.keys)
    services = {"worker": running.start("stream_workers"), "indexer": running.start("elk")}
    events = (
        (
            FeatureEvent(
                event_id=f"e{n}",
                entity_id=f"n{n % 50}",
                occurred_at=datetime.now(UTC),
                model="nobody_deployed_it",  # a dead letter takes the same way
                features={"a": float(n)},
            ),
            None,
        )
        for n in itertools.count()
    )
    stop = threading.Event()
    pids = {name: service.pid for name, service in services.items()}
    sampler = Sampler({"producer": os.getpid(), **pids}, lambda: lags(settings), 0.5)

    def progress(done: Progress) -> None:
        if done.seconds > SECONDS:
            stop.set()

    with FeatureProducer(settings) as producer:
        first = replay(itertools.islice(events, 500), producer, rate=500)
        wait_until(lambda: not any(lags(settings).values()), 60, "everything being finished")
        sampler.start()
        second = replay(events, producer, rate=500, on_progress=progress, stop=stop)
    wait_until(lambda: not any(lags(settings).values()), 60, "everything being finished")
    sampler.stop()
    trends = {(t.subject, t.figure): t for t in judge(sampler)}
    assert {subject for subject, _ in trends} >= {"producer", "worker", "indexer", "workers"}
    for name in services:
        for figure, slack in (("descriptors", 4), ("threads", 2)):
            found = trends[name, figure]
            assert 0 < found.highest <= found.first + slack
    done = first.acknowledged + second.acknowledged
    totals = Totals(SECONDS, 500, done, 0, done, 0, 0)
    page = write_report(settings.project_dir, sampler.samples, list(trends.values()), totals)
    assert f"{done:,} events" in page.read_text()
    assert (page.parent / "soak.png").read_bytes().startswith(b"\x89PNG")
