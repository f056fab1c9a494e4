"""What a package says of its training data, and how a window is asked for."""

import numpy as np
import pytest

from contracts.domain_classifier import separability, separability_limit
from contracts.errors import PackageError
from contracts.events import Classification, Clustering, Outcome, Regression
from contracts.feature_schema import Feature, FeatureSchema
from contracts.packages import sha256
from contracts.reference import Categories, Numbers, Reference
from contracts.release_rules import MonitorRule
from contracts.side_files import from_bytes, to_bytes
from contracts.signal_names import signal_name
from elk.drift.searches import BUCKETS_OF_A_SEARCH, compared, searches
from trainer.reference.answers import OutOfSample, answer_signals
from trainer.reference.blocks import cut
from trainer.reference.building import build_reference
from trainer.reference.distributions import categories, numbers

ROWS = 400
NO_ANSWERS = OutOfSample(np.zeros(0, dtype=np.intp), [])


def built(features: int = 2) -> Reference:
    generator = np.random.default_rng(0)
    names = [f"f{number}" for number in range(features)]
    return build_reference(
        FeatureSchema(tuple(Feature(name, "numeric") for name in names)),
        [generator.normal(size=ROWS).tolist() for _ in names],
        np.arange(ROWS) * 3600.0,
        NO_ANSWERS,
        {},
        (),
        MonitorRule(least_rows=10),
    )


def test_a_value_equal_to_an_edge_lies_in_the_bin_above_and_gaps_in_one_of_their_own() -> None:
    values = np.array([0.0] * 90 + [1.0] * 10 + [np.nan] * 5 + [1e300])
    found = numbers(values, single=True).distribution
    assert isinstance(found, Numbers)
    assert found.edges == pytest.approx((0.0, 0.1))
    assert (found.counts, found.missing) == ((0, 90, 10), 6)
    assert sum(found.bins) == len(values)


def test_numbers_beyond_all_bounds_leave_a_reference_that_can_be_read() -> None:
    found = numbers(np.array([1e300, -1e300] * 50), single=False).distribution
    assert isinstance(found, Numbers)
    assert np.isfinite(found.edges).all()
    assert sum(found.bins) == 100


def test_the_fifty_most_frequent_categories_are_counted_and_the_others_together() -> None:
    words = [f"w{number:02}" for number in range(60) for _ in range(60 - number)]
    found = categories([*words, None, "x" * 2000]).distribution
    assert isinstance(found, Categories)
    assert list(found.counts)[:2] == ["w00", "w01"]
    assert (len(found.counts), found.other, found.missing) == (50, sum(range(1, 11)), 2)
    assert categories([True, False, True]).distribution.bins == [2, 1, 0, 0]


def test_blocks_are_whole_windows_and_short_data_are_cut_all_the_same() -> None:
    hours = np.arange(24 * 10 + 5) * 3600.0
    found = cut(hours, len(hours), 24, 10)
    assert found.count == 10
    assert [len(rows) for rows in found.rows()] == [24] * 10
    assert cut(hours, len(hours), 24 * 30, 10).count == 4
    assert cut(None, 100, 24, 10).count == 0


def test_a_reference_that_was_altered_is_refused() -> None:
    data = to_bytes(built())
    assert from_bytes(data, sha256(data), Reference, "it").rows == ROWS
    with pytest.raises(PackageError, match="altered"):
        from_bytes(data + b" ", sha256(data), Reference, "it")
    with pytest.raises(PackageError, match="malformed"):
        from_bytes(b"{}", sha256(b"{}"), Reference, "it")


def test_what_models_answer_is_compared_for_every_task() -> None:
    def names(outcomes: list[Outcome]) -> dict[str, str]:
        return {s.name: s.source for s in answer_signals(outcomes, cut(None, 2, 24, 1))}

    classes: list[Outcome] = [Classification("a", 0.9, {"a": 0.9, "b": 0.1})] * 2
    assert names(classes) == {"prediction": "label", "confidence": "confidence"}
    assert names([Regression(1.0), Regression(2.0)]) == {"prediction": "value"}
    assert names([Clustering(1, 0.5), Clustering(0, 0.1)]) == {
        "prediction": "cluster",
        "distance to centre": "distance",
    }


def test_a_feature_that_is_called_as_another_signal_gets_a_name_of_its_own() -> None:
    assert signal_name("amount") == "amount"
    named = {signal_name(one) for one in ("confidence", "feature confidence", "features together")}
    assert len(named) == 3
    assert not named & {"confidence", "features together"}


def test_a_model_of_a_thousand_features_is_asked_for_in_several_searches() -> None:
    reference = built(1000)
    asked = list(searches(compared(reference, "champion"), None, ()))
    assert len(asked) == 3
    for aggregations in asked:
        ranges = [one["range"]["ranges"] for one in aggregations.values() if "range" in one]
        assert sum(map(len, ranges)) <= BUCKETS_OF_A_SEARCH
    assert compared(reference, "shadow") == []


def test_features_that_no_longer_go_together_are_told_apart_and_equal_rows_are_not() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=(3, 1000))
    tied = {"a": one[0].tolist(), "b": (0.9 * one[0] + 0.3 * one[1]).tolist()}
    again = generator.normal(size=(2, 1000))
    same = {"a": again[0].tolist(), "b": (0.9 * again[0] + 0.3 * again[1]).tolist()}
    apart = {"a": again[0].tolist(), "b": one[2].tolist()}
    limit = separability_limit([], 0, 1000, 1000, 0.001)
    assert separability(tied, same) < limit < separability(tied, apart)


def test_blocks_that_differ_by_themselves_widen_the_limit() -> None:
    steady = separability_limit([0.5] * 6, 1000, 1000, 1000, 0.001)
    restless = separability_limit([0.55, 0.6, 0.7, 0.6, 0.55, 0.65], 1000, 1000, 1000, 0.001)
    certain = separability_limit([0.99] * 6, 1000, 1000, 1000, 0.001)
    assert steady < 0.56 < restless < certain == 1.0
