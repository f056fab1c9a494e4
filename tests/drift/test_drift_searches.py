"""Answers of aggregations as counts."""

import pytest

from contracts.reference import Numbers, Signal
from elk.drift.searches import field_of, observed

AMOUNT = Signal(
    name="amount",
    source="amount",
    distribution=Numbers(edges=(1.0,), counts=(5, 5), missing=0, mean=1.0, spread=1.0),
)


@pytest.mark.parametrize("spread", ["NaN", "Infinity", None])
def test_a_spread_beyond_all_numbers_is_none(spread: str | None) -> None:
    """Elasticsearch writes it as a word, and refuses that word in a document."""
    answer = {
        "0 bins": {"buckets": [{"doc_count": 1}, {"doc_count": 2}]},
        "0 figures": {"count": 3, "avg": 1e200, "std_deviation": spread},
    }
    signals = [(AMOUNT, field_of(AMOUNT, feature=False))]
    counted = observed(4, signals, None, answer).signals["amount"]
    assert (counted.bins, counted.mean, counted.spread) == ([1, 2, 1], 1e200, None)
