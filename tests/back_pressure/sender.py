"""`python -m back_pressure.sender`: sends the backlog with the producer, as an upstream system."""

import time

from back_pressure.backlog import texts

from contracts.events import FeatureEvent
from contracts.settings import load_settings
from producers.client import FeatureProducer


def main() -> None:
    """Send all of it, and say so."""
    with FeatureProducer(load_settings()) as producer:
        print("connected", flush=True)
        for number, text in enumerate(texts()):
            producer.send(
                FeatureEvent(
                    event_id=f"e{number}",
                    entity_id=f"n{number}",
                    occurred_at=time.time(),
                    model="answers",
                    features={"size": 1.0, "note": text},
                )
            )
    print("all acknowledged", flush=True)


if __name__ == "__main__":
    main()
