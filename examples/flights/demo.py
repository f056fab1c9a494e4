"""The demonstration: train, publish, serve and index real flights, swap versions, then account."""

import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime

from msgspec import Struct

from contracts.settings import Settings
from examples.flights.audit import Audit, Ledger
from examples.flights.live import Live
from examples.flights.recipes import MODEL, recipe
from examples.flights.show import Show
from examples.flights.stage import (
    CONSOLE,
    enter_stack,
    install,
    start_services,
    wait_until_accounted,
)
from examples.flights.stream import FIRST, FlightStream
from examples.flights.swapping_replay import Swap, SwappingReplay
from producers.client import FeatureProducer
from trainer import publish, train


class Outcome(Struct, frozen=True):
    """What the demonstration came to."""

    audit: Audit
    swap: Swap
    malformed: int
    labels: int
    seconds: float
    replay_seconds: float
    services: dict[str, str]

    @property
    def nothing_lost_or_doubled(self) -> bool:
        """Whether every event has exactly one document or dead letter."""
        return self.audit.lost == 0 and self.audit.duplicated == 0


def run(settings: Settings, events: int | None, rate: float, keep: bool, show: Show) -> Outcome:
    """Run the whole main job on the local stack, or on the servers that the settings name.

    Args:
        events: exactly how many; None: all flights from March on.
        rate: events per second.
        keep: leave stack and services running.

    Raises:
        MillraceError, LocalStackError: something did not work; the sentence says what.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        own = enter_stack(settings, stack, show)
        settings = install(settings, show)
        started = start_services(settings.project_dir, stack, own, show)
        with show.step("flights of 2013"):
            stream = FlightStream(events, uuid.uuid4().hex[:6])
        live = Live(settings, MODEL)
        stack.callback(live.close)
        with show.step("training the first version on January and February"):
            first = train(recipe(datetime(2013, 1, 1, tzinfo=UTC), FIRST), settings)
        with show.step("publishing it; the worker verifies, loads and serves it"):
            publish(settings, MODEL, first.version, reason="first version of the demonstration")
            live.wait_for_swap(first.version)
        ledger = Ledger(settings, MODEL)
        producer = stack.enter_context(FeatureProducer(settings))
        driver = SwappingReplay(settings, stream, producer, live, rate, show)
        swap = driver.run(first)
        with show.step("waiting until everything is indexed"):
            wait_until_accounted(ledger, len(stream))
        with show.step("counting in Kafka and Elasticsearch"):
            audit = ledger.audit()
        if keep:
            started += start_services(settings.project_dir, stack, own, show, (CONSOLE,))
            for service in started:
                service.detach()
            if own is not None:
                own.detach()
            stack.pop_all()
            live.close()
            producer.close()
        return Outcome(
            audit,
            swap,
            stream.malformed,
            driver.labels,
            round(time.monotonic() - began, 1),
            round(driver.seconds, 1),
            {service.name: f"pid {service.pid}" for service in started} if keep else {},
        )
