"""Every prediction that has a label becomes one outcome, with the last label, in whatever order
they came."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pandas as pd
import pytest
from confluent_kafka import Producer

from contracts.erasures import Erasures
from contracts.events import Classification, Label, ModelRef, Regression, Source
from contracts.kafka import librdkafka_settings, topic_ids
from contracts.kafka_waiting import when_kafka_answers
from elk.documents.writing_erasures import write_erasure
from elk.erasure_log import ErasureLog
from elk.outcomes.changes import changes
from elk.outcomes.joiner import Joiner
from elk.outcomes.joining import join_again, join_new
from elk.outcomes.lookups import Lookups
from elk.outcomes.writing import write
from prediction_log.bulk import create_lines
from prediction_log.client import connect
from prediction_log.documents import (
    ReceivedPrediction,
    from_label,
    from_prediction,
    received_model,
)
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.template import install_template

pytestmark = pytest.mark.stack
AT = datetime(2026, 3, 1, tzinfo=UTC)
CHAMPION, SHADOW = ModelRef("flights", "1", "champion"), ModelRef("flights", "2", "shadow")


def join(settings: Any) -> int | None:
    client, never = connect(settings), threading.Event()
    try:
        # A Kafka that has just started has no coordinator of groups yet.
        return when_kafka_answers(
            settings, lambda: join_new(settings, client, never, lambda *_: None), never
        )
    finally:
        client.close()


def answer(n: int, late: float) -> Classification:
    label = "late" if late >= 0.5 else "on time"
    return Classification(label, max(late, 1 - late), {"on time": 1 - late, "late": late})


class History:
    """Predictions and labels of 300 events in an order of chance, and what must come of them."""

    def __init__(self, log: Any) -> None:
        self.log, self.chance = log, random.Random(0)
        self._producer = Producer(librdkafka_settings(log.settings))
        self.predictions: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        steps = [step for n in range(300) for step in self._steps(n)]
        by_event: dict[int, list[Any]] = {}
        for n, do in steps:
            by_event.setdefault(n, []).append(do)
        order = [n for n, _ in steps]
        self.chance.shuffle(order)
        self.steps = [by_event[n].pop(0) for n in order]

    def _steps(self, n: int) -> Iterator[tuple[int, Any]]:
        says = [lambda: self._predict(n, n)]
        if n % 3 == 0:
            says.append(lambda: self._predict(n, n, SHADOW))
        if n % 10 == 0:  # the same event id once more, as another event
            says.append(lambda: self._predict(n, 1000 + n))
            says.append(lambda: self._predict(n, 1000 + n, SHADOW))
        if n % 4 != 1:
            says.append(lambda: self._label(n, "late" if n % 2 else "on time"))
        if n % 5 == 0:
            says.append(lambda: self._label(n, "late"))
        if n % 25 == 0:
            says.append(lambda: self._label(n, None))
        self.chance.shuffle(says)
        return ((n, say) for say in says)

    def _predict(self, n: int, offset: int, model: ModelRef = CHAMPION) -> None:
        late = (n * 37 % 100) / 100
        prediction = self.log.prediction(
            offset,
            event_id=f"e{n}",
            model=model,
            prediction=answer(n, late),
            features={"hour": 9.0} if model is CHAMPION else None,
        )
        topics = self.log.topics
        topic = topics.predictions if model is CHAMPION else topics.shadow_predictions
        self._send(topic.name, prediction, offset % 4)
        self.predictions.append(
            {"event": f"e{n}", "offset": offset, "version": model.version, "late": late}
        )

    def _label(self, n: int, value: str | None) -> None:
        label = Label(event_id=f"e{n}", model="flights", label=value, occurred_at=AT)
        self._send(self.log.topics.labels.name, label, n % 4)
        self.labels.append({"event": f"e{n}", "label": value})

    def _send(self, topic: str, value: Any, partition: int) -> None:
        self._producer.produce(topic, msgspec.json.encode(value), partition=partition)

    def flush(self) -> None:
        """Until Kafka has all of it."""
        assert self._producer.flush(60) == 0

    def expected(self) -> pd.DataFrame:
        predictions = pd.DataFrame(self.predictions)
        # The first use of an event id counts, and its shadow.
        first = predictions[predictions["version"] == "1"].groupby("event")["offset"].min()
        predictions = predictions[predictions["offset"] == predictions["event"].map(first)]
        labels = pd.DataFrame(self.labels).drop_duplicates("event", keep="last").dropna()
        joined = predictions.merge(labels, on="event")
        joined["correct"] = (joined["late"] >= 0.5) == (joined["label"] == "late")
        return joined.sort_values(["event", "version"]).reset_index(drop=True)


def found(log: Any) -> pd.DataFrame:
    rows = [
        {
            "event": one["event"]["id"],
            "offset": one["kafka"]["offset"],
            "version": one["model"]["version"],
            "late": one["outcome"]["probability"],
            "label": one["label"]["value"],
            "correct": one["outcome"]["correct"],
        }
        for one in log.sources("outcomes")
    ]
    columns = ["event", "offset", "version", "late", "label", "correct"]
    return (
        pd.DataFrame(rows, columns=columns).sort_values(["event", "version"]).reset_index(drop=True)
    )


def by_prediction(log: Any) -> dict[tuple[str, str], Any]:
    outcomes = log.sources("outcomes")
    return {(one["event"]["id"], one["model"]["version"]): one for one in outcomes}


def test_outcomes_are_those_of_a_plain_join(log, start_indexer, wait_for):
    start_indexer(log.settings)
    history = History(log)
    for number, step in enumerate(history.steps):
        step()
        if number % 300 == 0:  # sees a half of some events only
            history.flush()
            join(log.settings)
    history.flush()
    log.send(log.topics.labels.name, b"{", b"\xff", b'{"event_id": 1}', None)

    def as_expected() -> bool:
        join(log.settings)
        return found(log).equals(history.expected())

    wait_for(as_expected)
    assert history.expected()["version"].nunique() == 2
    served = [o for o in log.sources("outcomes") if o["model"]["role"] == "champion"]
    assert all(o["features"] == {"num": {"hour": 9.0}, "cat": {}} for o in served)
    assert join(log.settings) == 0

    before = by_prediction(log)
    assert join_again(log.settings, lambda *_: None) == 0
    indices = log.elasticsearch.indices
    indices.delete(index=list(indices.get(index=f"{log.settings.index_prefix}-outcomes-*")))
    assert join_again(log.settings, lambda *_: None) == len(history.expected())
    assert by_prediction(log) == before


class Documents:
    """Predictions and labels as an indexer has written them, and a joiner."""

    def __init__(self, log: Any) -> None:
        self.log, self.settings = log, log.settings
        self.client, self.names = log.elasticsearch, IndexNames(log.settings)
        install_template(log.settings)
        labels = log.topics.labels.name
        self.labels_id = topic_ids(log.settings, [labels])[labels]
        self.lookups = Lookups(log.settings, self.client, self.labels_id)

    def predict(self, n: int, value: float, **changes: Any) -> None:
        prediction = self.log.prediction(n, prediction=Regression(value), **changes)
        read = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
        self._add(
            self.names.predictions("flights", prediction.occurred_at),
            prediction_id(prediction.source, prediction.model),
            from_prediction(read, received_model(read.model)),
        )

    def label(self, n: int, value: float, offset: int, topic_id: str | None = None) -> None:
        said = Label(event_id=f"e{n}", model="flights", label=value, occurred_at=AT)
        place = Source(self.log.topics.labels.name, topic_id or self.labels_id, 0, offset)
        self._add(self.names.labels("flights", AT), coordinates_id(place), from_label(said, place))

    def _add(self, *entry: Any) -> None:
        answer = self.client.perform_request(
            "POST",
            "/_bulk?refresh=true",
            headers={"accept": "application/json", "content-type": "application/x-ndjson"},
            body=create_lines(*entry),
        )
        assert not answer.body["errors"], answer.body

    def join(self, *events: int, erasures: ErasureLog | None = None) -> None:
        """What the records of these events bring about."""
        topic = self.log.topics.labels.name
        records = [
            SimpleNamespace(topic=topic, value=b'{"event_id":"e%d","model":"flights"}' % n)
            for n in events
        ]
        with closing(ErasureLog(self.settings)) as own:
            Joiner(self.settings, self.client, self.labels_id, erasures or own).take(records)

    def errors(self) -> dict[str, float]:
        """Event -> error of its outcome."""
        return {o["event"]["id"]: o["outcome"]["error"] for o in self.log.sources("outcomes")}


@pytest.fixture
def documents(log: Any) -> Documents:
    return Documents(log)


def test_a_label_on_a_topic_that_was_made_anew_is_later_than_all_before(documents):
    documents.predict(1, 5.0)
    documents.label(1, 4.0, offset=900, topic_id="that-of-the-lost-topic")
    documents.join(1)
    assert documents.errors() == {"e1": 1.0}
    documents.label(1, 3.0, offset=0)
    documents.join(1)
    assert documents.errors() == {"e1": 2.0}


def test_a_monitor_that_fell_behind_does_not_bring_back_an_older_label(documents):
    documents.predict(1, 5.0)
    documents.label(1, 4.0, offset=0)
    stale = list(changes(documents.names, documents.lookups.find("flights", ["e1"]), Erasures()))
    documents.label(1, 3.0, offset=1)
    documents.join(1)
    assert write(documents.client, stale) == stale
    assert documents.errors() == {"e1": 2.0}


def test_an_outcome_moves_to_a_prediction_that_turns_out_to_be_the_first(documents):
    documents.predict(5, 5.0, event_id="e1")
    documents.label(1, 4.0, offset=0)
    documents.join(1)
    assert documents.errors() == {"e1": 1.0}
    documents.predict(2, 7.0, event_id="e1")  # predicted earlier, indexed later
    documents.join(1)
    assert [o["kafka"]["offset"] for o in documents.log.sources("outcomes")] == [2]
    assert documents.errors() == {"e1": 3.0}


def test_what_is_erased_while_it_is_joined_leaves_no_outcome(documents):
    for n in (1, 2):
        documents.predict(n, 5.0, entity_id=f"entity {n}")
        documents.label(n, 4.0, offset=n)
    with closing(ErasureLog(documents.settings)) as known:
        known.refresh()
        now = datetime.now(UTC) + timedelta(days=1)
        write_erasure(documents.settings, None, "entity 1", {("flights", "e1")}, now, {})
        # The joiner looks before it knows; what it writes is gone again when it is through.
        documents.join(1, 2, erasures=known)
    assert documents.errors() == {"e2": 1.0}


def test_an_outcome_of_erased_data_goes_when_its_records_come_again(documents):
    documents.predict(1, 5.0, entity_id="entity 1")
    documents.label(1, 4.0, offset=1)
    documents.join(1)
    now = datetime.now(UTC) + timedelta(days=1)
    write_erasure(documents.settings, None, "entity 1", {("flights", "e1")}, now, {})
    documents.join(1)
    assert documents.errors() == {}


def test_an_outcome_outlives_the_index_of_its_prediction(documents):
    documents.predict(1, 5.0)
    documents.label(1, 4.0, offset=1)
    documents.join(1)
    name = documents.names.predictions("flights", documents.log.prediction(1).occurred_at)
    documents.client.indices.delete(index=name)
    documents.join(1)
    assert documents.errors() == {"e1": 1.0}
