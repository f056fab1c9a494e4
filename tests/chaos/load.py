"""`python -m chaos.load RECORD RATE`: a steady stream of events, and a record of each one that
Kafka has acknowledged, until SIGTERM."""

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from contracts.errors import MillraceError
from contracts.events import FeatureEvent
from contracts.settings import load_settings
from producers.client import FeatureProducer
from producers.unacknowledged import Delivery, OnDelivery

MODEL = "answers"
ENTITIES = 40
_TICK_SECONDS = 0.02
_ONE_BAD_IN = 50


class Load:
    """Sends numbered events, and starts over with a new client where one gives up.

    Args:
        record: takes a line `event partition offset` for each event; -1 -1 if it failed.
    """

    def __init__(self, record: TextIO, rate: float, stop: threading.Event) -> None:
        self._record = record
        self._rate = rate
        self._stop = stop
        self._sent = 0

    def run(self) -> None:
        """Send until told to stop, then wait for what is under way."""
        began = time.monotonic()
        while not self._stop.is_set():
            try:
                with FeatureProducer(load_settings()) as producer:
                    while not self._stop.wait(_TICK_SECONDS):
                        due = int((time.monotonic() - began) * self._rate)
                        # What an outage has held up is not made up for all at once.
                        for _ in range(min(due - self._sent, 500)):
                            self._send(producer)
                        producer.poll()
                        self._record.flush()
            except MillraceError as error:
                print(f"a client gave up: {error}", file=sys.stderr, flush=True)
            finally:
                self._record.flush()

    def _send(self, producer: FeatureProducer) -> None:
        number, self._sent = self._sent, self._sent + 1
        event_id, entity = f"e{number}", f"n{number % ENTITIES}"
        noted = self._note(event_id)
        features = {"size": float(number % 7)}
        if number % _ONE_BAD_IN == 0:  # becomes a dead letter; a careful client would refuse it
            bad = {"event_id": event_id, "entity_id": entity, "model": MODEL, "features": features}
            producer.send_encoded(entity.encode(), json.dumps(bad).encode(), on_delivery=noted)
            return
        event = FeatureEvent(
            event_id=event_id,
            entity_id=entity,
            occurred_at=time.time(),
            model=MODEL,
            features=features,
        )
        producer.send(event, on_delivery=noted)

    def _note(self, event_id: str) -> OnDelivery:
        def note(delivery: Delivery) -> None:
            self._record.write(f"{event_id} {delivery.partition} {delivery.offset}\n")

        return note


def main(path: str, rate: str) -> None:
    """Run until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Path(path).open("a") as record:
        Load(record, float(rate), stop).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
