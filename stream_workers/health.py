"""What makes a worker ready, and when only a restart helps it."""

from contracts.operating.health import Condition, Health, recent, starting
from contracts.operating.operated import Operated
from stream_workers.control import ControlFeed
from stream_workers.lane import Lane
from stream_workers.serving import WITHDRAWN

_STUCK_SECONDS = 300.0
"""Kafka's `max.poll.interval.ms`: silent for longer, a worker has lost its partitions anyway."""
_UNFINISHED_SECONDS = 10.0
"""Longer than Kafka takes for a batch, also when it elects a leader meanwhile."""


def watch_models(health: Health, feed: ControlFeed) -> None:
    """Ready: the control topic is read to its end, and there is a model. The rest follows once
    there is a lane."""
    health.ready_while("assignment", starting)

    def control() -> Condition:
        if not feed.caught_up:
            return Condition(False, "the control topic is not read to its end yet")
        return Condition(feed.behind == 0, f"{feed.behind} deployments are not read yet")

    def model() -> Condition:
        serving = feed.serving
        if serving.models or serving.paused:
            served = {name: m.champion.ref.version for name, m in serving.models.items()}
            said = served | dict.fromkeys(serving.paused, "paused")
            told = f"serving {', '.join(' '.join(one) for one in sorted(said.items()))}"
            lost = [f"; {name}: {WITHDRAWN}" for name in sorted(serving.withdrawn)]
            return Condition(True, told + "".join(lost))
        if serving.unavailable:
            why = "; ".join(f"{name}: {why}" for name, why in serving.unavailable.items())
            return Condition(False, f"no deployed model can be loaded: {why}")
        return Condition(False, "no model is deployed: run 'millrace models publish'")

    health.ready_while("control", control)
    health.ready_while("model", model)


def watch_lane(operated: Operated, lane: Lane) -> None:
    """Ready: the group has given it partitions, and Kafka takes what it produces. Alive: its
    thread goes round."""

    def assignment() -> Condition:
        if lane.assignment:
            return Condition(True, f"{len(lane.assignment)} partitions")
        return Condition(False, "no partitions: the group is rebalancing, or has workers to spare")

    def delivery() -> Condition:
        seconds = lane.unfinished_seconds
        if seconds < _UNFINISHED_SECONDS:
            return Condition(True, "Kafka takes what is produced")
        return Condition(False, f"Kafka has not taken a batch for {seconds:.0f} s")

    def finishes() -> Condition:
        seconds = lane.unfinished_seconds
        away = operated.kafka.condition()
        stuck = seconds > _STUCK_SECONDS and away.holds
        return Condition(not stuck, f"oldest batch: {seconds:.0f} s; {away.detail}")

    def goes_round() -> Condition:
        if not lane.is_alive():
            return Condition(False, "the lane has ended")
        away = operated.kafka.condition()
        # Without Kafka it waits inside a call, as it should.
        return (
            recent(lane.went_round, _STUCK_SECONDS) if away.holds else Condition(True, away.detail)
        )

    operated.health.ready_while("assignment", assignment)
    operated.health.ready_while("delivery", delivery)
    operated.health.alive_while("lane", goes_round)
    operated.health.alive_while("delivery", finishes)
