"""How long to wait before the next attempt."""

import random

FIRST_SECONDS = 0.1
MOST_SECONDS = 10.0


def delay(attempt: int) -> float:
    """Seconds before attempt number `attempt` + 1: doubling, with full jitter above half.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt, 20))
    return ceiling * random.uniform(0.5, 1.0)
