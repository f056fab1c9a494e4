"""After a pause: first all workers must score again, then what has waited comes back."""

import time
from datetime import UTC, datetime

from cli.output import say, stderr
from cli.running_services import running_services
from contracts.deployments import Deployment
from contracts.settings import Settings

_PATIENCE_SECONDS = 30.0


def return_waiting(settings: Settings, deployment: Deployment) -> int:
    """Give the events of a model back to its workers; how many had waited."""
    from stream_workers.waiting import return_waiting as return_events

    _wait_for_workers(settings, deployment)
    with stderr.status("returning the events that have waited …"):
        return return_events(settings, deployment.model)


def running_workers(settings: Settings) -> list[str]:
    """The members of all workers that have told their figures lately."""
    states = running_services(settings, datetime.now(UTC), ask_kafka=True)
    return [
        state.stats.member for state in states if state.stats.service == "worker" and state.alive
    ]


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
