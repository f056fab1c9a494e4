"""After a pause: first all workers must score again, then what has waited comes back."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cli.output import say, stderr
from cli.running_services import running_services
from contracts.deployments import Deployment
from contracts.settings import Settings

_PATIENCE_SECONDS = 30.0


def return_waiting(settings: Settings, deployment: Deployment) -> int:
    """Give the events of a model back to its workers; how many had waited."""
    from contracts.control_topic import read_control
    from stream_workers.waiting import return_waiting as return_events

    _wait_for_workers(settings, deployment)
    history = read_control(settings).log.history[deployment.model]
    with stderr.status("returning the events that have waited …"):
        return return_events(settings, deployment.model, _paused_since(history))


def running_workers(settings: Settings) -> list[str]:
    """The members of all workers that have told their figures lately."""
    states = running_services(settings, datetime.now(UTC), ask_kafka=True)
    return [
        state.stats.member for state in states if state.stats.service == "worker" and state.alive
    ]


def _paused_since(history: Sequence[Deployment]) -> datetime:
    """When the last pause began, by clocks that may differ by a day."""
    since = history[-1].created_at
    last = next((n for n in reversed(range(len(history))) if history[n].paused), None)
    while last is not None and last >= 0 and history[last].paused:
        since, last = history[last].created_at, last - 1
    return since - timedelta(days=1)


def _wait_for_workers(settings: Settings, deployment: Deployment) -> None:
    """A worker that has not heard of the end of the pause would put them aside again."""
    from trainer.deployments.roll_call import call_roll

    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        running = set(running_workers(settings))
        answers = call_roll(settings, deployment.model, running)
        done = {a.member for a in answers if (a.sequence or 0) >= deployment.sequence}
        if running | {answer.member for answer in answers} <= done:
            return
        if time.monotonic() > deadline:
            late = ", ".join(sorted(running - done))
            say(
                f"workers that have not confirmed: {late}; if events still wait later, run "
                f"'millrace models resume {deployment.model}' again"
            )
            return
