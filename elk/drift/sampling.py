"""Some rows of a window, for what no aggregation shows: how well they can be told apart."""

from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from contracts.domain_classifier import LEAST_ROWS, MOST_ROWS, separability
from contracts.events import FeatureValue
from contracts.reference import Numbers, Reference
from elk.drift.searches import field_of
from elk.drift.verdicts import Told


def tell_apart(
    client: Elasticsearch, pattern: str, query: dict[str, Any], reference: Reference
) -> Told | None:
    """Take at most 1,000 rows at random, and tell them from the sample of the reference.

    Returns:
        None where there is no sample, or too few rows.
    """
    if reference.sample is None:
        return None
    fields = {
        signal.source: (field_of(signal, feature=True), isinstance(signal.distribution, Numbers))
        for signal in reference.features
        if signal.source in reference.sample.columns
    }
    # A score by the place in the index: the same rows whenever it is asked.
    chance = {"random_score": {"seed": 0, "field": "_seq_no"}, "query": query}
    hits = client.search(
        index=pattern,
        size=MOST_ROWS,
        query={"function_score": {**chance, "boost_mode": "replace"}},
        source=False,
        docvalue_fields=[{"field": field} for field, _ in fields.values()],
        track_total_hits=False,
        filter_path="hits.hits.fields",
    ).body
    rows = [hit.get("fields", {}) for hit in hits.get("hits", {}).get("hits", [])]
    if len(rows) < LEAST_ROWS or reference.sample.rows < LEAST_ROWS:
        return None
    window = {
        name: [_value(row.get(field), number) for row in rows]
        for name, (field, number) in fields.items()
    }
    before = {name: reference.sample.columns[name] for name in window}
    return Told(separability(before, window), len(rows))


def _value(found: list[Any] | None, number: bool) -> FeatureValue:
    if not found:
        return None
    return float(np.float32(found[0])) if number else str(found[0])
