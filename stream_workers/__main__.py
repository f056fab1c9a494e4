"""Start one worker: `python -m stream_workers`."""

import os
import signal
import sys
import threading

from contracts.errors import MillraceError
from contracts.kafka import require_rights
from contracts.kafka_waiting import when_kafka_answers
from contracts.settings import Settings, load_settings
from contracts.telemetry import configure_logging
from contracts.topics import Topics
from stream_workers import lifeline


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SystemExit: it has stopped as asked, or crashed.
        MillraceError: it cannot start, or go on; `exit_status` tells whether it may later.
    """
    # Before numpy is imported: several workers that each use every core only hinder each other.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(settings.worker_threads))
    import faust

    from stream_workers.app import WorkerApp

    log = configure_logging(settings, "worker")
    # Until Faust takes the signals over there is nothing to finish.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    app = WorkerApp(settings)
    log.info("worker starts", kafka=settings.kafka, environment=settings.environment)
    with app.operated:
        when_kafka_answers(settings, lambda: _require_rights(settings), threading.Event())
        app.control.feed.catch_up()
        app.control.feed.wait_for_the_store()
        worker = faust.Worker(
            app, loglevel="WARNING", quiet=True, redirect_stdouts=False, override_logging=False
        )
        try:
            worker.execute_from_commandline()
        except SystemExit:
            # Faust ends with status 1 whatever the reason; ours tells whether a restart may help.
            if isinstance(worker.crash_reason, MillraceError):
                raise worker.crash_reason from None
            raise


def _require_rights(settings: Settings) -> None:
    from stream_workers.app import input_topic

    topics = Topics(settings)
    outputs = (
        topics.predictions,
        topics.shadow_predictions,
        topics.dead_letters,
        topics.waiting,
        topics.model_events,
    )
    require_rights(
        settings,
        read=[input_topic(settings), topics.model_control.name, topics.model_events.name],
        write=[topic.name for topic in outputs],
    )


def main() -> None:
    """Entry point of the container, and of each process under a supervisor."""
    if lifeline.ARGUMENT in sys.argv:
        lifeline.hold_on()
    try:
        run(load_settings())
    except MillraceError as error:
        sys.stderr.write(f"millrace worker: {error}\n")
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
