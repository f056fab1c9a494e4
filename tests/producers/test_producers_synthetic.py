"""Streams of known drift: what they are made of, and that drift is where they say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from contracts.errors import UsageError
from contracts.feature_schema import Feature, FeatureSchema
from contracts.tabular import feature_kind
from producers.sources import TableFile
from producers.synthetic.drift import Kind, shares
from producers.synthetic.problem import LABEL, MOVING
from producers.synthetic.stream import COLUMNS, TIME, SyntheticStream
from producers.synthetic.writing import write_stream
from producers.table_rows import TableRows, text_columns

DRIFTING = [kind for kind in Kind if kind is not Kind.STATIONARY]
SURE = 1e-6


def stream(kind: Kind, **fields: Any) -> SyntheticStream:
    return SyntheticStream(kind=kind, **{"events": 20_000, **fields})


def features(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if name not in (TIME, LABEL)]


def p_value(one: pd.Series, other: pd.Series) -> float:
    """How likely two samples of one distribution are so far apart."""
    if pd.api.types.is_float_dtype(one):
        return float(ks_2samp(one.dropna(), other.dropna()).pvalue)
    table = pd.DataFrame({"one": one.value_counts(), "other": other.value_counts()})
    return float(chi2_contingency(table.fillna(0).to_numpy()).pvalue)


@pytest.mark.parametrize("kind", Kind)
def test_a_seed_makes_the_same_events_again_and_another_seed_others(kind: Kind) -> None:
    one, again, other = (stream(kind, events=500, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.read(), again.read())
    assert not one.read().equals(other.read())
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()


def test_a_model_is_not_tested_on_the_rows_it_learned() -> None:
    learned, met = (stream(kind, events=500).read() for kind in (Kind.STATIONARY, Kind.ABRUPT))
    assert not set(learned["balance"].dropna()) >= set(met["balance"].dropna()[:50])


def test_features_are_numbers_categories_and_booleans_and_some_are_missing() -> None:
    frame = stream(Kind.STATIONARY).read()
    kinds = [feature_kind(frame[name]) for name in features(frame)]
    assert (kinds.count("numeric"), kinds.count("categorical"), kinds.count("boolean")) == (6, 2, 2)
    missing = frame[features(frame)].isna().mean()
    assert (missing > 0).sum() == 4
    assert missing.max() < 0.1
    assert set(frame[LABEL]) == {True, False}


@pytest.mark.parametrize("kind", Kind)
def test_only_the_features_that_are_said_to_move_do_and_only_from_the_onset_on(kind: Kind) -> None:
    frame, drift = stream(kind, onset=0.4).read(), stream(kind, onset=0.4).drift
    before, reference = frame[:8000], stream(Kind.STATIONARY, seed=9).read()
    if kind is Kind.GRADUAL:
        after = frame[14_000:]
    elif kind is Kind.RECURRING:
        after = frame[8000:11_000]
    else:
        after = frame[8000:]
    for name in features(frame):
        assert p_value(before[name], reference[name]) > SURE, name
        assert (p_value(before[name], after[name]) < SURE) == (name in drift.features), name
    assert drift.features == (MOVING if kind not in (Kind.STATIONARY, Kind.CONCEPT) else ())


@pytest.mark.parametrize("kind", Kind)
def test_the_relation_moves_where_it_is_said_to(kind: Kind) -> None:
    moves = kind not in (Kind.STATIONARY, Kind.FEATURE)
    found = stream(kind, onset=0.4)
    assert found.drift.relation == moves
    frame = found.read()
    # In the second regime the web is no riskier than the shop is in the first.
    web = frame[frame["channel"] == "web"]
    early, late = web[web.index < 8000][LABEL].mean(), web[web.index >= 17_000][LABEL].mean()
    app = frame[frame["channel"] == "app"]
    gap = (late - app[app.index >= 17_000][LABEL].mean()) - (
        early - app[app.index < 8000][LABEL].mean()
    )
    # The last part of what recurs is of the first regime again.
    assert (gap < -0.1) == (moves and kind is not Kind.RECURRING)
    third = frame[(frame.index >= 14_000) & (frame.index < 17_000)]
    by_channel = third.groupby("channel")[LABEL].mean()
    assert (by_channel["app"] > by_channel["web"]) == moves


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.STATIONARY, [0, 0, 0, 0, 0, 0]),
        (Kind.ABRUPT, [0, 0, 1, 1, 1, 1]),
        (Kind.FEATURE, [0, 0, 1, 1, 1, 1]),
        (Kind.CONCEPT, [0, 0, 1, 1, 1, 1]),
        (Kind.GRADUAL, [0, 0, 0, 0.5, 1, 1]),
        (Kind.RECURRING, [0, 0, 1, 0, 1, 0]),
    ],
)
def test_the_share_of_the_second_regime_follows_the_kind(kind: Kind, expected: list[float]) -> None:
    places = np.array([0.0, 0.199, 0.2, 0.4, 0.6, 0.8])
    assert shares(kind, 0.2, places).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("kind", DRIFTING)
@pytest.mark.parametrize("onset", [0.0, 0.3, 1 / 3])
def test_the_onset_is_the_row_and_the_time_that_it_says(kind: Kind, onset: float) -> None:
    found = stream(kind, events=1000, onset=onset)
    drift, frame = found.drift, found.read()
    assert drift.onset_row == -(-round(onset * 1000, 6) // 1)
    for change in drift.changes:
        assert frame[TIME][change.row] == change.occurred_at
    assert drift.onset == drift.changes[0].occurred_at
    assert frame[TIME].is_monotonic_increasing


def test_a_stream_covers_its_span() -> None:
    start = datetime(2024, 2, 1, tzinfo=UTC)
    frame = stream(Kind.ABRUPT, events=240, start=start, span=timedelta(days=10)).read()
    assert frame[TIME].iloc[0] == start
    assert (frame[TIME].diff().dropna() == pd.Timedelta(hours=1)).all()


def test_a_share_of_the_labels_is_missing() -> None:
    whole, part = (stream(Kind.ABRUPT, label_share=share).read() for share in (1.0, 0.3))
    assert part[LABEL].notna().mean() == pytest.approx(0.3, abs=0.02)
    pd.testing.assert_frame_equal(part[features(part)], whole[features(whole)])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_holds_the_same_events(tmp_path: Path, name: str) -> None:
    made = stream(Kind.GRADUAL, events=700, label_share=0.5)
    written = write_stream(made, tmp_path / name)
    frame = made.read()
    schema = FeatureSchema(
        tuple(Feature(f, feature_kind(frame[f]) or "text", True) for f in features(frame))
    )
    text = text_columns(schema, COLUMNS)
    from_file, from_stream = (
        list(
            TableRows(source.read(text), schema, COLUMNS, model="m", source="x").events(
                0, id_prefix="e", now=lambda: 0.0
            )
        )
        for source in (TableFile(tmp_path / name), made)
    )
    assert from_file == from_stream
    assert written.rows == 700
    assert written.labels == sum(label is not None for _, label in from_stream)
    assert (written.start, written.end) == (frame[TIME].iloc[0], frame[TIME].iloc[-1])


def test_what_is_no_stream_is_said_in_a_sentence(tmp_path: Path) -> None:
    for fields, words in (
        ({"onset": 1.5}, "must lie in the stream"),
        ({"events": 0}, "at least one event"),
        ({"label_share": -1.0}, "share of events with a label"),
    ):
        with pytest.raises(UsageError, match=words):
            stream(Kind.ABRUPT, **fields)
    with pytest.raises(UsageError, match=r"\.csv or \.parquet"):
        write_stream(stream(Kind.ABRUPT), tmp_path / "a.xlsx")


def test_drift_is_told_in_words() -> None:
    said = stream(Kind.FEATURE, onset=0.25).drift.sentence()
    assert "from event 5,001 on" in said
    assert "distance_km" in said
    assert "label" not in said
    assert "no drift" in stream(Kind.STATIONARY).drift.sentence()
