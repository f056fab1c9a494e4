"""Reading the log back and counting it, on a real Elasticsearch."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pandas as pd
import pytest
from elasticsearch import Elasticsearch

from contracts.errors import UnreachableError
from contracts.events import Classification, Label, Latency, ModelRef, Prediction, Role, Source
from contracts.settings import Settings
from prediction_log import pages, read
from prediction_log.bulk import create_lines
from prediction_log.counts import count
from prediction_log.documents import (
    ReceivedPrediction,
    from_label,
    from_prediction,
    received_model,
)
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.outcomes import read_outcomes
from prediction_log.template import install_template

pytestmark = pytest.mark.stack
START = datetime(2013, 3, 31, 22, tzinfo=UTC)


class Log:
    """An Elasticsearch that holds what a test puts into it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = Elasticsearch(settings.elasticsearch_url)
        self._names = IndexNames(settings)
        install_template(settings)

    def predict(
        self,
        offset: int,
        version: str = "1",
        role: Role = "champion",
        model: str = "flights",
        total_ms: float = 5,
        event_id: str | None = None,
    ) -> None:
        """Index the prediction of the event at an offset, one hour after the one before."""
        prediction = Prediction(
            event_id=event_id or f"e{offset}",
            entity_id="N1",
            occurred_at=START + timedelta(hours=offset),
            predicted_at=START + timedelta(hours=offset),
            model=ModelRef(model, version, role),
            prediction=Classification("late", 0.75, {"late": 0.75, "on.time": 0.25}),
            latency=Latency(1, 2, total_ms, 4),
            source=Source("features", "uuid", 0, offset),
            worker="w1",
            features={"a.b": 1.5, "carrier": "UA"},
        )
        received = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
        self._index(
            self._names.predictions(model, prediction.occurred_at),
            prediction_id(prediction.source, prediction.model),
            from_prediction(received, received_model(received.model)),
        )

    def label(self, event_id: str, value: str, offset: int) -> None:
        """Index a label."""
        source = Source("labels", "uuid-of-labels", 0, offset)
        label = Label(event_id=event_id, model="flights", label=value, occurred_at=START)
        document = from_label(label, source)
        self._index(self._names.labels("flights", START), coordinates_id(source), document)

    def _index(self, *entry) -> None:
        answer = self.client.perform_request(
            "POST",
            "/_bulk?refresh=true",
            headers={"accept": "application/json", "content-type": "application/x-ndjson"},
            body=create_lines(*entry),
        )
        assert not answer.body["errors"], answer.body


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    log = Log(settings)
    yield log
    log.client.close()


def test_all_pages_of_all_months_are_read_in_the_order_of_event_time(log, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 3)
    for offset in (6, 0, 3, 1, 5, 2, 4):
        log.predict(offset)

    frame = read(log.settings, "flights")

    assert frame["event.id"].tolist() == [f"e{n}" for n in range(7)]
    assert frame["@timestamp"].iloc[0] == pd.Timestamp(START)
    assert frame["features.num.a.b"].tolist() == [1.5] * 7


def test_a_span_includes_its_start_and_excludes_its_end(log):
    for offset in range(4):
        log.predict(offset)

    frame = read(log.settings, start=START + timedelta(hours=1), end=START + timedelta(hours=3))

    assert frame["event.id"].tolist() == ["e1", "e2"]


def test_only_the_columns_asked_for_come_and_objects_bring_their_leaves(log):
    log.predict(0)

    frame = read(
        log.settings,
        "flights",
        columns=["event.id", "prediction.probabilities", "features.num.a.b", "label.value"],
    )

    assert frame.columns.tolist() == [
        "event.id",
        "prediction.probabilities.late",
        "prediction.probabilities.on.time",
        "features.num.a.b",
        "label.value",
    ]
    assert frame["features.num.a.b"].tolist() == [1.5]
    assert frame["label.value"].isna().all()


def test_another_model_is_not_read(log):
    log.predict(0)
    log.predict(1, model="flights_late")

    assert read(log.settings, "flights")["event.id"].tolist() == ["e0"]
    assert len(read(log.settings)) == 2


def test_a_log_without_documents_is_an_empty_frame(log):
    frame = read(log.settings, "nobody", columns=["event.id", "@timestamp"])

    assert frame.empty
    assert frame.columns.tolist() == ["event.id", "@timestamp"]


def test_an_elasticsearch_that_is_gone_is_one_sentence(settings):
    gone = settings.model_copy(update={"elasticsearch": "http://127.0.0.1:9"})

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 does not answer"):
        read(gone)


def test_documents_are_counted_by_version_apart_from_shadows(log):
    for offset in range(3):
        log.predict(offset, total_ms=10)
    log.predict(3, version="2", role="canary", total_ms=10)
    log.predict(0, version="2", role="shadow", total_ms=900)
    log.predict(4, event_id="e0", total_ms=10)
    log.label("e0", "late", 0)

    counts = count(log.settings, "flights")

    assert (counts.serving, counts.events, counts.labels, counts.dead_letters) == (5, 4, 1, 0)
    assert counts.versions == {"1": 4, "2": 1}
    assert counts.shadows == {"2": 1}
    assert counts.latency_ms.p99 == pytest.approx(10)


def test_an_empty_log_counts_nothing(log):
    counts = count(log.settings)

    assert (counts.serving, counts.versions, counts.latency_ms.p50) == (0, {}, None)


def test_outcomes_are_predictions_with_the_latest_label(log):
    for offset in range(3):
        log.predict(offset)
    log.predict(0, version="2", role="shadow")
    log.label("e0", "late", 0)
    log.label("e1", "late", 1)
    log.label("e1", "on time", 2)

    outcomes = read_outcomes(log.settings, "flights")

    assert outcomes["event.id"].tolist() == ["e0", "e1"]
    assert outcomes["label.value"].tolist() == ["late", "on time"]
    assert outcomes["prediction.probabilities.late"].tolist() == [0.75, 0.75]
    assert outcomes["model.version"].tolist() == ["1", "1"]


def test_without_labels_there_are_no_outcomes(log):
    log.predict(0)

    assert read_outcomes(log.settings, "flights").empty
    assert read_outcomes(log.settings, "nobody").empty


def test_two_installations_whose_prefixes_begin_alike_have_templates_of_their_own(log):
    other = log.settings.model_copy(update={"index_prefix": f"{log.settings.index_prefix}-b"})

    install_template(other)

    log.client.indices.delete_index_template(name=other.index_prefix)
