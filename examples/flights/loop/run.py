"""March to December 2013 with the loop closed, and what that was worth."""

import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from msgspec import Struct

from contracts.control_topic import read_control
from contracts.model_store import ModelStore
from contracts.settings import Settings
from examples.flights.audit import Audit, Ledger
from examples.flights.live import Live
from examples.flights.loop.arms import Judgement, judge
from examples.flights.loop.plot import draw
from examples.flights.loop.stepping import Stepping
from examples.flights.loop.timeline import Timeline
from examples.flights.loop.trail import Trail, read_trail
from examples.flights.recipes import FLIGHTS, MODEL, STATIONARY, recipe
from examples.flights.show import Show
from examples.flights.stage import (
    CONSOLE,
    INDEXER,
    WORKER,
    Program,
    enter_stack,
    install,
    start_services,
)
from examples.flights.stream import FIRST, FlightStream
from producers.client import FeatureProducer
from trainer import publish, train

_LOOP: tuple[Program, ...] = (
    ("monitor", ["-m", "elk", "monitor"]),
    ("retrainer", ["-m", "trainer", "retrainer"]),
    CONSOLE,
)


class LoopOutcome(Struct, frozen=True, kw_only=True):
    """What the loop came to. `stationary`: there was nothing to notice."""

    audit: Audit
    judgement: Judgement
    trail: Trail
    labels: int
    stationary: bool
    seconds: float

    @property
    def nothing_lost_or_doubled(self) -> bool:
        """Whether every event has exactly one document or dead letter."""
        return self.audit.lost == 0 and self.audit.duplicated == 0


def run(
    settings: Settings,
    show: Show,
    *,
    events: int | None,
    rate: float,
    keep: bool,
    stationary: bool,
    plot: Path | None,
) -> LoopOutcome:
    """Replay the flights with the loop on, on the local stack or on the servers of the settings.

    Args:
        events: exactly how many; None: all flights from March on.
        rate: events per second.
        keep: leave stack and services running, with monitor and retrainer beside them.
        stationary: flights dealt out at random over the year: no drift.
        plot: where the picture of both arms goes.

    Raises:
        MillraceError, LocalStackError: something did not work; the sentence says what.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        own = enter_stack(settings, stack, show)
        settings = install(settings, show)
        services = start_services(settings.project_dir, stack, own, show, (WORKER, INDEXER))
        run_id, model = uuid.uuid4().hex[:6], _free_name(settings)
        with show.step("flights of 2013"):
            stream = FlightStream(events, run_id, stationary=stationary, model=model)
        live = Live(settings, model)
        stack.callback(live.close)
        with show.step("training the first version on January and February"):
            wanted = recipe(
                datetime(2013, 1, 1, tzinfo=UTC),
                FIRST,
                STATIONARY if stationary else FLIGHTS,
                model,
                least_rows=max(1, len(stream) // 10),  # a month of this stream
            )
            first = train(wanted, settings)
        with show.step("publishing it; the worker verifies, loads and serves it"):
            publish(settings, model, first.version, reason="first version of the demonstration")
            live.wait_for_swap(first.version)
        ledger = Ledger(settings, model)
        producer = stack.enter_context(FeatureProducer(settings))
        with show.replay(len(stream), live) as advance:
            stepping = Stepping(
                settings,
                Timeline(stream, first.manifest.schema),
                producer,
                ledger,
                live,
                model=model,
                run=run_id,
                stale=first.version,
                rate=rate,
                advance=advance,
            )
            stepping.through(stream.time_at(len(stream) - 1))
        with show.step("counting in Kafka and Elasticsearch"):
            audit = ledger.audit()
        with show.step("judging both arms on what really happened"):
            judgement = judge(settings, model, first.version, run_id)
            trail = read_trail(settings, model, stationary=stationary)
        if plot is not None:
            draw(judgement, trail.deployed, plot)
        if keep:
            services += start_services(settings.project_dir, stack, own, show, _LOOP)
            for service in services:
                service.detach()
            if own is not None:
                own.detach()
            stack.pop_all()
            live.close()
            producer.close()
        return LoopOutcome(
            audit=audit,
            judgement=judgement,
            trail=trail,
            labels=stepping.labels,
            stationary=stationary,
            seconds=round(time.monotonic() - began, 1),
        )


def _free_name(settings: Settings) -> str:
    """A model that nobody has used: in the windows of an earlier run the events of this one would
    come late, and its versions have been judged already."""
    used = {*ModelStore(settings.store_url).models(), *read_control(settings).log.history}
    names = (MODEL if number == 1 else f"{MODEL}_{number}" for number in count(1))
    return next(name for name in names if name not in used)
