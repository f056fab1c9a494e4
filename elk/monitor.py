"""The monitor: labels become outcomes, and what models did in each window is measured and judged.

It goes round; a step that fails is tried again in the next round, and holds up no other. It keeps
nothing of its own: positions are in Kafka, results in Elasticsearch under ids that follow from what
they are about. So it may be killed anywhere, and several of them do no harm.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import structlog
from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.operating.operated import Operated
from contracts.settings import Settings
from elk.alerts.step import AlertStep
from elk.drift.measuring import DriftStep
from elk.monitor_metrics import SERVICE, MonitorMetrics, watch_monitor
from elk.outcomes.joining import Tell, join_new
from elk.performance.measuring import measure
from elk.prerequisites import wait_for_template
from elk.watched import Watched, WatchedModel
from prediction_log.client import connect, translated
from prediction_log.template import install_template

log = structlog.stdlib.get_logger("elk")

FINISH_SECONDS = 12.0
"""How long a round may go on once the monitor is told to stop. What it was at is done again."""

Counts = Mapping[str, int]
Step = Callable[[Settings, Elasticsearch, Sequence[WatchedModel]], Counts]
"""Does its part for some models, and tells what it wrote. Called with one model at a time, so that
what fails for one does not hold up the others."""

STEPS: Mapping[str, Step] = {
    "performance": measure,
    "drift": DriftStep(),
    "alerts": AlertStep(),
}
"""What follows the join, in this order: each step reads what those before have written."""


class Done(Struct, frozen=True, omit_defaults=True):
    """One step of a round: what it wrote, or why it could not.

    Args:
        model: none: all.
    """

    step: str
    model: str | None = None
    counts: Counts = {}
    failure: str | None = None


def run(settings: Settings, stop: threading.Event) -> None:
    """Go round until `stop` is set, waiting for servers that are away.

    Raises:
        AccessError: Elasticsearch does not let us in at the start.
        ConfigurationError: it is not known where Kafka or Elasticsearch is.
    """
    settings.kafka, settings.elasticsearch_url  # noqa: B018 - fail here, with one sentence
    operated = Operated(settings, SERVICE, f"{SERVICE}-{socket.gethostname()}-{os.getpid()}")
    metrics = MonitorMetrics(operated.metrics)
    watch_monitor(operated.health, settings, metrics)
    with operated:
        wait_for_template(settings, stop)
        # A thread that may be left behind: a client that waits for a server does not see `stop`.
        rounds = threading.Thread(target=_go_round, args=(settings, stop, metrics), daemon=True)
        rounds.start()
        while rounds.is_alive() and not stop.wait(1.0):
            pass
        rounds.join(FINISH_SECONDS)
        log.info("monitor stopped")


def once(settings: Settings) -> list[Done]:
    """One round; what failed is told in it.

    Raises:
        UnreachableError: Kafka or Elasticsearch does not answer at all.
    """
    return list(_round(settings, Watched(settings), threading.Event(), lambda *_: None))


def _go_round(settings: Settings, stop: threading.Event, metrics: MonitorMetrics) -> None:
    watched = Watched(settings)
    log.info("monitor started", steps=["outcomes", *STEPS])
    while not stop.is_set():
        began = time.monotonic()
        try:
            done = []
            for one in _round(settings, watched, stop, metrics.joined):
                _tell(one)
                metrics.step(one.step, failed=one.failure is not None, counts=one.counts)
                done.append(one)
            failure = next((one.failure for one in done if one.failure), None)
        except MillraceError as error:
            failure = str(error)
            log.warning("the monitor waits", why=failure)
        except Exception as error:  # a defect; the next round may be spared it
            failure = repr(error)
            log.exception("a round of the monitor failed")
        metrics.round(time.monotonic() - began, failure)
        stop.wait(settings.monitor_interval_seconds)


def _round(
    settings: Settings, watched: Watched, stop: threading.Event, tell: Tell
) -> Iterator[Done]:
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            # What answers may be a new, empty cluster.
            install_template(settings)

        def joined() -> Counts:
            return {"outcomes": join_new(settings, client, stop, tell)}

        yield _attempt(settings, "outcomes", None, joined)
        models = watched.models()
        for name, step in STEPS.items():
            for model in models:
                if stop.is_set():
                    return
                yield _attempt(settings, name, model.name, partial(step, settings, client, [model]))
    finally:
        client.close()


def _attempt(settings: Settings, step: str, model: str | None, work: Callable[[], Counts]) -> Done:
    try:
        with translated(settings):
            return Done(step, model, work())
    except MillraceError as error:
        return Done(step, model, failure=str(error))
    except Exception as error:  # strangers may have written what stands in the log
        log.exception("a step of the monitor failed", step=step, model=model)
        return Done(step, model, failure=f"it cannot be done: {error!r}")


def _tell(done: Done) -> None:
    told = log.bind(step=done.step, model=done.model)
    if done.failure is not None:
        told.warning("not done in this round", why=done.failure)
    elif any(done.counts.values()):
        told.info("done", **done.counts)
